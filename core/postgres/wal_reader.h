// Reads WAL records: enough to know every commit, abort and restore point, and where each stands.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/replay_sizes.h"
#include "core/model/wal.h"

#include <functional>
#include <optional>
#include <vector>

namespace salvor::postgres {

/// What stands in the header of a segment's first page.
struct SegmentHeader {
    int majorVersion = 0;
    model::TimelineId timeline{};
    model::Lsn start{};
    std::uint64_t systemIdentifier = 0;
    ByteCount segmentSize = 0;
};

/// Errors: Corrupt when it is no WAL; Incompatible when the magic is of no major from 13 to 18.
[[nodiscard]] Result<SegmentHeader> readSegmentHeader(ByteView segment);

/// A record as it stands in the WAL.
struct WalRecord {
    model::Lsn start{};
    model::Lsn end{}; ///< First byte after it, aligned to 8.
    std::uint32_t xid = 0;
    model::Lsn previous{};
    std::uint8_t info = 0;
    std::uint8_t resourceManager = 0;
    ByteView data; ///< The whole record, header included; valid during the visit only.
};

/// Follows records through segments fed in order. Records that cross pages and segments are put
/// together; after a gap, feeding goes on with the first record that begins in the next segment.
/// One thread at a time.
class WalReader {
public:
    using Visitor = std::function<Result<>(const WalRecord&)>;

    WalReader() = default;

    /// Feeds one whole segment and visits every record that *ends* in it (a record that began in
    /// the segment before is included). Stops without an error at the end of the WAL in a segment
    /// that is not full: `endOfWal()` is true then.
    ///
    /// Errors: Corrupt when a record that must be there has a wrong CRC or length, a page header
    ///         does not fit, or the segment does not follow the one before (unless that ended the
    ///         WAL); the message names segment and LSN. Whatever the visitor returns. After an
    ///         error the reader goes on only after restart().
    [[nodiscard]] Result<> feed(ByteView segment, const Visitor& visit);

    /// Forgets a record begun: the next segment is not the one after the last.
    void restart();

    /// The last segment fed ended before its last page was used.
    [[nodiscard]] bool endOfWal() const noexcept { return m_endOfWal; }
    /// Where the next record would begin; where it did begin when only a part of it was fed.
    [[nodiscard]] model::Lsn position() const noexcept { return m_position; }

private:
    struct Walk;
    struct Page;

    [[nodiscard]] Result<> begin(const Walk& walk);
    [[nodiscard]] Result<> readPage(Walk& walk);
    [[nodiscard]] Result<> continueRecord(Walk& walk, const Page& page);
    [[nodiscard]] static Result<> skipRecord(Walk& walk, const Page& page);
    [[nodiscard]] Result<> readRecords(Walk& walk, const Page& page);
    [[nodiscard]] Result<> beginRecord(Walk& walk, ByteView rest);
    [[nodiscard]] Result<> finishRecord(Walk& walk, model::Lsn start, ByteView data);
    [[nodiscard]] Result<> checkHeader(const Walk& walk, model::Lsn start, ByteView data) const;
    [[nodiscard]] Result<> endHere(const Walk& walk);

    Bytes m_partial; ///< The record begun in an earlier page or segment.
    model::Lsn m_partialStart{};
    model::Lsn m_position{};
    model::Lsn m_last{};           ///< Start of the newest record visited; 0 when not known.
    model::Lsn m_nextSegment{};    ///< Where the next segment fed must start; 0 when anywhere.
    bool m_isSynchronised = false; ///< False until a record's beginning was found.
    bool m_endOfWal = false;
};

/// What a record says, if it is a commit, an abort or a restore point. XIDs have no epoch yet.
/// `timeline` is the caller's. Errors: Corrupt when such a record is cut short.
[[nodiscard]] Result<std::optional<model::WalEvent>>
eventOf(const WalRecord& record, model::TimelineId timeline, int majorVersion);

/// What a server wrote into the WAL when it was started with other settings than before.
struct ParameterChange {
    model::ReplaySizes sizes;
    bool isReplayable = true; ///< False for wal_level = minimal: archive recovery refuses to go on.
};

/// What a record says, if it is such a change. The format is the same in 13 to 18: struct
/// xl_parameter_change of xlog_internal.h. Errors: Corrupt when it is cut short.
[[nodiscard]] Result<std::optional<ParameterChange>> parameterChangeOf(const WalRecord& record);

} // namespace salvor::postgres
