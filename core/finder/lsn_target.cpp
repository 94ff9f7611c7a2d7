// Resolves an LSN to the record at which PostgreSQL would stop.
#include "core/finder/resolver.h"

#include <algorithm>

namespace salvor::finder {

using model::Lsn;
using model::WalEvent;

/// The record an LSN falls on, and what stands around it.
struct Resolver::RecordAt {
    Lsn start{}; ///< 0: there is none before the WAL ends.
    Lsn end{};
    std::optional<Lsn> previousEnd; ///< Where replay stands before it, when that was read.
    std::optional<WalEvent> event;
    std::optional<WalEvent> lastCommit; ///< Before it; not all that is there was read.
    std::optional<WalEvent> nextCommit; ///< After it.
    std::optional<WalEvent> last;       ///< Of all that was read.
    std::uint64_t commitsAfter = 0;
    std::string because;

    void take(const postgres::WalRecord& record, const std::optional<WalEvent>& found, Lsn lsn);
};

void Resolver::RecordAt::take(const postgres::WalRecord& record,
                              const std::optional<WalEvent>& found, Lsn lsn)
{
    const bool isCommit = found && found->kind == WalEvent::Kind::Commit;
    if (isCommit)
        last = found;
    if (value(start) == 0 && record.start < lsn) {
        previousEnd = record.end;
        if (isCommit)
            lastCommit = found;
        return;
    }
    if (value(start) == 0) {
        start = record.start;
        end = record.end;
        event = found;
        return;
    }
    if (!isCommit)
        return;
    ++commitsAfter;
    if (!nextCommit)
        nextCommit = found;
}

Result<Resolver::RecordAt> Resolver::findRecord(Lsn lsn)
{
    const ByteCount size = m_ground.segments.segmentSize();
    // One segment more, to know where the record before it ends.
    std::uint64_t number = value(lsn) / size;
    if (number > 0 && m_ground.segments.find(number - 1))
        --number;
    RecordAt found;
    const int major = m_ground.incarnation.identity.majorVersion;
    const wal::RecordVisitor look = [&](const postgres::WalRecord& record,
                                        model::TimelineId timeline) -> Result<bool> {
        SALVOR_TRY(const auto event, postgres::eventOf(record, timeline, major));
        found.take(record, event, lsn);
        return true;
    };
    SALVOR_TRY(const auto end,
               wal::scanRecords({m_ground.repository, m_ground.incarnation, m_ground.segments,
                                 Lsn{number * size}, std::nullopt},
                                look, m_job));
    found.because = end.because;
    return found;
}

Result<Resolution> Resolver::resolve(const model::LsnTarget& target)
{
    const std::string name = "the LSN " + formatLsn(target.lsn);
    if (target.lsn < m_ground.backups.front().startLsn)
        return tooEarly(name, {});
    SALVOR_TRY(const RecordAt found, findRecord(target.lsn));
    if (value(found.start) != 0)
        return atRecord(target, found);

    Survey survey;
    survey.lastCommit = found.last;
    survey.regions.push_back({{}, {}, found.because, {}});
    if (!survey.lastCommit) {
        const auto& newest = m_ground.backups.back();
        SALVOR_TRY(survey.lastCommit,
                   lastCommitIn({newest.stopLsn, m_ground.continuousFrom(newest)},
                                m_ground.repository, m_ground.incarnation, m_ground.segments,
                                m_job));
    }
    return tooLate(name, survey);
}

Result<Resolution> Resolver::atRecord(const model::LsnTarget& target, const RecordAt& found)
{
    const std::string name = "the LSN " + formatLsn(target.lsn);
    const bool exclusive = m_request.target.exclusive;
    const Lsn reached = exclusive ? found.start : found.end;
    const auto& backups = m_ground.backups;
    if (std::none_of(backups.begin(), backups.end(),
                     [&](const auto& backup) { return backup.stopLsn <= reached; }))
        return tooEarly(name, {});
    const model::Backup* backup = m_ground.newestBefore(reached, found.end);
    if (backup == nullptr)
        return fail(
            ErrorCode::NotReady,
            name + " cannot be reached from any backup before it: "
                + m_ground.segments.whyItEnds(m_ground.segmentNumber(backups.front().startLsn)),
            "Choose a target before the gap, or after the next backup.");

    Resolution resolution = begin(*backup, "it is the newest one that ends before the target");
    resolution.target.lsn = found.start;
    resolution.target.inclusive = !exclusive;
    resolution.target.replayEnd = exclusive ? found.previousEnd.value_or(found.start) : found.end;
    const bool isCommit = found.event && found.event->kind == WalEvent::Kind::Commit;
    auto last = isCommit && !exclusive ? found.event : found.lastCommit;
    if (!last) {
        SALVOR_TRY(last, lastCommitIn({backup->stopLsn, found.start}, m_ground.repository,
                                      m_ground.incarnation, m_ground.segments, m_job));
    }
    if (last) {
        resolution.target.lastCommitAt = last->at;
        resolution.target.lastCommitLsn = last->start;
    }
    resolution.target.words =
        (exclusive ? "up to, but without, " : "up to and including ")
        + (found.event ? describe(*found.event) : "the record at " + formatLsn(found.start));
    resolution.firstLost = isCommit && exclusive ? found.event : found.nextCommit;
    resolution.commitsLost = found.commitsAfter + (isCommit && exclusive ? 1 : 0);
    resolution.lastArchived = found.last;
    if (!resolution.lastArchived)
        resolution.lastArchived = last;
    addWal(resolution, found.end);
    return resolution;
}

} // namespace salvor::finder
