#include "core/base/text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

namespace salvor {

std::string toHex(ByteView bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        text.push_back(digits[value >> 4U]);
        text.push_back(digits[value & 0xfU]);
    }
    return text;
}

Result<Bytes> fromHex(std::string_view text)
{
    if (text.size() % 2 != 0)
        return fail(ErrorCode::InvalidInput, "hexadecimal text of odd length");
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto value = parseHexNumber(text.substr(i, 2));
        if (!value)
            return fail(ErrorCode::InvalidInput, "not hexadecimal");
        bytes.push_back(static_cast<std::byte>(*value));
    }
    return bytes;
}

std::string toBase64(ByteView bytes)
{
    std::string text((bytes.size() + 2) / 3 * 4, '\0');
    const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
    auto* out = reinterpret_cast<unsigned char*>(text.data());
    if (!bytes.empty())
        EVP_EncodeBlock(out, in, static_cast<int>(bytes.size()));
    return text;
}

Result<Bytes> fromBase64(std::string_view text)
{
    text = trim(text);
    const std::size_t padding = text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U;
    const auto isDigit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
               || c == '+' || c == '/';
    };
    const std::string_view digits = text.substr(0, text.size() - padding);
    if (text.size() % 4 != 0 || !std::all_of(digits.begin(), digits.end(), isDigit))
        return fail(ErrorCode::InvalidInput, "not base64");
    Bytes bytes(text.size() / 4 * 3);
    const auto* in = reinterpret_cast<const unsigned char*>(text.data());
    auto* out = reinterpret_cast<unsigned char*>(bytes.data());
    if (!text.empty() && EVP_DecodeBlock(out, in, static_cast<int>(text.size())) < 0)
        return fail(ErrorCode::InvalidInput, "not base64");
    bytes.resize(bytes.size() - padding);
    return bytes;
}

namespace {

std::optional<std::uint64_t> parseNumber(std::string_view text, int base) noexcept
{
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (text.empty() || error != std::errc() || stop != end)
        return std::nullopt;
    return value;
}

std::size_t editDistance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above + 1, row[j - 1] + 1, change});
            diagonal = above;
        }
    }
    return row.back();
}

} // namespace

std::optional<std::uint64_t> parseUnsigned(std::string_view text) noexcept
{
    return parseNumber(text, 10);
}

std::optional<std::uint64_t> parseHexNumber(std::string_view text) noexcept
{
    return parseNumber(text, 16);
}

namespace {

struct DurationUnit {
    std::string_view name;
    std::int64_t seconds;
};
/// Largest first.
constexpr std::array<DurationUnit, 6> durationUnits{
    {{"y", 31'536'000}, {"w", 604'800}, {"d", 86'400}, {"h", 3'600}, {"min", 60}, {"s", 1}}};

} // namespace

Result<std::chrono::seconds> parseDuration(std::string_view text)
{
    constexpr std::uint64_t longest = 1000; // Years.
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parseUnsigned(text.substr(0, digits));
    for (const DurationUnit& unit : durationUnits) {
        const auto size = static_cast<std::uint64_t>(unit.seconds);
        if (number && text.substr(digits) == unit.name && *number <= longest * 31'536'000U / size)
            return std::chrono::seconds(*number * size);
    }
    return fail(ErrorCode::InvalidInput, "'" + std::string(text) + "' is not a duration",
                "Write a number and its unit, as in 90s, 15min, 36h, 14d, 2w or 1y.");
}

std::string formatDuration(std::chrono::seconds duration)
{
    for (const DurationUnit& unit : durationUnits)
        if (duration.count() != 0 && duration.count() % unit.seconds == 0)
            return std::to_string(duration.count() / unit.seconds).append(unit.name);
    return "0s";
}

std::string_view trim(std::string_view text) noexcept
{
    constexpr std::string_view space = " \t\r\n\f\v";
    const std::size_t first = text.find_first_not_of(space);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::optional<std::string> nearest(std::string_view text,
                                   const std::vector<std::string>& candidates)
{
    std::optional<std::string> best;
    std::size_t bestDistance = std::max<std::size_t>(text.size() / 2, 2) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = editDistance(text, candidate);
        if (distance < bestDistance) {
            bestDistance = distance;
            best = candidate;
        }
    }
    return best;
}

} // namespace salvor
