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

using Rename = model::InPlace::Rename;
using Renames = std::vector<Rename>;

/// One JSON file, "DIR.in-place", beside the data directory. Written before the first rename, and
/// gone when nothing can be taken back any more.
struct Journal {
    Path directory; ///< The data directory.
    std::string repository;
    std::string repositoryId;
    std::string cluster;
    std::string backup;
    std::uint64_t systemIdentifier = 0; ///< Of the backup's cluster.
    Renames setsAside;                  ///< To PLACE.before-…; the data directory first.
    std::map<std::uint32_t, std::string> tablespaces;
    Moment begunAt;
    /// Where a rollback puts what was restored, PLACE.rolled-back-…; empty: none was begun.
    Renames takesBack;

    /// Where the data directory was set aside to.
    [[nodiscard]] Path old() const { return setsAside.front().to; }
    /// The places of the restore, data directory and tablespaces.
    [[nodiscard]] restore::Places places() const;
};

/// Errors: Corrupt when it sets no data directory aside, names a place that is not the restore's,
/// or a name that a restore in place would not have given.
[[nodiscard]] Result<> refuseStrange(const Journal& journal);

[[nodiscard]] Path journalFile(const Path& directory);

/// Nothing when no restore in place waits there. Errors: Corrupt, also as refuseStrange();
/// Incompatible; as failErrno().
[[nodiscard]] Result<std::optional<Journal>> loadJournal(const Path& directory);
/// Durable when it returns.
[[nodiscard]] Result<> saveJournal(const Journal& journal, IfExists ifExists = IfExists::Replace);
/// Bytes beside the journal that can be given up when the disk is full. Durable when it returns.
[[nodiscard]] Result<> saveBallast(const Path& directory);
/// Whether there was any.
bool removeBallast(const Path& directory);
/// The last step of all; the ballast goes with it.
[[nodiscard]] Result<> removeJournal(const Path& directory);

/// Keeps others from acting on a journal, or beginning one, until it goes.
class JournalLock {
public:
    /// Errors: NotReady when a restore, rollback or commit that lives has it.
    [[nodiscard]] static Result<JournalLock> take(const Path& directory);
    JournalLock(JournalLock&&) noexcept = default;
    JournalLock& operator=(JournalLock&&) noexcept = default;
    JournalLock(const JournalLock&) = delete;
    JournalLock& operator=(const JournalLock&) = delete;
    ~JournalLock();

private:
    JournalLock(Path file, FileDescriptor held)
        : m_file(std::move(file))
        , m_held(std::move(held))
    {}
    Path m_file;
    FileDescriptor m_held;
};

/// For one who is going to rename by it: loadJournal() under a lock, and only when it is the
/// runner's own and nobody else can write it. Whoever can write beside the directory could
/// otherwise have root rename what he likes. Errors: NotFound; Denied; those of loadJournal().
[[nodiscard]] Result<Journal> trustedJournal(const Path& directory);

} // namespace salvor::rescue
