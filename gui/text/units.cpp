#include "gui/text/units.h"

#include <QCoreApplication>

#include <array>
#include <cmath>

namespace salvor::text {
namespace {

struct Units {
    Q_DECLARE_TR_FUNCTIONS(salvor::text::Units)
};

constexpr std::int64_t secondsPerMinute = 60;
constexpr std::int64_t secondsPerHour = 3600;
constexpr std::int64_t secondsPerDay = 86400;

} // namespace

QString size(ByteCount bytes)
{
    if (bytes == 1)
        return Units::tr("1 byte");
    if (bytes < 1024)
        return Units::tr("%1 bytes").arg(bytes);
    static const std::array<QString, 5> names = {QStringLiteral("KiB"), QStringLiteral("MiB"),
                                                 QStringLiteral("GiB"), QStringLiteral("TiB"),
                                                 QStringLiteral("PiB")};
    double value = static_cast<double>(bytes) / 1024.0;
    std::size_t unit = 0;
    // 1023.95 would be printed as 1024.0 of the smaller unit.
    while (value >= 1023.95 && unit + 1 < names.size()) {
        value /= 1024.0;
        ++unit;
    }
    return QStringLiteral("%1 %2").arg(value, 0, 'f', 1).arg(names.at(unit));
}

QString rate(std::optional<double> bytesPerSecond)
{
    if (!bytesPerSecond)
        return Units::tr("unknown");
    return QStringLiteral("%1/s").arg(size(static_cast<ByteCount>(std::max(0.0, *bytesPerSecond))));
}

QString duration(std::chrono::seconds span)
{
    const std::int64_t all = std::abs(span.count());
    if (all < secondsPerMinute)
        return Units::tr("%1 s").arg(all);
    if (all < secondsPerHour)
        return Units::tr("%1 min %2 s").arg(all / secondsPerMinute).arg(all % secondsPerMinute);
    if (all < secondsPerDay)
        return Units::tr("%1 h %2 min")
            .arg(all / secondsPerHour)
            .arg(all % secondsPerHour / secondsPerMinute, 2, 10, QLatin1Char('0'));
    return Units::tr("%1 d %2 h")
        .arg(all / secondsPerDay)
        .arg(all % secondsPerDay / secondsPerHour);
}

QString longDuration(std::chrono::seconds span)
{
    const std::int64_t all = std::abs(span.count());
    const auto part = [](std::int64_t number, const QString& one, const QString& many) {
        return QStringLiteral("%1 %2").arg(number).arg(number == 1 ? one : many);
    };
    const auto days = part(all / secondsPerDay, Units::tr("day"), Units::tr("days"));
    const auto hours =
        part(all % secondsPerDay / secondsPerHour, Units::tr("hour"), Units::tr("hours"));
    const auto minutes =
        part(all % secondsPerHour / secondsPerMinute, Units::tr("minute"), Units::tr("minutes"));
    auto seconds = part(all % secondsPerMinute, Units::tr("second"), Units::tr("seconds"));
    if (all >= secondsPerDay)
        return days + QLatin1Char(' ') + hours;
    if (all >= secondsPerHour)
        return hours + QLatin1Char(' ') + minutes;
    if (all >= secondsPerMinute)
        return minutes + QLatin1Char(' ') + seconds;
    return seconds;
}

QString count(std::uint64_t number)
{
    QString digits = QString::number(number);
    for (qsizetype at = digits.size() - 3; at > 0; at -= 3)
        digits.insert(at, QChar(0x202F));
    return digits;
}

} // namespace salvor::text
