#include "core/model/lsn.h"

#include "core/base/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdio>

namespace salvor::model {

namespace {

constexpr std::size_t segmentNameLength = 24;
constexpr ByteCount smallestSegment = ByteCount{1} << 20U;
constexpr ByteCount largestSegment = ByteCount{1} << 30U;

bool isSegmentSize(ByteCount size)
{
    return std::has_single_bit(size) && size >= smallestSegment && size <= largestSegment;
}

Result<> checkSegmentSize(ByteCount size)
{
    if (!isSegmentSize(size))
        return fail(ErrorCode::InvalidInput, "a WAL segment size of " + std::to_string(size)
                                                 + " bytes is no power of two from 1 MiB to 1 GiB");
    return {};
}

/// Segments in one 4 GiB piece of the WAL: what the middle eight digits of a name count.
std::uint64_t segmentsEachPiece(ByteCount segmentSize)
{
    return (std::uint64_t{1} << 32U) / segmentSize;
}

bool isUpperHex(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

} // namespace

std::string formatLsn(Lsn lsn)
{
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%X/%X", static_cast<unsigned>(value(lsn) >> 32U),
                  static_cast<unsigned>(value(lsn) & 0xffffffffU));
    return text.data();
}

Result<Lsn> parseLsn(std::string_view text)
{
    const std::size_t slash = text.find('/');
    // Without a slash its place is far beyond 8.
    if (slash <= 8 && text.size() - slash - 1 <= 8) {
        const auto high = parseHexNumber(text.substr(0, slash));
        const auto low = parseHexNumber(text.substr(slash + 1));
        if (high && low)
            return Lsn{(*high << 32U) | *low};
    }
    return fail(ErrorCode::InvalidInput, "'" + std::string(text) + "' is not an LSN",
                "Write it as PostgreSQL prints it, like 0/3018098.");
}

Result<std::string> segmentName(Segment segment, ByteCount segmentSize)
{
    SALVOR_CHECK(checkSegmentSize(segmentSize));
    const std::uint64_t each = segmentsEachPiece(segmentSize);
    const std::uint64_t piece = segment.number / each;
    if (piece > 0xffffffffU)
        return fail(ErrorCode::InvalidInput, "there is no WAL segment number "
                                                 + std::to_string(segment.number) + " of "
                                                 + std::to_string(segmentSize) + " bytes");
    std::array<char, segmentNameLength + 1> text{};
    std::snprintf(text.data(), text.size(), "%08X%08X%08X", value(segment.timeline),
                  static_cast<unsigned>(piece), static_cast<unsigned>(segment.number % each));
    return std::string(text.data());
}

Result<Segment> parseSegmentName(std::string_view name, ByteCount segmentSize)
{
    SALVOR_CHECK(checkSegmentSize(segmentSize));
    if (walFileKind(name) == WalFileKind::Segment) {
        const auto timeline = parseHexNumber(name.substr(0, 8));
        const auto piece = parseHexNumber(name.substr(8, 8));
        const auto within = parseHexNumber(name.substr(16, 8));
        const std::uint64_t each = segmentsEachPiece(segmentSize);
        if (*within < each)
            return Segment{TimelineId{static_cast<std::uint32_t>(*timeline)},
                           *piece * each + *within};
    }
    return fail(ErrorCode::InvalidInput, "'" + std::string(name)
                                             + "' does not name a WAL segment of "
                                             + std::to_string(segmentSize) + " bytes");
}

Segment segmentOf(TimelineId timeline, Lsn lsn, ByteCount segmentSize)
{
    assert(segmentSize > 0);
    return {timeline, value(lsn) / segmentSize};
}

Segment lastSegmentBefore(TimelineId timeline, Lsn end, ByteCount segmentSize)
{
    assert(segmentSize > 0);
    return {timeline, value(end) == 0 ? 0 : (value(end) - 1) / segmentSize};
}

Lsn segmentStart(Segment segment, ByteCount segmentSize)
{
    return Lsn{segment.number * segmentSize};
}

std::string historyFileName(TimelineId timeline)
{
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%08X.history", value(timeline));
    return text.data();
}

WalFileKind walFileKind(std::string_view name)
{
    constexpr std::string_view history = ".history";
    if (name.size() == 8 + history.size() && name.ends_with(history)
        && isUpperHex(name.substr(0, 8)))
        return WalFileKind::History;
    if (name.size() < segmentNameLength || !isUpperHex(name.substr(0, segmentNameLength)))
        return WalFileKind::Other;
    const std::string_view rest = name.substr(segmentNameLength);
    if (rest.empty())
        return WalFileKind::Segment;
    if (rest == ".partial")
        return WalFileKind::PartialSegment;
    constexpr std::string_view label = ".backup";
    if (rest.size() == 1 + 8 + label.size() && rest.front() == '.' && rest.ends_with(label)
        && isUpperHex(rest.substr(1, 8)))
        return WalFileKind::BackupLabel;
    return WalFileKind::Other;
}

} // namespace salvor::model
