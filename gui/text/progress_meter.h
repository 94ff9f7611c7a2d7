// How fast a phase goes, when it may end, and whether it stands still.
#pragma once

#include "core/base/bytes.h"

#include <QString>

#include <chrono>
#include <deque>
#include <optional>

namespace salvor::text {

/// Judges samples of a phase's progress over a sliding window. Times are of a monotonic clock, in
/// any zero. One thread.
class ProgressMeter {
public:
    using Time = std::chrono::milliseconds;

    /// A new phase: all samples are forgotten.
    void restart(Time now);
    void sample(Time now, ByteCount done, ByteCount total);

    /// Bytes a second over the window; unset until two samples lie a second apart.
    [[nodiscard]] std::optional<double> rate() const;
    /// How long nothing has moved; zero below ten seconds, and when all is done.
    [[nodiscard]] std::chrono::seconds stalled() const;
    /// "4 to 7 min left", "less than 1 min left", "unknown", or "stalled for 40 s".
    [[nodiscard]] QString timeLeft() const;
    /// "5.97 GiB of 9.80 GiB", or only what is done when the total is not known.
    [[nodiscard]] QString amount() const;

private:
    struct Sample {
        Time at;
        ByteCount done;
    };
    [[nodiscard]] std::optional<double> rateSince(Time from) const;

    std::deque<Sample> m_samples; ///< The last minute, at most.
    Time m_now{};
    Time m_lastMove{};
    ByteCount m_total = 0;
};

} // namespace salvor::text
