// Instants in a person's words: always with their offset, in UTC and in the zones that matter.
#pragma once

#include "core/base/clock.h"

#include <QDateTime>
#include <QString>
#include <QTimeZone>

#include <optional>
#include <vector>

namespace salvor::text {

/// Whose clocks a time is shown on. The viewer's is the zone of the running session.
struct Zones {
    QTimeZone viewer = QTimeZone::systemTimeZone();
    std::optional<QTimeZone> server; ///< Unset: nobody said where the server's clock stands.
};

enum class Digits { Seconds, Microseconds };

/// The same instant for Qt, in UTC, cut to milliseconds.
[[nodiscard]] QDateTime toDateTime(Moment moment);
[[nodiscard]] Moment fromDateTime(const QDateTime& dateTime);

/// "2026-11-17 02:46:18 +01:00".
[[nodiscard]] QString inZone(Moment moment, const QTimeZone& zone, Digits digits = Digits::Seconds);
/// "2026-11-17 01:46:18 UTC".
[[nodiscard]] QString inUtc(Moment moment, Digits digits = Digits::Seconds);
/// "02:46:18 +01:00".
[[nodiscard]] QString timeOnly(Moment moment, const QTimeZone& zone);
/// "17 Nov".
[[nodiscard]] QString dayOnly(Moment moment, const QTimeZone& zone);
/// "+01:00".
[[nodiscard]] QString offset(Moment moment, const QTimeZone& zone);

/// "2026-11-17 02:46:18 Central European Time (UTC+01:00) = 2026-11-17 01:46:18 UTC", with the
/// server's zone in between where it is known and another.
[[nodiscard]] QString readBack(Moment moment, const Zones& zones, Digits digits = Digits::Seconds);

/// The offsets from UTC, in seconds, that a wall clock's reading can have in a zone: one; two in
/// the hour that happens twice; none in the hour that is skipped. Larger offset (earlier instant)
/// first.
[[nodiscard]] std::vector<int> offsetsOf(const QDateTime& wallClock, const QTimeZone& zone);

/// What a person typed as a time.
struct TypedMoment {
    std::optional<Moment> moment; ///< Unset: see `problem`.
    QString problem;              ///< A sentence.
    /// The same text with each offset it could have in the viewer's zone, when only that is
    /// missing.
    std::vector<QString> completions;
};

/// Reads what parseMoment() reads. A time without an offset is never guessed.
[[nodiscard]] TypedMoment readTyped(const QString& text, const Zones& zones);

} // namespace salvor::text
