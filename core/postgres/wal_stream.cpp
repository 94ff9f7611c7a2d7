#include "core/postgres/base_backup.h"
#include "core/postgres/connection_native.h"
#include "core/postgres/wal_feed.h"

#include <algorithm>

namespace salvor::postgres {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto statusEvery = 5s;
constexpr auto silenceLimit = 2min;

bool isSlotName(const std::string& name)
{
    return !name.empty() && name.size() < 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

/// Cuts what comes into segments.
class Stream {
public:
    Stream(WalFeed feed, model::Segment first, ByteCount segmentSize,
           const SegmentReceiver& receive)
        : m_feed(std::move(feed))
        , m_segment(first)
        , m_segmentSize(segmentSize)
        , m_receive(receive)
    {
        m_bytes.reserve(segmentSize);
    }

    Result<> run(const std::function<std::optional<model::Lsn>()>& until,
                 const std::stop_token& stop);

private:
    [[nodiscard]] model::Lsn flushed() const
    {
        return model::segmentStart(m_segment, m_segmentSize);
    }
    Result<> takeOne();
    Result<> takeWal(ByteView wal);
    Result<> deliver();
    Result<bool> isComplete(std::optional<model::Lsn> until);
    Result<> failEarlyEnd(const std::stop_token& stop);

    WalFeed m_feed;
    model::Segment m_segment; ///< The one being filled; the receiver has all before it.
    ByteCount m_segmentSize;
    const SegmentReceiver& m_receive;
    Bytes m_bytes;          ///< What has come of it.
    model::Lsn m_askedAt{}; ///< Position at which "is there more?" was asked.
    int m_asked = 0;        ///< How often, since then.
    int m_answers = 0;      ///< Keepalives since then without new WAL.
};

/// A stream ends early with an error, or with the result that tells the next timeline.
Result<> Stream::failEarlyEnd(const std::stop_token& stop)
{
    SALVOR_TRY([[maybe_unused]] const auto next, m_feed.finish(stop));
    return fail(ErrorCode::NotReady,
                "the server ended timeline " + std::to_string(value(m_segment.timeline)) + " at "
                    + model::formatLsn(m_feed.position()),
                "It was promoted meanwhile: start the backup again.");
}

Result<> Stream::deliver()
{
    m_bytes.resize(m_segmentSize);
    SALVOR_CHECK(m_receive(m_segment, m_bytes));
    m_bytes.clear();
    ++m_segment.number;
    return m_feed.report(flushed(), WalFeed::Reply::NotNeeded);
}

Result<> Stream::takeWal(ByteView wal)
{
    while (!wal.empty()) {
        const std::size_t size = std::min<ByteCount>(wal.size(), m_segmentSize - m_bytes.size());
        append(m_bytes, wal.first(size));
        wal = wal.subspan(size);
        if (m_bytes.size() == m_segmentSize)
            SALVOR_CHECK(deliver());
    }
    return {};
}

/// Takes one message, or waits a little.
Result<> Stream::takeOne()
{
    SALVOR_TRY(const FeedMessage message, m_feed.next(50ms));
    if (message.kind == FeedMessage::Kind::Wal)
        return takeWal(message.wal);
    if (message.kind == FeedMessage::Kind::Alive && message.end <= m_feed.position()
        && m_answers < m_asked)
        ++m_answers;
    return {};
}

/// True when the last segment wanted was delivered. A segment the server has not filled is given
/// up only when the server has said three times that it has no more: the end of a backup on a
/// primary switches the segment, and its rest must not be replaced by zeros.
Result<bool> Stream::isComplete(std::optional<model::Lsn> until)
{
    if (!until || m_feed.position() < *until)
        return false;
    if (flushed() >= *until)
        return true;
    if (m_askedAt != m_feed.position()) {
        m_askedAt = m_feed.position();
        m_asked = 0;
        m_answers = 0;
    }
    if (m_answers >= 3) {
        SALVOR_CHECK(deliver());
        return true;
    }
    // One question after the other: between two the server looks for new WAL.
    if (m_answers == m_asked) {
        ++m_asked;
        SALVOR_CHECK(m_feed.report(flushed(), WalFeed::Reply::Wanted));
    }
    return false;
}

Result<> Stream::run(const std::function<std::optional<model::Lsn>()>& until,
                     const std::stop_token& stop)
{
    while (true) {
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        SALVOR_TRY(const bool complete, isComplete(until()));
        if (complete) {
            SALVOR_TRY([[maybe_unused]] const auto next, m_feed.finish(stop));
            return {};
        }
        if (m_feed.isOver())
            return failEarlyEnd(stop);
        if (Clock::now() - m_feed.lastHeard() > silenceLimit)
            return fail(ErrorCode::Unavailable, "the server that sends WAL is silent");
        if (Clock::now() - m_feed.lastReport() > statusEvery)
            SALVOR_CHECK(m_feed.report(flushed(), WalFeed::Reply::Wanted));
        SALVOR_CHECK(takeOne());
    }
}

Result<> checkSlotName(const std::string& name)
{
    if (isSlotName(name))
        return {};
    return fail(ErrorCode::InvalidInput, "'" + name + "' is no name of a replication slot",
                "Use lower-case letters, digits and '_', at most 63.");
}

Result<> createSlot(Connection& replication, const std::string& name, const std::string& kind)
{
    SALVOR_CHECK(checkSlotName(name));
    const bool old = replication.serverVersion() < 150000;
    auto created = replication.query("CREATE_REPLICATION_SLOT " + name + " " + kind + "PHYSICAL "
                                     + (old ? "RESERVE_WAL" : "(RESERVE_WAL)"));
    if (!created.ok())
        return std::move(created).error().in("create the replication slot '" + name + "'");
    return {};
}

} // namespace

Result<> createTemporarySlot(Connection& replication, const std::string& name)
{
    SALVOR_CHECK(createSlot(replication, name, "TEMPORARY "));
    replication.native().slot = name;
    return {};
}

Result<> createSlot(Connection& replication, const std::string& name)
{
    return createSlot(replication, name, "");
}

Result<> dropSlot(Connection& replication, const std::string& name)
{
    SALVOR_CHECK(checkSlotName(name));
    auto dropped = replication.query("DROP_REPLICATION_SLOT " + name);
    if (!dropped.ok())
        return std::move(dropped).error().in("drop the replication slot '" + name + "'");
    return {};
}

Result<std::string> timelineHistory(Connection& replication, model::TimelineId timeline)
{
    const std::string number = std::to_string(value(timeline));
    auto rows = replication.query("TIMELINE_HISTORY " + number);
    if (!rows.ok())
        return std::move(rows).error().in("read the history of timeline " + number);
    if (rows->size() != 1 || rows->front().size() != 2 || !rows->front()[1])
        return fail(ErrorCode::Incompatible, "the server gave no history of timeline " + number);
    return *rows->front()[1];
}

Result<> streamWal(Connection& replication, const WalStreamStart& from,
                   const std::function<std::optional<model::Lsn>()>& until,
                   const SegmentReceiver& receive, const std::stop_token& stop)
{
    if (replication.native().slot.empty())
        return fail(ErrorCode::Bug, "WAL is streamed through a slot, and there is none");
    // Standbys before 14 insist on it.
    SALVOR_CHECK(replication.query("IDENTIFY_SYSTEM", {}, stop));
    const model::Segment first = model::segmentOf(from.timeline, from.lsn, from.segmentSize);
    auto feed = WalFeed::start(replication, {replication.native().slot, from.timeline,
                                             model::segmentStart(first, from.segmentSize)});
    Result<> outcome =
        feed.ok() ? Stream(*std::move(feed), first, from.segmentSize, receive).run(until, stop)
                  : Result<>(std::move(feed).error());
    if (!outcome.ok())
        replication.native().lost = true;
    return outcome;
}

} // namespace salvor::postgres
