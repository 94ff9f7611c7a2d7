// CRC-32C (Castagnoli), as PostgreSQL's control file, WAL and manifests use it.
#pragma once

#include "core/base/bytes.h"

namespace salvor::crypto {

/// Running CRC-32C. Uses the processor's instruction where there is one.
class Crc32c {
public:
    void add(ByteView bytes) noexcept;
    /// Of all bytes added so far.
    [[nodiscard]] std::uint32_t value() const noexcept { return ~m_state; }

private:
    std::uint32_t m_state = 0xffffffffU;
};

[[nodiscard]] std::uint32_t crc32c(ByteView bytes) noexcept;
/// The same without the processor's instruction: what machines that lack it use.
[[nodiscard]] std::uint32_t crc32cByTable(ByteView bytes) noexcept;

} // namespace salvor::crypto
