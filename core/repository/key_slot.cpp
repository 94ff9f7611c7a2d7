#include "core/repository/key_slot.h"

#include "core/base/text.h"
#include "core/crypto/aead.h"
#include "core/crypto/derive.h"
#include "core/crypto/random.h"
#include "core/crypto/x25519.h"

namespace salvor::repository {

namespace {

constexpr std::int64_t slotFormat = 1;
constexpr std::size_t keySize = crypto::keySize;

/// A slot key and the public values it is found from again.
struct SlotKey {
    Secret key;
    Json::Object kdf;
};

Result<Bytes> hexAt(const Json& json, std::string_view name)
{
    SALVOR_TRY(const std::string text, json.stringAt(name));
    Result<Bytes> bytes = fromHex(text);
    if (!bytes.ok())
        return fail(ErrorCode::Corrupt, "member '" + std::string(name) + "' is not hexadecimal");
    return bytes;
}

Bytes slotAad(const std::string& repositoryId, const KeySlot& slot)
{
    Bytes aad;
    append(aad, asBytes("salvor slot v1"));
    for (const std::string_view part : {std::string_view(repositoryId), std::string_view(slot.id),
                                        slotAccessName(slot.access), std::string_view(slot.kind)}) {
        aad.push_back(std::byte{0});
        append(aad, asBytes(part));
    }
    return aad;
}

Secret recipientKey(const Secret& shared, ByteView ephemeral, ByteView recipient)
{
    Bytes salt(ephemeral.begin(), ephemeral.end());
    append(salt, recipient);
    return crypto::hkdf(shared.reveal(), salt, "salvor slot x25519 v1");
}

Result<SlotKey> newRecipientKey(ByteView recipient)
{
    SALVOR_TRY(const crypto::KeyPair ephemeral, crypto::newKeyPair());
    SALVOR_TRY(const Secret shared, crypto::sharedSecret(ephemeral.privateKey, recipient));
    return SlotKey{recipientKey(shared, ephemeral.publicKey, recipient),
                   {{"name", "x25519"},
                    {"ephemeral", toHex(ephemeral.publicKey)},
                    {"recipient", toHex(recipient)}}};
}

Result<SlotKey> newSlotKey(const Unlock& unlock)
{
    if (unlock.kind == Unlock::Kind::PrivateKey)
        return newRecipientKey(unlock.secret.reveal());
    SALVOR_TRY(const Bytes salt, crypto::randomBytes(16));
    SlotKey made;
    if (unlock.kind == Unlock::Kind::KeyFile) {
        made.key = crypto::hkdf(unlock.secret.reveal(), salt, "salvor slot key-file v1");
        made.kdf = {{"name", "hkdf"}, {"salt", toHex(salt)}};
        return made;
    }
    const crypto::ScryptCost cost;
    SALVOR_TRY(made.key, crypto::scrypt(unlock.secret.reveal(), salt, cost));
    made.kdf = {
        {"name", "scrypt"}, {"salt", toHex(salt)}, {"n", cost.n}, {"r", cost.r}, {"p", cost.p}};
    return made;
}

Result<Secret> slotKeyAgain(const Json& kdf, const Unlock& unlock)
{
    if (unlock.kind == Unlock::Kind::PrivateKey) {
        SALVOR_TRY(const Bytes ephemeral, hexAt(kdf, "ephemeral"));
        SALVOR_TRY(const Bytes recipient, crypto::publicKeyOf(unlock.secret));
        const Result<Secret> shared = crypto::sharedSecret(unlock.secret, ephemeral);
        if (!shared.ok())
            return fail(ErrorCode::Corrupt, "member 'ephemeral' is no public key");
        return recipientKey(*shared, ephemeral, recipient);
    }
    SALVOR_TRY(const Bytes salt, hexAt(kdf, "salt"));
    if (unlock.kind == Unlock::Kind::KeyFile)
        return crypto::hkdf(unlock.secret.reveal(), salt, "salvor slot key-file v1");
    crypto::ScryptCost cost;
    SALVOR_TRY(cost.n, kdf.unsignedAt("n"));
    SALVOR_TRY(cost.r, kdf.unsignedAt("r"));
    SALVOR_TRY(cost.p, kdf.unsignedAt("p"));
    Result<Secret> key = crypto::scrypt(unlock.secret.reveal(), salt, cost);
    if (!key.ok())
        return fail(ErrorCode::Corrupt, "has a cost of scrypt that is out of range");
    return key;
}

Secret payloadOf(const Keys& keys, SlotAccess access)
{
    Bytes payload;
    payload.reserve(3 * keySize); // One allocation, so that wiping reaches every copy.
    if (access == SlotAccess::Reader) {
        append(payload, keys.masterKey.reveal());
        append(payload, keys.privateKey.reveal());
    } else {
        append(payload, keys.idKey.reveal());
        append(payload, keys.metadataKey.reveal());
        append(payload, keys.publicKey);
    }
    Secret secret{ByteView(payload)};
    wipeMemory(payload);
    return secret;
}

Result<Keys> keysOfPayload(ByteView payload, SlotAccess access)
{
    if (access == SlotAccess::Reader) {
        if (payload.size() != 2 * keySize)
            return fail(ErrorCode::Corrupt, "holds keys of the wrong size");
        return keysOfReader(payload.first(keySize), payload.subspan(keySize));
    }
    if (payload.size() != 3 * keySize)
        return fail(ErrorCode::Corrupt, "holds keys of the wrong size");
    Keys keys;
    keys.encrypted = true;
    keys.idKey = Secret(payload.first(keySize));
    keys.metadataKey = Secret(payload.subspan(keySize, keySize));
    const ByteView publicKey = payload.subspan(2 * keySize);
    keys.publicKey.assign(publicKey.begin(), publicKey.end());
    return keys;
}

Result<> checkUnlock(const Unlock& unlock, SlotAccess access)
{
    if (unlock.kind == Unlock::Kind::None || unlock.secret.empty())
        return fail(ErrorCode::InvalidInput, "no key was given",
                    "Give a passphrase, a key file or a public key.");
    if (unlock.kind != Unlock::Kind::Passphrase && unlock.secret.size() != keySize)
        return fail(ErrorCode::InvalidInput, "the key does not have 32 bytes");
    if (unlock.kind == Unlock::Kind::PrivateKey && access == SlotAccess::Writer)
        return fail(ErrorCode::InvalidInput, "a writer cannot have an X25519 key",
                    "Give the writer a key file or a passphrase.");
    return {};
}

} // namespace

std::string_view unlockKindName(Unlock::Kind kind) noexcept
{
    switch (kind) {
    case Unlock::Kind::Passphrase:
        return "passphrase";
    case Unlock::Kind::KeyFile:
        return "key-file";
    case Unlock::Kind::PrivateKey:
        return "x25519";
    case Unlock::Kind::None:
        break;
    }
    return "none";
}

Result<Keys> keysOfReader(ByteView masterKey, ByteView privateKey)
{
    Keys keys;
    keys.encrypted = true;
    keys.masterKey = Secret(masterKey);
    keys.privateKey = Secret(privateKey);
    keys.idKey = crypto::hkdf(masterKey, {}, "salvor id v1");
    keys.metadataKey = crypto::hkdf(masterKey, {}, "salvor metadata v1");
    SALVOR_TRY(keys.publicKey, crypto::publicKeyOf(keys.privateKey));
    return keys;
}

Result<Keys> newKeys()
{
    SALVOR_TRY(Bytes master, crypto::randomBytes(keySize));
    SALVOR_TRY(const crypto::KeyPair pair, crypto::newKeyPair());
    Result<Keys> keys = keysOfReader(master, pair.privateKey.reveal());
    wipeMemory(master);
    return keys;
}

Result<NewSlot> sealSlot(const std::string& repositoryId, const Keys& keys, const Unlock& unlock,
                         SlotAccess access, const std::string& label)
{
    SALVOR_CHECK(checkUnlock(unlock, access));
    NewSlot made;
    SALVOR_TRY(const Bytes random, crypto::randomBytes(8));
    made.slot = {toHex(random), access, std::string(unlockKindName(unlock.kind)), label,
                 systemClock().now()};
    SALVOR_TRY(SlotKey slotKey, newSlotKey(unlock));
    crypto::AesGcm cipher(slotKey.key.reveal());
    const Secret payload = payloadOf(keys, access);
    const Bytes sealed =
        cipher.seal(crypto::nonceOf(0), slotAad(repositoryId, made.slot), payload.reveal());
    made.content = Json::Object{
        {"format", slotFormat},
        {"id", made.slot.id},
        {"access", slotAccessName(access)},
        {"kind", made.slot.kind},
        {"label", label},
        {"created", formatMoment(made.slot.createdAt)},
        {"kdf", std::move(slotKey.kdf)},
        {"sealed", toHex(sealed)},
    };
    return made;
}

Result<KeySlot> parseSlot(const Json& content)
{
    SALVOR_TRY(const std::int64_t format, content.integerAt("format"));
    if (format != slotFormat)
        return fail(ErrorCode::Incompatible, "has format version " + std::to_string(format)
                                                 + ", this program reads version "
                                                 + std::to_string(slotFormat));
    KeySlot slot;
    SALVOR_TRY(slot.id, content.stringAt("id"));
    SALVOR_TRY(slot.kind, content.stringAt("kind"));
    SALVOR_TRY(slot.label, content.stringAt("label"));
    SALVOR_TRY(const std::string created, content.stringAt("created"));
    SALVOR_TRY(const std::string access, content.stringAt("access"));
    Result<Moment> createdAt = parseMoment(created);
    if (!createdAt.ok())
        return fail(ErrorCode::Corrupt, "member 'created' is not a time");
    slot.createdAt = *createdAt;
    if (access != slotAccessName(SlotAccess::Reader)
        && access != slotAccessName(SlotAccess::Writer))
        return fail(ErrorCode::Corrupt, "member 'access' is neither reader nor writer");
    slot.access =
        access == slotAccessName(SlotAccess::Reader) ? SlotAccess::Reader : SlotAccess::Writer;
    return slot;
}

Result<std::optional<Keys>> openSlot(const std::string& repositoryId, const Json& content,
                                     const Unlock& unlock)
{
    SALVOR_TRY(const KeySlot slot, parseSlot(content));
    if (slot.kind != unlockKindName(unlock.kind))
        return std::optional<Keys>();
    const Json* kdf = content.find("kdf");
    if (kdf == nullptr)
        return fail(ErrorCode::Corrupt, "member 'kdf' is missing");
    SALVOR_TRY(const Secret key, slotKeyAgain(*kdf, unlock));
    SALVOR_TRY(const Bytes sealed, hexAt(content, "sealed"));
    crypto::AesGcm cipher(key.reveal());
    Bytes payload(sealed.size());
    if (!cipher.open(crypto::nonceOf(0), slotAad(repositoryId, slot), sealed, payload))
        return std::optional<Keys>();
    Result<Keys> keys =
        keysOfPayload(ByteView(payload).first(sealed.size() - crypto::tagSize), slot.access);
    wipeMemory(payload);
    SALVOR_TRY(Keys opened, std::move(keys));
    return std::optional<Keys>(std::move(opened));
}

} // namespace salvor::repository
