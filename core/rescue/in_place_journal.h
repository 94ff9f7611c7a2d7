// What a restore in place noted before it renamed anything: enough to go on, or to take it back.
#pragma once

#include "core/base/clock.h"
#include "core/model/restore_plan.h"
#include "core/restore/places.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace salvor::rescue {

using Renames = std::vector<model::InPlace::Rename>;

/// One JSON file, "DIR.in-place", beside the data directory. Written before the first rename, and
/// gone when nothing can be taken back any more.
struct Journal {
    Path directory; ///< The data directory.
    std::string repository;
    std::string repositoryId;
    std::string cluster;
    std::string backup;
    std::uint64_t systemIdentifier = 0; ///< Of the backup's cluster.
    model::InPlace::Delta delta = model::InPlace::Delta::Copy;
    Renames setsAside; ///< The data directory first.
    std::map<std::uint32_t, std::string> tablespaces;
    Moment begunAt;
    Renames takesBack;     ///< Where a rollback puts what was restored; empty: none was begun.
    bool removing = false; ///< What was set aside is being removed: there is no way back.

    /// Where the data directory was set aside to; nothing when there was none.
    [[nodiscard]] std::optional<Path> old() const;
    /// The places of the restore, data directory and tablespaces.
    [[nodiscard]] restore::Places places() const;
};

[[nodiscard]] Path journalFile(const Path& directory);

/// Nothing when no restore in place waits there. Errors: Corrupt; Incompatible; as failErrno().
[[nodiscard]] Result<std::optional<Journal>> loadJournal(const Path& directory);
/// Durable when it returns.
[[nodiscard]] Result<> saveJournal(const Journal& journal, IfExists ifExists = IfExists::Replace);
/// Takes the journal and the list of moved files away. The last step of all.
[[nodiscard]] Result<> removeJournal(const Path& directory);

/// Names of files that may have been moved, in a file of their own: there can be many. Adds to
/// those that are noted already.
[[nodiscard]] Result<> noteMoves(const Path& directory, const std::vector<std::string>& names);
[[nodiscard]] Result<std::vector<std::string>> notedMoves(const Path& directory);

} // namespace salvor::rescue
