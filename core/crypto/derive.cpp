#include "core/crypto/derive.h"

#include "core/crypto/aead.h"
#include "core/crypto/hash.h"
#include "core/crypto/must.h"

#include <openssl/evp.h>

#include <bit>

namespace salvor::crypto {

Secret hkdf(ByteView key, ByteView salt, ByteView info)
{
    // One block of output is all that is needed, so expand is one HMAC.
    const Digest noSalt{};
    Digest extracted = HmacSha256(salt.empty() ? ByteView(noSalt) : salt).of(key);
    HmacSha256 expand(extracted);
    expand.add(info);
    const std::byte counter{1};
    expand.add({&counter, 1});
    Digest derived = expand.finish();
    Secret secret{ByteView(derived)};
    wipeMemory(extracted);
    wipeMemory(derived);
    return secret;
}

Result<Secret> scrypt(ByteView passphrase, ByteView salt, const ScryptCost& cost)
{
    if (!std::has_single_bit(cost.n) || cost.n < 2 || cost.n > (1U << 20U) || cost.r < 1
        || cost.r > 32 || cost.p < 1 || cost.p > 16)
        return fail(ErrorCode::InvalidInput, "the cost of scrypt is out of range");
    constexpr std::uint64_t memoryLimit = std::uint64_t{5} << 30U;
    Digest derived{};
    must(EVP_PBE_scrypt(reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                        reinterpret_cast<const unsigned char*>(salt.data()), salt.size(), cost.n,
                        cost.r, cost.p, memoryLimit,
                        reinterpret_cast<unsigned char*>(derived.data()), derived.size())
         == 1);
    Secret secret{ByteView(derived)};
    wipeMemory(derived);
    return secret;
}

} // namespace salvor::crypto
