// What a person asks to get back, and what that is in numbers. Plain values.
#pragma once

#include "core/base/clock.h"
#include "core/model/lsn.h"

#include <optional>
#include <string>
#include <variant>

namespace salvor::model {

struct LatestTarget {
    friend bool operator==(const LatestTarget&, const LatestTarget&) = default;
};
struct ImmediateTarget {
    friend bool operator==(const ImmediateTarget&, const ImmediateTarget&) = default;
};
struct TimeTarget {
    Moment at;
    friend bool operator==(const TimeTarget&, const TimeTarget&) = default;
};
struct LsnTarget {
    Lsn lsn{};
    friend bool operator==(const LsnTarget&, const LsnTarget&) = default;
};
struct XidTarget {
    std::uint64_t xid = 0; ///< 64 bits; below 2^32 the epoch is taken from the WAL.
    friend bool operator==(const XidTarget&, const XidTarget&) = default;
};
struct RestorePointTarget {
    std::string name;
    friend bool operator==(const RestorePointTarget&, const RestorePointTarget&) = default;
};

enum class AtTarget { Pause, Promote, Shutdown }; ///< recovery_target_action.
[[nodiscard]] std::string_view atTargetName(AtTarget action) noexcept;

/// A request. `exclusive` goes with time, LSN and XID.
struct RecoveryTarget {
    std::variant<LatestTarget, ImmediateTarget, TimeTarget, LsnTarget, XidTarget,
                 RestorePointTarget>
        point = LatestTarget{};
    bool exclusive = false;
    /// A number; unset is the timeline of the newest history that has what is asked ("latest").
    std::optional<TimelineId> timeline;
    bool currentTimeline = false; ///< "current": the timeline of the backup.

    friend bool operator==(const RecoveryTarget&, const RecoveryTarget&) = default;
};

/// The same in numbers, as PostgreSQL is told.
struct ResolvedTarget {
    TimelineId timeline{};
    /// Start of the record recovery stops at; unset means "immediate": at consistency.
    std::optional<Lsn> lsn;
    bool inclusive = true;
    /// Where replay must stand afterwards: the end of the record when inclusive, else its start.
    /// Unset with "immediate".
    std::optional<Lsn> replayEnd;
    /// The newest commit that will be there, where one was read.
    std::optional<Moment> lastCommitAt;
    std::optional<Lsn> lastCommitLsn;
    std::string words; ///< "up to and including the commit of 2026-… at 0/3018098".

    friend bool operator==(const ResolvedTarget&, const ResolvedTarget&) = default;
};

} // namespace salvor::model
