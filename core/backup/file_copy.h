// Reads the files of a data directory in parallel and checks their pages on the way.
#pragma once

#include "core/backup/file_writer.h"

#include <mutex>

namespace salvor::backup {

/// A page whose checksum is wrong though it may have been written meanwhile, by its LSN.
struct DoubtfulPage {
    std::string path;
    std::uint32_t block = 0;
    model::Lsn lsn{};
};

struct CopyResult {
    std::vector<postgres::ManifestFile> files;
    std::vector<model::DamagedPages> damaged; ///< In order of path.
    std::vector<DoubtfulPage> doubtful;
};

struct CopyOptions {
    unsigned workers = 1;
    bool checkPages = false;
    model::Lsn startLsn{}; ///< Pages newer than this are rebuilt from WAL.
    /// A file untouched since then rests: nobody was writing its pages, whatever their LSN.
    Moment restsSince;
};

/// Puts all entries into the backup, files largest first. One that has gone meanwhile is left out,
/// one that shrank is stored as it was read: replaying WAL makes up for both.
///
/// Errors: Denied for what cannot be read; Cancelled. Progress: bytes of files.
[[nodiscard]] Result<CopyResult> copyFiles(const std::vector<postgres::DataEntry>& entries,
                                           const CopyOptions& options,
                                           repository::BackupBuilder& builder, JobContext& job);

/// The same for a single file read at once: one that must be a moment's picture (pg_control).
[[nodiscard]] Result<postgres::ManifestFile> copyWhole(const postgres::DataEntry& entry,
                                                       FileWriter& writer);

} // namespace salvor::backup
