// What WAL an archive holds, and what that makes recoverable. Plain values.
#pragma once

#include "core/base/clock.h"
#include "core/model/cluster.h"

#include <optional>
#include <string>
#include <vector>

namespace salvor::model {

/// Segments without a gap on one timeline.
struct WalRange {
    TimelineId timeline{};
    std::uint64_t firstSegment = 0;
    std::uint64_t lastSegment = 0; ///< Inclusive.

    friend bool operator==(const WalRange&, const WalRange&) = default;
};

/// Segments that are not there between two that are.
struct WalGap {
    TimelineId timeline{};
    std::uint64_t firstMissing = 0;
    std::uint64_t lastMissing = 0; ///< Inclusive.

    friend bool operator==(const WalGap&, const WalGap&) = default;
};

/// Where a timeline left another.
struct TimelineFork {
    TimelineId parent{};
    TimelineId child{};
    Lsn at{}; ///< The child's own WAL begins here.

    friend bool operator==(const TimelineFork&, const TimelineFork&) = default;
};

/// Two objects with different bytes under one segment name.
struct WalConflict {
    Segment segment;
    std::size_t copies = 0;
};

/// A begun segment, as far as it was received.
struct WalTail {
    Segment segment;
    Lsn to{}; ///< The first byte that is not there.

    friend bool operator==(const WalTail&, const WalTail&) = default;
};

/// The archive of one incarnation.
struct WalArchiveState {
    Incarnation incarnation;
    std::vector<WalRange> ranges; ///< In order of timeline, then segment.
    std::vector<WalGap> gaps;     ///< Not those that a prune made.
    std::vector<TimelineFork> forks;
    std::vector<WalConflict> conflicts;
    std::vector<WalTail> tails; ///< In order of timeline.
};

/// The end of a transaction, or a restore point, as read from the WAL.
struct WalEvent {
    enum class Kind { Commit, Abort, RestorePoint };
    Kind kind = Kind::Commit;
    TimelineId timeline{};
    Lsn start{}; ///< Of the record: what recovery_target_lsn is compared with.
    Lsn end{};   ///< First byte after it, aligned: what pg_last_wal_replay_lsn() then says.
    Moment at;   ///< Not monotonic along the WAL.
    std::uint64_t xid = 0; ///< With its epoch where known; 0 for a restore point.
    bool prepared = false; ///< COMMIT PREPARED or ROLLBACK PREPARED.
    std::vector<std::uint32_t> subtransactions; ///< XIDs without epoch.
    std::string name;                           ///< Of a restore point.
};

/// From the first to the last moment that can be restored without a gap, from one backup on.
struct RecoverableRange {
    std::string backupId;
    TimelineId timeline{};
    Lsn from{}; ///< The backup's stop.
    Lsn to{};   ///< Start of the last commit record, or `from` when there is none after it.
    Moment fromTime;
    Moment toTime;
    std::string endsBecause; ///< A sentence: why not later.
};

} // namespace salvor::model
