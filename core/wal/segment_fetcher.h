// Fetches segments ahead of the one that is being read.
#pragma once

#include "core/repository/repository.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace salvor::wal {

/// Hands out the segments of a list in order while threads fetch the next ones. next() is for one
/// thread. Destroying it waits for the fetches under way.
class SegmentFetcher {
public:
    SegmentFetcher(const repository::Repository& repository, model::Incarnation incarnation,
                   std::vector<model::Segment> segments);
    ~SegmentFetcher();
    SegmentFetcher(const SegmentFetcher&) = delete;
    SegmentFetcher& operator=(const SegmentFetcher&) = delete;

    /// The next of the list; it must not be at its end.
    [[nodiscard]] Result<Bytes> next();

private:
    void work();

    const repository::Repository& m_repository;
    const model::Incarnation m_incarnation;
    const std::vector<model::Segment> m_segments;
    std::size_t m_ahead = 1;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::size_t m_taken = 0;                      // Guarded by m_mutex.
    std::size_t m_begun = 0;                      // Guarded by m_mutex.
    bool m_stop = false;                          // Guarded by m_mutex.
    std::map<std::size_t, Result<Bytes>> m_ready; // Guarded by m_mutex.
    std::vector<std::jthread> m_threads;          // Last: joined first.
};

} // namespace salvor::wal
