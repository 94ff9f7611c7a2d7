// Commands as people and servers run them.
#pragma once

#include "core/console/console.h"

namespace salvor::console {

/// `salvorctl … restore CLUSTER --to DIR …`: does what the choice says, quoted for a shell.
[[nodiscard]] std::string restoreCommandLine(const RestoreChoice& choice, const Path& configFile);

/// restore_command: the program at hand, the absolute configuration file, a percent sign in either
/// doubled as PostgreSQL wants it.
[[nodiscard]] std::string fetchCommand(const Path& program, const Path& configFile,
                                       const std::string& cluster);

/// "19 min 23 s", "3 h 2 min", "412 ms".
[[nodiscard]] std::string durationText(std::chrono::microseconds duration);

/// What work will be missing, in sentences; empty when nothing is known to be.
[[nodiscard]] std::vector<std::string> lossesOf(const finder::Resolution& resolution);

} // namespace salvor::console
