#include "core/backup/wal_arrival.h"

#include "core/postgres/backup_label.h"
#include "core/postgres/base_backup.h"

#include <algorithm>
#include <set>
#include <thread>

namespace salvor::backup {
namespace {

using namespace std::chrono_literals;
using model::Backup;
using model::Segment;
using repository::Repository;

Result<std::set<Segment>> missingWal(const Repository& repository, const Backup& backup)
{
    const ByteCount size = backup.incarnation.identity.segmentSize;
    const Segment first = model::segmentOf(backup.timeline, backup.startLsn, size);
    const Segment last = model::lastSegmentBefore(backup.timeline, backup.stopLsn, size);
    std::set<Segment> missing;
    for (std::uint64_t number = first.number; number <= last.number; ++number)
        missing.insert({backup.timeline, number});
    SALVOR_TRY(const auto stored, repository.segments(backup.incarnation, backup.timeline));
    const repository::Repository::StoredSegment* before = nullptr;
    for (const auto& one : stored) {
        const bool isTwin = before != nullptr && before->segment == one.segment;
        if (isTwin && one.segment >= first && one.segment <= last)
            return fail(ErrorCode::Corrupt,
                        "a segment of this backup is in the archive with different bytes: '"
                            + before->object + "' and '" + one.object + "'",
                        "Two servers archive under one cluster name: find out which one is wrong.");
        missing.erase(one.segment);
        before = &one;
    }
    return missing;
}

/// What the archiver says, or nothing where the server does not tell.
std::string archiverSays(postgres::Connection& connection)
{
    auto rows =
        connection.query("SELECT failed_count::text, last_failed_wal, last_failed_time::text"
                         " FROM pg_stat_archiver"
                         " WHERE last_failed_time > coalesce(last_archived_time, "
                         "'-infinity')");
    if (!rows.ok() || rows->empty() || rows->front().size() < 3)
        return {};
    const auto& row = rows->front();
    return "; pg_stat_archiver: the archiver failed " + row[0].value_or("?") + " times, last with '"
           + row[1].value_or("?") + "' at " + row[2].value_or("?");
}

Result<> push(const Repository& repository, const model::Incarnation& incarnation,
              const std::string& name, ByteView bytes)
{
    auto pushed = repository.pushWalFile(incarnation, name, bytes);
    if (!pushed.ok())
        return std::move(pushed).error().in("archive '" + name + "'");
    return {};
}

} // namespace

Result<> waitForWal(const Repository& repository, const Backup& backup,
                    std::chrono::seconds timeout, postgres::Connection& connection, JobContext& job)
{
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    auto pause = 50ms;
    while (true) {
        SALVOR_CHECK(job.proceed());
        SALVOR_TRY(const auto missing, missingWal(repository, backup));
        if (missing.empty())
            return {};
        if (std::chrono::steady_clock::now() >= deadline) {
            SALVOR_TRY(
                const auto name,
                model::segmentName(*missing.begin(), backup.incarnation.identity.segmentSize));
            return fail(ErrorCode::NotReady,
                        "segment '" + name + "' did not arrive in the repository within "
                            + std::to_string(timeout.count()) + " s ("
                            + std::to_string(missing.size()) + " missing)"
                            + archiverSays(connection),
                        backup.fromStandby
                            ? "Set primary-connection, so that a segment switch can be asked for, "
                              "and look into the primary's log for errors of archive_command."
                            : "Look into the server's log for errors of archive_command.");
        }
        std::this_thread::sleep_for(pause);
        pause = std::min<std::chrono::milliseconds>(pause * 2, 1000ms);
    }
}

Result<> checkHistory(const Repository& repository, const Backup& backup)
{
    if (value(backup.timeline) <= 1)
        return {};
    const std::string name = model::historyFileName(backup.timeline);
    SALVOR_TRY(const auto files, repository.walFiles(backup.incarnation));
    if (std::find(files.begin(), files.end(), name) != files.end())
        return {};
    return fail(ErrorCode::NotReady,
                "history file '" + name
                    + "' is neither in pg_wal nor in the archive: without it this timeline cannot "
                      "be followed",
                "Archive it from another copy of it, or take a backup in stream mode.");
}

Result<> pushHistoryFiles(const Repository& repository, const model::Incarnation& incarnation,
                          const Path& dataDirectory)
{
    std::error_code error;
    std::filesystem::directory_iterator entries(dataDirectory / "pg_wal", error);
    if (error)
        return failErrno(error.value(), "cannot list " + quoted(dataDirectory / "pg_wal"));
    for (const auto& entry : entries) {
        const std::string name = entry.path().filename().native();
        if (model::walFileKind(name) != model::WalFileKind::History)
            continue;
        SALVOR_TRY(const Bytes bytes, readFile(entry.path()));
        SALVOR_CHECK(push(repository, incarnation, name, bytes));
    }
    return {};
}

Result<> pushHistoryFiles(const Repository& repository, const model::Incarnation& incarnation,
                          postgres::Connection& replication, model::TimelineId timeline)
{
    // The first timeline has none.
    if (value(timeline) <= 1)
        return {};
    SALVOR_TRY(const std::string own, postgres::timelineHistory(replication, timeline));
    SALVOR_CHECK(push(repository, incarnation, model::historyFileName(timeline), asBytes(own)));
    SALVOR_TRY(const auto ancestors, postgres::parseHistoryFile(own));
    for (const auto& ancestor : ancestors) {
        if (value(ancestor.timeline) <= 1)
            continue;
        // The server may have removed it, and this timeline's own says all that it said.
        const auto text = postgres::timelineHistory(replication, ancestor.timeline);
        if (text.ok())
            SALVOR_CHECK(push(repository, incarnation, model::historyFileName(ancestor.timeline),
                              asBytes(*text)));
    }
    return {};
}

} // namespace salvor::backup
