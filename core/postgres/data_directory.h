// What lies in a data directory, and what of it belongs into a backup.
#pragma once

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/job_context.h"
#include "core/model/backup.h"

#include <string>
#include <vector>

namespace salvor::postgres {

enum class EntryKind { File, Directory, Link };

/// One thing to back up.
struct DataEntry {
    std::string path; ///< Relative, bytes: "base/5/1259", "pg_tblspc/16400/PG_15_…/5/16401".
    Path source;      ///< Where it is now.
    EntryKind kind = EntryKind::File;
    mode_t mode = 0;
    std::string owner;
    std::string group;
    Moment modifiedAt;
    Moment changedAt; ///< Of its inode: nobody can set it back.
    ByteCount size = 0;
    std::string linkTarget;       ///< Of a link (a tablespace: "pg_tblspc/16400").
    bool hasPages = false;        ///< A main, fsm, vm or init fork whose pages carry checksums.
    std::uint32_t firstBlock = 0; ///< Block number of the file's first page in its fork.
};

struct DataDirectoryContents {
    std::vector<DataEntry> entries; ///< In byte order of `path`; pg_control is among them.
    std::vector<model::Tablespace> tablespaces;
};

/// Lists what BASE_BACKUP would send: without pg_wal's and pg_replslot's contents (the folders and
/// pg_wal/archive_status stay), postmaster.pid and .opts, temporary files and relations, unlogged
/// forks but init, pg_internal.init, pg_dynshmem, pg_notify, pg_serial, pg_snapshots,
/// pg_stat_tmp and pg_subtrans contents, backup_label, tablespace_map, backup_manifest,
/// standby.signal and recovery.signal. A file that goes while it is listed is left out.
///
/// Source: PostgreSQL 15, src/backend/backup/basebackup.c.
/// Errors: Denied when something cannot be read (the message names it); NotReady for a link in
///         base/ or global/ that leads out of the directory and is no tablespace.
[[nodiscard]] Result<DataDirectoryContents> scanDataDirectory(const Path& dataDirectory,
                                                              int majorVersion, JobContext& job);

/// True for a path that only a copy of a *running* server has: what scanDataDirectory leaves out.
[[nodiscard]] bool isExcluded(std::string_view relativePath, int majorVersion);

/// Is a server running on this directory? Looks at postmaster.pid and whether that process lives.
[[nodiscard]] Result<bool> isServerRunning(const Path& dataDirectory);

} // namespace salvor::postgres
