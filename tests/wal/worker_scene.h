// A spool, and workers that run as threads.
#pragma once

#include "core/wal/spool.h"
#include "tests/support/made_archive.h"
#include "tests/support/must.h"

#include <functional>
#include <thread>
#include <unistd.h>
#include <vector>

namespace salvor::test {

/// Starts a function as the worker of a spool: it holds a copy of the lock until it returns. Joins
/// them all at the end.
class Workers {
public:
    [[nodiscard]] wal::StartWorker starting(std::function<void()> work)
    {
        return [this, work = std::move(work)](const FileDescriptor& lock) {
            ++starts;
            m_threads.emplace_back(
                [work, held = std::make_shared<FileDescriptor>(::dup(lock.get()))]() mutable {
                    work();
                    held.reset();
                });
            return Result<>();
        };
    }
    void join() { m_threads.clear(); }

    int starts = 0;

private:
    std::vector<std::jthread> m_threads;
};

inline void waitUntil(const std::function<bool()>& condition)
{
    for (int i = 0; i < 2000 && !condition(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

} // namespace salvor::test
