// The WAL archive of a repository. See docs/repository-format.md, section 9.
#include "core/base/text.h"
#include "core/crypto/hash.h"
#include "core/format/wal_format.h"
#include "core/repository/blob_keys.h"
#include "core/repository/repository.h"
#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

constexpr int walLevel = 1;
constexpr std::size_t hashDigits = 16;
constexpr std::size_t segmentDigits = 24;
constexpr std::size_t sharedDigits = 16; ///< Of a segment's name: a folder for 256 of 16 MiB.

std::string walPrefix(const model::Incarnation& incarnation)
{
    return "wal/" + scopePath(incarnation.cluster, incarnation.number) + "/";
}

/// Everything but the hash.
storage::ObjectKey segmentStem(const model::Incarnation& incarnation, const std::string& name)
{
    return walPrefix(incarnation) + name.substr(0, 8) + "/" + name.substr(0, sharedDigits) + "/"
           + name + "-";
}

storage::ObjectKey fileStem(const model::Incarnation& incarnation, const std::string& name)
{
    return walPrefix(incarnation) + "files/" + name + "-";
}

std::string hashOf(const Keys& keys, const model::Incarnation& incarnation, const std::string& name,
                   ByteView bytes)
{
    const ScopeKeys scope = scopeKeys(keys, incarnation.cluster, incarnation.number);
    crypto::HmacSha256 hash(scope.wal.reveal());
    const std::byte zero{0};
    hash.add(asBytes("wal"));
    hash.add({&zero, 1});
    hash.add(asBytes(name));
    hash.add({&zero, 1});
    hash.add(bytes);
    return toHex(hash.finish()).substr(0, hashDigits);
}

format::WalBinding bindingOf(const model::Incarnation& incarnation, const std::string& name)
{
    return {incarnation.identity.systemIdentifier,
            static_cast<std::uint32_t>(parseHexNumber(name.substr(0, 8)).value_or(0)), name};
}

/// Files under files/ are named by this.
Result<model::WalFileKind> checkedKind(const std::string& name)
{
    const model::WalFileKind kind = model::walFileKind(name);
    if (kind == model::WalFileKind::Other || kind == model::WalFileKind::Segment)
        return fail(ErrorCode::InvalidInput,
                    "'" + name + "' is not the name of a history, backup or partial file");
    return kind;
}

Result<Bytes> encodeWal(const Keys& keys, const format::WalBinding& binding, ByteView bytes)
{
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

/// What there is under one name, whatever its hash.
Result<std::vector<storage::ObjectInfo>> copies(storage::Driver& driver,
                                                const storage::ObjectKey& stem)
{
    std::vector<storage::ObjectInfo> found;
    SALVOR_CHECK(driver.list(stem, [&](const storage::ObjectInfo& object) {
        if (object.key.size() == stem.size() + hashDigits)
            found.push_back(object);
        return Result<>();
    }));
    return found;
}

/// True when these bytes are stored already. Errors: AlreadyExists for other bytes.
Result<bool> isStored(storage::Driver& driver, const storage::ObjectKey& stem,
                      const std::string& name, const std::string& hash)
{
    SALVOR_TRY(const auto found, copies(driver, stem));
    for (const storage::ObjectInfo& object : found)
        if (!object.key.ends_with(hash))
            return fail(ErrorCode::AlreadyExists,
                        "WAL file '" + name + "' is in the repository with other bytes",
                        "Two servers archive under one cluster name, or the file changed after it "
                        "was archived. Give each server its own name; nothing was overwritten.");
    return !found.empty();
}

Result<storage::ObjectKey> onlyCopy(storage::Driver& driver, const storage::ObjectKey& stem,
                                    const std::string& name)
{
    SALVOR_TRY(const auto found, copies(driver, stem));
    if (found.empty())
        return fail(ErrorCode::NotFound, "WAL file '" + name + "' is not in the repository");
    if (found.size() > 1)
        return fail(ErrorCode::Corrupt,
                    "WAL file '" + name + "' is in the repository with different bytes: '"
                        + found[0].key + "' and '" + found[1].key + "'",
                    "Find out which server wrote which; neither is used until one is removed.");
    return found.front().key;
}

Result<Repository::Pushed> store(storage::Driver& driver, const storage::ObjectKey& key,
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

Result<> checkHash(const Repository& repository, const model::Incarnation& incarnation,
                   const std::string& name, const storage::ObjectKey& key, ByteView bytes)
{
    if (!key.ends_with(hashOf(repository.keys(), incarnation, name, bytes)))
        return fail(ErrorCode::Corrupt, "holds other bytes than its name says");
    return {};
}

Error damaged(const storage::ObjectKey& key, const Error& error)
{
    Error told = error;
    if (told.code == ErrorCode::Corrupt || told.code == ErrorCode::Incompatible)
        told.message = "object '" + key + "' " + told.message;
    return told;
}

Result<Bytes> readWalObject(const Repository& repository, const model::Incarnation& incarnation,
                            const std::string& name, const storage::ObjectKey& key)
{
    if (!repository.keys().canReadContents())
        return fail(ErrorCode::Denied, "a writer's key cannot read WAL",
                    "Open the repository with a reader's key.");
    SALVOR_TRY(const Bytes object, storage::readObject(repository.driver(), key));
    Result<Bytes> bytes = decodeWal(repository.keys(), bindingOf(incarnation, name), object);
    if (!bytes.ok())
        return damaged(key, bytes.error());
    const Result<> checked = checkHash(repository, incarnation, name, key, *bytes);
    if (!checked.ok())
        return damaged(key, checked.error());
    return bytes;
}

/// The segment that an object's key names, or nothing for another kind of key.
std::optional<model::Segment> segmentOfKey(const storage::ObjectKey& key, ByteCount segmentSize)
{
    const std::string name = key.substr(key.rfind('/') + 1);
    if (name.size() != segmentDigits + 1 + hashDigits || name[segmentDigits] != '-')
        return std::nullopt;
    const Result<model::Segment> segment =
        model::parseSegmentName(name.substr(0, segmentDigits), segmentSize);
    return segment.ok() ? std::optional(*segment) : std::nullopt;
}

} // namespace

Result<Repository::Pushed> Repository::pushSegment(const model::Incarnation& incarnation,
                                                   model::Segment segment, ByteView bytes) const
{
    const ByteCount segmentSize = incarnation.identity.segmentSize;
    SALVOR_TRY(const std::string name, model::segmentName(segment, segmentSize));
    if (bytes.size() != segmentSize)
        return fail(ErrorCode::InvalidInput, "segment '" + name + "' has "
                                                 + std::to_string(bytes.size()) + " bytes, not "
                                                 + std::to_string(segmentSize));
    const std::string hash = hashOf(m_keys, incarnation, name, bytes);
    const storage::ObjectKey stem = segmentStem(incarnation, name);
    SALVOR_TRY(const bool already, isStored(*m_driver, stem, name, hash));
    if (already) {
        // Whoever stored it may have been killed before it was durable.
        SALVOR_CHECK(m_driver->makeDurable(stem + hash));
        return Pushed::AlreadyThere;
    }
    SALVOR_TRY(const Bytes object, encodeWal(m_keys, bindingOf(incarnation, name), bytes));
    SALVOR_TRY(const Pushed pushed, store(*m_driver, stem + hash, object));
    // Another server may have pushed other bytes meanwhile: neither is to be acknowledged then.
    SALVOR_TRY([[maybe_unused]] const bool alone, isStored(*m_driver, stem, name, hash));
    return pushed;
}

Result<Bytes> Repository::readSegment(const model::Incarnation& incarnation,
                                      model::Segment segment) const
{
    const ByteCount segmentSize = incarnation.identity.segmentSize;
    SALVOR_TRY(const std::string name, model::segmentName(segment, segmentSize));
    SALVOR_TRY(const storage::ObjectKey key,
               onlyCopy(*m_driver, segmentStem(incarnation, name), name));
    SALVOR_TRY(Bytes bytes, readWalObject(*this, incarnation, name, key));
    if (bytes.size() != segmentSize)
        return fail(ErrorCode::Corrupt, "object '" + key + "' holds no whole segment");
    return bytes;
}

Result<std::vector<Repository::StoredSegment>>
Repository::segments(const model::Incarnation& incarnation,
                     std::optional<model::TimelineId> timeline) const
{
    std::string prefix = walPrefix(incarnation);
    if (timeline)
        prefix += model::historyFileName(*timeline).substr(0, 8) + "/";
    std::vector<StoredSegment> all;
    SALVOR_CHECK(m_driver->list(prefix, [&](const storage::ObjectInfo& object) {
        const auto segment = segmentOfKey(object.key, incarnation.identity.segmentSize);
        if (segment)
            all.push_back({*segment, object.key, object.size, object.modifiedAt});
        return Result<>();
    }));
    std::sort(all.begin(), all.end(), [](const StoredSegment& a, const StoredSegment& b) {
        return std::tie(a.segment, a.object) < std::tie(b.segment, b.object);
    });
    return all;
}

Result<Repository::Pushed> Repository::pushWalFile(const model::Incarnation& incarnation,
                                                   const std::string& name, ByteView bytes) const
{
    SALVOR_TRY(const model::WalFileKind kind, checkedKind(name));
    const std::string hash = hashOf(m_keys, incarnation, name, bytes);
    const storage::ObjectKey stem = fileStem(incarnation, name);
    SALVOR_TRY(const bool already, isStored(*m_driver, stem, name, hash));
    if (already) {
        // Whoever stored it may have been killed before it was durable.
        SALVOR_CHECK(m_driver->makeDurable(stem + hash));
        return Pushed::AlreadyThere;
    }
    // A partial segment is contents: a writer's key must not open it.
    if (kind == model::WalFileKind::PartialSegment) {
        SALVOR_TRY(const Bytes object, encodeWal(m_keys, bindingOf(incarnation, name), bytes));
        return store(*m_driver, stem + hash, object);
    }
    SALVOR_TRY(const Bytes object, sealObject(m_keys, "wal-file", stem + hash, bytes));
    return store(*m_driver, stem + hash, object);
}

Result<Bytes> Repository::readWalFile(const model::Incarnation& incarnation,
                                      const std::string& name) const
{
    SALVOR_TRY(const model::WalFileKind kind, checkedKind(name));
    SALVOR_TRY(const storage::ObjectKey key,
               onlyCopy(*m_driver, fileStem(incarnation, name), name));
    if (kind == model::WalFileKind::PartialSegment)
        return readWalObject(*this, incarnation, name, key);
    SALVOR_TRY(Bytes bytes, readSealed(*m_driver, m_keys, "wal-file", key));
    const Result<> checked = checkHash(*this, incarnation, name, key, bytes);
    if (!checked.ok())
        return damaged(key, checked.error());
    return bytes;
}

Result<std::vector<std::string>> Repository::walFiles(const model::Incarnation& incarnation) const
{
    const std::string prefix = walPrefix(incarnation) + "files/";
    std::vector<std::string> names;
    SALVOR_CHECK(m_driver->list(prefix, [&](const storage::ObjectInfo& object) {
        const std::string rest = object.key.substr(prefix.size());
        if (rest.size() > hashDigits + 1)
            names.push_back(rest.substr(0, rest.size() - hashDigits - 1));
        return Result<>();
    }));
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

} // namespace salvor::repository
