#include "core/postgres/wal_reader.h"

#include "core/crypto/crc32c.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace salvor::postgres {

namespace {

// XLogPageHeaderData and XLogLongPageHeaderData, xlog_internal.h.
constexpr std::size_t shortHeaderSize = 24;
constexpr std::size_t longHeaderSize = 40;

namespace flag {
constexpr std::uint16_t firstIsContinued = 0x0001;
constexpr std::uint16_t longHeader = 0x0002;
constexpr std::uint16_t firstIsOverwrite = 0x0008;
constexpr std::uint16_t all = 0x000f;
} // namespace flag

// XLogRecord, xlogrecord.h.
constexpr std::size_t recordHeaderSize = 24;
constexpr std::size_t recordCrcOffset = 20;
constexpr std::size_t longestRecord = std::size_t{1} << 30U; ///< The server's own limit is below.

constexpr std::uint8_t xlogManager = 0;
constexpr std::uint8_t infoMask = 0xf0;
constexpr std::uint8_t switchInfo = 0x40;

std::optional<int> majorOfMagic(std::uint16_t magic)
{
    switch (magic) {
    case 0xd106:
        return 13;
    case 0xd10d:
        return 14;
    case 0xd110:
        return 15;
    case 0xd113:
        return 16;
    case 0xd116:
        return 17;
    case 0xd118:
        return 18;
    default:
        return std::nullopt;
    }
}

constexpr std::size_t aligned(std::size_t size)
{
    return (size + 7) & ~std::size_t{7};
}

/// loadLittle() for the places that are visited for each record.
template <typename T>
T load(ByteView bytes, std::size_t offset)
{
    if constexpr (std::endian::native == std::endian::little) {
        assert(offset + sizeof(T) <= bytes.size());
        T value{};
        std::memcpy(&value, bytes.data() + offset, sizeof value);
        return value;
    } else {
        return loadLittle<T>(bytes, offset);
    }
}

bool hasRightCrc(ByteView record)
{
    crypto::Crc32c crc;
    crc.add(record.subspan(recordHeaderSize));
    crc.add(record.first(recordCrcOffset));
    return crc.value() == load<std::uint32_t>(record, recordCrcOffset);
}

std::size_t pageSizeOf(ByteView segment)
{
    return load<std::uint32_t>(segment, 36);
}

Error wrongSegment(const SegmentHeader& header, std::string_view what)
{
    const auto number = value(header.start) / header.segmentSize;
    const auto name = model::segmentName({header.timeline, number}, header.segmentSize);
    return fail(ErrorCode::Corrupt, "WAL segment '" + (name.ok() ? *name : formatLsn(header.start))
                                        + "': " + std::string(what));
}

} // namespace

Result<SegmentHeader> readSegmentHeader(ByteView segment)
{
    if (segment.size() < longHeaderSize)
        return fail(ErrorCode::Corrupt,
                    "not a WAL segment: it has only " + std::to_string(segment.size()) + " bytes");
    const auto magic = loadLittle<std::uint16_t>(segment, 0);
    const auto major = majorOfMagic(magic);
    if (!major) {
        // The high byte has been the same since 9.x: another low byte is another version.
        if ((magic >> 8U) == 0xd1U || (magic >> 8U) == 0xd0U)
            return fail(ErrorCode::Incompatible,
                        "the WAL is of a PostgreSQL version other than 13 to 18");
        return fail(ErrorCode::Corrupt, "not a WAL segment: it has a wrong magic number");
    }
    const auto info = loadLittle<std::uint16_t>(segment, 2);
    SegmentHeader header;
    header.majorVersion = *major;
    header.timeline = model::TimelineId{loadLittle<std::uint32_t>(segment, 4)};
    header.start = model::Lsn{loadLittle<std::uint64_t>(segment, 8)};
    header.systemIdentifier = loadLittle<std::uint64_t>(segment, 24);
    header.segmentSize = loadLittle<std::uint32_t>(segment, 32);
    const std::size_t page = pageSizeOf(segment);
    constexpr ByteCount smallest = ByteCount{1} << 20U;
    constexpr ByteCount largest = ByteCount{1} << 30U;
    if ((info & flag::longHeader) == 0 || (info & ~unsigned{flag::all}) != 0
        || !std::has_single_bit(header.segmentSize) || header.segmentSize < smallest
        || header.segmentSize > largest || !std::has_single_bit(page) || page < 1024 || page > 65536
        || value(header.start) % header.segmentSize != 0)
        return fail(ErrorCode::Corrupt, "not a WAL segment: its header makes no sense");
    return header;
}

/// One segment while it is read.
struct WalReader::Walk {
    ByteView segment;
    SegmentHeader header;
    std::size_t pageSize;
    const Visitor& visit;
    std::size_t at = 0; ///< Offset of what is read next.
    std::uint32_t timeline = 0;

    [[nodiscard]] model::Lsn lsn() const { return lsn(at); }
    [[nodiscard]] model::Lsn lsn(std::size_t offset) const
    {
        return model::Lsn{value(header.start) + offset};
    }
    [[nodiscard]] std::uint16_t magic() const { return load<std::uint16_t>(segment, 0); }
    [[nodiscard]] Error wrong(std::string_view object, model::Lsn where,
                              std::string_view what) const
    {
        return wrongSegment(header, std::string(object) + " at " + formatLsn(where) + " "
                                        + std::string(what));
    }
};

/// One page, its header taken apart.
struct WalReader::Page {
    std::size_t end = 0; ///< Offset in the segment.
    std::uint16_t info = 0;
    std::uint32_t rest = 0; ///< Bytes that are left of the record continued here.

    [[nodiscard]] bool continues() const { return (info & flag::firstIsContinued) != 0; }
};

void WalReader::restart()
{
    m_partial.clear();
    m_isSynchronised = false;
    m_last = {};
    m_nextSegment = {};
}

Result<> WalReader::feed(ByteView segment, const Visitor& visit)
{
    SALVOR_TRY(const SegmentHeader header, readSegmentHeader(segment));
    if (segment.size() != header.segmentSize)
        return wrongSegment(header, "it has " + std::to_string(segment.size())
                                        + " bytes instead of "
                                        + std::to_string(header.segmentSize));
    Walk walk{segment, header, pageSizeOf(segment), visit};
    SALVOR_CHECK(begin(walk));
    while (walk.at < segment.size() && !m_endOfWal)
        SALVOR_CHECK(readPage(walk));
    m_position = m_partial.empty() ? walk.lsn() : m_partialStart;
    m_nextSegment = walk.lsn(segment.size());
    return {};
}

Result<> WalReader::begin(const Walk& walk)
{
    if (m_endOfWal)
        restart();
    if (value(m_nextSegment) != 0 && m_nextSegment != walk.header.start)
        return wrongSegment(walk.header, "it starts at " + formatLsn(walk.header.start)
                                             + " and the one before ended at "
                                             + formatLsn(m_nextSegment));
    m_endOfWal = false;
    return {};
}

/// Ends the WAL at the place reached, unless a later page shows that more must be there.
Result<> WalReader::endHere(const Walk& walk)
{
    const std::size_t next = walk.at / walk.pageSize + 1;
    for (std::size_t at = next * walk.pageSize; at < walk.segment.size(); at += walk.pageSize)
        if (load<std::uint16_t>(walk.segment, at) == walk.magic()
            && load<std::uint64_t>(walk.segment, at + 8) == value(walk.lsn(at)))
            return walk.wrong("WAL", walk.lsn(),
                              "is missing although it goes on at " + formatLsn(walk.lsn(at)));
    m_endOfWal = true;
    return {};
}

Result<> WalReader::readPage(Walk& walk)
{
    const ByteView bytes = walk.segment.subspan(walk.at, walk.pageSize);
    const auto magic = load<std::uint16_t>(bytes, 0);
    const auto address = load<std::uint64_t>(bytes, 8);
    // A page of an earlier use of the file, or none yet: the server has not come this far.
    if ((magic == 0 && isAllZero(bytes.first(shortHeaderSize)))
        || (magic == walk.magic() && address < value(walk.lsn()) && address % walk.pageSize == 0))
        return endHere(walk);

    Page page{walk.at + walk.pageSize, load<std::uint16_t>(bytes, 2),
              load<std::uint32_t>(bytes, 16)};
    const bool isLong = (page.info & flag::longHeader) != 0;
    const auto timeline = load<std::uint32_t>(bytes, 4);
    if (magic != walk.magic() || address != value(walk.lsn()) || isLong != (walk.at == 0)
        || (page.info & ~unsigned{flag::all}) != 0 || timeline < walk.timeline)
        return walk.wrong("page", walk.lsn(), "has a header that does not fit");
    walk.timeline = timeline;

    const model::Lsn start = walk.lsn();
    walk.at += isLong ? longHeaderSize : shortHeaderSize;
    // Written after a crash in the middle of a record: what was there of it is void.
    if ((page.info & flag::firstIsOverwrite) != 0)
        m_partial.clear();
    if (!m_partial.empty())
        SALVOR_CHECK(continueRecord(walk, page));
    else if (page.continues() && m_isSynchronised)
        return walk.wrong("page", start, "continues a record that was not begun");
    else if (page.continues())
        SALVOR_CHECK(skipRecord(walk, page));
    return readRecords(walk, page);
}

/// The end of a record whose beginning was never fed.
Result<> WalReader::skipRecord(Walk& walk, const Page& page)
{
    if (page.rest == 0)
        return walk.wrong("page", walk.lsn(), "continues a record without length");
    walk.at += std::min(aligned(page.rest), page.end - walk.at);
    return {};
}

Result<> WalReader::continueRecord(Walk& walk, const Page& page)
{
    const std::size_t total = load<std::uint32_t>(m_partial, 0);
    const std::size_t missing = total - m_partial.size();
    if (!page.continues() || page.rest != missing)
        return walk.wrong("record", m_partialStart, "is not continued on the next page");
    const std::size_t here = std::min(missing, page.end - walk.at);
    const bool hadHeader = m_partial.size() >= recordHeaderSize;
    append(m_partial, walk.segment.subspan(walk.at, here));
    walk.at += std::min(aligned(here), page.end - walk.at);
    if (!hadHeader && m_partial.size() >= recordHeaderSize)
        SALVOR_CHECK(checkHeader(walk, m_partialStart, m_partial));
    if (here < missing)
        return {};
    const Bytes record = std::exchange(m_partial, {});
    return finishRecord(walk, m_partialStart, record);
}

Result<> WalReader::readRecords(Walk& walk, const Page& page)
{
    while (walk.at < page.end) {
        m_isSynchronised = true;
        const ByteView rest = walk.segment.subspan(walk.at, page.end - walk.at);
        const std::size_t total = load<std::uint32_t>(rest, 0);
        if (total == 0)
            return endHere(walk);
        if (total < recordHeaderSize || total > longestRecord)
            return walk.wrong("record", walk.lsn(), "has an impossible length");
        if (total > rest.size())
            return beginRecord(walk, rest);
        const model::Lsn start = walk.lsn();
        SALVOR_CHECK(checkHeader(walk, start, rest));
        walk.at += aligned(total);
        SALVOR_CHECK(finishRecord(walk, start, rest.first(total)));
    }
    return {};
}

/// Keeps what the page has of a record that goes on on the next.
Result<> WalReader::beginRecord(Walk& walk, ByteView rest)
{
    m_partialStart = walk.lsn();
    if (rest.size() >= recordHeaderSize)
        SALVOR_CHECK(checkHeader(walk, m_partialStart, rest));
    m_partial.assign(rest.begin(), rest.end());
    walk.at += rest.size();
    return {};
}

Result<> WalReader::checkHeader(const Walk& walk, model::Lsn start, ByteView data) const
{
    const model::Lsn previous{load<std::uint64_t>(data, 8)};
    const bool fits = value(m_last) != 0 ? previous == m_last : previous < start;
    if (!fits)
        return walk.wrong("record", start, "does not name the record before it");
    return {};
}

Result<> WalReader::finishRecord(Walk& walk, model::Lsn start, ByteView data)
{
    if (!hasRightCrc(data))
        return walk.wrong("record", start, "has a wrong checksum");
    WalRecord record;
    record.start = start;
    record.xid = load<std::uint32_t>(data, 4);
    record.previous = model::Lsn{load<std::uint64_t>(data, 8)};
    record.info = load<std::uint8_t>(data, 16);
    record.resourceManager = load<std::uint8_t>(data, 17);
    record.data = data;
    // After a switch the rest of the segment is not used.
    if (record.resourceManager == xlogManager && (record.info & infoMask) == switchInfo)
        walk.at = walk.segment.size();
    record.end = walk.lsn();
    m_last = start;
    return walk.visit(record);
}

} // namespace salvor::postgres
