// Finds the files that cannot have changed since an older backup, so that nobody reads them again.
#pragma once

#include "core/backup/backup.h"
#include "core/postgres/backup_manifest.h"
#include "core/postgres/data_directory.h"

namespace salvor::backup {

/// The newest backup among `backups` that read the same directory of the same machine on the same
/// timeline since the server started, and noted the clock of its file system. After a crash of the
/// machine a file's data may be newer than its times: with the start of the server all is read.
[[nodiscard]] const model::Backup* findBasis(const std::vector<model::Backup>& backups,
                                             const model::Backup& next, Moment serverStartedAt);

/// Whether a file is what the older backup read: same size and time of modification, and its inode
/// untouched since `restTime` before that backup began. The inode's time cannot be set by a
/// program, so copies, restored files and times that were set back count as changed.
[[nodiscard]] bool isUnchanged(const postgres::DataEntry& file, const repository::TreeEntry& stored,
                               Moment basisBegan, std::chrono::seconds restTime);

/// An older backup to compare with, whose file system's clock is known.
struct Basis {
    const repository::Repository& repository;
    const model::Backup& backup;
    std::chrono::seconds restTime; ///< How long a file must have rested when it began.
};

struct TakenOver {
    std::vector<postgres::ManifestFile> files;
    std::vector<model::DamagedPages> damaged; ///< What was found in them when they were read.
};

/// Puts the unchanged files of `entries` (in path order) into the backup by their chunks and moves
/// them from `entries` to `taken`. A file whose chunks are no longer all there stays to be read.
///
/// Errors: those of reading the older backup's tree, and Cancelled. `entries` and `taken` hold what
///         is true then, too: the backup can go on by reading the rest.
[[nodiscard]] Result<> takeOverUnchanged(const Basis& basis,
                                         std::vector<postgres::DataEntry>& entries,
                                         TakenOver& taken, repository::BackupBuilder& builder,
                                         JobContext& job);

} // namespace salvor::backup
