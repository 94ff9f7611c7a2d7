// Reading contents and trees back.
#include "core/repository/backup_object.h"
#include "core/repository/blob_reader.h"
#include "core/repository/sealed_object.h"
#include "core/repository/tree_codec.h"

#include <algorithm>

namespace salvor::repository {

namespace {

class Reader final : public ChunkReader {
public:
    Reader(const Repository& repository, std::shared_ptr<Repository::Index> index,
           ByteView chunkKey)
        : m_index(index)
        , m_blobs(repository, std::move(index), chunkKey)
        , m_hash(chunkKey)
    {}

    std::optional<Place> find(const ChunkId& id) const override
    {
        if (id == ChunkId{})
            return Place{};
        const auto candidates = m_index->candidates(id);
        if (candidates.empty())
            return std::nullopt;
        const Repository::Index::Record* present = m_index->present(id);
        const Repository::Index::Record& record =
            present != nullptr ? *present : candidates.front();
        return Place{record.pack, record.frame, 0};
    }

    storage::ObjectKey packKey(std::uint32_t pack) const override { return m_index->packKey(pack); }

    ChunkId idOf(ByteView plain) override { return format::idOf(m_hash.of(plain)); }

    void willRead(std::vector<ChunkId> ids) override { m_blobs.willRead(std::move(ids)); }

    Result<ByteView> read(const ChunkId& id, std::size_t plainSize) override
    {
        if (plainSize > chunkSize)
            return fail(ErrorCode::Corrupt,
                        "a chunk of " + std::to_string(plainSize) + " bytes cannot be");
        if (id == ChunkId{})
            return ByteView(m_zeros).first(plainSize);
        SALVOR_TRY(const ByteView plain, m_blobs.read(id));
        if (plain.size() != plainSize)
            return fail(ErrorCode::Corrupt, "chunk " + format::idText(id) + " has "
                                                + std::to_string(plain.size()) + " bytes, not "
                                                + std::to_string(plainSize));
        return plain;
    }

private:
    std::shared_ptr<Repository::Index> m_index;
    BlobReader m_blobs;
    crypto::HmacSha256 m_hash;
    Bytes m_zeros = Bytes(chunkSize);
};

Result<> fillChunks(BlobReader& blobs, StoredEntry& stored)
{
    if (!stored.hasLists()) {
        stored.entry.chunks = std::move(stored.ids);
        return {};
    }
    std::size_t left = stored.chunkCount;
    stored.entry.chunks.reserve(left);
    for (const ChunkId& list : stored.ids) {
        const std::size_t count = std::min(left, idsPerList);
        SALVOR_TRY(const ByteView bytes, blobs.read(list));
        SALVOR_TRY(const std::vector<ChunkId> ids, parseList(bytes, count));
        stored.entry.chunks.insert(stored.entry.chunks.end(), ids.begin(), ids.end());
        left -= count;
    }
    return {};
}

Result<> checkEntry(const TreeEntry& entry, const std::string& last)
{
    if (entry.path.empty() || entry.path <= last)
        return fail(ErrorCode::Corrupt, "tree is out of order at '" + entry.path + "'");
    const std::uint64_t chunks = entry.size / chunkSize + (entry.size % chunkSize != 0 ? 1 : 0);
    if (entry.kind == TreeKind::File && chunks != entry.chunks.size())
        return fail(ErrorCode::Corrupt, "'" + entry.path + "' has "
                                            + std::to_string(entry.chunks.size())
                                            + " chunks, which do not fit its size");
    return {};
}

} // namespace

Result<std::unique_ptr<ChunkReader>> ChunkReader::create(const Repository& repository,
                                                         std::shared_ptr<Repository::Index> index)
{
    if (!repository.keys().canReadContents())
        return fail(ErrorCode::Denied, "a writer's key cannot read contents",
                    "Open the repository with a reader's key.");
    const model::Incarnation& incarnation = index->incarnation();
    const ScopeKeys keys = scopeKeys(repository.keys(), incarnation.cluster, incarnation.number);
    return std::unique_ptr<ChunkReader>(
        std::make_unique<Reader>(repository, std::move(index), keys.chunk.reveal()));
}

Result<> Repository::readTree(const model::Backup& backup, const TreeVisitor& visit) const
{
    SALVOR_TRY(const BackupObject object, readBackupObject(*m_driver, m_keys, backupKey(backup)));
    SALVOR_TRY(std::shared_ptr<Index> index, loadIndex(object.backup.incarnation));
    BlobReader blobs = metadataReader(*this, index);
    BlobReader lists = metadataReader(*this, index);
    blobs.willRead(object.tree);
    const std::string where = "files of backup '" + backup.id + "'";
    std::string last;
    for (const format::Id& id : object.tree) {
        SALVOR_TRY(const ByteView bytes, blobs.read(id).in(where));
        SALVOR_TRY(std::vector<StoredEntry> entries, parseSegment(bytes).in(where));
        for (StoredEntry& stored : entries) {
            SALVOR_CHECK(fillChunks(lists, stored).in(where));
            SALVOR_CHECK(checkEntry(stored.entry, last).in(where));
            last = stored.entry.path;
            SALVOR_CHECK(visit(stored.entry));
        }
    }
    return {};
}

} // namespace salvor::repository
