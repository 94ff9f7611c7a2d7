#include "core/console/archiving_checks.h"

#include "core/base/text.h"
#include "core/console/commands.h"
#include "core/restore/words.h"

#include <algorithm>
#include <filesystem>
#include <thread>

namespace salvor::console {

namespace {

using model::Check;
using Level = model::Check::Level;

constexpr const char* noArchive =
    "Nothing after the newest backup can be restored: what is done since then is at risk.";

std::string pushCommand(const std::string& cluster)
{
    return "Set archive_command = 'salvorctl archive-push " + cluster + " %p'.";
}

std::string settingOr(const postgres::ServerFacts& facts, const std::string& name,
                      const std::string& usual)
{
    const auto found = facts.settings.find(name);
    return found == facts.settings.end() ? usual : found->second;
}

std::string cell(const postgres::Row& row, std::size_t column)
{
    return column < row.size() && row[column] ? *row[column] : std::string();
}

void checkCommand(const postgres::ServerFacts& facts, const std::string& cluster, Checks& checks)
{
    const std::string& command = facts.archiveCommand;
    if (command.empty() || command == "(disabled)")
        checks.push_back({Level::Blocker, "archive command",
                          "archive_mode is on, but no archive command is set.", noArchive,
                          pushCommand(cluster) + " Then reload the server."});
    else if (command.find("archive-push") == std::string::npos
             || command.find(cluster) == std::string::npos)
        checks.push_back(
            {Level::Warning, "archive command",
             "The archive command does not name 'archive-push' and '" + cluster + "': " + command,
             "It is not known whether WAL reaches this repository.", pushCommand(cluster)});
    else
        checks.push_back({Level::Passed, "archive command",
                          "WAL is pushed under the name '" + cluster + "'.", "", ""});
}

struct Right {
    std::string function; ///< With its argument types.
    std::string use;
};

/// What a host-mode backup and this check call.
std::vector<Right> rightsFor(int major)
{
    std::vector<Right> rights;
    if (major >= 15)
        rights = {{"pg_backup_start(text, boolean)", "a backup cannot begin"},
                  {"pg_backup_stop(boolean)", "a backup cannot end"}};
    else
        rights = {{"pg_start_backup(text, boolean, boolean)", "a backup cannot begin"},
                  {"pg_stop_backup(boolean, boolean)", "a backup cannot end"}};
    rights.push_back({"pg_switch_wal()", "a backup of a quiet server waits for its last segment"});
    return rights;
}

/// The segment that is complete after this call; nothing when nothing could be forced.
Result<std::optional<std::string>> endSegment(postgres::Connection& connection, JobContext& job)
{
    // A switch does nothing in a segment that holds nothing yet: the restore point is something.
    const auto mark =
        connection.value("SELECT pg_create_restore_point('salvor check')", {}, job.stop);
    if (!mark.ok() && mark.error().code != ErrorCode::Denied)
        return mark.error();
    // At the start of a segment nothing is switched; what then comes back is the end of the one
    // before, and belongs to it. From 17 on pg_walfile_name() takes it for the next one; before 14
    // nothing can be subtracted.
    const std::string back = connection.majorVersion() >= 14 ? " - 1" : "";
    auto ended =
        connection.value("SELECT pg_walfile_name(pg_switch_wal()" + back + ")", {}, job.stop);
    if (ended.ok())
        return std::optional<std::string>(*std::move(ended));
    if (ended.error().code != ErrorCode::Denied)
        return std::move(ended).error();
    return std::optional<std::string>();
}

Result<bool> isArchived(const repository::Repository& repository, const std::string& cluster,
                        const std::string& name)
{
    const auto incarnation = repository.incarnation(cluster);
    if (!incarnation.ok() && incarnation.error().code == ErrorCode::NotFound)
        return false;
    if (!incarnation.ok())
        return incarnation.error();
    SALVOR_TRY(const auto segment,
               model::parseSegmentName(name, incarnation->identity.segmentSize));
    SALVOR_TRY(const auto stored, repository.segments(*incarnation, segment.timeline));
    return std::any_of(stored.begin(), stored.end(),
                       [&](const auto& one) { return one.segment == segment; });
}

/// Waits for the segment, for 30 seconds.
Result<bool> arrivesSoon(const repository::Repository& repository, const std::string& cluster,
                         const std::string& name, JobContext& job)
{
    constexpr int tries = 150;
    constexpr std::chrono::milliseconds step{200};
    for (int i = 0; i < tries; ++i) {
        SALVOR_CHECK(job.proceed());
        SALVOR_TRY(const bool arrived, isArchived(repository, cluster, name));
        if (arrived)
            return true;
        std::this_thread::sleep_for(step);
    }
    return false;
}

Result<std::uint64_t> waitingSegments(postgres::Connection& connection, JobContext& job)
{
    SALVOR_TRY(const std::string count,
               connection.value("SELECT count(*) FROM pg_ls_archive_statusdir() "
                                "WHERE name ~ '\\.ready$'",
                                {}, job.stop));
    return parseUnsigned(count).value_or(0);
}

/// Bytes of WAL a second, since the statistics were reset; 0 when it is not known (before 14).
Result<double> walRate(postgres::Connection& connection, JobContext& job)
{
    if (connection.majorVersion() < 14)
        return 0.0;
    SALVOR_TRY(const std::string rate,
               connection.value("SELECT (wal_bytes / greatest(60, extract(epoch FROM now() - "
                                "stats_reset)))::bigint FROM pg_stat_wal",
                                {}, job.stop));
    return static_cast<double>(parseUnsigned(rate).value_or(0));
}

} // namespace

Check backlogCheck(const Backlog& backlog)
{
    const std::string count = restore::countText(backlog.later, "segment");
    if (!backlog.isLong())
        return {Level::Passed, "backlog", "Waiting to be archived: " + count + ".", "", ""};
    if (backlog.shrinks()) {
        const auto left = std::chrono::seconds(2 * backlog.later / (backlog.first - backlog.later));
        return {Level::Warning, "backlog",
                count + " wait to be archived; at the rate of now it takes " + durationText(left)
                    + ".",
                "What they hold would be lost with the server.",
                "Wait, or set archive-async = yes for the cluster."};
    }
    return {Level::Blocker, "backlog",
            count + " wait to be archived, and they do not become fewer.", noArchive,
            "Look into the server's log for what the archive command says."};
}

Check walSpaceCheck(ByteCount available, double rate, const Backlog& backlog)
{
    constexpr double day = 86400;
    constexpr double longest = 365 * day;
    const double seconds = rate > 0 ? static_cast<double>(available) / rate : longest;
    const bool isShort = seconds < day;
    const std::string until =
        rate > 0 && seconds < longest
            ? ", about " + durationText(std::chrono::seconds(static_cast<std::int64_t>(seconds)))
                  + " of WAL as it is written on average"
            : "";
    const Level level = !isShort                                 ? Level::Passed
                        : backlog.isLong() && !backlog.shrinks() ? Level::Blocker
                                                                 : Level::Warning;
    return Check{level, "WAL space",
                 "The disk of pg_wal has " + restore::sizeText(available) + " left" + until + ".",
                 isShort ? "When archiving stops, the server stops with a full disk after that."
                         : "",
                 isShort ? "Give it more room." : ""};
}

void checkArchiveSettings(const postgres::ServerFacts& facts, const std::string& cluster,
                          Arrival arrival, Checks& checks)
{
    const bool isReceived = arrival == Arrival::ByReceiver;
    const bool isOff = facts.archiveMode == "off" || facts.archiveMode.empty();
    if (isOff && isReceived)
        checks.push_back({Level::Note, "archive mode",
                          "archive_mode is off: WAL arrives through receive-wal alone.",
                          "While that does not run, the server keeps all WAL on its disk.", ""});
    else if (isOff)
        checks.push_back(
            {Level::Blocker, "archive mode", "archive_mode is off.", noArchive,
             "Set archive_mode = on. " + pushCommand(cluster) + " Then restart the server."});
    else if (facts.inRecovery && facts.archiveMode != "always")
        checks.push_back({Level::Note, "archive mode",
                          "This server is a standby and archives nothing itself.",
                          "Its primary must archive.", ""});
    else if (!isReceived)
        checkCommand(facts, cluster, checks);
    const std::string timeout = settingOr(facts, "archive_timeout", "0");
    if (timeout == "0" && !isReceived)
        checks.push_back({Level::Note, "archive timeout",
                          "archive_timeout is 0: a segment is archived only when it is full.",
                          "On a quiet server the newest commits may wait for hours.",
                          "Set archive_timeout to the work that may be lost, such as 60."});
    if (!facts.fullPageWrites)
        checks.push_back({Level::Warning, "full page writes", "full_page_writes is off.",
                          "Torn pages in a backup could not be repaired by replay.",
                          "Set full_page_writes = on."});
    if (!facts.pageChecksums)
        checks.push_back({Level::Note, "page checksums", "The cluster has no page checksums.",
                          "Damage on its disks cannot be seen while a backup is taken.",
                          "Enable them with pg_checksums when the server can be stopped."});
}

Result<> checkPrivileges(postgres::Connection& connection, Checks& checks, JobContext& job)
{
    SALVOR_TRY(const std::string role, connection.value("SELECT current_user", {}, job.stop));
    const std::size_t before = checks.size();
    for (const Right& right : rightsFor(connection.majorVersion())) {
        SALVOR_TRY(const std::string has,
                   connection.value("SELECT has_function_privilege($1, 'EXECUTE')",
                                    {right.function}, job.stop));
        if (has != "t")
            checks.push_back({right.function == "pg_switch_wal()" ? Level::Warning : Level::Blocker,
                              "privileges",
                              "Role '" + role + "' may not call " + right.function + ".",
                              "Without it " + right.use + ".",
                              "GRANT EXECUTE ON FUNCTION " + right.function + " TO \"" + role
                                  + "\"; or take backups in stream mode."});
    }
    SALVOR_TRY(
        const std::string reads,
        connection.value("SELECT pg_has_role('pg_read_all_settings', 'USAGE')", {}, job.stop));
    if (reads != "t")
        checks.push_back({Level::Warning, "privileges",
                          "Role '" + role + "' may not see where the data directory is.",
                          "A backup cannot find configuration outside of it.",
                          "GRANT pg_read_all_settings TO \"" + role + "\";"});
    if (checks.size() == before)
        checks.push_back({Level::Passed, "privileges",
                          "Role '" + role + "' may take backups and end segments.", "", ""});
    return {};
}

Result<> checkArchiver(postgres::Connection& connection, Checks& checks, JobContext& job)
{
    SALVOR_TRY(const auto rows,
               connection.query(
                   "SELECT failed_count, last_failed_wal, last_failed_time, last_archived_wal, "
                   "last_archived_time, coalesce(last_failed_time > last_archived_time, "
                   "last_failed_time IS NOT NULL) FROM pg_stat_archiver",
                   {}, job.stop));
    if (rows.empty())
        return {};
    const auto& row = rows.front();
    if (cell(row, 5) == "t")
        checks.push_back({Level::Blocker, "archiver",
                          "Archiving has failed since " + cell(row, 2) + ": segment '"
                              + cell(row, 1) + "' does not get into the archive.",
                          noArchive,
                          "Look into the server's log for what the archive command says."});
    else if (!cell(row, 3).empty())
        checks.push_back({Level::Passed, "archiver",
                          "The server archived '" + cell(row, 3) + "' at " + cell(row, 4) + ".", "",
                          ""});
    return {};
}

Result<> checkBacklog(postgres::Connection& connection, const Path& dataDirectory, Checks& checks,
                      JobContext& job)
{
    const auto first = waitingSegments(connection, job);
    if (!first.ok() && first.error().code == ErrorCode::Denied) {
        checks.push_back({Level::Note, "backlog",
                          "The role may not see which segments wait to be archived.", "",
                          "GRANT pg_monitor to it."});
        return {};
    }
    SALVOR_CHECK(first);
    Backlog backlog{*first, *first};
    if (backlog.first > 1) {
        constexpr int steps = 20;
        for (int i = 0; i < steps; ++i) {
            SALVOR_CHECK(job.proceed());
            std::this_thread::sleep_for(std::chrono::seconds(2) / steps);
        }
        SALVOR_TRY(backlog.later, waitingSegments(connection, job));
    }
    checks.push_back(backlogCheck(backlog));
    SALVOR_TRY(const double rate, walRate(connection, job));
    // Only where the directory is of this machine.
    std::error_code error;
    const auto space = std::filesystem::space(dataDirectory / "pg_wal", error);
    if (!dataDirectory.empty() && !error)
        checks.push_back(walSpaceCheck(space.available, rate, backlog));
    return {};
}

Result<> checkSlots(postgres::Connection& connection, const std::string& own, Checks& checks,
                    JobContext& job)
{
    SALVOR_TRY(const auto rows,
               connection.query("SELECT slot_name, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() "
                                "THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, "
                                "restart_lsn)::bigint FROM pg_replication_slots "
                                "WHERE NOT active AND restart_lsn IS NOT NULL AND slot_name <> $1",
                                {own}, job.stop));
    constexpr ByteCount much = ByteCount{1} << 30U;
    for (const auto& row : rows) {
        const auto held = parseUnsigned(cell(row, 1));
        if (held && *held > much)
            checks.push_back({Level::Warning, "replication slots",
                              "Slot '" + cell(row, 0) + "' holds back " + restore::sizeText(*held)
                                  + " of WAL that nobody fetches.",
                              "The server's disk fills up, and then it stops.",
                              "Drop the slot if nobody needs it, or set max_slot_wal_keep_size."});
    }
    return {};
}

bool archivesItself(const postgres::ServerFacts& facts)
{
    return !facts.inRecovery && facts.archiveMode != "off" && !facts.archiveMode.empty();
}

Result<> checkSegmentArrives(postgres::Connection& connection,
                             const repository::Repository& repository, const std::string& cluster,
                             Checks& checks, JobContext& job)
{
    SALVOR_TRY(const auto name, endSegment(connection, job));
    if (!name) {
        checks.push_back({Level::Warning, "segment",
                          "This role may not end a segment, so archiving was not tried.", "",
                          "GRANT EXECUTE ON FUNCTION pg_switch_wal() to it."});
        return {};
    }
    SALVOR_TRY(const bool arrived, arrivesSoon(repository, cluster, *name, job));
    if (arrived)
        checks.push_back(
            {Level::Passed, "segment", "Segment '" + *name + "' arrived in the archive.", "", ""});
    else
        checks.push_back({Level::Blocker, "segment",
                          "Segment '" + *name + "' did not arrive in the archive within 30 s.",
                          noArchive,
                          "Look into the server's log for what the archive command says, or into "
                          "that of receive-wal."});
    return {};
}

} // namespace salvor::console
