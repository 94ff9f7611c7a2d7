#include "core/restore/start_copy.h"

#include "core/base/text.h"
#include "core/postgres/backup_label.h"
#include "core/postgres/connection.h"
#include "core/postgres/control_file.h"
#include "core/postgres/instance_files.h"
#include "core/restore/places.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace salvor::restore {

namespace {

using model::AtTarget;
using model::Lsn;
using postgres::InstanceState;

constexpr const char* otherMoment =
    "Do not use this copy: it is not the moment that was asked for. Restore again, and report "
    "this with the server's log.";

/// Stops the copy even though the job itself was told to stop.
void stopAnyway(const postgres::Instance& instance, JobContext& job)
{
    Progress progress;
    JobContext own{{}, progress, job.events};
    if (const auto stopped = postgres::stopInstance(instance, own); !stopped.ok())
        job.events.warning("The copy '" + instance.name
                           + "' could not be stopped: " + stopped.error().message + ".");
}

bool isSettled(InstanceState state, AtTarget action)
{
    if (state == InstanceState::Recovering)
        return false;
    // Between the target and the end of a promotion or a shutdown the server is paused for nobody.
    return state != InstanceState::Paused || action == AtTarget::Pause;
}

Result<postgres::InstanceStatus> waitForTarget(const postgres::Instance& instance,
                                               postgres::InstanceStatus status, AtTarget action,
                                               JobContext& job)
{
    constexpr std::chrono::milliseconds step{100};
    auto moved = std::chrono::steady_clock::now();
    while (!isSettled(status.state, action)) {
        SALVOR_CHECK(job.proceed());
        std::this_thread::sleep_for(step);
        const auto before = status.replayLsn;
        SALVOR_TRY(status, postgres::instanceStatus(instance));
        // The copy has every setting that replay needs, so somebody paused it by hand.
        const auto now = std::chrono::steady_clock::now();
        if (status.state != InstanceState::Paused || status.replayLsn != before)
            moved = now;
        else if (now - moved > std::chrono::minutes(1))
            return fail(ErrorCode::NotReady,
                        "replay is paused before the target"
                            + (before ? " at " + model::formatLsn(*before) : std::string()),
                        "Somebody else paused it: 'salvorctl instance resume " + instance.name
                            + "' lets it go on. The server's log may say more.");
    }
    return status;
}

Error wrongPlace(const std::string& reached, Lsn planned)
{
    return fail(ErrorCode::Corrupt,
                "replay stopped at " + reached + ", planned was " + model::formatLsn(planned),
                otherMoment);
}

Result<> compare(const model::RestorePlan& plan, Lsn reached)
{
    if (plan.target.replayEnd && !isSamePlace(reached, *plan.target.replayEnd))
        return wrongPlace(model::formatLsn(reached), *plan.target.replayEnd);
    return {};
}

/// The newest timeline that pg_wal has a history file of.
std::optional<model::TimelineId> newestTimeline(const Path& dataDirectory)
{
    std::optional<model::TimelineId> newest;
    std::error_code error;
    for (auto at = std::filesystem::directory_iterator(dataDirectory / "pg_wal", error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        const std::string name = at->path().filename().native();
        if (model::walFileKind(name) != model::WalFileKind::History)
            continue;
        const auto number = parseHexNumber(name.substr(0, 8));
        if (number && (!newest || *number > model::value(*newest)))
            newest = static_cast<model::TimelineId>(*number);
    }
    return newest;
}

Result<> judgePromoted(const model::RestorePlan& plan, const postgres::Instance& instance,
                       model::RestoreOutcome& outcome)
{
    const auto timeline = newestTimeline(instance.dataDirectory);
    if (!timeline || model::value(*timeline) <= model::value(plan.target.timeline))
        return fail(ErrorCode::Corrupt, "the copy was promoted without a timeline of its own",
                    otherMoment);
    SALVOR_TRY(const std::string text,
               readTextFile(instance.dataDirectory / "pg_wal" / model::historyFileName(*timeline)));
    SALVOR_TRY(const auto history, postgres::parseHistoryFile(text));
    if (history.empty() || history.back().timeline != plan.target.timeline)
        return fail(ErrorCode::Corrupt,
                    "the copy left another timeline than "
                        + std::to_string(model::value(plan.target.timeline)),
                    otherMoment);
    outcome.timeline = timeline;
    outcome.reachedLsn = history.back().switchedAt;
    return compare(plan, history.back().switchedAt);
}

Result<> judgePaused(const model::RestorePlan& plan, const postgres::InstanceStatus& status,
                     model::RestoreOutcome& outcome)
{
    outcome.timeline = status.timeline;
    outcome.reachedLsn = status.replayLsn;
    if (!status.replayLsn)
        return fail(ErrorCode::Corrupt, "the paused copy does not say how far it replayed",
                    otherMoment);
    return compare(plan, *status.replayLsn);
}

Result<> judgeShutDown(const model::RestorePlan& plan, const postgres::Instance& instance,
                       model::RestoreOutcome& outcome)
{
    SALVOR_TRY(const auto control, postgres::readControlFile(instance.dataDirectory));
    if (control.state != postgres::ClusterState::ShutDownInRecovery)
        return fail(ErrorCode::NotReady, "the copy did not shut down in recovery",
                    "Look into the server's log.");
    const auto log = readTextFile(postgres::logFile(instance), ByteCount{1} << 30U);
    if (!log.ok() || log->find("shutdown at recovery target") == std::string::npos)
        return fail(ErrorCode::NotReady, "the copy was shut down before it came to its target",
                    "Restore again, and leave it running until it has ended.");
    outcome.reachedLsn = control.minRecoveryPoint;
    outcome.timeline = control.minRecoveryTimeline;
    // What was flushed by then is a lower bound of what was replayed.
    if (plan.target.replayEnd && control.minRecoveryPoint > *plan.target.replayEnd)
        return compare(plan, control.minRecoveryPoint);
    return {};
}

Result<> judge(const model::RestorePlan& plan, const postgres::Instance& instance,
               const postgres::InstanceStatus& status, model::RestoreOutcome& outcome)
{
    const auto expected = [&] {
        switch (plan.action) {
        case AtTarget::Pause:
            return InstanceState::Paused;
        case AtTarget::Promote:
            return InstanceState::Running;
        case AtTarget::Shutdown:
            break;
        }
        return InstanceState::Stopped;
    }();
    if (status.state != expected)
        return fail(ErrorCode::NotReady,
                    "the copy is " + std::string(postgres::instanceStateName(status.state))
                        + ", expected was " + std::string(postgres::instanceStateName(expected)),
                    "Look into the server's log, then restore again.");
    if (plan.action == AtTarget::Shutdown)
        return judgeShutDown(plan, instance, outcome);
    // The position alone is compared: stopping at an LSN, the server does not count the commit of
    // that record into pg_last_xact_replay_timestamp().
    return plan.action == AtTarget::Promote ? judgePromoted(plan, instance, outcome)
                                            : judgePaused(plan, status, outcome);
}

Result<> probe(const postgres::Instance& instance, JobContext& job)
{
    SALVOR_TRY(auto connection,
               postgres::Connection::open(postgres::connectionString(instance),
                                          postgres::Connection::Kind::Normal, job.stop));
    SALVOR_TRY(const std::string relations,
               connection.value("SELECT count(*) FROM pg_class", {}, job.stop));
    SALVOR_TRY(const std::string now, connection.value("SELECT now()", {}, job.stop));
    job.events.note("The copy '" + instance.name + "' answered at " + now + ": " + relations
                    + " relations.");
    return {};
}

Result<> startAndJudge(const model::RestorePlan& plan, const postgres::Instance& instance,
                       const postgres::Settings& fence, model::RestoreOutcome& outcome,
                       JobContext& job)
{
    SALVOR_TRY(auto status, postgres::startInstance(instance, fence, job));
    SALVOR_TRY(status, waitForTarget(instance, status, plan.action, job));
    SALVOR_CHECK(judge(plan, instance, status, outcome));
    outcome.state = model::RestoreState::Reached;
    outcome.lastCommitAt =
        plan.target.lastCommitAt ? plan.target.lastCommitAt : status.lastCommitAt;
    if (plan.action == AtTarget::Shutdown) {
        outcome.warnings.emplace_back("The copy was shut down at the target: it was not asked "
                                      "anything. It shuts down again after each start until "
                                      "'recovery_target_action' is changed.");
        return {};
    }
    SALVOR_CHECK(probe(instance, job));
    outcome.state = model::RestoreState::Answered;
    return {};
}

std::string expand(const std::string& command, const std::string& file, const std::string& path)
{
    std::string text;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char next = i + 1 < command.size() ? command[i + 1] : '\0';
        if (command[i] != '%' || std::string_view("fp%r").find(next) == std::string_view::npos) {
            text += command[i];
            continue;
        }
        ++i;
        text += next == 'f' ? file : next == 'p' ? path : next == 'r' ? file : std::string("%");
    }
    return text;
}

std::string lastLines(const std::string& text)
{
    const std::string_view whole = trim(text);
    constexpr std::size_t longest = 400;
    return std::string(whole.size() > longest ? whole.substr(whole.size() - longest) : whole);
}

} // namespace

bool isSamePlace(Lsn a, Lsn b) noexcept
{
    constexpr std::uint64_t walPage = 8192;
    constexpr std::uint64_t longestHeader = 40;
    const std::uint64_t low = std::min(model::value(a), model::value(b));
    const std::uint64_t high = std::max(model::value(a), model::value(b));
    return low == high || (low % walPage == 0 && high - low <= longestHeader);
}

Result<int> freePort()
{
    const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (!socket.isOpen() || ::bind(socket.get(), plain, size) != 0
        || ::getsockname(socket.get(), plain, &size) != 0)
        return failErrno(errno, "cannot find a free port");
    return int{ntohs(address.sin_port)};
}

Result<> tryRestoreCommand(const model::RestorePlan& plan, const std::string& restoreCommand,
                           ByteView controlFile, const std::optional<SystemUser>& owner,
                           JobContext& job)
{
    if (plan.walNeeded.empty())
        return {};
    const model::WalRange& first = plan.walNeeded.front();
    const ByteCount segmentSize = plan.backup.incarnation.identity.segmentSize;
    SALVOR_TRY(const std::string name,
               model::segmentName({first.timeline, first.firstSegment}, segmentSize));
    SALVOR_TRY(const TemporaryDirectory folder, TemporaryDirectory::create());
    SALVOR_CHECK(createDirectories(folder.path() / "global"));
    SALVOR_CHECK(writeFileDurably(folder.path() / "global" / "pg_control", controlFile));
    for (const Path& path :
         {folder.path(), folder.path() / "global", folder.path() / "global" / "pg_control"})
        SALVOR_CHECK(giveTo(path, owner));
    const Path fetched = folder.path() / name;
    Command command;
    command.argv = {"/bin/sh", "-c", expand(restoreCommand, name, fetched.native())};
    command.directory = folder.path();
    command.user = owner;
    SALVOR_TRY(const CommandResult result, runCommand(command, job.stop));
    std::error_code error;
    const auto size = std::filesystem::file_size(fetched, error);
    if (result.status == 0 && !error && size == segmentSize)
        return {};
    return fail(ErrorCode::NotReady,
                "the server could not fetch WAL '" + name + "' as '" + plan.owner
                    + "': " + restoreCommand + " ended with status " + std::to_string(result.status)
                    + ": " + lastLines(result.errors),
                "Let '" + plan.owner
                    + "' read the configuration, the key and the repository. Nothing was "
                      "written.");
}

Result<> startCopy(const model::RestorePlan& plan, const postgres::Instance& instance,
                   const postgres::Settings& fence, model::RestoreOutcome& outcome, JobContext& job)
{
    job.phase("replay", 0);
    outcome.instance = instance.name;
    outcome.port = instance.port;
    outcome.socketDirectory = instance.socketDirectory.native();
    auto done = startAndJudge(plan, instance, fence, outcome, job);
    if (done.ok())
        return {};
    const Error& error = done.error();
    if (error.code == ErrorCode::Cancelled || error.code == ErrorCode::Corrupt)
        stopAnyway(instance, job);
    if (error.code == ErrorCode::Cancelled)
        return fail(ErrorCode::Cancelled, "stopped on request during replay",
                    "The files in '" + plan.destination
                        + "' are whole and the copy is stopped; 'salvorctl instance remove "
                        + instance.name + "' removes it.");
    return std::move(done).error();
}

} // namespace salvor::restore
