#include "core/crypto/aead.h"

#include "core/crypto/must.h"

#include <openssl/evp.h>

#include <cassert>

namespace salvor::crypto {

namespace {

const unsigned char* in(ByteView bytes) noexcept
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* out8(MutableByteView bytes) noexcept
{
    return reinterpret_cast<unsigned char*>(bytes.data());
}

} // namespace

Nonce nonceOf(std::uint64_t number) noexcept
{
    Nonce nonce{};
    for (std::size_t i = 0; i < sizeof number; ++i)
        nonce[i] = static_cast<std::byte>((number >> (8U * i)) & 0xffU);
    return nonce;
}

void AesGcm::Free::operator()(evp_cipher_ctx_st* context) const noexcept
{
    EVP_CIPHER_CTX_free(context);
}

AesGcm::AesGcm()
    : m_seal(EVP_CIPHER_CTX_new())
    , m_open(EVP_CIPHER_CTX_new())
{
    must(m_seal != nullptr && m_open != nullptr);
    must(EVP_EncryptInit_ex(m_seal.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
    must(EVP_DecryptInit_ex(m_open.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
}

AesGcm::AesGcm(ByteView key)
    : AesGcm()
{
    setKey(key);
}

void AesGcm::setKey(ByteView key)
{
    assert(key.size() == keySize);
    must(EVP_EncryptInit_ex(m_seal.get(), nullptr, nullptr, in(key), nullptr) == 1);
    must(EVP_DecryptInit_ex(m_open.get(), nullptr, nullptr, in(key), nullptr) == 1);
}

void AesGcm::seal(const Nonce& nonce, ByteView aad, ByteView plain, MutableByteView out)
{
    assert(out.size() >= plain.size() + tagSize);
    int length = 0;
    must(EVP_EncryptInit_ex(m_seal.get(), nullptr, nullptr, nullptr, in(nonce)) == 1);
    if (!aad.empty())
        must(
            EVP_EncryptUpdate(m_seal.get(), nullptr, &length, in(aad), static_cast<int>(aad.size()))
            == 1);
    if (!plain.empty())
        must(EVP_EncryptUpdate(m_seal.get(), out8(out), &length, in(plain),
                               static_cast<int>(plain.size()))
             == 1);
    std::array<unsigned char, tagSize> rest{};
    must(EVP_EncryptFinal_ex(m_seal.get(), rest.data(), &length) == 1);
    must(EVP_CIPHER_CTX_ctrl(m_seal.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tagSize),
                             out.subspan(plain.size(), tagSize).data())
         == 1);
}

Bytes AesGcm::seal(const Nonce& nonce, ByteView aad, ByteView plain)
{
    Bytes sealed(plain.size() + tagSize);
    seal(nonce, aad, plain, sealed);
    return sealed;
}

bool AesGcm::open(const Nonce& nonce, ByteView aad, ByteView sealed, MutableByteView out)
{
    if (sealed.size() < tagSize)
        return false;
    const ByteView coded = sealed.first(sealed.size() - tagSize);
    assert(out.size() >= coded.size());
    // The tag is copied first: opening in place may overwrite what follows only with care.
    std::array<std::byte, tagSize> tag{};
    std::memcpy(tag.data(), sealed.data() + coded.size(), tagSize);
    int length = 0;
    must(EVP_DecryptInit_ex(m_open.get(), nullptr, nullptr, nullptr, in(nonce)) == 1);
    if (!aad.empty())
        must(
            EVP_DecryptUpdate(m_open.get(), nullptr, &length, in(aad), static_cast<int>(aad.size()))
            == 1);
    if (!coded.empty())
        must(EVP_DecryptUpdate(m_open.get(), out8(out), &length, in(coded),
                               static_cast<int>(coded.size()))
             == 1);
    must(EVP_CIPHER_CTX_ctrl(m_open.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tagSize),
                             tag.data())
         == 1);
    std::array<unsigned char, tagSize> rest{};
    return EVP_DecryptFinal_ex(m_open.get(), rest.data(), &length) == 1;
}

} // namespace salvor::crypto
