#include "core/repository/index.h"

#include "core/crypto/hash.h"
#include "core/repository/blob_keys.h"
#include "core/repository/parallel.h"
#include "core/repository/sealed_object.h"

#include <algorithm>
#include <set>

namespace salvor::repository {

namespace {

constexpr std::size_t loaders = 4;
constexpr std::size_t batchSize = 16;
constexpr std::size_t bucketCount = 65536;

/// A pack's own description: what an index object says of it too.
struct SelfDescription {
    Bytes header;
    Bytes directory;
};

Result<SelfDescription> readDescription(const Repository& repository,
                                        const storage::ObjectInfo& object)
{
    if (object.size < format::headerPrefixSize + format::packFooterSize)
        return fail(ErrorCode::Corrupt, "is cut short");
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const Bytes end,
               storage::readObject(driver, object.key,
                                   {object.size - format::packFooterSize, format::packFooterSize}));
    SALVOR_TRY(const format::PackFooter footer, format::parseFooter(end, object.size));
    const ByteCount headerRoom =
        std::min<ByteCount>(footer.directoryOffset, format::maximalHeaderSize);
    SALVOR_TRY(const Bytes front, storage::readObject(driver, object.key, {0, headerRoom}));
    SALVOR_TRY(const format::BlobHeader header, format::parseHeader(front));
    SALVOR_TRY(
        const Bytes stored,
        storage::readObject(driver, object.key, {footer.directoryOffset, footer.directorySize}));
    SelfDescription description{format::encodeHeader(header), {}};
    SALVOR_TRY(description.directory, openDirectory(repository.keys(), description.header, stored));
    return description;
}

std::uint64_t wordOf(const ChunkId& id, std::size_t offset) noexcept
{
    std::uint64_t word = 0;
    std::memcpy(&word, id.data() + offset, sizeof word);
    return word;
}

} // namespace

/// Collects packs in order, then makes the tables.
class IndexLoader {
public:
    IndexLoader(const Repository& repository, const model::Incarnation& incarnation)
        : m_repository(repository)
        , m_index(std::make_shared<Repository::Index>())
    {
        m_index->m_incarnation = incarnation;
    }

    Result<> begin()
    {
        SALVOR_TRY(m_descriptions, ScratchFile::create());
        SALVOR_TRY(m_records, ScratchFile::create());
        return {};
    }

    Result<> addIndexObjects(const std::vector<storage::ObjectInfo>& objects)
    {
        for (std::size_t first = 0; first < objects.size(); first += batchSize) {
            const std::size_t count = std::min(batchSize, objects.size() - first);
            std::vector<Result<Bytes>> contents(count, Result<Bytes>(Bytes()));
            SALVOR_CHECK(inParallel(loaders, count, [&](std::size_t i) -> Result<> {
                contents[i] = readSealed(m_repository.driver(), m_repository.keys(), "index",
                                         objects[first + i].key);
                return {};
            }));
            for (std::size_t i = 0; i < count; ++i)
                SALVOR_CHECK(addIndexObject(objects[first + i].key, contents[i]));
        }
        return {};
    }

    /// Packs that no index object names: those of a killed run, or whose index object is damaged.
    Result<> addUnnamedPacks(const std::vector<storage::ObjectInfo>& objects)
    {
        std::vector<const storage::ObjectInfo*> unnamed;
        for (const storage::ObjectInfo& object : objects) {
            const Result<format::Id> id =
                format::parseId(object.key.substr(object.key.rfind('/') + 1));
            if (id.ok() && !m_known.contains(*id))
                unnamed.push_back(&object);
        }
        for (std::size_t first = 0; first < unnamed.size(); first += batchSize) {
            const std::size_t count = std::min(batchSize, unnamed.size() - first);
            std::vector<Result<SelfDescription>> found(count,
                                                       Result<SelfDescription>(SelfDescription{}));
            SALVOR_CHECK(inParallel(loaders, count, [&](std::size_t i) -> Result<> {
                found[i] = readDescription(m_repository, *unnamed[first + i]);
                return {};
            }));
            for (std::size_t i = 0; i < count; ++i)
                SALVOR_CHECK(addUnnamedPack(*unnamed[first + i], found[i]));
        }
        return {};
    }

    Result<std::shared_ptr<Repository::Index>>
    finish(const std::vector<storage::ObjectInfo>& packObjects)
    {
        compareWithListing(packObjects);
        SALVOR_TRY(m_index->m_descriptions, m_descriptions.map());
        SALVOR_TRY(m_index->m_records, m_records.map());
        m_index->prepareLookup();
        return std::move(m_index);
    }

private:
    Result<> addIndexObject(const storage::ObjectKey& key, const Result<Bytes>& content)
    {
        if (!content.ok()) {
            if (content.error().code != ErrorCode::Corrupt)
                return content.error();
            // Its packs describe themselves: they are found by the listing.
            m_index->m_damages.push_back({key, "does not open"});
            return {};
        }
        const auto items = format::parseIndex(*content);
        if (!items.ok()) {
            m_index->m_damages.push_back({key, items.error().message});
            return {};
        }
        for (const format::IndexItem& item : *items) {
            if (!m_known.insert(item.pack).second)
                continue;
            Result<> added = addPack(item, Repository::Index::Pack{});
            if (added.ok())
                continue;
            if (added.error().code != ErrorCode::Corrupt)
                return added;
            m_known.erase(item.pack);
            m_index->m_damages.push_back(
                {key, "describes pack " + format::idText(item.pack) + " wrongly"});
        }
        return {};
    }

    Result<> addUnnamedPack(const storage::ObjectInfo& object, const Result<SelfDescription>& found)
    {
        if (!found.ok()) {
            const ErrorCode code = found.error().code;
            if (code != ErrorCode::Corrupt && code != ErrorCode::NotFound)
                return found.error();
            m_index->m_damages.push_back({object.key, found.error().message});
            return {};
        }
        SALVOR_TRY(const format::Id id,
                   format::parseId(object.key.substr(object.key.rfind('/') + 1)));
        Repository::Index::Pack pack;
        pack.indexed = false;
        Result<> added = addPack({id, object.size, found->header, found->directory}, pack);
        if (!added.ok() && added.error().code == ErrorCode::Corrupt) {
            m_index->m_damages.push_back({object.key, added.error().message});
            return {};
        }
        return added;
    }

    Result<> addPack(const format::IndexItem& item, Repository::Index::Pack pack)
    {
        SALVOR_TRY(const format::BlobHeader header, format::parseHeader(item.header));
        SALVOR_TRY(const std::vector<format::Frame> frames, format::parseDirectory(item.directory));
        if (header.size() != item.header.size() || header.kind == format::BlobKind::Wal
            || header.size() + format::framesSize(frames) > item.packSize)
            return fail(ErrorCode::Corrupt, "has a directory that makes no sense");
        pack.id = item.pack;
        pack.kind = header.kind;
        pack.size = item.packSize;
        pack.firstFrame = m_index->m_frameCount;
        pack.frames = static_cast<std::uint32_t>(frames.size());
        pack.offset = m_descriptions.size();
        pack.headerSize = static_cast<std::uint16_t>(item.header.size());
        pack.directorySize = static_cast<std::uint32_t>(item.directory.size());
        SALVOR_CHECK(m_descriptions.append(item.header));
        SALVOR_CHECK(m_descriptions.append(item.directory));
        Repository::Index::Record record;
        record.pack = static_cast<std::uint32_t>(m_index->m_packs.size());
        for (const format::Frame& frame : frames) {
            record.slot = 0;
            for (const format::FrameChunk& chunk : frame.chunks) {
                record.id = chunk.id;
                SALVOR_CHECK(m_records.append(std::as_bytes(std::span(&record, 1))));
                ++record.slot;
            }
            ++record.frame;
        }
        m_index->m_frameCount += frames.size();
        m_index->m_packs.push_back(pack);
        return {};
    }

    void compareWithListing(const std::vector<storage::ObjectInfo>& objects)
    {
        std::map<format::Id, ByteCount> sizes;
        for (const storage::ObjectInfo& object : objects) {
            const Result<format::Id> id =
                format::parseId(object.key.substr(object.key.rfind('/') + 1));
            if (id.ok())
                sizes.emplace(*id, object.size);
        }
        for (Repository::Index::Pack& pack : m_index->m_packs) {
            const auto found = sizes.find(pack.id);
            pack.foundSize = found == sizes.end() ? 0 : found->second;
            if (found == sizes.end())
                pack.state = Repository::Index::PackState::Missing;
            else if (found->second != pack.size)
                pack.state = Repository::Index::PackState::WrongSize;
        }
    }

    const Repository& m_repository;
    std::shared_ptr<Repository::Index> m_index;
    ScratchFile m_descriptions;
    ScratchFile m_records;
    std::set<format::Id> m_known;
};

Result<std::shared_ptr<Repository::Index>>
Repository::Index::load(const Repository& repository, const model::Incarnation& incarnation,
                        const std::vector<storage::ObjectInfo>& indexObjects,
                        const std::vector<storage::ObjectInfo>& packObjects)
{
    IndexLoader loader(repository, incarnation);
    SALVOR_CHECK(loader.begin());
    SALVOR_CHECK(loader.addIndexObjects(indexObjects));
    SALVOR_CHECK(loader.addUnnamedPacks(packObjects));
    return loader.finish(packObjects);
}

std::span<const Repository::Index::Record> Repository::Index::records() const noexcept
{
    const MutableByteView bytes = m_records.bytes();
    return {reinterpret_cast<const Record*>(bytes.data()), bytes.size() / sizeof(Record)};
}

void Repository::Index::prepareLookup()
{
    const MutableByteView bytes = m_records.bytes();
    const std::span<Record> all(reinterpret_cast<Record*>(bytes.data()),
                                bytes.size() / sizeof(Record));
    std::sort(all.begin(), all.end(), [](const Record& a, const Record& b) {
        const int order = std::memcmp(a.id.data(), b.id.data(), a.id.size());
        return order != 0 ? order < 0
                          : std::tie(a.pack, a.frame, a.slot) < std::tie(b.pack, b.frame, b.slot);
    });
    std::size_t words = 1;
    while (words * 8 < all.size())
        words *= 2;
    m_filter.assign(words, 0);
    m_buckets.assign(bucketCount + 1, 0);
    for (const Record& record : all) {
        const std::uint64_t bits = wordOf(record.id, 8);
        std::uint64_t& word = m_filter[wordOf(record.id, 0) & (words - 1)];
        for (unsigned i = 0; i < 4; ++i)
            word |= std::uint64_t{1} << ((bits >> (6 * i)) & 63U);
        const auto bucket = std::to_integer<std::size_t>(record.id[0]) * 256
                            + std::to_integer<std::size_t>(record.id[1]);
        ++m_buckets[bucket + 1];
    }
    for (std::size_t i = 0; i < bucketCount; ++i)
        m_buckets[i + 1] += m_buckets[i];
}

bool Repository::Index::mayHold(const ChunkId& id) const noexcept
{
    const std::uint64_t bits = wordOf(id, 8);
    const std::uint64_t word = m_filter[wordOf(id, 0) & (m_filter.size() - 1)];
    for (unsigned i = 0; i < 4; ++i)
        if ((word & (std::uint64_t{1} << ((bits >> (6 * i)) & 63U))) == 0)
            return false;
    return true;
}

std::span<const Repository::Index::Record>
Repository::Index::candidates(const ChunkId& id) const noexcept
{
    if (!mayHold(id))
        return {};
    const std::size_t bucket =
        std::to_integer<std::size_t>(id[0]) * 256 + std::to_integer<std::size_t>(id[1]);
    const auto all = records();
    const auto range = all.subspan(m_buckets[bucket], m_buckets[bucket + 1] - m_buckets[bucket]);
    const auto first = std::lower_bound(
        range.begin(), range.end(), id, [](const Record& record, const ChunkId& wanted) {
            return std::memcmp(record.id.data(), wanted.data(), wanted.size()) < 0;
        });
    auto last = first;
    while (last != range.end() && last->id == id)
        ++last;
    return {first, last};
}

const Repository::Index::Record* Repository::Index::present(const ChunkId& id) const noexcept
{
    for (const Record& record : candidates(id))
        if (m_packs[record.pack].state == PackState::Present)
            return &record;
    return nullptr;
}

storage::ObjectKey Repository::Index::packKey(std::uint32_t pack) const
{
    return packObjectKey(m_incarnation, m_packs.at(pack).id);
}

ByteView Repository::Index::header(const Pack& pack) const noexcept
{
    return ByteView(m_descriptions.bytes()).subspan(pack.offset, pack.headerSize);
}

ByteView Repository::Index::directory(const Pack& pack) const noexcept
{
    return ByteView(m_descriptions.bytes())
        .subspan(pack.offset + pack.headerSize, pack.directorySize);
}

storage::ObjectKey packObjectKey(const model::Incarnation& incarnation, const format::Id& id)
{
    const std::string text = format::idText(id);
    return "packs/" + scopePath(incarnation.cluster, incarnation.number) + "/" + text.substr(0, 2)
           + "/" + text;
}

Result<> writeIndexObject(const Repository& repository, const model::Incarnation& incarnation,
                          const std::vector<format::IndexItem>& items)
{
    SALVOR_TRY(const std::string name, newTimedName());
    const storage::ObjectKey key =
        "index/" + scopePath(incarnation.cluster, incarnation.number) + "/" + name;
    return writeSealed(repository.driver(), repository.keys(), {"index", key},
                       format::encodeIndex(items));
}

Result<std::optional<storage::ObjectKey>> firstMissingPack(const Repository& repository,
                                                           const model::Incarnation& incarnation,
                                                           const std::vector<format::Id>& packs)
{
    std::set<storage::ObjectKey> there;
    SALVOR_CHECK(repository.driver().list(
        "packs/" + scopePath(incarnation.cluster, incarnation.number) + "/",
        [&](const storage::ObjectInfo& object) {
            there.insert(object.key);
            return Result<>();
        }));
    for (const format::Id& pack : packs)
        if (storage::ObjectKey key = packObjectKey(incarnation, pack); !there.contains(key))
            return std::optional(std::move(key));
    return std::optional<storage::ObjectKey>();
}

Result<std::shared_ptr<Repository::Index>>
Repository::loadIndex(const model::Incarnation& incarnation) const
{
    constexpr int attempts = 5;
    for (int attempt = 1;; ++attempt) {
        auto loaded = loadListedIndex(incarnation);
        // A sweep replaced an object between the listing and the reading.
        if (loaded.ok() || loaded.error().code != ErrorCode::NotFound || attempt == attempts)
            return loaded;
    }
}

Result<std::shared_ptr<Repository::Index>>
Repository::loadListedIndex(const model::Incarnation& incarnation) const
{
    const std::string scope = scopePath(incarnation.cluster, incarnation.number);
    // In this order: a pack that an index object names is durable before it, so it is listed too.
    SALVOR_TRY(const auto indexObjects, storage::listObjects(*m_driver, "index/" + scope + "/"));
    SALVOR_TRY(const auto packObjects, storage::listObjects(*m_driver, "packs/" + scope + "/"));
    crypto::Sha256 hash;
    hash.add(asBytes(scope));
    for (const auto* objects : {&indexObjects, &packObjects})
        for (const storage::ObjectInfo& object : *objects)
            hash.add(asBytes("\n" + object.key + " " + std::to_string(object.size)));
    const crypto::Digest digest = hash.finish();
    const std::string fingerprint(asText(digest));
    const std::lock_guard lock(m_cache->mutex);
    if (m_cache->index == nullptr || m_cache->fingerprint != fingerprint) {
        m_cache->index.reset();
        SALVOR_TRY(m_cache->index, Index::load(*this, incarnation, indexObjects, packObjects));
        m_cache->fingerprint = fingerprint;
    }
    return m_cache->index;
}

} // namespace salvor::repository
