// backup_manifest: the list pg_verifybackup checks a restored directory against.
#pragma once

#include "core/base/clock.h"
#include "core/base/job_context.h"
#include "core/model/cluster.h"

#include <string>
#include <vector>

namespace salvor::postgres {

struct ManifestFile {
    std::string path; ///< Relative, bytes.
    ByteCount size = 0;
    Moment modifiedAt; ///< Written in whole seconds, GMT.
    std::uint32_t crc32c = 0;
};

struct ManifestWalRange {
    model::TimelineId timeline{};
    model::Lsn start{};
    model::Lsn end{};
};

/// The manifest's text: version 1 for majors up to 16, version 2 with the system identifier from
/// 17 on; CRC-32C for each file, SHA-256 over itself.
/// Source: PostgreSQL 17, src/backend/backup/backup_manifest.c.
[[nodiscard]] Result<std::string> makeBackupManifest(const std::vector<ManifestFile>& files,
                                                     const std::vector<ManifestWalRange>& wal,
                                                     const model::ClusterIdentity& identity);

struct BackupManifest {
    std::vector<ManifestFile> files; ///< crc32c is 0 where the manifest has another algorithm.
    std::vector<ManifestWalRange> wal;
};

/// Errors: Corrupt when it is not one or its own checksum is wrong.
[[nodiscard]] Result<BackupManifest> parseBackupManifest(std::string_view text);

} // namespace salvor::postgres
