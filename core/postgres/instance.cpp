#include "core/postgres/instance.h"

#include "core/base/text.h"
#include "core/postgres/instance_connection.h"
#include "core/postgres/instance_files.h"

#include <algorithm>
#include <sys/stat.h>
#include <thread>

namespace salvor::postgres {

namespace {

using namespace std::chrono_literals;

/// The server logs every look that comes too early, so they become rarer.
constexpr auto firstLookAfter = 50ms;
constexpr std::chrono::milliseconds laterLooksEvery = 1s;
/// A server that lives and recovers says so at its socket; one that says nothing for so long cannot
/// be reached.
constexpr auto silenceLimit = 1min;

/// The shell that pg_ctl starts the server with sees one word.
std::string shellQuoted(const std::string& text)
{
    std::string quoted = "'";
    for (const char c : text)
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    return quoted + "'";
}

std::string commandLineOf(const Settings& fence)
{
    std::string text;
    for (const auto& [name, value] : fence)
        text.append(text.empty() ? "-c " : " -c ")
            .append(shellQuoted(std::string(name).append("=").append(value)));
    return text;
}

std::string statusQuery(int majorVersion)
{
    const std::string paused = majorVersion >= 14 ? "pg_get_wal_replay_pause_state() = 'paused'"
                                                  : "pg_is_wal_replay_paused()";
    return "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'running' WHEN " + paused
           + " THEN 'paused' ELSE 'recovering' END, pg_last_wal_replay_lsn()::text, "
             "(extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint::text, "
             "CASE WHEN pg_is_in_recovery() THEN"
             " (SELECT min_recovery_end_timeline FROM pg_control_recovery())"
             " ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
             " END::text";
}

Result<InstanceStatus> ask(Connection& connection)
{
    SALVOR_TRY(const std::vector<Row> rows,
               connection.query(statusQuery(connection.majorVersion())));
    if (rows.size() != 1 || rows[0].size() != 4)
        return fail(ErrorCode::Incompatible, "the server does not say how far it is");
    const Row& row = rows[0];
    InstanceStatus status;
    status.state = row[0] == "running"  ? InstanceState::Running
                   : row[0] == "paused" ? InstanceState::Paused
                                        : InstanceState::Recovering;
    if (row[1]) {
        SALVOR_TRY(status.replayLsn, model::parseLsn(*row[1]));
    }
    if (const auto microseconds = parseUnsigned(row[2].value_or("")))
        status.lastCommitAt =
            Moment(std::chrono::microseconds(static_cast<std::int64_t>(*microseconds)));
    if (const auto timeline = parseUnsigned(row[3].value_or("")); timeline && *timeline > 0)
        status.timeline = static_cast<model::TimelineId>(*timeline);
    return status;
}

/// What the control file says of a copy that is down.
InstanceStatus downStatus(const ControlFile& control)
{
    InstanceStatus status;
    status.state = InstanceState::Stopped;
    const bool inRecovery = control.state == ClusterState::ShutDownInRecovery
                            || control.state == ClusterState::InArchiveRecovery;
    status.replayLsn = inRecovery ? control.minRecoveryPoint : control.checkpoint;
    status.timeline = inRecovery ? control.minRecoveryTimeline : control.checkpointTimeline;
    return status;
}

/// Follows a server through its recovery until it is where it was to come to.
class Watch {
public:
    Watch(const Instance& instance, JobContext& job)
        : m_instance(instance)
        , m_job(job)
    {
        struct stat log {};
        if (::stat(logFile(instance).c_str(), &log) == 0)
            m_logStart = static_cast<ByteCount>(log.st_size);
    }

    Result<> launch(const Settings& fence);
    /// A promotion leaves a pause behind; everything else ends with one.
    enum class Until { PausedOrRunning, Running };
    Result<InstanceStatus> wait(Until until);
    Result<> connectAndProve();
    Connection& connection() { return *m_connection; }

private:
    Result<InstanceStatus> ended();
    Result<std::optional<InstanceStatus>> look();
    void report(const InstanceStatus& status);

    const Instance& m_instance;
    JobContext& m_job;
    ByteCount m_logStart = 0;
    std::optional<Connection> m_connection;
    std::chrono::steady_clock::time_point m_answered = std::chrono::steady_clock::now();
    std::uint64_t m_replayed = 0;
    std::chrono::steady_clock::time_point m_moved = std::chrono::steady_clock::now();
};

Result<> Watch::launch(const Settings& fence)
{
    // A short wait only: pg_ctl notices a server that ends at once, and replay may take hours.
    SALVOR_TRY(const CommandResult result,
               runPgCtl(m_instance, {"start", "-w", "-t", "2", "-s", "-l", "server.log", "-o",
                                     commandLineOf(fence)}));
    if (result.status == 0 || result.errors.find("did not start in time") != std::string::npos)
        return {};
    SALVOR_TRY(const ControlFile control, checkIdentity(m_instance));
    // A recovery that ends with a shutdown at its target is over before pg_ctl looks.
    if (control.state == ClusterState::ShutDownInRecovery)
        return {};
    return fail(ErrorCode::NotReady,
                "the copy '" + m_instance.name
                    + "' did not start: " + lastWords(m_instance, m_logStart),
                "The whole log is " + logFile(m_instance).native() + ".");
}

Result<InstanceStatus> Watch::ended()
{
    SALVOR_TRY(const ControlFile control, checkIdentity(m_instance));
    const std::string words = lastWords(m_instance, m_logStart);
    if (control.state == ClusterState::ShutDownInRecovery
        && words.find("FATAL:") == std::string::npos)
        return downStatus(control);
    return fail(ErrorCode::NotReady, "the copy '" + m_instance.name + "' ended: " + words,
                "The whole log is " + logFile(m_instance).native() + ".");
}

Result<> Watch::connectAndProve()
{
    SALVOR_TRY(Connection connection, connect(m_instance, m_job.stop));
    SALVOR_CHECK(prove(connection, m_instance));
    m_connection = std::move(connection);
    return {};
}

/// One look; nothing while there is nothing to see.
Result<std::optional<InstanceStatus>> Watch::look()
{
    using Seen = std::optional<InstanceStatus>;
    if (!m_connection) {
        const auto connected = connectAndProve();
        const auto now = std::chrono::steady_clock::now();
        if (connected.ok() || connected.error().message.find("57P03") != std::string::npos) {
            m_answered = now;
        } else if (connected.error().code != ErrorCode::Unavailable
                   || now - m_answered > silenceLimit) {
            return connected.error();
        }
        if (!connected.ok())
            return Seen();
    }
    auto status = ask(*m_connection);
    if (status.ok())
        return Seen(*std::move(status));
    // Promotion between two functions of one query, or the server went: look again.
    if (status.error().code == ErrorCode::Unavailable)
        m_connection.reset();
    else if (status.error().code != ErrorCode::NotReady)
        return std::move(status).error();
    return Seen();
}

void Watch::report(const InstanceStatus& status)
{
    const std::uint64_t replayed = status.replayLsn ? value(*status.replayLsn) : 0;
    const auto now = std::chrono::steady_clock::now();
    if (replayed > m_replayed) {
        if (m_replayed != 0)
            m_job.progress.add(replayed - m_replayed);
        m_replayed = replayed;
        m_moved = now;
    } else if (now - m_moved > 1min) {
        m_job.events.warning("Replay has not moved for a minute; it stands at "
                             + model::formatLsn(model::Lsn{m_replayed}) + ".");
        m_moved = now;
    }
}

Result<InstanceStatus> Watch::wait(Until until)
{
    m_job.phase("replay WAL", 0);
    std::chrono::milliseconds pause = firstLookAfter;
    while (true) {
        SALVOR_CHECK(m_job.proceed());
        SALVOR_TRY(const bool running, isRunning(m_instance));
        if (!running)
            return ended();
        SALVOR_TRY(const std::optional<InstanceStatus> status, look());
        if (status) {
            report(*status);
            if (status->state == InstanceState::Running
                || (status->state == InstanceState::Paused && until == Until::PausedOrRunning))
                return *status;
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(m_connection ? firstLookAfter * 2 : pause * 3 / 2, laterLooksEvery);
    }
}

/// Opens the way to a copy that runs, or says why there is none.
Result<> reach(const Instance& instance, Watch& watch)
{
    SALVOR_CHECK(checkIdentity(instance));
    SALVOR_TRY(const bool running, isRunning(instance));
    if (!running)
        return fail(ErrorCode::NotReady, "the copy '" + instance.name + "' does not run");
    return watch.connectAndProve();
}

} // namespace

Result<InstanceStatus> startInstance(const Instance& instance, const Settings& fence,
                                     JobContext& job)
{
    SALVOR_TRY(const SystemUser owner, ownerOf(instance));
    SALVOR_CHECK(checkIdentity(instance));
    SALVOR_TRY(const bool running, isRunning(instance));
    if (running)
        return fail(ErrorCode::NotReady,
                    "a server already runs on " + quoted(instance.dataDirectory));
    SALVOR_CHECK(writeConfiguration(instance, fence, owner));
    SALVOR_CHECK(job.proceed());
    Watch watch(instance, job);
    SALVOR_CHECK(watch.launch(fence));
    auto status = watch.wait(Watch::Until::PausedOrRunning);
    if (!status.ok()) {
        // What was started and is not what was wanted does not stay behind.
        JobContext end{{}, job.progress, job.events};
        const auto stopped = stopInstance(instance, end);
        if (!stopped.ok())
            job.events.warning("The copy could not be stopped: " + stopped.error().message + ".");
    }
    return status;
}

Result<InstanceStatus> instanceStatus(const Instance& instance)
{
    auto control = checkIdentity(instance);
    if (!control.ok() && control.error().code == ErrorCode::NotFound)
        return InstanceStatus{InstanceState::Gone, {}, {}, {}};
    if (!control.ok())
        return std::move(control).error();
    SALVOR_TRY(const bool running, isRunning(instance));
    if (!running)
        return downStatus(*control);
    auto connection = connect(instance, {});
    if (!connection.ok()) {
        if (connection.error().code == ErrorCode::NotReady
            || connection.error().code == ErrorCode::Unavailable)
            return InstanceStatus{InstanceState::Recovering, {}, {}, {}};
        return std::move(connection).error();
    }
    SALVOR_CHECK(prove(*connection, instance));
    return ask(*connection);
}

Result<std::optional<HistoryEntry>> lastSwitch(const Instance& instance)
{
    using Switch = std::optional<HistoryEntry>;
    SALVOR_TRY(const InstanceStatus status, instanceStatus(instance));
    if (!status.timeline || value(*status.timeline) < 2)
        return Switch();
    const Path file = instance.dataDirectory / "pg_wal" / model::historyFileName(*status.timeline);
    SALVOR_TRY(const std::string text, readTextFile(file, ByteCount{1} << 20U));
    SALVOR_TRY(std::vector<HistoryEntry> entries, parseHistoryFile(text).in(quoted(file)));
    if (entries.empty())
        return Switch();
    return Switch(std::move(entries.back()));
}

Result<InstanceStatus> promoteInstance(const Instance& instance, JobContext& job)
{
    Watch watch(instance, job);
    SALVOR_CHECK(reach(instance, watch));
    SALVOR_TRY(const InstanceStatus before, ask(watch.connection()));
    if (before.state == InstanceState::Running)
        return before;
    SALVOR_CHECK(watch.connection().value("SELECT pg_promote(false)::text", {}, job.stop));
    return watch.wait(Watch::Until::Running);
}

Result<InstanceStatus> resumeInstance(const Instance& instance, JobContext& job)
{
    Watch watch(instance, job);
    SALVOR_CHECK(reach(instance, watch));
    SALVOR_TRY(const InstanceStatus before, ask(watch.connection()));
    if (before.state != InstanceState::Paused)
        return fail(ErrorCode::NotReady, "the copy '" + instance.name + "' is not paused: it is "
                                             + std::string(instanceStateName(before.state)));
    SALVOR_CHECK(watch.connection().query("SELECT pg_wal_replay_resume()", {}, job.stop));
    return watch.wait(Watch::Until::PausedOrRunning);
}

Result<> stopInstance(const Instance& instance, JobContext& job)
{
    SALVOR_CHECK(checkIdentity(instance));
    SALVOR_TRY(bool running, isRunning(instance));
    if (!running)
        return {};
    SALVOR_TRY(const CommandResult result, runPgCtl(instance, {"stop", "-W", "-s", "-m", "fast"}));
    while (running) {
        SALVOR_CHECK(job.proceed());
        std::this_thread::sleep_for(50ms);
        SALVOR_TRY(running, isRunning(instance));
        if (running && result.status != 0)
            return fail(ErrorCode::NotReady, "the copy '" + instance.name + "' does not stop: "
                                                 + std::string(trim(result.errors)));
    }
    return {};
}

} // namespace salvor::postgres
