#include "core/repository/blob_keys.h"

#include "core/crypto/derive.h"
#include "core/crypto/hash.h"
#include "core/crypto/random.h"
#include "core/crypto/x25519.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using format::BlobKind;
using format::Wrap;

constexpr std::size_t publicKeySize = 32;
constexpr std::size_t recipientWrapSize = publicKeySize + crypto::keySize + crypto::tagSize;
constexpr std::size_t saltSize = 32;

Secret wrappingKey(const Secret& shared, ByteView ephemeral, ByteView publicKey)
{
    Bytes salt(ephemeral.begin(), ephemeral.end());
    append(salt, publicKey);
    return crypto::hkdf(shared.reveal(), salt, "salvor pack x25519 v1");
}

Result<NewBlob> newForRecipient(const Keys& keys, BlobKind kind)
{
    NewBlob made;
    SALVOR_TRY(Bytes key, crypto::randomBytes(crypto::keySize));
    made.key = Secret(ByteView(key));
    wipeMemory(key);
    SALVOR_TRY(const crypto::KeyPair ephemeral, crypto::newKeyPair());
    SALVOR_TRY(const Secret shared, crypto::sharedSecret(ephemeral.privateKey, keys.publicKey));
    made.header = format::headerPrefix(kind, Wrap::Recipient, recipientWrapSize);
    crypto::AesGcm cipher(wrappingKey(shared, ephemeral.publicKey, keys.publicKey).reveal());
    const Bytes wrapped = cipher.seal(crypto::nonceOf(0), made.header, made.key.reveal());
    append(made.header, ephemeral.publicKey);
    append(made.header, wrapped);
    return made;
}

Result<NewBlob> newForMetadata(const Keys& keys, BlobKind kind)
{
    NewBlob made;
    SALVOR_TRY(const Bytes salt, crypto::randomBytes(saltSize));
    made.key = crypto::hkdf(keys.metadataKey.reveal(), salt, "salvor pack metadata v1");
    made.header = format::headerPrefix(kind, Wrap::MetadataKey, saltSize);
    append(made.header, salt);
    return made;
}

Result<Secret> unwrapForRecipient(const Keys& keys, const format::BlobHeader& header)
{
    if (keys.privateKey.empty())
        return fail(ErrorCode::Denied, "a writer's key cannot read contents",
                    "Open the repository with a reader's key.");
    if (header.wrapped.size() != recipientWrapSize)
        return fail(ErrorCode::Corrupt, "has a wrapped key of the wrong size");
    const ByteView ephemeral = ByteView(header.wrapped).first(publicKeySize);
    const Result<Secret> shared = crypto::sharedSecret(keys.privateKey, ephemeral);
    if (!shared.ok())
        return fail(ErrorCode::Corrupt, "has a wrapped key that does not open");
    crypto::AesGcm cipher(wrappingKey(*shared, ephemeral, keys.publicKey).reveal());
    std::array<std::byte, crypto::keySize> key{};
    if (!cipher.open(crypto::nonceOf(0),
                     format::headerPrefix(header.kind, header.wrap, header.wrapped.size()),
                     ByteView(header.wrapped).subspan(publicKeySize), key))
        return fail(ErrorCode::Corrupt, "has a wrapped key that does not open");
    Secret secret{ByteView(key)};
    wipeMemory(key);
    return secret;
}

Secret directoryKey(const Keys& keys, ByteView header)
{
    return crypto::hkdf(keys.metadataKey.reveal(), header.subspan(format::headerPrefixSize),
                        "salvor directory v1");
}

crypto::Digest directoryCheck(ByteView header, ByteView directory)
{
    crypto::Sha256 hash;
    hash.add(header);
    hash.add(directory);
    return hash.finish();
}

} // namespace

Result<NewBlob> newBlob(const Keys& keys, BlobKind kind)
{
    if (!keys.encrypted)
        return NewBlob{format::headerPrefix(kind, Wrap::None, 0), {}};
    return kind == BlobKind::Metadata ? newForMetadata(keys, kind) : newForRecipient(keys, kind);
}

Result<Secret> blobKey(const Keys& keys, const format::BlobHeader& header)
{
    const Wrap expected = !keys.encrypted                     ? Wrap::None
                          : header.kind == BlobKind::Metadata ? Wrap::MetadataKey
                                                              : Wrap::Recipient;
    if (header.wrap != expected)
        return fail(ErrorCode::Corrupt, "is sealed in another way than the repository");
    if (expected == Wrap::None)
        return Secret();
    if (expected == Wrap::Recipient)
        return unwrapForRecipient(keys, header);
    return crypto::hkdf(keys.metadataKey.reveal(), header.wrapped, "salvor pack metadata v1");
}

Bytes sealDirectory(const Keys& keys, ByteView header, ByteView directory)
{
    if (keys.encrypted)
        return crypto::AesGcm(directoryKey(keys, header).reveal())
            .seal(crypto::nonceOf(0), header, directory);
    Bytes out(directory.begin(), directory.end());
    append(out, directoryCheck(header, directory));
    return out;
}

Result<Bytes> openDirectory(const Keys& keys, ByteView header, ByteView stored)
{
    const std::size_t extra = keys.encrypted ? crypto::tagSize : sizeof(crypto::Digest);
    if (stored.size() < extra || header.size() < format::headerPrefixSize)
        return fail(ErrorCode::Corrupt, "is cut short");
    const ByteView front = stored.first(stored.size() - extra);
    Bytes directory(front.begin(), front.end());
    const bool good = keys.encrypted ? crypto::AesGcm(directoryKey(keys, header).reveal())
                                           .open(crypto::nonceOf(0), header, stored, directory)
                                     : crypto::equalInConstantTime(directoryCheck(header, front),
                                                                   stored.subspan(front.size()));
    if (!good)
        return fail(ErrorCode::Corrupt, "has a directory that does not open");
    return directory;
}

void FrameDecoder::setKey(const Secret& key)
{
    m_isSealed = !key.empty();
    if (m_isSealed)
        m_cipher.setKey(key.reveal());
}

Result<> FrameDecoder::decode(ByteView aad, std::uint32_t number, format::Codec codec,
                              ByteView stored, MutableByteView plain)
{
    ByteView coded = stored;
    if (m_isSealed) {
        if (stored.size() < crypto::tagSize)
            return fail(ErrorCode::Corrupt, "is shorter than a tag");
        const std::size_t size = stored.size() - crypto::tagSize;
        const bool direct = codec == format::Codec::Stored && size == plain.size();
        if (!direct && m_opened.size() < size)
            m_opened.resize(size);
        const MutableByteView target = direct ? plain : MutableByteView(m_opened).first(size);
        if (!m_cipher.open(crypto::nonceOf(number), aad, stored, target))
            return fail(ErrorCode::Corrupt, "does not open");
        if (direct)
            return {};
        coded = target;
    }
    if (codec == format::Codec::Zstd)
        return m_decompressor.decompress(coded, plain);
    if (coded.size() != plain.size())
        return fail(ErrorCode::Corrupt, "has another length than its directory says");
    std::copy(coded.begin(), coded.end(), plain.begin());
    return {};
}

} // namespace salvor::repository
