// Numbers in a person's words: sizes, rates, durations, counts. Translated; safe on any thread.
#pragma once

#include "core/base/bytes.h"

#include <QString>

#include <chrono>
#include <optional>

namespace salvor::text {

/// "0 bytes", "9.5 KiB", "286.4 GiB": binary units, three or four digits.
[[nodiscard]] QString size(ByteCount bytes);
/// "235.0 MiB/s", or "unknown".
[[nodiscard]] QString rate(std::optional<double> bytesPerSecond);
/// "19 min 23 s", "1 h 05 min", "3 d 4 h", "40 s", "0 s". Negative spans lose their sign.
[[nodiscard]] QString duration(std::chrono::seconds span);
/// Whole words, as a sentence wants them: "19 minutes 23 seconds".
[[nodiscard]] QString longDuration(std::chrono::seconds span);
/// "41 000", with a thin space every three digits.
[[nodiscard]] QString count(std::uint64_t number);

} // namespace salvor::text
