#include "core/finder/ground.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace salvor::finder {

using model::Backup;
using model::Lsn;
using model::TimelineId;
using repository::Repository;

namespace {

std::string numberOf(TimelineId timeline)
{
    return std::to_string(value(timeline));
}

/// What a request may choose from.
struct Choice {
    model::Incarnation incarnation;
    std::vector<Backup> backups; ///< Oldest stop first.
};

Result<Choice> readChoice(const Repository& repository, const ResolveRequest& request)
{
    Choice choice;
    if (!request.backupId.empty()) {
        SALVOR_TRY(Backup backup, repository.backup(request.backupId));
        if (backup.incarnation.cluster != request.cluster)
            return fail(ErrorCode::InvalidInput, "backup '" + backup.id + "' is of cluster '"
                                                     + backup.incarnation.cluster + "', not of '"
                                                     + request.cluster + "'");
        choice.incarnation = backup.incarnation;
        choice.backups.push_back(std::move(backup));
        return choice;
    }
    SALVOR_TRY(choice.incarnation, repository.incarnation(request.cluster));
    SALVOR_TRY(auto all, repository.backups(request.cluster));
    for (Backup& backup : all)
        if (backup.incarnation.number == choice.incarnation.number)
            choice.backups.push_back(std::move(backup));
    if (choice.backups.empty())
        return fail(ErrorCode::NotReady, "there is no backup of '" + request.cluster + "'",
                    "Take one with 'salvorctl backup " + request.cluster + "'.");
    std::stable_sort(choice.backups.begin(), choice.backups.end(),
                     [](const Backup& a, const Backup& b) { return a.stopLsn < b.stopLsn; });
    return choice;
}

/// "The newest timeline": the highest whose history reaches back to one of the backups.
Result<wal::TimelinePath> newestPath(const Repository& repository, const Choice& choice,
                                     JobContext& job)
{
    SALVOR_TRY(const auto timelines,
               knownTimelines(repository, choice.incarnation, choice.backups));
    std::optional<Error> missing;
    for (const TimelineId timeline : timelines) {
        auto path = wal::timelinePath(repository, choice.incarnation, timeline);
        if (!path.ok() && path.error().code == ErrorCode::NotReady) {
            job.events.warning("Timeline " + numberOf(timeline)
                               + " was left out: " + path.error().message + ".");
            missing = std::move(path).error();
            continue;
        }
        if (!path.ok())
            return path;
        if (std::any_of(choice.backups.begin(), choice.backups.end(),
                        [&](const Backup& backup) { return isOnPath(*path, backup); }))
            return path;
    }
    if (missing)
        return *std::move(missing);
    return fail(ErrorCode::NotReady, "no timeline of the archive of '" + choice.incarnation.cluster
                                         + "' leads back to a backup");
}

Result<wal::TimelinePath> choosePath(const Repository& repository, const ResolveRequest& request,
                                     const Choice& choice, JobContext& job)
{
    const bool immediate = std::holds_alternative<model::ImmediateTarget>(request.target.point);
    if (request.target.timeline)
        return wal::timelinePath(repository, choice.incarnation, *request.target.timeline);
    // A backup's own end lies on its own timeline: no other history is needed.
    if (request.target.currentTimeline || immediate)
        return wal::timelinePath(repository, choice.incarnation, choice.backups.back().timeline);
    return newestPath(repository, choice, job);
}

Error notOnPath(const Backup& backup, const wal::TimelinePath& path)
{
    const TimelineId timeline = path.legs.back().timeline;
    for (const auto& leg : path.legs)
        if (leg.timeline == backup.timeline && leg.to)
            return fail(ErrorCode::NotReady,
                        "backup '" + backup.id + "' ended at " + formatLsn(backup.stopLsn)
                            + " on timeline " + numberOf(backup.timeline)
                            + ", after the way to timeline " + numberOf(timeline)
                            + " forked off at " + formatLsn(*leg.to),
                        "Choose an older backup, or --timeline " + numberOf(backup.timeline) + ".");
    return fail(ErrorCode::NotReady,
                "backup '" + backup.id + "' is of timeline " + numberOf(backup.timeline)
                    + ", which does not lead to timeline " + numberOf(timeline),
                "Choose another backup, or --timeline " + numberOf(backup.timeline) + ".");
}

Error withoutWal(const Ground& ground, const Backup& backup)
{
    return fail(ErrorCode::NotReady,
                "backup '" + backup.id + "' cannot be used: of the WAL from "
                    + formatLsn(backup.startLsn) + " to " + formatLsn(backup.stopLsn)
                    + " that makes it consistent, "
                    + ground.segments.whyItEnds(ground.segmentNumber(backup.startLsn)),
                "Choose another backup.");
}

} // namespace

const Backup* Ground::newestBefore(Lsn at, Lsn needed) const
{
    const auto found = std::find_if(backups.rbegin(), backups.rend(), [&](const Backup& backup) {
        return backup.stopLsn <= at && continuousFrom(backup) >= needed;
    });
    return found == backups.rend() ? nullptr : &*found;
}

bool isOnPath(const wal::TimelinePath& path, const Backup& backup)
{
    // The stop is the first byte after the backup's end.
    const Lsn last{value(backup.stopLsn) == 0 ? 0 : value(backup.stopLsn) - 1};
    return path.contains(backup.timeline, last);
}

Result<std::vector<TimelineId>> knownTimelines(const Repository& repository,
                                               const model::Incarnation& incarnation,
                                               const std::vector<Backup>& backups)
{
    std::set<TimelineId, std::greater<>> timelines;
    for (const Backup& backup : backups)
        timelines.insert(backup.timeline);
    SALVOR_TRY(const auto segments, repository.segments(incarnation));
    for (const auto& stored : segments)
        timelines.insert(stored.segment.timeline);
    SALVOR_TRY(const auto files, repository.walFiles(incarnation));
    for (const std::string& name : files) {
        std::uint32_t number = 0;
        if (model::walFileKind(name) == model::WalFileKind::History
            && std::from_chars(name.data(), name.data() + 8, number, 16).ec == std::errc())
            timelines.insert(TimelineId{number});
    }
    return std::vector<TimelineId>(timelines.begin(), timelines.end());
}

Result<Ground> findGround(const Repository& repository, const ResolveRequest& request,
                          JobContext& job)
{
    SALVOR_TRY(Choice choice, readChoice(repository, request));
    SALVOR_TRY(wal::TimelinePath path, choosePath(repository, request, choice, job));
    SALVOR_TRY(auto segments,
               wal::PathSegments::list(repository, choice.incarnation, std::move(path)));
    Ground ground{repository,
                  choice.incarnation,
                  segments.path().legs.back().timeline,
                  std::move(segments),
                  {},
                  !request.backupId.empty()};
    std::optional<Error> why;
    for (Backup& backup : choice.backups) {
        if (!isOnPath(ground.segments.path(), backup)) {
            why = notOnPath(backup, ground.segments.path());
        } else if (ground.continuousFrom(backup) < backup.stopLsn) {
            why = withoutWal(ground, backup);
            job.events.warning(why->message + ".");
        } else {
            ground.backups.push_back(std::move(backup));
        }
    }
    if (ground.backups.empty())
        return *std::move(why);
    return ground;
}

Result<std::optional<model::WalEvent>> lastCommitIn(const LsnSpan& span,
                                                    const Repository& repository,
                                                    const model::Incarnation& incarnation,
                                                    const wal::PathSegments& segments,
                                                    JobContext& job)
{
    if (span.high <= span.low)
        return std::optional<model::WalEvent>();
    const ByteCount size = segments.segmentSize();
    Lsn to = span.high;
    for (std::uint64_t number = (value(span.high) - 1) / size;; --number) {
        std::optional<model::WalEvent> last;
        const wal::EventVisitor keep = [&](const model::WalEvent& event) -> Result<bool> {
            if (event.kind == model::WalEvent::Kind::Commit && event.start >= span.low)
                last = event;
            return true;
        };
        const Lsn from{number * size};
        SALVOR_CHECK(wal::scanEvents({repository, incarnation, segments, from, to}, keep, job));
        if (last || from <= span.low)
            return last;
        to = from;
    }
}

} // namespace salvor::finder
