// Hexadecimal, base64 and small conversions between text and numbers. No I/O; safe on any thread.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace salvor {

/// Lower-case hexadecimal, two characters a byte.
[[nodiscard]] std::string toHex(ByteView bytes);
/// Errors: InvalidInput on an odd length or another character.
[[nodiscard]] Result<Bytes> fromHex(std::string_view text);

/// Standard base64 with padding (RFC 4648, section 4).
[[nodiscard]] std::string toBase64(ByteView bytes);
/// Errors: InvalidInput on wrong padding or another character; surrounding white space is allowed.
[[nodiscard]] Result<Bytes> fromBase64(std::string_view text);

/// The whole text as a decimal number, or nothing.
[[nodiscard]] std::optional<std::uint64_t> parseUnsigned(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::uint64_t> parseHexNumber(std::string_view text) noexcept;

/// "90s", "15min", "36h", "14d", "2w", "1y" (365 days). Errors: InvalidInput.
[[nodiscard]] Result<std::chrono::seconds> parseDuration(std::string_view text);
/// The same text again, in the largest unit that fits; "0s" for none.
[[nodiscard]] std::string formatDuration(std::chrono::seconds duration);

[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The one of `candidates` with the smallest edit distance to `text`, or nothing when none is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view text,
                                                 const std::vector<std::string>& candidates);

} // namespace salvor
