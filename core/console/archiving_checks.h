// What a running server says about its archiving: the parts of a cluster's check.
#pragma once

#include "core/console/repository_checks.h"
#include "core/postgres/backup_session.h"
#include "core/repository/repository.h"
#include "core/wal/receive_slot.h"

namespace salvor::console {

/// Whether receive-wal runs, how far it is behind, and what its slot holds back. True when it runs.
[[nodiscard]] Result<bool> checkReceiver(postgres::Connection& connection,
                                         const wal::ReceiveRequest& request, Checks& checks,
                                         JobContext& job);

/// By which of the two ways WAL arrives.
enum class Arrival { ByCommand, ByReceiver };

/// archive_mode, archive_command or library, archive_timeout, full_page_writes, page checksums.
void checkArchiveSettings(const postgres::ServerFacts& facts, const std::string& cluster,
                          Arrival arrival, Checks& checks);

/// What the role may do: each missing right with the GRANT that gives it.
[[nodiscard]] Result<> checkPrivileges(postgres::Connection& connection, Checks& checks,
                                       JobContext& job);

/// pg_stat_archiver: the last failure, unless a success came after it.
[[nodiscard]] Result<> checkArchiver(postgres::Connection& connection, Checks& checks,
                                     JobContext& job);

/// Segments that wait to be archived, counted twice, two seconds apart.
struct Backlog {
    std::uint64_t first = 0;
    std::uint64_t later = 0;
    [[nodiscard]] bool shrinks() const noexcept { return later < first; }
    [[nodiscard]] bool isLong() const noexcept { return later > 8; }
};
[[nodiscard]] model::Check backlogCheck(const Backlog& backlog);
/// For how long a disk with `available` bytes takes WAL that nobody archives. `rate`: bytes a
/// second, 0 when it is not known.
[[nodiscard]] model::Check walSpaceCheck(ByteCount available, double rate, const Backlog& backlog);

/// Segments that wait to be archived, whether they become fewer, and, where `dataDirectory` is of
/// this machine, for how long its disk has room for WAL if they do not. Takes two seconds when some
/// wait.
[[nodiscard]] Result<> checkBacklog(postgres::Connection& connection, const Path& dataDirectory,
                                    Checks& checks, JobContext& job);

/// Slots, but for `own`, that hold WAL back on the server for somebody who does not fetch it.
[[nodiscard]] Result<> checkSlots(postgres::Connection& connection, const std::string& own,
                                  Checks& checks, JobContext& job);

/// Not a standby that leaves archiving to its primary, and not a server that archives nothing.
[[nodiscard]] bool archivesItself(const postgres::ServerFacts& facts);

/// Ends the current segment of a server whose WAL arrives, where the role may, and waits up to
/// half a minute for it in the archive.
[[nodiscard]] Result<> checkSegmentArrives(postgres::Connection& connection,
                                           const repository::Repository& repository,
                                           const std::string& cluster, Checks& checks,
                                           JobContext& job);

} // namespace salvor::console
