#include "core/base/clock.h"

#include "core/base/text.h"

#include <array>
#include <cstdio>
#include <optional>

namespace salvor {

namespace {

using namespace std::chrono;

/// Takes characters off the front of a text; a failed take leaves it as it was.
struct Scanner {
    std::string_view rest;

    std::optional<unsigned> digits(std::size_t count)
    {
        if (rest.size() < count)
            return std::nullopt;
        for (const char c : rest.substr(0, count))
            if (c < '0' || c > '9')
                return std::nullopt;
        const auto value = parseUnsigned(rest.substr(0, count));
        rest.remove_prefix(count);
        return static_cast<unsigned>(*value);
    }
    bool take(char c)
    {
        if (rest.empty() || rest.front() != c)
            return false;
        rest.remove_prefix(1);
        return true;
    }
};

std::optional<sys_days> scanDate(Scanner& in)
{
    const auto y = in.digits(4);
    if (!y || !in.take('-'))
        return std::nullopt;
    const auto m = in.digits(2);
    if (!m || !in.take('-'))
        return std::nullopt;
    const auto d = in.digits(2);
    if (!d)
        return std::nullopt;
    const year_month_day date{year(static_cast<int>(*y)), month(*m), day(*d)};
    if (!date.ok())
        return std::nullopt;
    return sys_days(date);
}

std::optional<microseconds> scanFraction(Scanner& in)
{
    if (!in.take('.'))
        return microseconds(0);
    std::uint64_t value = 0;
    int count = 0;
    while (const auto digit = in.digits(1)) {
        value = value * 10 + *digit;
        if (++count > 6)
            return std::nullopt;
    }
    if (count == 0)
        return std::nullopt;
    for (; count < 6; ++count)
        value *= 10;
    return microseconds(value);
}

std::optional<microseconds> scanTimeOfDay(Scanner& in)
{
    const auto h = in.digits(2);
    if (!h || *h > 23 || !in.take(':'))
        return std::nullopt;
    const auto m = in.digits(2);
    if (!m || *m > 59 || !in.take(':'))
        return std::nullopt;
    const auto s = in.digits(2);
    if (!s || *s > 59)
        return std::nullopt;
    const auto fraction = scanFraction(in);
    if (!fraction)
        return std::nullopt;
    return hours(*h) + minutes(*m) + seconds(*s) + *fraction;
}

std::optional<minutes> scanOffset(Scanner& in)
{
    if (in.take('Z') || in.take('z'))
        return minutes(0);
    const bool negative = in.take('-');
    if (!negative && !in.take('+'))
        return std::nullopt;
    const auto h = in.digits(2);
    if (!h || *h > 15)
        return std::nullopt;
    unsigned m = 0;
    if (!in.rest.empty()) {
        in.take(':');
        const auto given = in.digits(2);
        if (!given || *given > 59)
            return std::nullopt;
        m = *given;
    }
    const minutes offset = hours(*h) + minutes(m);
    return negative ? -offset : offset;
}

Error notATime(std::string_view text)
{
    return fail(ErrorCode::InvalidInput, "'" + std::string(text) + "' is not a time",
                "Write it like 2026-11-20 14:02:31+01:00 or 2026-11-20T13:02:31Z.");
}

} // namespace

std::string formatMoment(Moment moment)
{
    const auto midnight = floor<days>(moment);
    const year_month_day date(midnight);
    const hh_mm_ss time(moment - midnight);
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()),
                  static_cast<int>(time.subseconds().count()));
    return text.data();
}

Result<Moment> parseMoment(std::string_view text)
{
    Scanner in{trim(text)};
    const auto date = scanDate(in);
    if (!date || (!in.take('T') && !in.take('t') && !in.take(' ')))
        return notATime(text);
    const auto time = scanTimeOfDay(in);
    if (!time)
        return notATime(text);
    in.take(' ');
    if (in.rest.empty())
        return fail(
            ErrorCode::InvalidInput,
            "the time '" + std::string(text) + "' carries no offset from UTC",
            "Add one, for example +01:00 or Z: without it the same text means another moment "
            "on another machine.");
    const auto offset = scanOffset(in);
    if (!offset || !in.rest.empty())
        return notATime(text);
    return Moment(*date) + *time - *offset;
}

const Clock& systemClock()
{
    class SystemClock final : public Clock {
    public:
        Moment now() const override { return floor<microseconds>(system_clock::now()); }
    };
    static const SystemClock clock;
    return clock;
}

} // namespace salvor
