#include "core/postgres/backup_label.h"
#include "core/repository/sweep.h"
#include "core/repository/wal_pieces.h"
#include "core/wal/archive.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace salvor::wal {
namespace {

using model::Lsn;
using model::TimelineId;

std::optional<TimelineId> timelineOfHistory(const std::string& name)
{
    if (model::walFileKind(name) != model::WalFileKind::History)
        return std::nullopt;
    std::uint32_t number = 0;
    std::from_chars(name.data(), name.data() + 8, number, 16);
    return TimelineId{number};
}

Result<std::vector<postgres::HistoryEntry>> readHistory(const repository::Repository& repository,
                                                        const model::Incarnation& incarnation,
                                                        TimelineId timeline)
{
    const std::string name = model::historyFileName(timeline);
    SALVOR_TRY(const Bytes text, repository.readWalFile(incarnation, name));
    return postgres::parseHistoryFile(asText(text)).in("'" + name + "'");
}

void addRanges(const std::vector<repository::Repository::StoredSegment>& segments,
               model::WalArchiveState& state)
{
    for (const auto& [segment, object, storedSize, storedAt] : segments) {
        auto& ranges = state.ranges;
        if (ranges.empty() || ranges.back().timeline != segment.timeline) {
            ranges.push_back({segment.timeline, segment.number, segment.number});
            continue;
        }
        const std::uint64_t last = ranges.back().lastSegment;
        if (segment.number == last) {
            auto& conflicts = state.conflicts;
            if (!conflicts.empty() && conflicts.back().segment == segment)
                ++conflicts.back().copies;
            else
                conflicts.push_back({segment, 2});
        } else if (segment.number == last + 1) {
            ranges.back().lastSegment = segment.number;
        } else {
            state.gaps.push_back({segment.timeline, last + 1, segment.number - 1});
            ranges.push_back({segment.timeline, segment.number, segment.number});
        }
    }
}

/// The begun segment of each timeline that is known.
Result<> addTails(const repository::Repository& repository, model::WalArchiveState& state)
{
    std::map<TimelineId, std::optional<std::uint64_t>> lastWhole{{TimelineId{1}, std::nullopt}};
    for (const auto& fork : state.forks)
        lastWhole[fork.child] = std::nullopt;
    for (const auto& range : state.ranges)
        lastWhole[range.timeline] = range.lastSegment;
    for (const auto& [timeline, last] : lastWhole) {
        SALVOR_TRY(const auto tail,
                   repository::tailOf(repository, state.incarnation, timeline, last));
        if (tail)
            state.tails.push_back(*tail);
    }
    return {};
}

/// What lacks around a fork: of the parent before it, of the child from it on.
void addGapsAtFork(const model::TimelineFork& fork, model::WalArchiveState& state)
{
    const ByteCount size = state.incarnation.identity.segmentSize;
    const std::uint64_t forkSegment = value(fork.at) / size;
    const auto first = std::find_if(state.ranges.begin(), state.ranges.end(),
                                    [&](const auto& r) { return r.timeline == fork.child; });
    if (first != state.ranges.end() && first->firstSegment > forkSegment)
        state.gaps.push_back({fork.child, forkSegment, first->firstSegment - 1});
    // The child's copy of the segment of the fork stands in for the parent's.
    std::optional<std::uint64_t> parentLast;
    for (const auto& range : state.ranges)
        if (range.timeline == fork.parent)
            parentLast = range.lastSegment;
    if (parentLast && forkSegment > 0 && *parentLast < forkSegment - 1)
        state.gaps.push_back({fork.parent, *parentLast + 1, forkSegment - 1});
}

} // namespace

Result<model::WalArchiveState> archiveState(const repository::Repository& repository,
                                            const model::Incarnation& incarnation)
{
    model::WalArchiveState state;
    state.incarnation = incarnation;
    SALVOR_TRY(const auto segments, repository.segments(incarnation));
    addRanges(segments, state);
    SALVOR_TRY(const auto files, repository.walFiles(incarnation));
    for (const std::string& name : files) {
        const auto child = timelineOfHistory(name);
        if (!child)
            continue;
        SALVOR_TRY(const auto history, readHistory(repository, incarnation, *child));
        if (!history.empty())
            state.forks.push_back({history.back().timeline, *child, history.back().switchedAt});
    }
    std::sort(state.forks.begin(), state.forks.end(),
              [](const auto& a, const auto& b) { return a.child < b.child; });
    for (const auto& fork : state.forks)
        addGapsAtFork(fork, state);
    SALVOR_CHECK(addTails(repository, state));
    // Where it cannot be read, a gap that a prune made looks like any other.
    const auto swept = repository::sweptBefore(repository, incarnation);
    const std::uint64_t kept =
        swept.ok() && *swept ? value(**swept) / incarnation.identity.segmentSize : std::uint64_t{0};
    std::erase_if(state.gaps, [&](const auto& gap) { return gap.lastMissing < kept; });
    std::sort(state.gaps.begin(), state.gaps.end(), [](const auto& a, const auto& b) {
        return std::pair(a.timeline, a.firstMissing) < std::pair(b.timeline, b.firstMissing);
    });
    return state;
}

bool TimelinePath::contains(TimelineId timeline, Lsn lsn) const
{
    return std::any_of(legs.begin(), legs.end(), [&](const Leg& leg) {
        return leg.timeline == timeline && leg.from <= lsn && (!leg.to || lsn < *leg.to);
    });
}

TimelineId TimelinePath::timelineAt(Lsn lsn) const
{
    for (const Leg& leg : legs)
        if (!leg.to || lsn < *leg.to)
            return leg.timeline;
    return legs.empty() ? TimelineId{} : legs.back().timeline;
}

Result<TimelinePath> timelinePath(const repository::Repository& repository,
                                  const model::Incarnation& incarnation, TimelineId timeline)
{
    TimelinePath path;
    Lsn from{};
    // The first timeline has no history file.
    if (value(timeline) > 1) {
        auto history = readHistory(repository, incarnation, timeline);
        if (!history.ok() && history.error().code == ErrorCode::NotFound)
            return fail(ErrorCode::NotReady,
                        "'" + model::historyFileName(timeline) + "' is not in the archive of '"
                            + incarnation.cluster + "', so nothing is known of timeline "
                            + std::to_string(value(timeline)),
                        "Choose a timeline of the archive, or push the history file from pg_wal "
                        "with 'salvorctl archive-push'.");
        if (!history.ok())
            return std::move(history).error();
        for (const auto& entry : *history) {
            path.legs.push_back({entry.timeline, from, entry.switchedAt});
            from = entry.switchedAt;
        }
    }
    path.legs.push_back({timeline, from, std::nullopt});
    return path;
}

} // namespace salvor::wal
