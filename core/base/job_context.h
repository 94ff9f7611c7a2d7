// What every long call is handed: how to be stopped, how far it is, and where to report.
#pragma once

#include "core/base/bytes.h"
#include "core/base/event_sink.h"
#include "core/base/result.h"

#include <atomic>
#include <stop_token>

namespace salvor {

/// How far a phase of a job has come. Workers add; the screen samples at its own pace, so a fast
/// job costs two atomics per step and never floods an event loop. Thread-safe.
class Progress {
public:
    /// A new phase: nothing done yet. A total of 0 means that it is not known.
    void begin(ByteCount total) noexcept
    {
        m_done.store(0, std::memory_order_relaxed);
        m_total.store(total, std::memory_order_relaxed);
    }
    void setTotal(ByteCount bytes) noexcept { m_total.store(bytes, std::memory_order_relaxed); }
    void add(ByteCount bytes) noexcept { m_done.fetch_add(bytes, std::memory_order_relaxed); }
    [[nodiscard]] ByteCount total() const noexcept
    {
        return m_total.load(std::memory_order_relaxed);
    }
    [[nodiscard]] ByteCount done() const noexcept { return m_done.load(std::memory_order_relaxed); }

private:
    std::atomic<ByteCount> m_done{0};
    std::atomic<ByteCount> m_total{0};
};

/// Handed to every long call, by reference, last.
struct JobContext {
    std::stop_token stop;
    Progress& progress;
    EventSink& events;

    /// Begins a phase: resets the progress and tells the sink.
    void phase(std::string_view name, ByteCount total)
    {
        progress.begin(total);
        events.phase(name, total);
    }
    /// Errors: Cancelled once a stop was requested.
    [[nodiscard]] Result<> proceed() const
    {
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        return {};
    }
};

} // namespace salvor
