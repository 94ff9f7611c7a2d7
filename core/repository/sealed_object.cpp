#include "core/repository/sealed_object.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/compress/zstd.h"
#include "core/crypto/aead.h"
#include "core/crypto/derive.h"
#include "core/crypto/hash.h"
#include "core/crypto/random.h"
#include "core/format/byte_reader.h"
#include "core/format/pack_format.h"
#include "core/format/sealed_format.h"

#include <array>
#include <cstdio>

namespace salvor::repository {

namespace {

using format::SealMode;

constexpr std::size_t saltSize = 16;
constexpr int level = 3;

Bytes encodeContent(ByteView content)
{
    const Bytes coded = compress::Compressor(level).compress(content);
    const bool smaller = coded.size() < content.size();
    Bytes out;
    out.reserve(5 + content.size());
    appendLittle(out,
                 static_cast<std::uint8_t>(smaller ? format::Codec::Zstd : format::Codec::Stored));
    appendLittle(out, static_cast<std::uint32_t>(content.size()));
    append(out, smaller ? ByteView(coded) : content);
    return out;
}

Result<Bytes> decodeContent(ByteView bytes)
{
    format::ByteReader reader(bytes);
    const auto codec = reader.number<std::uint8_t>();
    const auto size = reader.number<std::uint32_t>();
    const ByteView coded = reader.bytes(reader.left());
    if (!reader.ok() || size > format::maximalSealedContent
        || codec > static_cast<std::uint8_t>(format::Codec::Zstd))
        return fail(ErrorCode::Corrupt, "has content that makes no sense");
    if (codec == static_cast<std::uint8_t>(format::Codec::Stored)) {
        if (coded.size() != size)
            return fail(ErrorCode::Corrupt, "has content of another length");
        return Bytes(coded.begin(), coded.end());
    }
    Bytes content(size);
    SALVOR_CHECK(compress::Decompressor().decompress(coded, content));
    return content;
}

Bytes sealedAad(ByteView header, const storage::ObjectKey& key)
{
    Bytes aad(header.begin(), header.end());
    append(aad, asBytes(key));
    return aad;
}

Secret sealKey(const Keys& keys, std::string_view type, ByteView salt)
{
    return crypto::hkdf(keys.metadataKey.reveal(), salt,
                        std::string("salvor sealed v1 ").append(type));
}

crypto::Digest plainCheck(ByteView aad, ByteView content)
{
    crypto::Sha256 hash;
    hash.add(aad);
    hash.add(content);
    return hash.finish();
}

Result<Bytes> openEncrypted(const Keys& keys, std::string_view type, ByteView aad, ByteView body)
{
    if (body.size() < saltSize + crypto::tagSize)
        return fail(ErrorCode::Corrupt, "is cut short");
    const ByteView sealed = body.subspan(saltSize);
    crypto::AesGcm cipher(sealKey(keys, type, body.first(saltSize)).reveal());
    Bytes content(sealed.size() - crypto::tagSize);
    if (!cipher.open(crypto::nonceOf(0), aad, sealed, content))
        return fail(ErrorCode::Corrupt, "does not open: it is not what was written there");
    return decodeContent(content);
}

Result<Bytes> openPlain(ByteView aad, ByteView body)
{
    if (body.size() < sizeof(crypto::Digest))
        return fail(ErrorCode::Corrupt, "is cut short");
    const ByteView content = body.first(body.size() - sizeof(crypto::Digest));
    if (!crypto::equalInConstantTime(plainCheck(aad, content), body.subspan(content.size())))
        return fail(ErrorCode::Corrupt, "does not have its checksum: it is not what was written "
                                        "there");
    return decodeContent(content);
}

Secret scopeKey(const Keys& keys, std::string_view purpose, const std::string& cluster,
                std::uint32_t number)
{
    Bytes info;
    append(info, asBytes(purpose));
    info.push_back(std::byte{0});
    append(info, asBytes(cluster));
    info.push_back(std::byte{0});
    appendLittle(info, number);
    return crypto::hkdf(keys.idKey.reveal(), {}, ByteView(info));
}

} // namespace

Result<Bytes> sealObject(const Keys& keys, std::string_view type, const storage::ObjectKey& key,
                         ByteView content)
{
    if (content.size() > format::maximalSealedContent)
        return fail(ErrorCode::Bug, "object '" + key + "' is too long");
    Bytes out = format::encodeSealedHeader(keys.encrypted ? SealMode::Sealed : SealMode::Plain);
    const Bytes aad = sealedAad(out, key);
    const Bytes coded = encodeContent(content);
    if (!keys.encrypted) {
        append(out, coded);
        append(out, plainCheck(aad, coded));
        return out;
    }
    SALVOR_TRY(const Bytes salt, crypto::randomBytes(saltSize));
    crypto::AesGcm cipher(sealKey(keys, type, salt).reveal());
    append(out, salt);
    append(out, cipher.seal(crypto::nonceOf(0), aad, coded));
    return out;
}

Result<Bytes> openObject(const Keys& keys, std::string_view type, const storage::ObjectKey& key,
                         ByteView object)
{
    SALVOR_TRY(const SealMode mode, format::parseSealedHeader(object));
    if ((mode == SealMode::Sealed) != keys.encrypted)
        return fail(ErrorCode::Corrupt, keys.encrypted ? "is not encrypted, but the repository is"
                                                       : "is encrypted, but the repository is not");
    const ByteView header = object.first(format::sealedHeaderSize);
    const Bytes aad = sealedAad(header, key);
    const ByteView body = object.subspan(format::sealedHeaderSize);
    return keys.encrypted ? openEncrypted(keys, type, aad, body) : openPlain(aad, body);
}

Result<> writeSealed(storage::Driver& driver, const Keys& keys, SealedName name, ByteView content,
                     storage::WriteOptions how)
{
    SALVOR_TRY(const Bytes object, sealObject(keys, name.type, name.key, content));
    how.size = object.size();
    return storage::writeObject(driver, name.key, object, how);
}

Result<Bytes> readSealed(storage::Driver& driver, const Keys& keys, std::string_view type,
                         const storage::ObjectKey& key)
{
    SALVOR_TRY(const Bytes object, storage::readObject(driver, key));
    Result<Bytes> content = openObject(keys, type, key, object);
    if (!content.ok()) {
        Error error = std::move(content).error();
        error.message = "object '" + key + "' " + error.message;
        return error;
    }
    return content;
}

Result<Json> readSealedJson(storage::Driver& driver, const Keys& keys, std::string_view type,
                            const storage::ObjectKey& key)
{
    SALVOR_TRY(const Bytes content, readSealed(driver, keys, type, key));
    Result<Json> json = Json::parse(asText(content));
    if (!json.ok())
        return fail(ErrorCode::Corrupt, "object '" + key + "' is not JSON");
    SALVOR_CHECK(checkFormat(*json).in("object '" + key + "'"));
    return json;
}

ScopeKeys scopeKeys(const Keys& keys, const std::string& cluster, std::uint32_t number)
{
    return {scopeKey(keys, "chunk", cluster, number), scopeKey(keys, "tree", cluster, number),
            scopeKey(keys, "wal", cluster, number)};
}

Result<std::string> newTimedName()
{
    std::array<std::byte, 4> random{};
    SALVOR_CHECK(crypto::fillRandom(random));
    std::array<char, 17> time{};
    const auto now = systemClock().now().time_since_epoch().count();
    std::snprintf(time.data(), time.size(), "%016llx", static_cast<unsigned long long>(now));
    return std::string(time.data()).append("-").append(toHex(random));
}

std::string scopePath(const std::string& cluster, std::uint32_t number)
{
    return cluster + "/" + std::to_string(number);
}

Result<> checkFormat(const Json& json)
{
    SALVOR_TRY(const std::int64_t format, json.integerAt("format"));
    if (format != 1)
        return fail(ErrorCode::Incompatible,
                    "found format version " + std::to_string(format)
                        + ", this program reads version 1",
                    "Use a newer Salvor.");
    return {};
}

} // namespace salvor::repository
