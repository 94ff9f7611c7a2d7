// Bytes, views of them, and the little-endian integers stored in them. No I/O; safe on any thread.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace salvor {

using ByteCount = std::uint64_t; ///< A number of bytes.
using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

/// The same memory seen as bytes. The text must outlive the view.
[[nodiscard]] inline ByteView asBytes(std::string_view text) noexcept
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// The same memory seen as characters. The bytes must outlive the view.
[[nodiscard]] inline std::string_view asText(ByteView bytes) noexcept
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The integer whose little-endian bytes start at `offset`. There must be enough of them: checking
/// is the caller's, an assertion of the library stops the program otherwise.
template <std::unsigned_integral T>
[[nodiscard]] T loadLittle(ByteView bytes, std::size_t offset)
{
    const ByteView part = bytes.subspan(offset, sizeof(T));
    T value{};
    for (std::size_t i = sizeof(T); i-- > 0;)
        value = static_cast<T>((static_cast<std::uint64_t>(value) << 8U)
                               | std::to_integer<std::uint64_t>(part[i]));
    return value;
}

/// Appends the little-endian bytes of `value`.
template <std::unsigned_integral T>
void appendLittle(Bytes& out, T value)
{
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out.push_back(
            static_cast<std::byte>((static_cast<std::uint64_t>(value) >> (8U * i)) & 0xffU));
}

/// Appends bytes; `more` must not lie within `out`.
inline void append(Bytes& out, ByteView more)
{
    // Not insert(): g++ 12 -O2 warns of an overflow in it that cannot be.
    const std::size_t had = out.size();
    out.resize(had + more.size());
    if (!more.empty())
        std::memcpy(out.data() + had, more.data(), more.size());
}

/// True if every byte is zero.
[[nodiscard]] inline bool isAllZero(ByteView bytes) noexcept
{
    // Comparing the range with itself shifted by one lets memcmp do the work.
    return bytes.empty()
           || (bytes[0] == std::byte{0}
               && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

} // namespace salvor
