// Directories that cannot be renamed: those that are mounted, or have something mounted below them.
#pragma once

#include "core/base/file.h"
#include "core/model/restore_plan.h"

#include <optional>
#include <string_view>
#include <vector>

namespace salvor::restore {

/// What the kernel says of this process's mounts.
inline constexpr const char* kernelMounts = "/proc/self/mountinfo";

/// The mount points in a text of that form (proc(5)): the fifth field of each line, unescaped.
[[nodiscard]] std::vector<Path> mountPoints(std::string_view mountinfo);

/// Why `place` cannot be renamed within its parent, or what stands there cannot be renamed back: a
/// blocker; nothing when it can. A place that is not there needs its parent all the same.
[[nodiscard]] std::optional<model::Check> checkRenamable(const Path& place, const Path& mountinfo);

} // namespace salvor::restore
