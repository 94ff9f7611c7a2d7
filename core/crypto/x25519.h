// Diffie-Hellman on Curve25519 (RFC 7748): sealing to somebody who is not here.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/secret.h"

namespace salvor::crypto {

struct KeyPair {
    Secret privateKey; ///< 32 bytes.
    Bytes publicKey;   ///< 32 bytes.
};

[[nodiscard]] Result<KeyPair> newKeyPair();
/// Errors: InvalidInput unless the key has 32 bytes.
[[nodiscard]] Result<Bytes> publicKeyOf(const Secret& privateKey);
/// What both sides can compute. Errors: InvalidInput when a key has another size than 32 bytes, or
/// the public one is of small order.
[[nodiscard]] Result<Secret> sharedSecret(const Secret& privateKey, ByteView publicKey);

} // namespace salvor::crypto
