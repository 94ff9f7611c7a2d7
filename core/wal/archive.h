// archive-push and archive-get, and what an archive holds.
#pragma once

#include "core/base/job_context.h"
#include "core/model/wal.h"
#include "core/postgres/wal_reader.h"
#include "core/repository/repository.h"

#include <functional>
#include <map>
#include <set>

namespace salvor::wal {

/// Stores one file of pg_wal: a segment, a partial segment, a history file or a backup label.
/// The first push under a name pins its incarnation.
///
/// `path` is as PostgreSQL gives it (%p), relative to the working directory, which is the data
/// directory then: its global/pg_control says which cluster this is. Of an absolute path the folder
/// above pg_wal is asked first. A `.partial` segment is kept under its own name and never given out
/// as the whole one.
///
/// Errors: NotReady for another cluster's WAL (the segment's system identifier or the control
///         file's differs from what the name is pinned to); AlreadyExists for other bytes under
///         the same name; Corrupt for a segment that is no WAL or of the wrong size; those of the
///         repository. Whatever it is, nothing was acknowledged and nothing existing was touched.
[[nodiscard]] Result<repository::Repository::Pushed>
archivePush(const repository::Repository& repository, const std::string& cluster, const Path& path);

/// The same in two steps, for several repositories: the errors of the first are those of the file,
/// the errors of the second those of the repository.
struct FileToArchive {
    std::string name;
    Bytes bytes;
    model::ClusterIdentity identity; ///< Of the cluster that wrote it.
};
[[nodiscard]] Result<FileToArchive> readFileToArchive(const Path& path);
[[nodiscard]] Result<repository::Repository::Pushed>
storeFile(const repository::Repository& repository, const std::string& cluster,
          const FileToArchive& file);

/// Holds the bytes of a segment against its name. `what` stands for them in errors. Errors:
/// Corrupt; Incompatible.
[[nodiscard]] Result<postgres::SegmentHeader>
checkWholeSegment(ByteView bytes, const std::string& name, const std::string& what);

/// With `Begun` a segment that is only there in pieces comes too, filled up with zeros, unless the
/// server in the working directory is a standby: only a copy that does not archive may have it.
enum class Take { WholeOnly, Begun };

/// Fetches the file `name` to `destination` (%p), verified, durable as far as PostgreSQL needs it:
/// written under another name first, then renamed.
///
/// Errors: NotFound only when the archive was read and the file is certainly not there; every
///         other error means "do not go on".
[[nodiscard]] Result<> archiveGet(const repository::Repository& repository,
                                  const model::Incarnation& incarnation, const std::string& name,
                                  const Path& destination, Take take = Take::WholeOnly);

/// The same in two steps: the errors of the first are those of the repository, the errors of the
/// second, never NotFound, those of the destination.
[[nodiscard]] Result<Bytes> readArchived(const repository::Repository& repository,
                                         const model::Incarnation& incarnation,
                                         const std::string& name, Take take);
[[nodiscard]] Result<> writeFetched(ByteView bytes, const Path& destination);

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
    /// Is byte `lsn` of that timeline on the way? Of a position that ends something, ask for the
    /// byte before it.
    [[nodiscard]] bool contains(model::TimelineId timeline, model::Lsn lsn) const;
    /// The timeline whose WAL covers byte `lsn`.
    [[nodiscard]] model::TimelineId timelineAt(model::Lsn lsn) const;
};
/// Errors: NotReady when a history file of the way is not in the archive.
[[nodiscard]] Result<TimelinePath> timelinePath(const repository::Repository& repository,
                                                const model::Incarnation& incarnation,
                                                model::TimelineId timeline);

/// What the archive holds of a path, from a listing. A value; safe on any thread.
///
/// A promotion copies the begun segment to the new timeline, so the segment of a fork can be there
/// twice. As PostgreSQL does, the newest timeline's copy is read. The begun segment after the last
/// whole one of a timeline counts as far as pieces of it are there.
class PathSegments {
public:
    [[nodiscard]] static Result<PathSegments> list(const repository::Repository& repository,
                                                   const model::Incarnation& incarnation,
                                                   TimelinePath path);
    [[nodiscard]] const TimelinePath& path() const noexcept { return m_path; }
    [[nodiscard]] ByteCount segmentSize() const noexcept { return m_segmentSize; }

    /// The copy of segment `number` that a replay reads; nothing when there is none.
    [[nodiscard]] std::optional<model::Segment> find(std::uint64_t number) const;
    /// Up to where that copy is of the path: its end, where its pieces end, or the fork when only
    /// the parent's copy is there and the child's, which goes on, is not.
    [[nodiscard]] model::Lsn readableTo(model::Segment copy) const;
    /// The end of the WAL that is there without a gap from segment `number` on; its start when that
    /// segment is not there.
    [[nodiscard]] model::Lsn continuousEnd(std::uint64_t number) const;
    /// Why it goes no further: a sentence.
    [[nodiscard]] std::string whyItEnds(std::uint64_t number) const;
    /// The copies of first to last (inclusive), those of one timeline taken together.
    [[nodiscard]] std::vector<model::WalRange> ranges(std::uint64_t first,
                                                      std::uint64_t last) const;

private:
    [[nodiscard]] std::uint64_t firstMissing(std::uint64_t number) const;
    [[nodiscard]] bool has(model::Segment copy, model::Lsn beyond) const;

    TimelinePath m_path;
    ByteCount m_segmentSize = 0;
    std::uint64_t m_keptFrom = 0; ///< Number of the first segment that retention did not take.
    std::set<model::Segment> m_segments;
    std::map<model::Segment, model::Lsn> m_tails; ///< Begun ones, and where their pieces end.
};

/// Where a scan ended and why.
struct ScanEnd {
    model::Lsn at{}; ///< Everything before this was read.
    model::TimelineId timeline{};
    std::string because; ///< A sentence: "segment … is not in the archive".
    bool stoppedByVisitor = false;
};

/// A part of the archive's WAL along a path. What it refers to outlives it.
struct ScanRange {
    const repository::Repository& repository;
    const model::Incarnation& incarnation;
    const PathSegments& segments;
    /// A record's start, or the start of a segment: then the first record that begins in it comes
    /// first.
    model::Lsn from{};
    std::optional<model::Lsn> to; ///< What starts there or later is not visited.
};

/// Visits every record that starts in the range, in WAL order, until the visitor says enough
/// (false), the range ends, or the continuous WAL ends: at a gap, at a damaged segment, at the end
/// of the archive. Fetches and decodes segments ahead in parallel.
///
/// Progress: bytes of segments.
/// Errors: those of the repository but Corrupt, which ends the continuous WAL; Cancelled; whatever
///         the visitor returns.
using RecordVisitor =
    std::function<Result<bool>(const postgres::WalRecord&, model::TimelineId timeline)>;
[[nodiscard]] Result<ScanEnd> scanRecords(const ScanRange& range, const RecordVisitor& visit,
                                          JobContext& job);

/// The same, but visits commits, aborts and restore points only.
///
/// XIDs come with their epoch, counted from the checkpoints in the WAL: from the start of a backup
/// on there is always one. Events before the first checkpoint are held back until it was read.
using EventVisitor = std::function<Result<bool>(const model::WalEvent&)>;
[[nodiscard]] Result<ScanEnd> scanEvents(const ScanRange& range, const EventVisitor& visit,
                                         JobContext& job);

} // namespace salvor::wal
