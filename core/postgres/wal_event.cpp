// What commit, abort, restore point and parameter change records say. The format is that of xact.h
// and xlog_internal.h of each major.
#include "core/postgres/wal_reader.h"

#include <limits>

namespace salvor::postgres {

namespace {

constexpr std::size_t recordHeaderSize = 24;

constexpr std::uint8_t xlogManager = 0;
constexpr std::uint8_t transactionManager = 1;

constexpr std::uint8_t parameterChangeInfo = 0x60;
constexpr std::uint8_t restorePointInfo = 0x70;

namespace operation { // XLOG_XACT_*
constexpr std::uint8_t mask = 0x70;
constexpr std::uint8_t commit = 0x00;
constexpr std::uint8_t abort = 0x20;
constexpr std::uint8_t commitPrepared = 0x30;
constexpr std::uint8_t abortPrepared = 0x40;
constexpr std::uint8_t hasInfo = 0x80;
} // namespace operation

namespace part { // XACT_XINFO_HAS_*
constexpr std::uint32_t database = 1;
constexpr std::uint32_t subtransactions = 2;
constexpr std::uint32_t droppedFiles = 4;
constexpr std::uint32_t invalidations = 8;
constexpr std::uint32_t twoPhase = 16;
constexpr std::uint32_t droppedStatistics = 256;
} // namespace part

constexpr int firstMajorWithStatistics = 15;
constexpr int firstMajorWithWideStatistics = 18;

/// Takes integers off the front of bytes; once there are too few, `isShort` stays true and what is
/// taken is zero.
struct Taker {
    ByteView rest;
    bool isShort = false;

    template <typename T>
    T take()
    {
        if (isShort || rest.size() < sizeof(T)) {
            isShort = true;
            return 0;
        }
        const T value = loadLittle<T>(rest, 0);
        rest = rest.subspan(sizeof(T));
        return value;
    }
    void skip(std::uint64_t size)
    {
        if (isShort || rest.size() < size) {
            isShort = true;
            return;
        }
        rest = rest.subspan(static_cast<std::size_t>(size));
    }
    /// A count and that many elements of `each` bytes.
    void skipArray(std::uint64_t each) { skip(take<std::uint32_t>() * each); }
};

Error cutShort(const WalRecord& record)
{
    return fail(ErrorCode::Corrupt, "WAL record at " + formatLsn(record.start) + " is cut short");
}

/// The record's main data. These kinds of record reference no blocks.
Result<ByteView> mainDataOf(const WalRecord& record)
{
    constexpr std::uint8_t shortData = 255;
    constexpr std::uint8_t longData = 254;
    constexpr std::uint8_t origin = 253;
    constexpr std::uint8_t topXid = 252;
    if (record.data.size() < recordHeaderSize)
        return cutShort(record);
    Taker in{record.data.subspan(recordHeaderSize)};
    while (!in.isShort) {
        const auto id = in.take<std::uint8_t>();
        if (id == origin) {
            in.skip(2);
        } else if (id == topXid) {
            in.skip(4);
        } else if (id == shortData || id == longData) {
            const std::size_t size =
                id == shortData ? in.take<std::uint8_t>() : in.take<std::uint32_t>();
            if (in.isShort || in.rest.size() < size)
                break;
            return in.rest.first(size);
        } else {
            break;
        }
    }
    return cutShort(record);
}

/// Microseconds since 2000, as PostgreSQL counts.
Result<Moment> momentOf(const WalRecord& record, std::uint64_t stored)
{
    constexpr std::chrono::microseconds epoch = std::chrono::seconds(946684800);
    // From 4713 BC to the year 9999, so that nothing overflows and every moment can be printed.
    constexpr std::int64_t earliest = -211813488000000000;
    constexpr std::int64_t latest = 252455615999999999;
    const auto time = static_cast<std::int64_t>(stored);
    if (time < earliest || time > latest)
        return fail(ErrorCode::Corrupt,
                    "WAL record at " + formatLsn(record.start) + " has an impossible time");
    return Moment(epoch + std::chrono::microseconds(time));
}

/// The optional parts up to the transaction's own XID, which only a prepared one carries.
void readParts(Taker& in, int majorVersion, model::WalEvent& event)
{
    const auto parts = in.take<std::uint32_t>();
    if ((parts & part::database) != 0)
        in.skip(8);
    if ((parts & part::subtransactions) != 0) {
        const auto count = in.take<std::uint32_t>();
        for (std::uint32_t i = 0; i < count && !in.isShort; ++i)
            event.subtransactions.push_back(in.take<std::uint32_t>());
    }
    if ((parts & part::droppedFiles) != 0)
        in.skipArray(12);
    if ((parts & part::droppedStatistics) != 0 && majorVersion >= firstMajorWithStatistics)
        in.skipArray(majorVersion >= firstMajorWithWideStatistics ? 16 : 12);
    if ((parts & part::invalidations) != 0 && event.kind == model::WalEvent::Kind::Commit)
        in.skipArray(16);
    if ((parts & part::twoPhase) != 0)
        event.xid = in.take<std::uint32_t>();
}

Result<std::optional<model::WalEvent>> transactionEnd(const WalRecord& record,
                                                      model::WalEvent event, int majorVersion)
{
    const auto what = static_cast<std::uint8_t>(record.info & operation::mask);
    if (what != operation::commit && what != operation::abort && what != operation::commitPrepared
        && what != operation::abortPrepared)
        return std::optional<model::WalEvent>();
    const bool commits = what == operation::commit || what == operation::commitPrepared;
    event.kind = commits ? model::WalEvent::Kind::Commit : model::WalEvent::Kind::Abort;
    event.prepared = what == operation::commitPrepared || what == operation::abortPrepared;
    event.xid = record.xid;
    SALVOR_TRY(const ByteView data, mainDataOf(record));
    Taker in{data};
    const auto time = in.take<std::uint64_t>();
    if ((record.info & operation::hasInfo) != 0)
        readParts(in, majorVersion, event);
    if (in.isShort)
        return cutShort(record);
    SALVOR_TRY(event.at, momentOf(record, time));
    return std::optional(std::move(event));
}

Result<std::optional<model::WalEvent>> restorePoint(const WalRecord& record, model::WalEvent event)
{
    constexpr std::size_t nameSize = 64;
    SALVOR_TRY(const ByteView data, mainDataOf(record));
    Taker in{data};
    const auto time = in.take<std::uint64_t>();
    if (in.isShort || in.rest.size() < nameSize)
        return cutShort(record);
    const std::string_view name = asText(in.rest.first(nameSize));
    event.kind = model::WalEvent::Kind::RestorePoint;
    event.name = name.substr(0, name.find('\0'));
    SALVOR_TRY(event.at, momentOf(record, time));
    return std::optional(std::move(event));
}

bool isOfServer(const WalRecord& record, std::uint8_t info)
{
    return record.resourceManager == xlogManager && (record.info & 0xf0U) == info;
}

} // namespace

Result<std::optional<model::WalEvent>> eventOf(const WalRecord& record, model::TimelineId timeline,
                                               int majorVersion)
{
    model::WalEvent event;
    event.timeline = timeline;
    event.start = record.start;
    event.end = record.end;
    if (record.resourceManager == transactionManager)
        return transactionEnd(record, std::move(event), majorVersion);
    if (isOfServer(record, restorePointInfo))
        return restorePoint(record, std::move(event));
    return std::optional<model::WalEvent>();
}

Result<std::optional<ParameterChange>> parameterChangeOf(const WalRecord& record)
{
    constexpr int minimalLevel = 0; // WAL_LEVEL_MINIMAL
    if (!isOfServer(record, parameterChangeInfo))
        return std::optional<ParameterChange>();
    SALVOR_TRY(const ByteView data, mainDataOf(record));
    Taker in{data};
    const auto number = [&in] { return static_cast<int>(in.take<std::uint32_t>()); };
    ParameterChange change;
    change.sizes.maxConnections = number();
    change.sizes.maxWorkerProcesses = number();
    change.sizes.maxWalSenders = number();
    change.sizes.maxPreparedTransactions = number();
    change.sizes.maxLocksPerTransaction = number();
    change.isReplayable = number() != minimalLevel;
    if (in.isShort)
        return cutShort(record);
    return std::optional(change);
}

} // namespace salvor::postgres
