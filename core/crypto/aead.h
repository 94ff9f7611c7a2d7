// AES-256-GCM: sealing bytes so that they cannot be read or changed without the key.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <array>
#include <memory>

struct evp_cipher_ctx_st;

namespace salvor::crypto {

inline constexpr std::size_t keySize = 32;
inline constexpr std::size_t tagSize = 16;
using Nonce = std::array<std::byte, 12>;

/// The number as 12 little-endian bytes.
[[nodiscard]] Nonce nonceOf(std::uint64_t number) noexcept;

/// Seals and opens messages under one key at a time (NIST SP 800-38D). The caller never uses a
/// nonce twice with one key. One thread at a time.
class AesGcm {
public:
    AesGcm();
    /// Under `key`, of keySize bytes.
    explicit AesGcm(ByteView key);
    void setKey(ByteView key);

    /// Writes ciphertext and tag to `out`, which has room for plain.size() + tagSize bytes and may
    /// begin where `plain` does.
    void seal(const Nonce& nonce, ByteView aad, ByteView plain, MutableByteView out);
    /// The same into new bytes.
    [[nodiscard]] Bytes seal(const Nonce& nonce, ByteView aad, ByteView plain);

    /// Writes sealed.size() - tagSize bytes to `out`, which may begin where `sealed` does. False
    /// when a bit of anything differs, or `sealed` is shorter than a tag: `out` is worth nothing
    /// then.
    [[nodiscard]] bool open(const Nonce& nonce, ByteView aad, ByteView sealed, MutableByteView out);

private:
    struct Free {
        void operator()(evp_cipher_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_cipher_ctx_st, Free> m_seal;
    std::unique_ptr<evp_cipher_ctx_st, Free> m_open;
};

} // namespace salvor::crypto
