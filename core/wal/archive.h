// archive-push and archive-get, and what an archive holds.
#pragma once

#include "core/base/job_context.h"
#include "core/model/wal.h"
#include "core/repository/repository.h"

#include <functional>

namespace salvor::wal {

/// Stores one file of pg_wal: a segment, a partial segment, a history file or a backup label.
/// The first push under a name pins its incarnation.
///
/// `path` is as PostgreSQL gives it (%p), relative to the working directory, which is the data
/// directory then: its global/pg_control says which cluster this is.
///
/// Errors: NotReady for another cluster's WAL (the segment's system identifier or the control
///         file's differs from what the name is pinned to); AlreadyExists for other bytes under
///         the same name; Corrupt for a segment that is no WAL or of the wrong size; those of the
///         repository. Whatever it is, nothing was acknowledged and nothing existing was touched.
[[nodiscard]] Result<repository::Repository::Pushed>
archivePush(const repository::Repository& repository, const std::string& cluster, const Path& path);

/// Fetches the file `name` to `destination` (%p), verified, durable as far as PostgreSQL needs it:
/// written under another name first, then renamed.
///
/// Errors: NotFound only when the archive was read and the file is certainly not there; every
///         other error means "do not go on".
[[nodiscard]] Result<> archiveGet(const repository::Repository& repository,
                                  const model::Incarnation& incarnation, const std::string& name,
                                  const Path& destination);

/// Ranges, gaps, forks and conflicts, from a listing and the history files alone.
[[nodiscard]] Result<model::WalArchiveState> archiveState(const repository::Repository& repository,
                                                          const model::Incarnation& incarnation);

/// The way from one timeline back to another: which segments of which timeline a replay reads.
struct TimelinePath {
    struct Leg {
        model::TimelineId timeline{};
        model::Lsn from{}; ///< The first leg begins at 0.
        std::optional<model::Lsn>
            to; ///< Where the next leg's timeline forked off; unset: the last.
    };
    std::vector<Leg> legs; ///< Oldest first.
    [[nodiscard]] bool contains(model::TimelineId timeline, model::Lsn lsn) const;
    /// The timeline whose WAL covers byte `lsn`.
    [[nodiscard]] model::TimelineId timelineAt(model::Lsn lsn) const;
};
/// Errors: NotReady when a history file of the way is not in the archive.
[[nodiscard]] Result<TimelinePath> timelinePath(const repository::Repository& repository,
                                                const model::Incarnation& incarnation,
                                                model::TimelineId timeline);

/// Visits every commit, abort and restore point from `from` on along a path, in WAL order, until
/// the visitor says enough (false), `to` is reached, or the continuous WAL ends. Fetches and
/// decodes segments ahead in parallel.
///
/// XIDs come with their epoch counted from `nextXid` (of the backup's control file) where given.
/// Returns where the continuous WAL, or the scan, ended and why.
struct ScanEnd {
    model::Lsn at{}; ///< Everything before this was read.
    model::TimelineId timeline{};
    std::string
        because; ///< A sentence: "segment … is not in the archive", "the archive ends here".
    bool stoppedByVisitor = false;
};
using EventVisitor = std::function<Result<bool>(const model::WalEvent&)>;
[[nodiscard]] Result<ScanEnd> scanEvents(const repository::Repository& repository,
                                         const model::Incarnation& incarnation,
                                         const TimelinePath& path, model::Lsn from,
                                         std::optional<model::Lsn> to, const EventVisitor& visit,
                                         JobContext& job);

} // namespace salvor::wal
