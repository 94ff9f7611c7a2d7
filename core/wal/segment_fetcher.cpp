#include "core/wal/segment_fetcher.h"

#include "core/repository/wal_pieces.h"

#include <algorithm>

namespace salvor::wal {
namespace {

/// Segments in memory at once, the one being read apart: large ones must not add up.
std::size_t aheadFor(ByteCount segmentSize)
{
    constexpr ByteCount budget = ByteCount{64} << 20U;
    return std::clamp<std::size_t>(budget / std::max<ByteCount>(segmentSize, 1), 1, 4);
}

} // namespace

SegmentFetcher::SegmentFetcher(const repository::Repository& repository,
                               model::Incarnation incarnation, std::vector<model::Segment> segments)
    : m_repository(repository)
    , m_incarnation(std::move(incarnation))
    , m_segments(std::move(segments))
    , m_ahead(aheadFor(m_incarnation.identity.segmentSize))
{
    const std::size_t threads = std::min(m_ahead, m_segments.size());
    for (std::size_t i = 0; i < threads; ++i)
        m_threads.emplace_back([this] { work(); });
}

SegmentFetcher::~SegmentFetcher()
{
    const std::lock_guard lock(m_mutex);
    m_stop = true;
    m_changed.notify_all();
}

void SegmentFetcher::work()
{
    std::unique_lock lock(m_mutex);
    while (true) {
        m_changed.wait(lock, [this] {
            return m_stop || m_begun == m_segments.size() || m_begun < m_taken + m_ahead;
        });
        if (m_stop || m_begun == m_segments.size())
            return;
        const std::size_t mine = m_begun++;
        lock.unlock();
        auto bytes = repository::readSegmentOrPieces(m_repository, m_incarnation, m_segments[mine]);
        lock.lock();
        m_ready.emplace(mine, std::move(bytes));
        m_changed.notify_all();
    }
}

Result<Bytes> SegmentFetcher::next()
{
    std::unique_lock lock(m_mutex);
    const std::size_t wanted = m_taken;
    m_changed.wait(lock, [&] { return m_ready.contains(wanted); });
    Result<Bytes> bytes = std::move(m_ready.extract(wanted).mapped());
    ++m_taken;
    m_changed.notify_all();
    return bytes;
}

} // namespace salvor::wal
