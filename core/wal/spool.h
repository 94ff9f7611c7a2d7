// The folder in which the commands that PostgreSQL calls and a background worker meet.
#pragma once

#include "core/base/file.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace salvor::wal {

/// A folder of small files, 0700, for one worker and any number of foregrounds. Nothing in it
/// outlives a worker: what a dead one left is not used, and the next one clears it away. So nothing
/// is made durable either. Thread-safe.
///
/// A worker holds the lock from before it is started until it ends, however that happens.
class Spool {
public:
    /// Makes the folder when it is not there.
    /// Errors: Denied when it is another user's or others can reach into it.
    [[nodiscard]] static Result<Spool> open(const Path& folder);

    [[nodiscard]] const Path& folder() const noexcept { return m_folder; }
    [[nodiscard]] bool hasWorker() const;
    /// The lock, or nothing when somebody holds it. It can be handed to a child; it is free again
    /// when the last copy of the descriptor is closed.
    [[nodiscard]] Result<std::optional<FileDescriptor>> tryLock() const;
    /// True when `descriptor` holds this spool's lock, or could take it now.
    [[nodiscard]] bool isHeldBy(int descriptor) const;

    /// Others see the old text or the new, never a part.
    [[nodiscard]] Result<> put(const std::string& name, std::string_view text) const;
    [[nodiscard]] std::optional<std::string> get(const std::string& name) const;
    void remove(const std::string& name) const;
    /// In order; without the lock, the log and what is not finished.
    [[nodiscard]] std::vector<std::string> names() const;
    /// Removes everything but the lock, the log and the file `kept`.
    void clear(const std::string& kept = {}) const;
    [[nodiscard]] Path logFile() const { return m_folder / "log"; }

private:
    Spool(Path folder, FileDescriptor lock);

    Path m_folder;
    FileDescriptor m_lock; ///< Only to ask who holds it.
};

/// Starts the worker of a spool, which is given its lock.
using StartWorker = std::function<Result<>(const FileDescriptor& lock)>;

/// Where the spool of one data directory lies below `root`: different for every kind of work,
/// cluster, folder and place of the repository.
struct SpoolSubject {
    std::string kind; ///< "push", "get" or "away".
    std::string cluster;
    Path folder;       ///< Absolute.
    std::string place; ///< What tells one repository's place from another.
};
[[nodiscard]] Path spoolFolder(const Path& root, const SpoolSubject& subject);

/// Removes the folders of other spools below `root` that nobody has used for a day.
void removeOldSpools(const Path& root);

} // namespace salvor::wal
