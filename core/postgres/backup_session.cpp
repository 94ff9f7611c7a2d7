#include "core/postgres/backup_session.h"

#include "core/base/text.h"

namespace salvor::postgres {

namespace {

/// Before 15 the functions had other names and an exclusive mode that a crash leaves behind.
bool hasOldNames(const Connection& connection)
{
    return connection.serverVersion() < 150000;
}

Result<model::TimelineId> timelineOf(const std::optional<std::string>& text)
{
    const auto number = parseUnsigned(text.value_or(""));
    if (!number || *number == 0 || *number > UINT32_MAX)
        return fail(ErrorCode::Incompatible,
                    "the server names the timeline '" + text.value_or("") + "'");
    return static_cast<model::TimelineId>(*number);
}

Result<Moment> momentOf(const std::optional<std::string>& microseconds)
{
    const auto number = parseUnsigned(microseconds.value_or(""));
    if (!number)
        return fail(ErrorCode::Incompatible,
                    "the server tells the time '" + microseconds.value_or("") + "'");
    return Moment(std::chrono::microseconds(static_cast<std::int64_t>(*number)));
}

constexpr const char* serverClock =
    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text";

/// Where the backup would end if it ended now: in recovery, as pg_backup_stop() does, at the
/// minimum recovery point.
constexpr const char* currentTimeline =
    "CASE WHEN pg_is_in_recovery() THEN"
    " (SELECT min_recovery_end_timeline FROM pg_control_recovery())"
    " ELSE (SELECT timeline_id FROM pg_control_checkpoint()) END::text";

Error deniedHint(Error error, int majorVersion)
{
    if (error.code == ErrorCode::Denied)
        error.hint = std::string("Run as a superuser: GRANT EXECUTE ON FUNCTION ")
                     + (majorVersion >= 15 ? "pg_backup_start(text, boolean), "
                                             "pg_backup_stop(boolean)"
                                           : "pg_start_backup(text, boolean, boolean), "
                                             "pg_stop_backup(boolean, boolean)")
                     + " TO the role; or back up in stream mode with a role that has REPLICATION.";
    return error;
}

} // namespace

Result<BackupSession> BackupSession::start(Connection connection, const std::string& label,
                                           Checkpoint checkpoint, const std::stop_token& stop)
{
    const std::string fast = checkpoint == Checkpoint::Fast ? "true" : "false";
    SALVOR_TRY(const std::string recovering,
               connection.value("SELECT pg_is_in_recovery()::text", {}, stop));
    // Before the checkpoint, so that nothing in the backup is older than its start.
    SALVOR_TRY(const std::string at,
               connection.value(std::string("SELECT ") + serverClock, {}, stop));
    SALVOR_TRY(const std::string serverStart,
               connection.value("SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)"
                                "::bigint::text",
                                {}, stop));
    const std::string call = hasOldNames(connection)
                                 ? "SELECT pg_start_backup($1, $2::boolean, false)::text"
                                 : "SELECT pg_backup_start($1, $2::boolean)::text";
    auto position = connection.value(call, {label, fast}, stop);
    if (!position.ok())
        return deniedHint(std::move(position).error(), connection.majorVersion())
            .in("start the backup");
    SALVOR_TRY(const std::string timeline,
               connection.value("SELECT timeline_id::text FROM pg_control_checkpoint()", {}, stop));
    BackupStart start;
    SALVOR_TRY(start.lsn, model::parseLsn(*position));
    SALVOR_TRY(start.timeline, timelineOf(timeline));
    SALVOR_TRY(start.at, momentOf(at));
    SALVOR_TRY(start.serverStartedAt, momentOf(serverStart));
    start.inRecovery = recovering == "true";
    return BackupSession(std::move(connection), start);
}

Result<BackupStop> BackupSession::stop(const std::stop_token& stop)
{
    const std::string call =
        hasOldNames(m_connection) ? "pg_stop_backup(false, false)" : "pg_backup_stop(false)";
    auto answer =
        m_connection.query("SELECT lsn::text, labelfile, spcmapfile FROM " + call, {}, stop);
    if (!answer.ok())
        return deniedHint(std::move(answer).error(), m_connection.majorVersion())
            .in("stop the backup");
    if (answer->size() != 1 || !answer->front()[0] || !answer->front()[1])
        return fail(ErrorCode::Incompatible, "the server gave no backup label");
    const Row& row = answer->front();
    SALVOR_TRY(const std::vector<Row> after,
               m_connection.query(std::string("SELECT pg_is_in_recovery()::text, ")
                                      + currentTimeline + ", " + serverClock,
                                  {}, stop));
    BackupStop end;
    SALVOR_TRY(end.lsn, model::parseLsn(*row[0]));
    SALVOR_TRY(end.timeline, timelineOf(after.front()[1]));
    SALVOR_TRY(end.at, momentOf(after.front()[2]));
    end.backupLabel = *row[1];
    end.tablespaceMap = row[2].value_or("");
    const bool recovering = after.front()[0] == "true";
    if (recovering != m_start.inRecovery || end.timeline != m_start.timeline)
        return fail(ErrorCode::NotReady,
                    "the server was promoted or changed its timeline during the backup",
                    "Start the backup again.");
    return end;
}

Result<> switchWal(Connection& primary)
{
    auto switched = primary.value("SELECT pg_switch_wal()::text");
    if (switched.ok())
        return {};
    Error error = std::move(switched).error();
    if (error.code == ErrorCode::Denied)
        error.hint = "Run on the primary as a superuser: GRANT EXECUTE ON FUNCTION "
                     "pg_switch_wal() TO the role.";
    return std::move(error).in("switch the WAL segment");
}

} // namespace salvor::postgres
