// Positions in the WAL and names of its segment files. Arithmetic only: no I/O, safe on any thread.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <compare>
#include <string>
#include <string_view>

namespace salvor::model {

enum class Lsn : std::uint64_t {};        ///< A byte position in the WAL stream.
enum class TimelineId : std::uint32_t {}; ///< Counts promotions of the cluster; starts at 1.

[[nodiscard]] constexpr std::uint64_t value(Lsn lsn) noexcept
{
    return static_cast<std::uint64_t>(lsn);
}
[[nodiscard]] constexpr std::uint32_t value(TimelineId timeline) noexcept
{
    return static_cast<std::uint32_t>(timeline);
}

/// "0/3018098", as PostgreSQL prints it.
[[nodiscard]] std::string formatLsn(Lsn lsn);
/// Errors: InvalidInput.
[[nodiscard]] Result<Lsn> parseLsn(std::string_view text);

/// One WAL segment of one timeline.
struct Segment {
    TimelineId timeline{};
    std::uint64_t number = 0; ///< Start of the segment divided by the segment size.

    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 stumbles over what is generated.
    friend auto operator<=>(const Segment&, const Segment&) = default;
};

/// Name of the WAL file, e.g. "00000001000000A20000003F".
///
/// Units:  `segmentSize` is in bytes: a power of two from 1 MiB to 1 GiB, as the cluster's
///         pg_control reports it (16 MiB unless initdb was told otherwise).
/// Errors: InvalidInput if `segmentSize` is anything else.
/// Source: PostgreSQL 15, src/include/access/xlog_internal.h, XLogFileName().
[[nodiscard]] Result<std::string> segmentName(Segment segment, ByteCount segmentSize);
/// Errors: InvalidInput unless the text is 24 hexadecimal digits that name a segment of that size.
[[nodiscard]] Result<Segment> parseSegmentName(std::string_view name, ByteCount segmentSize);

/// The segment that holds byte `lsn`. A position exactly on a boundary belongs to the segment it
/// starts, unlike pg_walfile_name() before PostgreSQL 16.
[[nodiscard]] Segment segmentOf(TimelineId timeline, Lsn lsn, ByteCount segmentSize);
/// The last segment needed to replay up to, not including, byte `end`.
[[nodiscard]] Segment lastSegmentBefore(TimelineId timeline, Lsn end, ByteCount segmentSize);
[[nodiscard]] Lsn segmentStart(Segment segment, ByteCount segmentSize);

/// "00000002.history".
[[nodiscard]] std::string historyFileName(TimelineId timeline);

/// What a file of pg_wal can be, by its name alone.
enum class WalFileKind { Segment, PartialSegment, History, BackupLabel, Other };
[[nodiscard]] WalFileKind walFileKind(std::string_view name);

} // namespace salvor::model
