// Instants in UTC, their text, and the clock that tells them.
#pragma once

#include "core/base/result.h"

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

namespace salvor {

/// An instant in UTC, in microseconds: the resolution of PostgreSQL's timestamps.
using Moment = std::chrono::sys_time<std::chrono::microseconds>;

/// A time of the system, as of a file; what is finer than a microsecond is cut off.
[[nodiscard]] inline Moment momentFrom(const timespec& time) noexcept
{
    return Moment(std::chrono::seconds(time.tv_sec)
                  + std::chrono::microseconds(time.tv_nsec / 1000));
}

/// "2026-11-20T21:05:06.123456Z": RFC 3339, UTC, always six decimals.
[[nodiscard]] std::string formatMoment(Moment moment);

/// Reads RFC 3339, or "YYYY-MM-DD HH:MM:SS[.ffffff]" followed by Z, +HH, +HHMM or +HH:MM (a space
/// before the offset is allowed). Digits after the sixth decimal are refused, not rounded.
///
/// Errors: InvalidInput when the text is not a time, a field is out of its range, or it carries no
///         offset: the same text would mean another moment on another machine.
[[nodiscard]] Result<Moment> parseMoment(std::string_view text);

/// Tells the time. Tests hand in another. Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Moment now() const = 0;
};

/// The machine's own clock. Lives as long as the program.
[[nodiscard]] const Clock& systemClock();

} // namespace salvor
