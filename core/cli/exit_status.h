// What salvorctl ends with. These tables stand in salvorctl(1) and never change meaning.
#pragma once

#include "core/base/error.h"
#include "core/cli/arguments.h"

#include <optional>

namespace salvor::cli {

namespace exit_status {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int invalidInput = 2; ///< Usage, configuration, a value or a name that is none.
inline constexpr int notReady = 3;     ///< A person must change something first.
inline constexpr int cancelled = 4;
inline constexpr int findings = 5; ///< Damage found.

inline constexpr int walNotThere = 1;  ///< archive-get: the archive was read, it is not in it.
inline constexpr int walUnknown = 126; ///< archive-get: anything else. PostgreSQL stops.
} // namespace exit_status

/// Of an error, for every command but archive-get. Never above 125, so archive-push can use it.
[[nodiscard]] int exitStatus(ErrorCode code) noexcept;

/// The same for a command, or for a command line that names none.
///
/// archive-get has PostgreSQL's own table: with 1 recovery ends where the WAL ends, so 1 is only
/// for NotFound; with 126 the server stops instead of going on without the rest.
[[nodiscard]] int exitStatus(ErrorCode code, std::optional<CommandId> command) noexcept;

} // namespace salvor::cli
