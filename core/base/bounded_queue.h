// A queue of limited length between threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace salvor {

/// Hands values from producers to consumers; a full queue makes producers wait, so memory stays
/// bounded. Thread-safe.
template <typename T>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t limit)
        : m_limit(limit)
    {}

    /// Waits for room. False when the queue was closed: the value is dropped.
    bool push(T value)
    {
        std::unique_lock lock(m_mutex);
        m_room.wait(lock, [this] { return m_closed || m_values.size() < m_limit; });
        if (m_closed)
            return false;
        m_values.push_back(std::move(value));
        m_work.notify_one();
        return true;
    }

    /// Waits for a value. Nothing once the queue is closed and empty.
    std::optional<T> pop()
    {
        std::unique_lock lock(m_mutex);
        m_work.wait(lock, [this] { return m_closed || !m_values.empty(); });
        if (m_values.empty())
            return std::nullopt;
        std::optional<T> value(std::move(m_values.front()));
        m_values.pop_front();
        m_room.notify_one();
        return value;
    }

    /// No more values come in; what is in the queue is still handed out.
    void close()
    {
        const std::lock_guard lock(m_mutex);
        m_closed = true;
        m_room.notify_all();
        m_work.notify_all();
    }

private:
    const std::size_t m_limit;
    std::mutex m_mutex;
    std::condition_variable m_room;
    std::condition_variable m_work;
    std::deque<T> m_values; // Guarded by m_mutex.
    bool m_closed = false;  // Guarded by m_mutex.
};

} // namespace salvor
