#include "core/finder/ground.h"

#include <algorithm>
#include <map>

namespace salvor::finder {
namespace {

using model::Backup;
using model::Lsn;
using model::TimelineId;

/// What was read of the archive so far; backups of one stretch of WAL share its end.
class RangeReader {
public:
    RangeReader(const repository::Repository& repository, const model::Incarnation& incarnation,
                JobContext& job)
        : m_repository(repository)
        , m_incarnation(incarnation)
        , m_job(job)
    {}

    [[nodiscard]] Result<> readPaths(const std::vector<Backup>& backups)
    {
        SALVOR_TRY(const auto timelines, knownTimelines(m_repository, m_incarnation, backups));
        for (const TimelineId timeline : timelines) {
            auto path = wal::timelinePath(m_repository, m_incarnation, timeline);
            // Without its history a timeline leads nowhere; the next older one is looked at.
            if (!path.ok() && path.error().code == ErrorCode::NotReady)
                continue;
            if (!path.ok())
                return std::move(path).error();
            SALVOR_TRY(auto segments,
                       wal::PathSegments::list(m_repository, m_incarnation, *std::move(path)));
            m_paths.push_back(std::move(segments));
        }
        return {};
    }

    [[nodiscard]] Result<model::RecoverableRange> rangeOf(const Backup& backup)
    {
        model::RecoverableRange range;
        range.backupId = backup.id;
        range.timeline = backup.timeline;
        range.from = backup.stopLsn;
        range.to = backup.stopLsn;
        range.fromTime = backup.finishedAt;
        range.toTime = backup.finishedAt;
        const auto path = std::find_if(m_paths.begin(), m_paths.end(), [&](const auto& segments) {
            return isOnPath(segments.path(), backup);
        });
        if (path == m_paths.end()) {
            range.endsBecause = "the history of timeline " + std::to_string(value(backup.timeline))
                                + " is not in the archive";
            return range;
        }
        range.timeline = path->path().legs.back().timeline;
        const std::uint64_t first = value(backup.startLsn) / path->segmentSize();
        range.endsBecause = path->whyItEnds(first);
        const Lsn end = path->continuousEnd(first);
        SALVOR_TRY(const auto last, lastCommit(*path, range.timeline, backup.stopLsn, end));
        if (last) {
            range.to = last->start;
            // A commit's time is the server's, the backup's that of the machine that made it.
            range.toTime = std::max(range.fromTime, last->at);
        }
        return range;
    }

private:
    [[nodiscard]] Result<std::optional<model::WalEvent>>
    lastCommit(const wal::PathSegments& segments, TimelineId timeline, Lsn low, Lsn end)
    {
        const std::pair key(timeline, end);
        const auto known = m_known.find(key);
        // Newest backups come first: what lies before this one's stop was not looked at yet.
        if (known != m_known.end() && known->second && known->second->start >= low)
            return known->second;
        SALVOR_TRY(auto last,
                   lastCommitIn({low, end}, m_repository, m_incarnation, segments, m_job));
        m_known[key] = last;
        return last;
    }

    const repository::Repository& m_repository;
    const model::Incarnation& m_incarnation;
    JobContext& m_job;
    std::vector<wal::PathSegments> m_paths; ///< Newest timeline first.
    std::map<std::pair<TimelineId, Lsn>, std::optional<model::WalEvent>> m_known;
};

} // namespace

Result<std::vector<model::RecoverableRange>>
recoverableRanges(const repository::Repository& repository, const model::Incarnation& incarnation,
                  JobContext& job)
{
    SALVOR_TRY(auto backups, repository.backups(incarnation.cluster));
    std::erase_if(backups, [&](const Backup& backup) {
        return backup.incarnation.number != incarnation.number;
    });
    RangeReader reader(repository, incarnation, job);
    SALVOR_CHECK(reader.readPaths(backups));
    std::reverse(backups.begin(), backups.end());
    std::vector<model::RecoverableRange> ranges;
    for (const Backup& backup : backups) {
        SALVOR_TRY(auto range, reader.rangeOf(backup));
        ranges.push_back(std::move(range));
    }
    std::reverse(ranges.begin(), ranges.end());
    return ranges;
}

} // namespace salvor::finder
