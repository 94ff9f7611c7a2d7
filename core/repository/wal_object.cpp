#include "core/repository/wal_object.h"

#include "core/base/text.h"
#include "core/crypto/hash.h"
#include "core/format/wal_format.h"
#include "core/repository/blob_keys.h"
#include "core/repository/sealed_object.h"

namespace salvor::repository {

namespace {

constexpr int walLevel = 1;

format::WalBinding bindingOf(const model::Incarnation& incarnation, const std::string& name)
{
    return {incarnation.identity.systemIdentifier,
            static_cast<std::uint32_t>(parseHexNumber(name.substr(0, 8)).value_or(0)), name};
}

Result<Bytes> decodeWal(const Keys& keys, const format::WalBinding& binding, ByteView object)
{
    SALVOR_TRY(const format::BlobHeader header, format::parseHeader(object));
    if (header.kind != format::BlobKind::Wal)
        return fail(ErrorCode::Corrupt, "is no WAL object");
    SALVOR_TRY(const Secret key, blobKey(keys, header));
    FrameDecoder decoder;
    decoder.setKey(key);
    Bytes bytes;
    ByteView rest = object.subspan(header.size());
    std::uint32_t number = 0;
    do {
        SALVOR_TRY(const format::WalFrame frame, format::parseWalFrame(rest));
        const ByteView stored = rest.subspan(format::walFrameHeaderSize, frame.storedSize);
        rest = rest.subspan(format::walFrameHeaderSize + frame.storedSize);
        const auto place = rest.empty() ? format::FramePlace::Last : format::FramePlace::Inner;
        const std::size_t before = bytes.size();
        bytes.resize(before + frame.plainSize);
        SALVOR_CHECK(decoder
                         .decode(format::walFrameAad(binding, number, place, frame), number,
                                 frame.codec, stored, MutableByteView(bytes).subspan(before))
                         .in("frame " + std::to_string(number)));
        ++number;
    } while (!rest.empty());
    return bytes;
}

} // namespace

storage::ObjectKey walStem(const model::Incarnation& incarnation, const std::string& name)
{
    constexpr std::size_t sharedDigits = 16; // Of a segment's name: a folder for 256 of 16 MiB.
    const std::string prefix = "wal/" + scopePath(incarnation.cluster, incarnation.number) + "/";
    if (model::walFileKind(name) != model::WalFileKind::Segment)
        return prefix + "files/" + name + "-";
    return prefix + name.substr(0, 8) + "/" + name.substr(0, sharedDigits) + "/" + name + "-";
}

std::string walHash(const Keys& keys, const model::Incarnation& incarnation,
                    const std::string& name, ByteView bytes)
{
    const ScopeKeys scope = scopeKeys(keys, incarnation.cluster, incarnation.number);
    crypto::HmacSha256 hash(scope.wal.reveal());
    const std::byte zero{0};
    hash.add(asBytes("wal"));
    hash.add({&zero, 1});
    hash.add(asBytes(name));
    hash.add({&zero, 1});
    hash.add(bytes);
    return toHex(hash.finish()).substr(0, walHashDigits);
}

Result<Bytes> encodeWalObject(const Keys& keys, const model::Incarnation& incarnation,
                              const std::string& name, ByteView bytes)
{
    const format::WalBinding binding = bindingOf(incarnation, name);
    SALVOR_TRY(NewBlob blob, newBlob(keys, format::BlobKind::Wal));
    crypto::AesGcm cipher;
    if (keys.encrypted)
        cipher.setKey(blob.key.reveal());
    compress::Compressor compressor(walLevel);
    Bytes out = std::move(blob.header);
    out.reserve(out.size() + bytes.size() + bytes.size() / 256 + 4096);
    Bytes coded(compress::compressedBound(format::walFramePlainSize) + crypto::tagSize);
    std::uint32_t number = 0;
    std::size_t position = 0;
    do {
        const ByteView plain =
            bytes.subspan(position, std::min(format::walFramePlainSize, bytes.size() - position));
        position += plain.size();
        const std::size_t size = compressor.compress(plain, coded);
        const bool worthIt = size < plain.size();
        ByteView stored = worthIt ? ByteView(coded).first(size) : plain;
        format::WalFrame frame{static_cast<std::uint32_t>(plain.size()),
                               static_cast<std::uint32_t>(stored.size()),
                               worthIt ? format::Codec::Zstd : format::Codec::Stored};
        if (keys.encrypted) {
            frame.storedSize += static_cast<std::uint32_t>(crypto::tagSize);
            const auto place =
                position == bytes.size() ? format::FramePlace::Last : format::FramePlace::Inner;
            cipher.seal(crypto::nonceOf(number), format::walFrameAad(binding, number, place, frame),
                        stored, coded);
            stored = ByteView(coded).first(frame.storedSize);
        }
        append(out, format::encodeWalFrame(frame));
        append(out, stored);
        ++number;
    } while (position < bytes.size());
    return out;
}

Result<Repository::Pushed> storeWalObject(storage::Driver& driver, const storage::ObjectKey& key,
                                          const Bytes& object)
{
    const Result<> written =
        storage::writeObject(driver, key, object, {.size = object.size(), .onlyIfAbsent = true});
    // The key carries the hash: somebody stored the same bytes a moment ago.
    if (!written.ok() && written.error().code == ErrorCode::AlreadyExists) {
        SALVOR_CHECK(driver.makeDurable(key));
        return Repository::Pushed::AlreadyThere;
    }
    SALVOR_CHECK(written);
    return Repository::Pushed::Stored;
}

Result<> checkWalHash(const Repository& repository, const model::Incarnation& incarnation,
                      const std::string& name, const storage::ObjectKey& key, ByteView bytes)
{
    if (!key.ends_with(walHash(repository.keys(), incarnation, name, bytes)))
        return fail(ErrorCode::Corrupt, "holds other bytes than its name says");
    return {};
}

Error damagedObject(const storage::ObjectKey& key, const Error& error)
{
    Error told = error;
    if (told.code == ErrorCode::Corrupt || told.code == ErrorCode::Incompatible)
        told.message = "object '" + key + "' " + told.message;
    return told;
}

Result<Bytes> openWalObject(const Repository& repository, const model::Incarnation& incarnation,
                            const std::string& name, const storage::ObjectKey& key, ByteView object)
{
    SALVOR_TRY(Bytes bytes, decodeWal(repository.keys(), bindingOf(incarnation, name), object));
    SALVOR_CHECK(checkWalHash(repository, incarnation, name, key, bytes));
    return bytes;
}

Result<Bytes> readWalObject(const Repository& repository, const model::Incarnation& incarnation,
                            const std::string& name, const storage::ObjectKey& key)
{
    if (!repository.keys().canReadContents())
        return fail(ErrorCode::Denied, "a writer's key cannot read WAL",
                    "Open the repository with a reader's key.");
    SALVOR_TRY(const Bytes object, storage::readObject(repository.driver(), key));
    Result<Bytes> bytes = openWalObject(repository, incarnation, name, key, object);
    if (!bytes.ok())
        return damagedObject(key, bytes.error());
    return bytes;
}

} // namespace salvor::repository
