#include "core/repository/sweep.h"
#include "core/repository/wal_pieces.h"
#include "core/wal/archive.h"

#include <algorithm>

namespace salvor::wal {

using model::Lsn;
using model::Segment;

namespace {

std::string nameOf(Segment segment, ByteCount segmentSize)
{
    auto name = model::segmentName(segment, segmentSize);
    return name.ok() ? *name : std::to_string(segment.number);
}

} // namespace

Result<PathSegments> PathSegments::list(const repository::Repository& repository,
                                        const model::Incarnation& incarnation, TimelinePath path)
{
    PathSegments listing;
    listing.m_segmentSize = incarnation.identity.segmentSize;
    for (const auto& leg : path.legs) {
        SALVOR_TRY(const auto stored, repository.segments(incarnation, leg.timeline));
        for (const auto& one : stored)
            listing.m_segments.insert(one.segment);
        SALVOR_TRY(const auto tail,
                   repository::tailOf(repository, incarnation, leg.timeline,
                                      stored.empty()
                                          ? std::nullopt
                                          : std::optional(stored.back().segment.number)));
        if (tail)
            listing.m_tails.emplace(tail->segment, tail->to);
    }
    // It only chooses words: whoever cannot read it can restore all the same.
    if (const auto swept = repository::sweptBefore(repository, incarnation); swept.ok() && *swept)
        listing.m_keptFrom = value(**swept) / listing.m_segmentSize;
    listing.m_path = std::move(path);
    return listing;
}

/// Of a begun segment only what lies beyond the fork is the new timeline's own.
bool PathSegments::has(Segment copy, Lsn beyond) const
{
    const auto tail = m_tails.find(copy);
    return m_segments.contains(copy) || (tail != m_tails.end() && tail->second > beyond);
}

std::optional<Segment> PathSegments::find(std::uint64_t number) const
{
    for (std::size_t newer = m_path.legs.size(); newer > 0; --newer) {
        const auto& leg = m_path.legs[newer - 1];
        if (number < value(leg.from) / m_segmentSize)
            continue;
        if (leg.to && number > (value(*leg.to) - 1) / m_segmentSize)
            return std::nullopt;
        const Segment copy{leg.timeline, number};
        if (has(copy, leg.from))
            return copy;
    }
    return std::nullopt;
}

Lsn PathSegments::readableTo(Segment copy) const
{
    Lsn end{(copy.number + 1) * m_segmentSize};
    if (const auto tail = m_tails.find(copy); tail != m_tails.end() && !m_segments.contains(copy))
        end = tail->second;
    for (const auto& leg : m_path.legs)
        if (leg.timeline == copy.timeline && leg.to && *leg.to < end)
            return *leg.to;
    return end;
}

std::uint64_t PathSegments::firstMissing(std::uint64_t number) const
{
    while (true) {
        const auto copy = find(number);
        if (!copy || readableTo(*copy) < Lsn{(number + 1) * m_segmentSize})
            return number;
        ++number;
    }
}

Lsn PathSegments::continuousEnd(std::uint64_t number) const
{
    const std::uint64_t missing = firstMissing(number);
    const auto copy = find(missing);
    return copy ? readableTo(*copy) : Lsn{missing * m_segmentSize};
}

std::string PathSegments::whyItEnds(std::uint64_t number) const
{
    const std::uint64_t missing = firstMissing(number);
    model::TimelineId timeline{};
    for (const auto& leg : m_path.legs)
        if (value(leg.from) / m_segmentSize <= missing)
            timeline = leg.timeline;
    const std::string name = nameOf({timeline, missing}, m_segmentSize);
    if (missing < m_keptFrom)
        return "later WAL was pruned: segment '" + name + "' is not in the archive any more";
    const bool more = std::any_of(m_segments.begin(), m_segments.end(), [&](Segment segment) {
        return segment.number > missing && find(segment.number) == segment;
    });
    if (const auto tail = m_tails.find({timeline, missing}); tail != m_tails.end() && !more)
        return "the archive ends here: of segment '" + name + "' it has what came until "
               + formatLsn(tail->second);
    if (more)
        return "segment '" + name + "' is not in the archive, though later ones are";
    return "the archive ends here: segment '" + name + "' is not in it";
}

std::vector<model::WalRange> PathSegments::ranges(std::uint64_t first, std::uint64_t last) const
{
    std::vector<model::WalRange> ranges;
    for (std::uint64_t number = first; number <= last; ++number) {
        const auto copy = find(number);
        if (!copy)
            continue;
        if (!ranges.empty() && ranges.back().timeline == copy->timeline
            && ranges.back().lastSegment + 1 == number)
            ranges.back().lastSegment = number;
        else
            ranges.push_back({copy->timeline, number, number});
    }
    return ranges;
}

} // namespace salvor::wal
