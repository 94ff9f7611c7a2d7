// BASE_BACKUP over the replication protocol: stream mode's source, for any role with REPLICATION.
#pragma once

#include "core/base/job_context.h"
#include "core/postgres/backup_session.h"
#include "core/postgres/data_directory.h"

#include <functional>

namespace salvor::postgres {

/// Receives what the server sends, one entry after the other, on the caller's thread.
class BaseBackupReceiver {
public:
    virtual ~BaseBackupReceiver() = default;
    /// A file, folder or link begins (`source` of the entry is empty; paths of tablespace files
    /// are "pg_tblspc/OID/…" and come before the link "pg_tblspc/OID" itself). Its bytes follow.
    virtual Result<> begin(const DataEntry& entry) = 0;
    virtual Result<> data(ByteView bytes) = 0;
    virtual Result<> end() = 0;
    /// The server's own manifest, whole, after the last entry.
    virtual Result<> manifest(std::string_view text) = 0;
};

struct BaseBackupResult {
    BackupStart start;
    model::Lsn stopLsn{};
    model::TimelineId stopTimeline{};
    std::vector<model::Tablespace> tablespaces;
};

struct BaseBackupRequest {
    std::string label;
    Checkpoint checkpoint = Checkpoint::Fast;
    /// Called once the start position is known, before the first entry. Its moment is the clock of
    /// this machine: a replication connection cannot ask for the server's.
    std::function<Result<>(const BackupStart&)> started;
};

/// Runs BASE_BACKUP with MANIFEST and CRC32C checksums, without WAL, with PROGRESS, and the
/// server's own checksum verification. The old grammar and one COPY a tablespace for 13 and 14,
/// the new ones from 15 on. backup_label comes as a file. Tablespaces come as links, and there is
/// no tablespace_map: a server that finds one makes the links of the original again.
///
/// Progress: bytes received; the total is what the server estimates.
/// Errors: Denied without the REPLICATION attribute; Unavailable when the connection is lost;
///         Corrupt when the server found a wrong checksum: the message carries its warning.
[[nodiscard]] Result<BaseBackupResult> runBaseBackup(Connection& replication,
                                                     const BaseBackupRequest& request,
                                                     BaseBackupReceiver& receiver, JobContext& job);

/// Receives whole WAL segments.
using SegmentReceiver = std::function<Result<>(model::Segment, ByteView segment)>;

struct WalStreamStart {
    model::TimelineId timeline{};
    model::Lsn lsn{};
    ByteCount segmentSize = 0;
};

/// Streams WAL through a temporary slot from the start of the segment that holds `from`, until the
/// segment that holds the last byte before `until()` has come (until() is asked again and again;
/// unset: not known yet). The last segment is padded with zeros to its full size when the server
/// has not filled it. Reports nothing as flushed before the receiver returned.
[[nodiscard]] Result<> streamWal(Connection& replication, const WalStreamStart& from,
                                 const std::function<std::optional<model::Lsn>()>& until,
                                 const SegmentReceiver& receive, const std::stop_token& stop);

/// Creates the temporary physical slot that streamWal() reads from, so that no WAL after this call
/// can go; it lives as long as the connection. TIMELINE_HISTORY of the replication protocol gives
/// the history file.
[[nodiscard]] Result<> createTemporarySlot(Connection& replication, const std::string& name);
/// A physical slot that stays, and holds WAL back from now on. Errors: AlreadyExists.
[[nodiscard]] Result<> createSlot(Connection& replication, const std::string& name);
/// Errors: NotFound; NotReady while somebody uses it.
[[nodiscard]] Result<> dropSlot(Connection& replication, const std::string& name);
[[nodiscard]] Result<std::string> timelineHistory(Connection& replication,
                                                  model::TimelineId timeline);

} // namespace salvor::postgres
