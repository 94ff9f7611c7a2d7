// SHA-256 and the keyed hash over it.
#pragma once

#include "core/base/bytes.h"

#include <array>
#include <memory>

struct evp_md_ctx_st;
struct evp_mac_ctx_st;

namespace salvor::crypto {

using Digest = std::array<std::byte, 32>;

/// Running SHA-256 (FIPS 180-4). Reusable after finish(). One thread at a time.
class Sha256 {
public:
    Sha256();
    void add(ByteView bytes);
    /// Of all bytes added since the last finish(); the next add() begins anew.
    [[nodiscard]] Digest finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, Free> m_context;
};

[[nodiscard]] Digest sha256(ByteView bytes);

/// Running HMAC-SHA-256 (RFC 2104) under one key. Reusable after finish(). One thread at a time.
class HmacSha256 {
public:
    explicit HmacSha256(ByteView key);
    void add(ByteView bytes);
    [[nodiscard]] Digest finish();
    /// Of one run of bytes.
    [[nodiscard]] Digest of(ByteView bytes)
    {
        add(bytes);
        return finish();
    }

private:
    struct Free {
        void operator()(evp_mac_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_mac_ctx_st, Free> m_context;
};

/// True if both are equal; takes the same time wherever they differ.
[[nodiscard]] bool equalInConstantTime(ByteView a, ByteView b) noexcept;

} // namespace salvor::crypto
