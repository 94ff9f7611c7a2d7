// salvorctl from its command line to its exit status.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace salvor::cli {

/// Runs a command line (without the program's name) and returns the exit status. Once a process:
/// it sets up the log, the signals and switches core dumps off, because memory holds keys.
[[nodiscard]] int runProgram(const std::vector<std::string>& words, std::ostream& out,
                             std::ostream& err);

} // namespace salvor::cli
