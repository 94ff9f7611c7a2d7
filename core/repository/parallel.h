// The same work on many numbers, by a few threads.
#pragma once

#include "core/base/result.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace salvor::repository {

/// Calls `work(i)` for every i below `count`, from up to `threads` threads at once. Returns the
/// first error that happened; nothing new is begun after it.
template <typename Work>
[[nodiscard]] Result<> inParallel(std::size_t threads, std::size_t count, Work work)
{
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stopped{false};
    std::mutex mutex;
    std::optional<Error> first; // Guarded by mutex.
    const auto run = [&] {
        for (std::size_t i = next++; i < count && !stopped; i = next++) {
            Result<> done = work(i);
            if (done.ok())
                continue;
            stopped = true;
            const std::lock_guard lock(mutex);
            if (!first)
                first = std::move(done).error();
        }
    };
    {
        std::vector<std::jthread> pool;
        for (std::size_t i = 1; i < std::min(threads, count); ++i)
            pool.emplace_back(run);
        run();
    }
    if (first)
        return std::move(*first);
    return {};
}

} // namespace salvor::repository
