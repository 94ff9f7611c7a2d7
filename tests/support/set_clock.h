// A clock that a test moves on.
#pragma once

#include "core/base/clock.h"

#include <atomic>

namespace salvor::test {

/// Begins in 2027. Thread-safe.
class SetClock final : public Clock {
public:
    [[nodiscard]] Moment now() const override { return m_now.load(); }
    void advance(std::chrono::seconds by) { m_now = m_now.load() + by; }

private:
    std::atomic<Moment> m_now{Moment(std::chrono::hours(500'000))};
};

} // namespace salvor::test
