// Adding a backup: chunks of files first, the tree after them, the backup itself last.
#include "core/crypto/hash.h"
#include "core/repository/backup_object.h"
#include "core/repository/id_set.h"
#include "core/repository/index.h"
#include "core/repository/lease.h"
#include "core/repository/pack_builder.h"
#include "core/repository/repository.h"
#include "core/repository/sealed_object.h"
#include "core/repository/tree_codec.h"
#include "core/repository/uploader.h"

#include <algorithm>
#include <atomic>

namespace salvor::repository {

namespace {

constexpr std::size_t maximalSegmentEntries = 1024;
constexpr std::size_t maximalSegmentBytes = std::size_t{1} << 20U;

/// Which frames of older packs the backup needs. Thread-safe.
class FrameUse {
public:
    explicit FrameUse(const Repository::Index& index)
        : m_index(index)
        , m_bits((index.frameCount() + 63) / 64)
    {}

    void mark(const Repository::Index::Record& record) noexcept
    {
        const std::uint64_t frame = m_index.packs()[record.pack].firstFrame + record.frame;
        const std::uint64_t bit = std::uint64_t{1} << (frame % 64);
        std::atomic<std::uint64_t>& word = m_bits[frame / 64];
        if ((word.load(std::memory_order_relaxed) & bit) == 0)
            word.fetch_or(bit, std::memory_order_relaxed);
    }

    /// Adds the packs in use to `packs`; says how many stored bytes the frames in use take.
    [[nodiscard]] Result<ByteCount> sum(std::vector<format::Id>& packs) const
    {
        ByteCount total = 0;
        for (const Repository::Index::Pack& pack : m_index.packs()) {
            SALVOR_TRY(const auto frames, format::parseDirectory(m_index.directory(pack)));
            bool used = false;
            for (std::size_t i = 0; i < frames.size(); ++i) {
                const std::uint64_t frame = pack.firstFrame + i;
                if (((m_bits[frame / 64].load() >> (frame % 64)) & 1U) == 0)
                    continue;
                used = true;
                total += frames[i].storedSize;
            }
            if (used)
                packs.push_back(pack.id);
        }
        return total;
    }

private:
    const Repository::Index& m_index;
    std::vector<std::atomic<std::uint64_t>> m_bits;
};

/// Everything the workers share.
struct Shared {
    Shared(Repository& opened, const model::Incarnation& pinned, const PackOptions& packOptions,
           std::shared_ptr<Repository::Index> loaded)
        : repository(opened)
        , incarnation(pinned)
        , options(packOptions)
        , index(std::move(loaded))
        , keys(scopeKeys(opened.keys(), pinned.cluster, pinned.number))
        , use(*index)
        , uploader(opened, pinned, pool)
    {}

    [[nodiscard]] PackBuilder packBuilder(format::BlobKind kind)
    {
        return {repository.keys(), kind, options, pool,
                [this](FinishedPack pack) { return uploader.hand(std::move(pack)); }};
    }

    /// Marks the chunk's frame as needed. False when nobody has it.
    [[nodiscard]] bool need(const ChunkId& id)
    {
        if (id == ChunkId{} || own.contains(id))
            return true;
        const Repository::Index::Record* record = index->present(id);
        if (record != nullptr)
            use.mark(*record);
        return record != nullptr;
    }

    Repository& repository;
    const model::Incarnation incarnation;
    const PackOptions options;
    const std::shared_ptr<Repository::Index> index;
    const ScopeKeys keys;
    IdSet own; ///< Stored by this run, durable or under way.
    FrameUse use;
    std::atomic<int> unflushedWorkers{0};
    BufferPool pool;
    Uploader uploader; // Last: its threads end first.
};

class ChunkWorker final : public BackupBuilder::Worker {
public:
    explicit ChunkWorker(Shared& shared)
        : m_shared(shared)
        , m_hash(shared.keys.chunk.reveal())
        , m_builder(shared.packBuilder(format::BlobKind::Contents))
    {
        ++m_shared.unflushedWorkers;
    }

    Result<ChunkId> add(ByteView chunk) override
    {
        if (chunk.size() > chunkSize)
            return fail(ErrorCode::Bug, "a chunk of " + std::to_string(chunk.size()) + " bytes");
        if (isAllZero(chunk))
            return ChunkId{};
        const ChunkId id = format::idOf(m_hash.of(chunk));
        if (m_shared.index->present(id) != nullptr)
            return id;
        SALVOR_TRY(const bool isNew, m_shared.own.insert(id));
        if (isNew)
            SALVOR_CHECK(m_builder.add(id, chunk));
        return id;
    }

    Result<> flush() override
    {
        SALVOR_CHECK(m_builder.flush());
        --m_shared.unflushedWorkers;
        return {};
    }

private:
    Shared& m_shared;
    crypto::HmacSha256 m_hash;
    PackBuilder m_builder;
};

class Builder final : public BackupBuilder {
public:
    Builder(std::unique_ptr<Lease> lease, Repository& repository,
            const model::Incarnation& incarnation, const PackOptions& options,
            std::shared_ptr<Repository::Index> index)
        : m_lease(std::move(lease))
        , m_shared(repository, incarnation, options, std::move(index))
        , m_treeHash(m_shared.keys.tree.reveal())
        , m_metadata(m_shared.packBuilder(format::BlobKind::Metadata))
    {
        // Packs of a killed run: named now, so that nobody has to read them again.
        const Repository::Index& known = *m_shared.index;
        for (const Repository::Index::Pack& pack : known.packs())
            if (!pack.indexed)
                m_shared.uploader.addNamed(pack.id, pack.size, known.header(pack),
                                           known.directory(pack));
    }

    std::unique_ptr<Worker> worker() override { return std::make_unique<ChunkWorker>(m_shared); }

    bool knows(const std::vector<ChunkId>& ids) override
    {
        return std::all_of(ids.begin(), ids.end(), [this](const ChunkId& id) {
            return id == ChunkId{} || m_shared.index->present(id) != nullptr
                   || m_shared.own.contains(id);
        });
    }

    Result<> addEntry(TreeEntry entry) override
    {
        for (const ChunkId& id : entry.chunks)
            if (!m_shared.need(id))
                return fail(ErrorCode::NotFound, "'" + entry.path + "' needs chunk "
                                                     + format::idText(id)
                                                     + ", which is not in the repository");
        const auto count = static_cast<std::uint32_t>(entry.chunks.size());
        const std::lock_guard lock(m_mutex);
        if (count > idsPerList) {
            SALVOR_TRY(entry.chunks, storeLists(entry.chunks));
        }
        SALVOR_TRY(Bytes encoded, encodeEntry(entry, count, entry.chunks));
        m_entries.push_back(std::move(encoded));
        m_fileCount += entry.kind == TreeKind::File ? 1 : 0;
        m_logicalSize += entry.kind == TreeKind::File ? entry.size : 0;
        return {};
    }

    Result<model::Backup> finish(model::Backup backup, JobContext& job) override
    {
        // What such a worker holds back would count as stored.
        if (m_shared.unflushedWorkers != 0)
            return fail(ErrorCode::Bug, "a worker of the backup was not flushed");
        BackupObject object;
        SALVOR_TRY(object.tree, storeTree(job));
        SALVOR_CHECK(m_metadata.flush());
        SALVOR_CHECK(m_shared.uploader.finish());
        SALVOR_TRY(backup.storedSize, m_shared.use.sum(object.packs));
        backup.newSize = m_shared.uploader.storedBytes();
        backup.storedSize += backup.newSize;
        backup.fileCount = m_fileCount;
        backup.logicalSize = m_logicalSize;
        const std::vector<format::Id>& added = m_shared.uploader.packs();
        object.packs.insert(object.packs.end(), added.begin(), added.end());
        std::sort(object.packs.begin(), object.packs.end());
        object.packs.erase(std::unique(object.packs.begin(), object.packs.end()),
                           object.packs.end());
        backup.incarnation = m_shared.incarnation;
        object.backup = std::move(backup);
        SALVOR_CHECK(job.proceed());
        SALVOR_CHECK(checkIsWhole(object, job));
        SALVOR_CHECK(
            writeBackupObject(m_shared.repository.driver(), m_shared.repository.keys(), object));
        // Held up in between: a sweep that saw nothing of it may have come and gone.
        if (!m_lease->isFresh()) {
            if (auto still = checkIsWhole(object, job); !still.ok()) {
                SALVOR_CHECK(m_shared.repository.driver().remove(backupKey(object.backup)));
                return std::move(still).error();
            }
        }
        return std::move(object.backup);
    }

    ByteCount storedBytes() const override { return m_shared.uploader.storedBytes(); }

private:
    /// Whatever a sweep did while the lease had run out, or another program did.
    Result<> checkIsWhole(const BackupObject& object, JobContext& job)
    {
        SALVOR_CHECK(m_lease->confirm(job));
        SALVOR_TRY(const auto missing,
                   firstMissingPack(m_shared.repository, m_shared.incarnation, object.packs));
        if (missing)
            return fail(ErrorCode::NotReady,
                        "'" + *missing + "', which this backup needs, was removed while it ran",
                        "The backup was not kept. Take it again: it reuses what is stored.");
        return {};
    }

    Result<ChunkId> storeMetadata(ByteView blob)
    {
        const ChunkId id = format::idOf(m_treeHash.of(blob));
        if (const Repository::Index::Record* record = m_shared.index->present(id)) {
            m_shared.use.mark(*record);
            return id;
        }
        SALVOR_TRY(const bool isNew, m_shared.own.insert(id));
        if (isNew)
            SALVOR_CHECK(m_metadata.add(id, blob));
        return id;
    }

    Result<std::vector<ChunkId>> storeLists(const std::vector<ChunkId>& chunks)
    {
        std::vector<ChunkId> lists;
        for (std::size_t first = 0; first < chunks.size(); first += idsPerList) {
            const std::size_t count = std::min(idsPerList, chunks.size() - first);
            SALVOR_TRY(const ChunkId id, storeMetadata(encodeList(&chunks[first], count)));
            lists.push_back(id);
        }
        return lists;
    }

    Result<std::vector<format::Id>> storeTree(JobContext& job)
    {
        std::sort(m_entries.begin(), m_entries.end(),
                  [](const Bytes& a, const Bytes& b) { return pathOf(a) < pathOf(b); });
        std::vector<format::Id> tree;
        std::vector<ByteView> segment;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < m_entries.size(); ++i) {
            const std::string_view path = pathOf(m_entries[i]);
            if (i > 0 && path == pathOf(m_entries[i - 1]))
                return fail(ErrorCode::Bug, "'" + std::string(path) + "' was added twice");
            segment.emplace_back(m_entries[i]);
            bytes += m_entries[i].size();
            if (!endsSegment(path) && segment.size() < maximalSegmentEntries
                && bytes < maximalSegmentBytes && i + 1 < m_entries.size())
                continue;
            SALVOR_CHECK(job.proceed());
            SALVOR_TRY(const format::Id id, storeMetadata(encodeSegment(segment)));
            tree.push_back(id);
            segment.clear();
            bytes = 0;
        }
        return tree;
    }

    std::unique_ptr<Lease> m_lease; // First: held until the uploads have ended.
    Shared m_shared;
    std::mutex m_mutex;
    crypto::HmacSha256 m_treeHash; // This and what follows: guarded by m_mutex until finish().
    PackBuilder m_metadata;
    std::vector<Bytes> m_entries;
    std::uint64_t m_fileCount = 0;
    ByteCount m_logicalSize = 0;
};

} // namespace

Result<std::unique_ptr<BackupBuilder>> BackupBuilder::create(Repository& repository,
                                                             const model::Incarnation& incarnation,
                                                             const Options& options,
                                                             JobContext& job)
{
    // Before the index is read: what it names stays from here on.
    SALVOR_TRY(auto lease, Lease::take(repository, incarnation, Lease::Kind::Use, job));
    SALVOR_TRY(std::shared_ptr<Repository::Index> index, repository.loadIndex(incarnation));
    // Their writer was killed, perhaps before they were durable; this run names and reuses them.
    for (const Repository::Index::Pack& pack : index->packs())
        if (!pack.indexed)
            SALVOR_CHECK(repository.driver().makeDurable(packObjectKey(incarnation, pack.id)));
    const PackOptions packOptions{
        std::clamp(options.compressionLevel, 1, 19),
        std::clamp<ByteCount>(options.packSize, 1U << 20U, ByteCount{64} << 20U),
        std::clamp<ByteCount>(options.frameSize, chunkSize, ByteCount{4} << 20U)};
    return std::unique_ptr<BackupBuilder>(std::make_unique<Builder>(
        std::move(lease), repository, incarnation, packOptions, std::move(index)));
}

} // namespace salvor::repository
