#include "core/crypto/hash.h"

#include "core/crypto/must.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace salvor::crypto {

namespace {

const unsigned char* in(ByteView bytes) noexcept
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

} // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept
{
    EVP_MD_CTX_free(context);
}

Sha256::Sha256()
    : m_context(EVP_MD_CTX_new())
{
    must(m_context != nullptr && EVP_DigestInit_ex(m_context.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(ByteView bytes)
{
    must(EVP_DigestUpdate(m_context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish()
{
    Digest digest{};
    must(EVP_DigestFinal_ex(m_context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                            nullptr)
         == 1);
    // Without a type the one chosen before is kept: no look-up.
    must(EVP_DigestInit_ex(m_context.get(), nullptr, nullptr) == 1);
    return digest;
}

Digest sha256(ByteView bytes)
{
    Sha256 hash;
    hash.add(bytes);
    return hash.finish();
}

void HmacSha256::Free::operator()(evp_mac_ctx_st* context) const noexcept
{
    EVP_MAC_CTX_free(context);
}

HmacSha256::HmacSha256(ByteView key)
{
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    must(mac != nullptr);
    m_context.reset(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac);
    std::array<char, 7> name{"SHA256"};
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
        OSSL_PARAM_construct_end()};
    must(m_context != nullptr
         && EVP_MAC_init(m_context.get(), in(key), key.size(), parameters.data()) == 1);
}

void HmacSha256::add(ByteView bytes)
{
    must(EVP_MAC_update(m_context.get(), in(bytes), bytes.size()) == 1);
}

Digest HmacSha256::finish()
{
    Digest digest{};
    std::size_t length = 0;
    must(EVP_MAC_final(m_context.get(), reinterpret_cast<unsigned char*>(digest.data()), &length,
                       digest.size())
         == 1);
    must(EVP_MAC_init(m_context.get(), nullptr, 0, nullptr) == 1);
    return digest;
}

bool equalInConstantTime(ByteView a, ByteView b) noexcept
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace salvor::crypto
