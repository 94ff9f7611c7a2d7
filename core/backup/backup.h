// Takes a backup of a running cluster into a repository.
#pragma once

#include "core/base/job_context.h"
#include "core/model/backup.h"
#include "core/postgres/backup_session.h"
#include "core/repository/repository.h"

#include <chrono>
#include <map>
#include <optional>

namespace salvor::backup {

struct BackupRequest {
    std::string cluster;
    std::string connection; ///< A libpq string.
    std::string
        primaryConnection; ///< Of a standby's primary, for the segment switch; may be empty.
    Path dataDirectory;    ///< As this machine sees it; empty in stream mode.
    /// Replication slot of receive-wal: while it is in use, WAL arrives without archiving.
    std::string receiveSlot;
    model::BackupMode mode = model::BackupMode::Host;
    postgres::Checkpoint checkpoint = postgres::Checkpoint::Fast;
    std::map<std::string, std::string> annotations;
    unsigned workers = 0; ///< 0: one for each processor, at most 8.
    int compressionLevel = 1;
    /// Host mode: read also what cannot have changed since the last backup.
    bool readsEverything = false;
    /// How long a file must have rested when the last backup began, to be taken over from it: the
    /// clock of the file system is coarse, and a page is written a moment after its file's time.
    std::chrono::seconds restTime{60};
    std::chrono::seconds walTimeout{300}; ///< How long to wait for the last segment in the archive.
};

/// Takes one. Visible in the repository only when everything is durable there: all files, the WAL
/// from start to stop, the history files, and a backup_manifest.
///
/// Host mode reads the data directory in parallel, pg_control last, checks page checksums while
/// reading (a wrong page is read again, then reported in Backup::damaged and as a warning), and
/// waits for the archive. Files that cannot have changed since the last backup of the same
/// directory and timeline are taken over from it unread, with their damage (see unchanged.h).
/// Stream mode receives BASE_BACKUP and brings its own WAL.
///
/// Errors: NotReady when no WAL arrives in host mode, the data directory is another cluster's,
///         the standby was promoted meanwhile, full_page_writes is off on a standby's primary, or
///         the last segment did not arrive in time (with what pg_stat_archiver says); Denied for
///         missing privileges (with the GRANT) or unreadable files; Cancelled; those of the
///         repository. Nothing is visible after an error, and the server has left backup mode.
/// Progress: bytes of files read.
/// Thread:   blocks; uses threads of its own.
[[nodiscard]] Result<model::Backup> runBackup(const BackupRequest& request,
                                              repository::Repository& repository, JobContext& job);

} // namespace salvor::backup
