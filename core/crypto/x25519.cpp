#include "core/crypto/x25519.h"

#include "core/crypto/random.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

namespace salvor::crypto {

namespace {

constexpr std::size_t size = 32;

struct Free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Free>;

Result<Key> loadPrivate(const Secret& privateKey)
{
    const auto* first = reinterpret_cast<const unsigned char*>(privateKey.reveal().data());
    Key key;
    if (privateKey.size() == size)
        key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, first, size));
    if (key == nullptr)
        return fail(ErrorCode::InvalidInput, "not an X25519 private key");
    return key;
}

} // namespace

Result<KeyPair> newKeyPair()
{
    std::array<std::byte, size> random{};
    SALVOR_CHECK(fillRandom(random));
    KeyPair pair{Secret(ByteView(random)), {}};
    wipeMemory(random);
    SALVOR_TRY(pair.publicKey, publicKeyOf(pair.privateKey));
    return pair;
}

Result<Bytes> publicKeyOf(const Secret& privateKey)
{
    SALVOR_TRY(const Key key, loadPrivate(privateKey));
    Bytes publicKey(size);
    std::size_t length = size;
    if (EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(publicKey.data()),
                                    &length)
            != 1
        || length != size)
        return fail(ErrorCode::InvalidInput, "not an X25519 private key");
    return publicKey;
}

Result<Secret> sharedSecret(const Secret& privateKey, ByteView publicKey)
{
    SALVOR_TRY(const Key own, loadPrivate(privateKey));
    Key other;
    if (publicKey.size() == size)
        other.reset(EVP_PKEY_new_raw_public_key(
            EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(publicKey.data()),
            size));
    const Context context(EVP_PKEY_CTX_new(own.get(), nullptr));
    std::array<std::byte, size> shared{};
    std::size_t length = size;
    if (other == nullptr || context == nullptr || EVP_PKEY_derive_init(context.get()) != 1
        || EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1
        || EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(shared.data()), &length)
               != 1)
        return fail(ErrorCode::InvalidInput, "not an X25519 public key");
    Secret secret{ByteView(shared)};
    wipeMemory(shared);
    return secret;
}

} // namespace salvor::crypto
