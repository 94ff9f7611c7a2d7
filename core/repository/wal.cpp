// The WAL archive of a repository. See docs/repository-format.md, section 9.
#include "core/base/text.h"
#include "core/repository/repository.h"
#include "core/repository/sealed_object.h"
#include "core/repository/wal_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

constexpr std::size_t segmentDigits = 24;

std::string walPrefix(const model::Incarnation& incarnation)
{
    return "wal/" + scopePath(incarnation.cluster, incarnation.number) + "/";
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

/// What there is under one name, whatever its hash.
Result<std::vector<storage::ObjectInfo>> copies(storage::Driver& driver,
                                                const storage::ObjectKey& stem)
{
    std::vector<storage::ObjectInfo> found;
    SALVOR_CHECK(driver.list(stem, [&](const storage::ObjectInfo& object) {
        if (object.key.size() == stem.size() + walHashDigits)
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

/// The segment that an object's key names, or nothing for another kind of key.
std::optional<model::Segment> segmentOfKey(const storage::ObjectKey& key, ByteCount segmentSize)
{
    const std::string name = key.substr(key.rfind('/') + 1);
    if (name.size() != segmentDigits + 1 + walHashDigits || name[segmentDigits] != '-')
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
    const std::string hash = walHash(m_keys, incarnation, name, bytes);
    const storage::ObjectKey stem = walStem(incarnation, name);
    SALVOR_TRY(const bool already, isStored(*m_driver, stem, name, hash));
    if (already) {
        // Whoever stored it may have been killed before it was durable.
        SALVOR_CHECK(m_driver->makeDurable(stem + hash));
        return Pushed::AlreadyThere;
    }
    SALVOR_TRY(const Bytes object, encodeWalObject(m_keys, incarnation, name, bytes));
    SALVOR_TRY(const Pushed pushed, storeWalObject(*m_driver, stem + hash, object));
    // Another server may have pushed other bytes meanwhile: neither is to be acknowledged then.
    SALVOR_TRY([[maybe_unused]] const bool alone, isStored(*m_driver, stem, name, hash));
    return pushed;
}

Result<Bytes> Repository::readSegment(const model::Incarnation& incarnation,
                                      model::Segment segment) const
{
    const ByteCount segmentSize = incarnation.identity.segmentSize;
    SALVOR_TRY(const std::string name, model::segmentName(segment, segmentSize));
    SALVOR_TRY(const storage::ObjectKey key, onlyCopy(*m_driver, walStem(incarnation, name), name));
    SALVOR_TRY(Bytes bytes, readWalObject(*this, incarnation, name, key));
    if (bytes.size() != segmentSize)
        return fail(ErrorCode::Corrupt, "object '" + key + "' holds no whole segment");
    return bytes;
}

Result<bool> Repository::hasSegment(const model::Incarnation& incarnation,
                                    model::Segment segment) const
{
    SALVOR_TRY(const std::string name,
               model::segmentName(segment, incarnation.identity.segmentSize));
    SALVOR_TRY(const auto found, copies(*m_driver, walStem(incarnation, name)));
    return !found.empty();
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
    const std::string hash = walHash(m_keys, incarnation, name, bytes);
    const storage::ObjectKey stem = walStem(incarnation, name);
    SALVOR_TRY(const bool already, isStored(*m_driver, stem, name, hash));
    if (already) {
        // Whoever stored it may have been killed before it was durable.
        SALVOR_CHECK(m_driver->makeDurable(stem + hash));
        return Pushed::AlreadyThere;
    }
    // A partial segment is contents: a writer's key must not open it.
    if (kind == model::WalFileKind::PartialSegment) {
        SALVOR_TRY(const Bytes object, encodeWalObject(m_keys, incarnation, name, bytes));
        return storeWalObject(*m_driver, stem + hash, object);
    }
    SALVOR_TRY(const Bytes object, sealObject(m_keys, "wal-file", stem + hash, bytes));
    return storeWalObject(*m_driver, stem + hash, object);
}

Result<Bytes> Repository::readWalFile(const model::Incarnation& incarnation,
                                      const std::string& name) const
{
    SALVOR_TRY(const model::WalFileKind kind, checkedKind(name));
    SALVOR_TRY(const storage::ObjectKey key, onlyCopy(*m_driver, walStem(incarnation, name), name));
    if (kind == model::WalFileKind::PartialSegment)
        return readWalObject(*this, incarnation, name, key);
    SALVOR_TRY(Bytes bytes, readSealed(*m_driver, m_keys, "wal-file", key));
    const Result<> checked = checkWalHash(*this, incarnation, name, key, bytes);
    if (!checked.ok())
        return damagedObject(key, checked.error());
    return bytes;
}

Result<std::vector<std::string>> Repository::walFiles(const model::Incarnation& incarnation) const
{
    const std::string prefix = walPrefix(incarnation) + "files/";
    std::vector<std::string> names;
    SALVOR_CHECK(m_driver->list(prefix, [&](const storage::ObjectInfo& object) {
        const std::string rest = object.key.substr(prefix.size());
        if (rest.size() > walHashDigits + 1)
            names.push_back(rest.substr(0, rest.size() - walHashDigits - 1));
        return Result<>();
    }));
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

} // namespace salvor::repository
