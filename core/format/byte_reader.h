// Reading stored bytes piece by piece without ever reading past their end.
#pragma once

#include "core/base/bytes.h"

namespace salvor::format {

/// Takes fields from the front of bytes. Once something was not there, ok() is false for good and
/// every number is 0: check once, at the end. Does not own the bytes.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) noexcept
        : m_bytes(bytes)
    {}

    [[nodiscard]] ByteView bytes(std::size_t count) noexcept
    {
        if (!m_ok || count > left()) {
            m_ok = false;
            return {};
        }
        const ByteView part = m_bytes.subspan(m_position, count);
        m_position += count;
        return part;
    }
    template <std::unsigned_integral T>
    [[nodiscard]] T number() noexcept
    {
        const ByteView part = bytes(sizeof(T));
        return m_ok ? loadLittle<T>(part, 0) : T{};
    }
    /// Bytes with their number as a u16 in front.
    [[nodiscard]] std::string_view text() noexcept
    {
        return asText(bytes(number<std::uint16_t>()));
    }

    [[nodiscard]] bool ok() const noexcept { return m_ok; }
    [[nodiscard]] std::size_t left() const noexcept { return m_bytes.size() - m_position; }
    /// All was there, and nothing more.
    [[nodiscard]] bool atEnd() const noexcept { return m_ok && left() == 0; }
    [[nodiscard]] std::size_t position() const noexcept { return m_position; }

private:
    ByteView m_bytes;
    std::size_t m_position = 0;
    bool m_ok = true;
};

/// Appends bytes with their number as a u16 in front. False, and nothing appended, when they are
/// more than 65535.
[[nodiscard]] inline bool appendText(Bytes& out, std::string_view text)
{
    if (text.size() > 0xffffU)
        return false;
    appendLittle(out, static_cast<std::uint16_t>(text.size()));
    append(out, asBytes(text));
    return true;
}

} // namespace salvor::format
