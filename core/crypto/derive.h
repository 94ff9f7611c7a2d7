// Keys from keys and from passphrases.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/secret.h"

#include <string_view>

namespace salvor::crypto {

/// HKDF-SHA-256 (RFC 5869), 32 bytes. `info` says what the key is for.
[[nodiscard]] Secret hkdf(ByteView key, ByteView salt, ByteView info);
[[nodiscard]] inline Secret hkdf(ByteView key, ByteView salt, std::string_view info)
{
    return hkdf(key, salt, asBytes(info));
}

/// Cost of scrypt (RFC 7914): 128 × n × r bytes of memory, p times.
struct ScryptCost {
    std::uint64_t n = 65536; ///< A power of two from 2 to 2^20.
    std::uint64_t r = 8;     ///< 1 to 32.
    std::uint64_t p = 1;     ///< 1 to 16.
};

/// A 32-byte key from a passphrase; slow on purpose (a fifth of a second at the default cost).
///
/// Errors: InvalidInput when the cost is out of its range.
[[nodiscard]] Result<Secret> scrypt(ByteView passphrase, ByteView salt, const ScryptCost& cost);

} // namespace salvor::crypto
