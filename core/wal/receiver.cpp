#include "core/wal/receiver.h"

#include "core/base/text.h"
#include "core/postgres/backup_label.h"
#include "core/postgres/base_backup.h"
#include "core/postgres/wal_feed.h"
#include "core/wal/archive.h"
#include "core/wal/wal_keeper.h"

#include <algorithm>
#include <poll.h>

namespace salvor::wal {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using model::Lsn;
using model::TimelineId;
using postgres::Connection;
using postgres::FeedMessage;
using postgres::WalFeed;
using repository::Repository;

constexpr auto reportEvery = 2s;
constexpr auto silenceLimit = 1min;
/// For what came before a connection was lost or a stop was requested.
constexpr auto drainLimit = 1min;
constexpr std::chrono::milliseconds longestPause = 30s;

std::string numberOf(TimelineId timeline)
{
    return std::to_string(value(timeline));
}

Error slotMissing(const ReceiveRequest& request)
{
    return fail(ErrorCode::NotFound,
                "the server has no replication slot '" + request.slot
                    + "', so it keeps no WAL for the repository",
                "Make it with 'salvorctl receive-wal " + request.cluster
                    + " --create-slot', start receive-wal, and take a backup: WAL since the slot "
                      "was there last may be missing.");
}

std::string anew(const ReceiveRequest& request)
{
    return "Run 'salvorctl receive-wal " + request.cluster
           + "' with --drop-slot, then with --create-slot, start it again and take a backup.";
}

Error walGone(const ReceiveRequest& request, Error error)
{
    error.message += ": the server does not have the WAL any more that the slot '" + request.slot
                     + "' should keep";
    error.hint = anew(request);
    return error;
}

/// Where a run of the stream begins.
struct Place {
    TimelineId timeline{};
    Lsn at{};     ///< Start of a segment.
    Lsn beyond{}; ///< Where the timeline left its parent.
};

/// What the server says of itself.
struct Ground {
    model::Incarnation incarnation;
    TimelineId timeline{};
    Lsn end{};
    std::vector<postgres::HistoryEntry> history;

    [[nodiscard]] Place placeOf(Lsn lsn) const
    {
        const ByteCount size = incarnation.identity.segmentSize;
        const Lsn start{value(lsn) / size * size};
        Lsn beyond{};
        for (const auto& entry : history) {
            if (lsn < entry.switchedAt)
                return {entry.timeline, start, beyond};
            beyond = entry.switchedAt;
        }
        return {timeline, start, beyond};
    }
};

/// Follows a server until the job is stopped; one session after the other.
class Receiver {
public:
    Receiver(const ReceiveRequest& request, const Repository& repository, JobContext& job)
        : m_request(request)
        , m_repository(repository)
        , m_job(job)
    {}
    [[nodiscard]] Result<Lsn> run();

private:
    [[nodiscard]] Result<> session();
    [[nodiscard]] Result<Ground> lookAtServer(Connection& replication);
    [[nodiscard]] Result<Place> choosePlace(const Ground& ground);
    [[nodiscard]] Result<std::optional<Lsn>> archiveEnd(const Ground& ground);
    [[nodiscard]] Result<> pushHistory(Connection& replication, const Ground& ground,
                                       TimelineId timeline);
    [[nodiscard]] Result<std::optional<Place>> follow(Connection& replication, const Ground& ground,
                                                      const Place& place);
    [[nodiscard]] Result<WalFeed> startFeed(Connection& replication, const Place& place);
    [[nodiscard]] Result<> pump(WalFeed& feed, WalKeeper& keeper);
    [[nodiscard]] Result<> takeOne(WalFeed& feed, WalKeeper& keeper);
    [[nodiscard]] Error final(Error error);
    void told(const Place& place);
    void pause();

    const ReceiveRequest& m_request;
    const Repository& m_repository;
    JobContext& m_job;
    Lsn m_stored{};
    bool m_isFinal = false;     ///< The error that ended the session would come again.
    bool m_olderIsGone = false; ///< The server has no WAL from before the slot.
    bool m_startsEarly = false; ///< This session asked for such WAL.
    bool m_hasReceived = false; ///< In this session.
    bool m_isGone = false;      ///< The server said that it has not got the WAL that was asked for.
    Lsn m_slotAt{};             ///< What the slot keeps begins here.
    bool m_hasUnstored = false; ///< What came was not stored when the job was stopped.
    std::string m_lastWarning;
    std::chrono::milliseconds m_pause{};
};

Error Receiver::final(Error error)
{
    m_isFinal = true;
    return error;
}

Result<Ground> Receiver::lookAtServer(Connection& replication)
{
    Ground ground;
    SALVOR_TRY(const auto identity, postgres::identityOf(replication));
    // A repository that is away may come back; another cluster's will not become this one's.
    SALVOR_TRY([[maybe_unused]] const auto there, Repository::probe(m_repository.driver()));
    auto pinned = m_repository.pin(m_request.cluster, identity);
    if (!pinned.ok() && !pinned.error().isRetryable())
        return final(std::move(pinned).error());
    SALVOR_TRY(ground.incarnation, std::move(pinned));
    SALVOR_TRY(const auto rows, replication.query("IDENTIFY_SYSTEM", {}, m_job.stop));
    if (rows.size() != 1 || rows[0].size() < 3 || !rows[0][1] || !rows[0][2])
        return fail(ErrorCode::Incompatible, "the server does not say which timeline it is on");
    const auto timeline = parseUnsigned(*rows[0][1]);
    SALVOR_TRY(ground.end, model::parseLsn(*rows[0][2]));
    ground.timeline = TimelineId{static_cast<std::uint32_t>(timeline.value_or(0))};
    if (value(ground.timeline) > 1) {
        SALVOR_TRY(const std::string text, postgres::timelineHistory(replication, ground.timeline));
        SALVOR_TRY(ground.history, postgres::parseHistoryFile(text));
    }
    for (const auto& ancestor : ground.history)
        SALVOR_CHECK(pushHistory(replication, ground, ancestor.timeline));
    SALVOR_CHECK(pushHistory(replication, ground, ground.timeline));
    return ground;
}

/// Before any WAL of that timeline, so that whatever is in the repository can be followed.
Result<> Receiver::pushHistory(Connection& replication, const Ground& ground, TimelineId timeline)
{
    if (value(timeline) <= 1)
        return {};
    const auto text = postgres::timelineHistory(replication, timeline);
    // An ancestor's may have been removed; the newest one's says all that it said.
    if (!text.ok() && timeline != ground.timeline && text.error().code == ErrorCode::NotFound)
        return {};
    if (!text.ok())
        return text.error();
    auto pushed = m_repository.pushWalFile(ground.incarnation, model::historyFileName(timeline),
                                           asBytes(*text));
    if (!pushed.ok() && pushed.error().code == ErrorCode::AlreadyExists)
        return final(std::move(pushed).error());
    return pushed.ok() ? Result<>() : Result<>(std::move(pushed).error());
}

/// The end of what the repository has from its newest backup on.
Result<std::optional<Lsn>> Receiver::archiveEnd(const Ground& ground)
{
    SALVOR_TRY(auto path, timelinePath(m_repository, ground.incarnation, ground.timeline));
    SALVOR_TRY(const auto segments,
               PathSegments::list(m_repository, ground.incarnation, std::move(path)));
    SALVOR_TRY(const auto backups, m_repository.backups(m_request.cluster));
    const auto newest =
        std::find_if(backups.rbegin(), backups.rend(), [&](const model::Backup& backup) {
            return backup.incarnation.number == ground.incarnation.number
                   && segments.path().contains(backup.timeline, backup.startLsn);
        });
    if (newest == backups.rend())
        return std::optional<Lsn>();
    return std::optional(segments.continuousEnd(value(newest->startLsn) / segments.segmentSize()));
}

/// From the slot's position on nothing can be missing. When the repository ends before it, the
/// server may still have what lies between.
Result<Place> Receiver::choosePlace(const Ground& ground)
{
    SALVOR_TRY(auto connection, connectFor(m_request, Connection::Kind::Normal, m_job.stop));
    SALVOR_TRY(const auto slot, slotState(connection, m_request.slot, m_job.stop));
    if (!slot)
        return final(slotMissing(m_request));
    if (!slot->isPhysical)
        return final(fail(ErrorCode::InvalidInput,
                          "the replication slot '" + m_request.slot + "' is a logical one",
                          "Name another one with receive-slot in the configuration."));
    if (slot->walStatus == "lost")
        return final(fail(ErrorCode::NotReady,
                          "the replication slot '" + m_request.slot
                              + "' has lost WAL that was not stored yet: it was further behind "
                                "than max_slot_wal_keep_size",
                          anew(m_request)));
    const Lsn restart = slot->restart.value_or(ground.end);
    SALVOR_TRY(const auto end, archiveEnd(ground));
    if (end && *end > ground.end)
        return fail(ErrorCode::NotReady,
                    "the repository has WAL of this timeline up to " + model::formatLsn(*end)
                        + ", and the server only up to " + model::formatLsn(ground.end)
                        + ": it lags, or was put back to an earlier state",
                    "A server that was put back must be promoted to a timeline of its own.");
    const Place usual = ground.placeOf(restart);
    m_slotAt = restart;
    m_startsEarly = end && *end < usual.at && !m_olderIsGone;
    if (end && *end < usual.at && m_olderIsGone)
        m_job.events.warning("The server has no WAL from " + model::formatLsn(*end) + " to "
                             + model::formatLsn(usual.at)
                             + " any more, and the repository has not got it: take a backup.");
    return m_startsEarly ? ground.placeOf(*end) : usual;
}

void Receiver::told(const Place& place)
{
    m_job.events.note("Receiving WAL of timeline " + numberOf(place.timeline) + " from "
                      + model::formatLsn(place.at) + " on, through the replication slot '"
                      + m_request.slot + "'.");
}

Result<> Receiver::session()
{
    m_isFinal = m_startsEarly = m_hasReceived = m_isGone = false;
    SALVOR_TRY(auto replication, connectFor(m_request, Connection::Kind::Replication, m_job.stop));
    SALVOR_TRY(Ground ground, lookAtServer(replication));
    SALVOR_TRY(Place place, choosePlace(ground));
    while (true) {
        SALVOR_TRY(const auto next, follow(replication, ground, place));
        if (!next)
            return {};
        m_job.events.note("The server went on from timeline " + numberOf(place.timeline) + " to "
                          + numberOf(next->timeline) + " at " + model::formatLsn(next->beyond)
                          + ".");
        ground.timeline = next->timeline;
        SALVOR_CHECK(pushHistory(replication, ground, next->timeline));
        place = *next;
    }
}

Result<WalFeed> Receiver::startFeed(Connection& replication, const Place& place)
{
    auto feed = WalFeed::start(replication, {m_request.slot, place.timeline, place.at, m_slotAt});
    m_isGone = !feed.ok() && feed.error().code == ErrorCode::NotFound;
    return feed;
}

/// One timeline, until it ends (then where it goes on) or the job is stopped.
Result<std::optional<Place>> Receiver::follow(Connection& replication, const Ground& ground,
                                              const Place& place)
{
    const ByteCount size = ground.incarnation.identity.segmentSize;
    SALVOR_TRY(WalFeed feed, startFeed(replication, place));
    told(place);
    WalKeeper keeper({m_repository, ground.incarnation, m_job.events, m_request.interval},
                     model::segmentOf(place.timeline, place.at, size), place.beyond);
    Result<> pumped = pump(feed, keeper);
    // Whatever ended it, and be it the end of the server: what came is worth keeping.
    const bool drained = keeper.drain(drainLimit);
    m_stored = keeper.stored();
    m_hasUnstored = !drained;
    if (const auto failure = keeper.failure())
        return final(*failure);
    if (!pumped.ok()) {
        m_isGone = pumped.error().code == ErrorCode::NotFound;
        return std::move(pumped).error();
    }
    if (m_job.stop.stop_requested()) {
        SALVOR_CHECK(feed.report(m_stored, WalFeed::Reply::NotNeeded));
        return std::optional<Place>();
    }
    if (!drained)
        return fail(ErrorCode::Unavailable, "the end of a timeline could not be stored yet");
    // Where it fails, the end of the stream says why.
    [[maybe_unused]] const auto reported = feed.report(m_stored, WalFeed::Reply::NotNeeded);
    const auto finished = feed.finish(m_job.stop);
    m_isGone = !finished.ok() && finished.error().code == ErrorCode::NotFound;
    SALVOR_TRY(const auto next, finished);
    if (!next)
        return fail(ErrorCode::Unavailable, "the server ended the stream");
    return std::optional(Place{next->timeline, Lsn{value(next->at) / size * size}, next->at});
}

/// Until the server ends the stream or the job is stopped.
Result<> Receiver::pump(WalFeed& feed, WalKeeper& keeper)
{
    Lsn reported{};
    while (!m_job.stop.stop_requested() && !feed.isOver()) {
        if (keeper.failure())
            return {};
        keeper.heard();
        const Lsn stored = keeper.stored();
        const bool isQuiet = Clock::now() - feed.lastReport() > reportEvery;
        if (stored > reported || isQuiet)
            SALVOR_CHECK(
                feed.report(stored, isQuiet ? WalFeed::Reply::Wanted : WalFeed::Reply::NotNeeded));
        reported = stored;
        SALVOR_CHECK(takeOne(feed, keeper));
    }
    return {};
}

Result<> Receiver::takeOne(WalFeed& feed, WalKeeper& keeper)
{
    constexpr auto step = 200ms;
    if (keeper.isFull()) { // The server waits; reports keep it from giving us up.
        pollfd waited{keeper.wake(), POLLIN, 0};
        ::poll(&waited, 1, static_cast<int>(std::chrono::milliseconds(step).count()));
        return {};
    }
    SALVOR_TRY(const FeedMessage message, feed.next(step, keeper.wake()));
    if (message.kind == FeedMessage::Kind::Wal) {
        keeper.add(message.wal);
        m_job.progress.add(message.wal.size());
        m_hasReceived = true;
        m_pause = {};
        m_lastWarning.clear();
    } else if (message.kind == FeedMessage::Kind::Alive && message.isQuestion) {
        keeper.hurry();
    } else if (message.kind == FeedMessage::Kind::None
               && Clock::now() - feed.lastHeard() > silenceLimit) {
        return fail(ErrorCode::Unavailable, "the server that sends WAL is silent");
    }
    return {};
}

void Receiver::pause()
{
    m_pause = std::clamp<std::chrono::milliseconds>(m_pause * 2, 250ms, longestPause);
    const auto until = Clock::now() + m_pause;
    while (Clock::now() < until && !m_job.stop.stop_requested())
        std::this_thread::sleep_for(50ms);
}

Result<Lsn> Receiver::run()
{
    m_job.phase("receive WAL", 0);
    while (true) {
        Result<> ended = session();
        if (m_isFinal)
            return std::move(ended).error();
        if (m_job.stop.stop_requested())
            break;
        const Error error = std::move(ended).error();
        // What lies before the slot may go at any time, also while it is being sent.
        if (m_isGone && m_startsEarly) {
            m_olderIsGone = true;
            continue;
        }
        if (m_isGone && !m_hasReceived)
            return walGone(m_request, error);
        if (!error.isRetryable() && error.code != ErrorCode::NotReady
            && error.code != ErrorCode::NotFound)
            return error;
        if (m_lastWarning != error.message)
            m_job.events.warning("WAL is not received: " + error.message + ". Trying again.");
        m_lastWarning = error.message;
        pause();
    }
    if (m_hasUnstored)
        return fail(ErrorCode::Unavailable,
                    "stopped, but the last WAL that came could not be stored: the repository has "
                    "it up to "
                        + model::formatLsn(m_stored),
                    "The server keeps the rest for the slot; start receive-wal again.");
    return m_stored;
}

} // namespace

Result<Lsn> receiveWal(const ReceiveRequest& request, const Repository& repository, JobContext& job)
{
    return Receiver(request, repository, job).run();
}

} // namespace salvor::wal
