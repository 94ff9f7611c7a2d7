// Where a target is looked for: one timeline's path, what the archive has of it, and the backups
// that lie on it.
#pragma once

#include "core/finder/reach.h"
#include "core/wal/archive.h"

#include <functional>

namespace salvor::finder {

struct Ground {
    const repository::Repository& repository;
    model::Incarnation incarnation;
    model::TimelineId timeline{};
    wal::PathSegments segments;
    std::vector<model::Backup> backups; ///< On the path and with their own WAL; oldest stop first.
    bool backupAsked = false;           ///< `backups` is the one that was named.

    [[nodiscard]] std::uint64_t segmentNumber(model::Lsn lsn) const
    {
        return value(lsn) / segments.segmentSize();
    }
    /// The end of the WAL without a gap from a backup's start on.
    [[nodiscard]] model::Lsn continuousFrom(const model::Backup& backup) const
    {
        return segments.continuousEnd(segmentNumber(backup.startLsn));
    }
    /// The newest backup that is consistent at `at` and whose WAL reaches to `needed`.
    [[nodiscard]] const model::Backup* newestBefore(model::Lsn at, model::Lsn needed) const;
};

/// Chooses timeline and usable backups. Errors: NotFound for an unknown cluster or backup; NotReady
/// when there is no backup on the way, each with its reason.
[[nodiscard]] Result<Ground> findGround(const repository::Repository& repository,
                                        const ResolveRequest& request, JobContext& job);

/// Is the backup's end on the way to this path's timeline?
[[nodiscard]] bool isOnPath(const wal::TimelinePath& path, const model::Backup& backup);

/// All timelines that the repository knows of, newest first.
[[nodiscard]] Result<std::vector<model::TimelineId>>
knownTimelines(const repository::Repository& repository, const model::Incarnation& incarnation,
               const std::vector<model::Backup>& backups);

/// A part of the WAL: what starts from `low` on and before `high`.
struct LsnSpan {
    model::Lsn low{};
    model::Lsn high{};
};

/// The last commit in it, found from the end backwards.
[[nodiscard]] Result<std::optional<model::WalEvent>>
lastCommitIn(const LsnSpan& span, const repository::Repository& repository,
             const model::Incarnation& incarnation, const wal::PathSegments& segments,
             JobContext& job);

} // namespace salvor::finder
