// What a restored directory is told: postgresql.auto.conf, signal files and the fence.
#pragma once

#include "core/base/file.h"
#include "core/model/recovery_target.h"
#include "core/postgres/control_file.h"

#include <string>
#include <utility>
#include <vector>

namespace salvor::postgres {

/// One setting, in order; the value is raw and quoted when written.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// restore_command, recovery_target_lsn or recovery_target = 'immediate', inclusive, timeline as a
/// number, action. For majors 13 to 18.
[[nodiscard]] Settings recoverySettings(const model::ResolvedTarget& target, model::AtTarget action,
                                        const std::string& restoreCommand);

/// The five settings that a server must have as large to replay what one with `sizes` wrote.
[[nodiscard]] Settings replaySettings(const model::ReplaySizes& sizes);

/// Where a fenced copy lies and can be reached.
struct FencedPlace {
    Path dataDirectory;
    Path configDirectory;
    Path socketDirectory;
    int port = 0;
};

/// Everything that could let a copy reach out, be reached, or be something else than what was
/// restored: the list of the design, "A started copy is fenced". `control.sizes` are the minima.
/// `preload` is shared_preload_libraries as the source had it; only those that must be there to
/// start are kept.
[[nodiscard]] Settings fenceSettings(const FencedPlace& place, const ControlFile& control,
                                     const std::vector<std::string>& preload);

/// `name = 'value'` lines, values quoted for postgresql.conf.
[[nodiscard]] std::string formatSettings(const Settings& settings);
/// Reads them back (last one wins, comments and unknown lines kept apart). Errors: InvalidInput.
[[nodiscard]] Result<Settings> parseSettings(std::string_view text);

} // namespace salvor::postgres
