#include "gui/text/moments.h"

#include <QCoreApplication>

#include <algorithm>

namespace salvor::text {
namespace {

struct Moments {
    Q_DECLARE_TR_FUNCTIONS(salvor::text::Moments)
};

constexpr int secondsPerDay = 86400;

QString offsetText(int seconds)
{
    const int minutes = std::abs(seconds) / 60;
    return QStringLiteral("%1%2:%3")
        .arg(seconds < 0 ? QLatin1Char('-') : QLatin1Char('+'))
        .arg(minutes / 60, 2, 10, QLatin1Char('0'))
        .arg(minutes % 60, 2, 10, QLatin1Char('0'));
}

int offsetAt(Moment moment, const QTimeZone& zone)
{
    return zone.offsetFromUtc(toDateTime(moment));
}

/// Date and time on the clock of an offset. Own arithmetic keeps all six decimals.
QString wallClock(Moment moment, int offsetSeconds, Digits digits)
{
    const Moment shifted = moment + std::chrono::seconds(offsetSeconds);
    const std::string text = formatMoment(shifted); // 2026-11-20T21:05:06.123456Z
    const QString all = QString::fromStdString(text);
    const qsizetype dot = all.indexOf(QLatin1Char('.'));
    // A whole second needs no decimals to be exact.
    const bool whole = all.mid(dot + 1, 6) == QStringLiteral("000000");
    QString result = digits == Digits::Seconds || whole ? all.left(dot) : all.chopped(1);
    return result.replace(QLatin1Char('T'), QLatin1Char(' '));
}

QString zoneName(Moment moment, const QTimeZone& zone)
{
    QString name = zone.displayName(toDateTime(moment), QTimeZone::LongName, QLocale::c());
    // Without a name of its own Qt says "UTC+01:00", which the offset says already.
    if (name.isEmpty() || name.startsWith(QStringLiteral("UTC")))
        return QString::fromLatin1(zone.id());
    return name;
}

QString inNamedZone(Moment moment, const QTimeZone& zone, Digits digits)
{
    return Moments::tr("%1 %2 (UTC%3)")
        .arg(wallClock(moment, offsetAt(moment, zone), digits), zoneName(moment, zone),
             offset(moment, zone));
}

} // namespace

QDateTime toDateTime(Moment moment)
{
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(moment);
    return QDateTime::fromMSecsSinceEpoch(milliseconds.time_since_epoch().count(), Qt::UTC);
}

Moment fromDateTime(const QDateTime& dateTime)
{
    return Moment(std::chrono::milliseconds(dateTime.toMSecsSinceEpoch()));
}

QString inZone(Moment moment, const QTimeZone& zone, Digits digits)
{
    return wallClock(moment, offsetAt(moment, zone), digits) + QLatin1Char(' ')
           + offset(moment, zone);
}

QString inUtc(Moment moment, Digits digits)
{
    return wallClock(moment, 0, digits) + QStringLiteral(" UTC");
}

QString timeOnly(Moment moment, const QTimeZone& zone)
{
    return inZone(moment, zone).mid(11);
}

QString dayOnly(Moment moment, const QTimeZone& zone)
{
    const QDateTime there = toDateTime(moment).toOffsetFromUtc(offsetAt(moment, zone));
    return QLocale::c().toString(there.date(), QStringLiteral("d MMM"));
}

QString offset(Moment moment, const QTimeZone& zone)
{
    return offsetText(offsetAt(moment, zone));
}

QString readBack(Moment moment, const Zones& zones, Digits digits)
{
    QStringList parts;
    const bool viewerIsUtc =
        offsetAt(moment, zones.viewer) == 0 && zones.viewer.id().contains("UTC");
    if (!viewerIsUtc)
        parts << inNamedZone(moment, zones.viewer, digits);
    if (zones.server && zones.server->id() != zones.viewer.id())
        parts << Moments::tr("%1 on the server").arg(inNamedZone(moment, *zones.server, digits));
    parts << inUtc(moment, digits);
    return parts.join(QStringLiteral(" = "));
}

std::vector<int> offsetsOf(const QDateTime& wallClock, const QTimeZone& zone)
{
    QDateTime asUtc = wallClock;
    asUtc.setTimeSpec(Qt::UTC);
    std::vector<int> found;
    // No zone changes twice within two days, so these two are all that can apply.
    for (const qint64 days : {-1, 1}) {
        const int candidate = zone.offsetFromUtc(asUtc.addSecs(days * secondsPerDay));
        const QDateTime instant = asUtc.addSecs(-candidate);
        if (zone.offsetFromUtc(instant) == candidate
            && std::find(found.begin(), found.end(), candidate) == found.end())
            found.push_back(candidate);
    }
    std::sort(found.rbegin(), found.rend());
    return found;
}

TypedMoment readTyped(const QString& text, const Zones& zones)
{
    const QString typed = text.trimmed();
    if (typed.isEmpty())
        return {
            std::nullopt, Moments::tr("Type a time, for example 2026-11-17 02:46:18 +01:00."), {}};
    if (auto moment = parseMoment(typed.toStdString()); moment.ok())
        return {*moment, {}, {}};
    // Does it read as a time once it has an offset? Then only that is missing.
    const QString cut = typed.left(19);
    QDateTime wall = QDateTime::fromString(QString(cut).replace(QLatin1Char('T'), QLatin1Char(' ')),
                                           QStringLiteral("yyyy-MM-dd HH:mm:ss"));
    if (!wall.isValid() || !parseMoment((typed + QStringLiteral("Z")).toStdString()).ok())
        return {
            std::nullopt,
            Moments::tr("“%1” is not a time. Write it like 2026-11-17 02:46:18 +01:00.").arg(typed),
            {}};
    TypedMoment result;
    const std::vector<int> offsets = offsetsOf(wall, zones.viewer);
    for (const int seconds : offsets)
        result.completions.push_back(typed + QLatin1Char(' ') + offsetText(seconds));
    result.completions.push_back(typed + QStringLiteral(" +00:00"));
    result.completions.erase(std::unique(result.completions.begin(), result.completions.end()),
                             result.completions.end());
    const QString clock = wall.time().toString(QStringLiteral("HH:mm"));
    if (offsets.size() == 2)
        result.problem =
            Moments::tr("%1 happens twice on this night in your zone. Choose %2 or %3.")
                .arg(clock, offsetText(offsets[0]), offsetText(offsets[1]));
    else if (offsets.empty())
        result.problem = Moments::tr("%1 does not happen on this night in your zone: the clock is "
                                     "put forward. Write the offset that is meant.")
                             .arg(clock);
    else
        result.problem = Moments::tr("The offset is missing: the same text is another moment on "
                                     "another machine. Choose one.");
    return result;
}

} // namespace salvor::text
