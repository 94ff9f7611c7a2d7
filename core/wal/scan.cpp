#include "core/wal/archive.h"
#include "core/wal/segment_fetcher.h"

namespace salvor::wal {
namespace {

using model::Lsn;
using postgres::WalRecord;

constexpr std::uint8_t xlogManager = 0;
constexpr std::uint8_t infoMask = 0xf0;
constexpr std::uint8_t shutdownCheckpoint = 0x00;
constexpr std::uint8_t onlineCheckpoint = 0x10;

std::string nameOf(model::Segment segment, ByteCount segmentSize)
{
    auto name = model::segmentName(segment, segmentSize);
    return name.ok() ? *name : std::to_string(segment.number);
}

/// One scan along a path.
class RecordScan {
public:
    RecordScan(const PathSegments& segments, Lsn from, std::optional<Lsn> to,
               const RecordVisitor& visit)
        : m_segments(segments)
        , m_from(from)
        , m_to(to)
        , m_visit(visit)
    {}

    [[nodiscard]] Result<ScanEnd> run(const repository::Repository& repository,
                                      const model::Incarnation& incarnation, JobContext& job);

private:
    enum class Halt { None, ByVisitor, AtTo, AtLimit };

    [[nodiscard]] Result<> look(const WalRecord& record);
    [[nodiscard]] Result<> halt(Halt why, Lsn at);
    [[nodiscard]] ScanEnd end(Lsn at, std::string because) const;
    [[nodiscard]] ScanEnd haltedEnd() const;
    /// Feeds one segment; the end of the scan when it is reached in it.
    [[nodiscard]] Result<std::optional<ScanEnd>> feed(model::Segment segment,
                                                      const Result<Bytes>& bytes);

    const PathSegments& m_segments;
    const Lsn m_from;
    const std::optional<Lsn> m_to;
    const RecordVisitor& m_visit;
    postgres::WalReader m_reader;
    Lsn m_limit{};
    Lsn m_read{}; ///< End of the last record visited.
    std::string m_whyNoFurther;
    Halt m_halt = Halt::None;
    Lsn m_haltedAt{};
};

ScanEnd RecordScan::end(Lsn at, std::string because) const
{
    const Lsn last{value(at) == 0 ? 0 : value(at) - 1};
    return {at, m_segments.path().timelineAt(last), std::move(because), m_halt == Halt::ByVisitor};
}

/// The reader is stopped by an error of ours; m_halt tells it from a real one.
Result<> RecordScan::halt(Halt why, Lsn at)
{
    m_halt = why;
    m_haltedAt = at;
    return fail(ErrorCode::Cancelled, "enough was read");
}

Result<> RecordScan::look(const WalRecord& record)
{
    if (m_to && record.start >= *m_to)
        return halt(Halt::AtTo, *m_to);
    if (record.start >= m_limit)
        return halt(Halt::AtLimit, m_limit);
    m_read = record.end;
    if (record.start < m_from)
        return {};
    SALVOR_TRY(const bool more, m_visit(record, m_segments.path().timelineAt(record.start)));
    return more ? Result<>() : halt(Halt::ByVisitor, record.end);
}

ScanEnd RecordScan::haltedEnd() const
{
    switch (m_halt) {
    case Halt::ByVisitor:
        return end(m_haltedAt, "enough was read");
    case Halt::AtTo:
        return end(m_haltedAt, "all that was asked for was read");
    default:
        return end(m_haltedAt, m_whyNoFurther);
    }
}

Result<std::optional<ScanEnd>> RecordScan::feed(model::Segment segment, const Result<Bytes>& bytes)
{
    const std::string name = nameOf(segment, m_segments.segmentSize());
    if (!bytes.ok()) {
        const Error& error = bytes.error();
        if (error.code == ErrorCode::Corrupt)
            return std::optional(
                end(m_read, "segment '" + name + "' in the archive is damaged: " + error.message));
        if (error.code == ErrorCode::NotFound)
            return std::optional(end(m_read, "segment '" + name + "' is no longer in the archive"));
        return Error(error).in("read segment '" + name + "'");
    }
    m_limit = m_segments.readableTo(segment);
    const Lsn segmentEnd{(segment.number + 1) * m_segments.segmentSize()};
    const bool isCut = m_limit < segmentEnd;
    auto fed = m_reader.feed(*bytes, [this](const WalRecord& record) { return look(record); });
    if (m_halt != Halt::None)
        return std::optional(haltedEnd());
    if (!fed.ok() && fed.error().code == ErrorCode::Corrupt)
        return std::optional(end(m_read, "the WAL cannot be read further: " + fed.error().message));
    if (!fed.ok())
        return std::move(fed).error();
    if (m_to && m_reader.position() >= *m_to)
        return std::optional(end(*m_to, "all that was asked for was read"));
    if (isCut)
        return std::optional(end(std::min(m_limit, m_reader.position()), m_whyNoFurther));
    if (m_reader.endOfWal())
        return std::optional(
            end(m_reader.position(), "the WAL ends within segment '" + name + "'"));
    return std::optional<ScanEnd>();
}

Result<ScanEnd> RecordScan::run(const repository::Repository& repository,
                                const model::Incarnation& incarnation, JobContext& job)
{
    const std::uint64_t first = value(m_from) / m_segments.segmentSize();
    const Lsn continuous = m_segments.continuousEnd(first);
    m_whyNoFurther = m_segments.whyItEnds(first);
    std::vector<model::Segment> list;
    for (std::uint64_t number = first; Lsn{number * m_segments.segmentSize()} < continuous;
         ++number)
        list.push_back(*m_segments.find(number));
    m_read = m_from;
    SegmentFetcher fetcher(repository, incarnation, list);
    for (const model::Segment segment : list) {
        SALVOR_CHECK(job.proceed());
        const auto bytes = fetcher.next();
        SALVOR_TRY(const auto ended, feed(segment, bytes));
        job.progress.add(m_segments.segmentSize());
        if (ended)
            return *ended;
    }
    // A record begun at the very end is not whole.
    return end(list.empty() ? m_from : m_reader.position(), m_whyNoFurther);
}

/// The 64-bit XID of a checkpoint record, which is the next one to be given out.
std::optional<std::uint64_t> nextXidOf(const WalRecord& record)
{
    const std::uint8_t info = record.info & infoMask;
    if (record.resourceManager != xlogManager
        || (info != shutdownCheckpoint && info != onlineCheckpoint))
        return std::nullopt;
    // Record header, then one block of main data with a short length, then CheckPoint of
    // pg_control.h; nextXid lies at the same place in all majors from 13 to 18.
    constexpr std::size_t mainHeader = 24;
    constexpr std::size_t nextXidAt = mainHeader + 2 + 24;
    constexpr auto shortMainData = std::byte{255};
    if (record.data.size() < nextXidAt + 8 || record.data[mainHeader] != shortMainData)
        return std::nullopt;
    return loadLittle<std::uint64_t>(record.data, nextXidAt);
}

/// Turns records into events whose XIDs carry their epoch.
class EventScan {
public:
    EventScan(const EventVisitor& visit, int majorVersion)
        : m_visit(visit)
        , m_majorVersion(majorVersion)
    {}

    [[nodiscard]] Result<bool> look(const WalRecord& record, model::TimelineId timeline)
    {
        if (const auto next = nextXidOf(record)) {
            m_nextXid = std::max(m_nextXid.value_or(0), *next);
            SALVOR_TRY(const bool more, handOverHeld());
            if (!more)
                return false;
        }
        SALVOR_TRY(auto event, postgres::eventOf(record, timeline, m_majorVersion));
        if (!event)
            return true;
        if (!m_nextXid) {
            m_held.push_back(std::move(*event));
            return true;
        }
        return handOver(std::move(*event));
    }

    /// Visits what was held back, with an epoch when one is known by now.
    [[nodiscard]] Result<bool> handOverHeld()
    {
        for (model::WalEvent& event : std::exchange(m_held, {})) {
            SALVOR_TRY(const bool more, handOver(std::move(event)));
            if (!more)
                return false;
        }
        return true;
    }

private:
    [[nodiscard]] Result<bool> handOver(model::WalEvent event)
    {
        if (m_nextXid && event.xid != 0) {
            // All XIDs in use lie within 2^31 of each other, so the distance is a signed 32 bits.
            const auto distance = static_cast<std::int32_t>(
                static_cast<std::uint32_t>(event.xid) - static_cast<std::uint32_t>(*m_nextXid));
            event.xid = *m_nextXid + static_cast<std::uint64_t>(std::int64_t{distance});
            m_nextXid = std::max(*m_nextXid, event.xid + 1);
        }
        return m_visit(event);
    }

    const EventVisitor& m_visit;
    const int m_majorVersion;
    std::optional<std::uint64_t> m_nextXid;
    std::vector<model::WalEvent> m_held;
};

} // namespace

Result<ScanEnd> scanRecords(const ScanRange& range, const RecordVisitor& visit, JobContext& job)
{
    return RecordScan(range.segments, range.from, range.to, visit)
        .run(range.repository, range.incarnation, job);
}

Result<ScanEnd> scanEvents(const ScanRange& range, const EventVisitor& visit, JobContext& job)
{
    EventScan events(visit, range.incarnation.identity.majorVersion);
    const RecordVisitor look = [&](const WalRecord& record, model::TimelineId timeline) {
        return events.look(record, timeline);
    };
    SALVOR_TRY(auto end, scanRecords(range, look, job));
    if (!end.stoppedByVisitor) {
        SALVOR_TRY(const bool more, events.handOverHeld());
        end.stoppedByVisitor = !more;
    }
    return end;
}

} // namespace salvor::wal
