// Bytes that must not be seen: passphrases, keys, tokens.
#pragma once

#include "core/base/bytes.h"

#include <string>
#include <string_view>

namespace salvor {

/// A secret value. Movable, not copyable, wiped when it goes; it has no stream operator and no
/// formatter, so printing or logging one does not compile. One thread at a time.
class Secret {
public:
    Secret() = default;
    explicit Secret(ByteView bytes)
        : m_bytes(bytes.begin(), bytes.end())
    {}
    explicit Secret(std::string_view text)
        : Secret(asBytes(text))
    {}
    Secret(Secret&& other) noexcept
        : m_bytes(std::move(other.m_bytes))
    {
        other.m_bytes.clear();
    }
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    /// A second holder of the same value, made on purpose.
    [[nodiscard]] Secret duplicate() const { return Secret(ByteView(m_bytes)); }
    [[nodiscard]] bool empty() const noexcept { return m_bytes.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return m_bytes.size(); }

    /// The value itself. The view ends with the secret; do not copy it into a string that stays.
    [[nodiscard]] ByteView reveal() const noexcept { return m_bytes; }
    [[nodiscard]] std::string_view revealText() const noexcept { return asText(m_bytes); }

private:
    void wipe() noexcept;

    Bytes m_bytes;
};

/// Overwrites memory in a way that the optimiser keeps.
void wipeMemory(MutableByteView bytes) noexcept;

} // namespace salvor
