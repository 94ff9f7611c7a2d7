// A repository: backups, their chunks and the WAL of clusters, over any storage driver.
#pragma once

#include "core/base/clock.h"
#include "core/base/job_context.h"
#include "core/model/backup.h"
#include "core/model/wal.h"
#include "core/repository/keys.h"
#include "core/repository/tree.h"
#include "core/storage/driver.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace salvor::repository {

struct RepositoryInfo {
    std::string id; ///< 32 hexadecimal digits, for ever.
    int format = 1;
    bool encrypted = true;
    Moment createdAt;
};

class Repository;

struct InitOptions {
    bool encrypted = true;
    Unlock firstKey; ///< Becomes the first reader slot; ignored in a plain repository.
    std::string label = "first key";
    /// Its content keys are taken instead of new ones, so that objects can be copied one to one.
    const Repository* copyOf = nullptr;
};

/// Damage found while reading; a value, not an error.
struct Damage {
    std::string object; ///< Storage key.
    std::string what;   ///< "is missing", "is cut short", "frame 7 does not open".
};

class ChunkWriter;
class ChunkReader;

/// An open repository. Thread-safe.
///
/// Errors of every call: those of the driver; Corrupt when an object is not what was written;
/// Denied when a writer's key is asked for contents.
class Repository {
public:
    /// Makes an empty one. Errors: AlreadyExists when there is one, or anything else, at that
    /// place; for a copy Denied when the other was opened with a writer's key, InvalidInput when
    /// only one of the two is encrypted.
    [[nodiscard]] static Result<RepositoryInfo> init(storage::Driver& driver,
                                                     const InitOptions& options);
    /// What can be known without a key. Errors: NotReady when there is no repository at that place;
    /// Incompatible when a newer Salvor made it.
    [[nodiscard]] static Result<RepositoryInfo> probe(storage::Driver& driver);
    /// Errors: as probe(); Denied when the key opens no slot: nothing was changed.
    [[nodiscard]] static Result<std::unique_ptr<Repository>>
    open(std::shared_ptr<storage::Driver> driver, const Unlock& unlock);
    ~Repository();

    [[nodiscard]] const RepositoryInfo& info() const noexcept { return m_info; }
    [[nodiscard]] storage::Driver& driver() const noexcept { return *m_driver; }
    [[nodiscard]] const Keys& keys() const noexcept { return m_keys; }

    // Keys. ---------------------------------------------------------------------------------
    [[nodiscard]] Result<std::vector<KeySlot>> slots() const;
    /// Needs a reader's keys. For Unlock::Kind::PrivateKey the secret holds the *public* key.
    [[nodiscard]] Result<KeySlot> addSlot(const Unlock& key, SlotAccess access,
                                          const std::string& label) const;
    /// Errors: NotReady for the last reader slot: nothing could open the repository afterwards.
    [[nodiscard]] Result<> removeSlot(const std::string& id) const;

    // Clusters. -----------------------------------------------------------------------------
    [[nodiscard]] Result<std::vector<std::string>> clusters() const;
    /// All incarnations of a name, oldest first; empty when the name is unknown.
    [[nodiscard]] Result<std::vector<model::Incarnation>>
    incarnations(const std::string& cluster) const;
    /// The newest. Errors: NotFound.
    [[nodiscard]] Result<model::Incarnation> incarnation(const std::string& cluster) const;
    /// The incarnation of this identity: the newest one, or the first one, made now.
    ///
    /// Errors: NotReady when the name belongs to another cluster: the message names both system
    ///         identifiers and majors, the hint `salvorctl cluster adopt`.
    [[nodiscard]] Result<model::Incarnation> pin(const std::string& cluster,
                                                 const model::ClusterIdentity& identity) const;
    /// Makes the next incarnation, unless the newest one is of this identity already.
    [[nodiscard]] Result<model::Incarnation> adopt(const std::string& cluster,
                                                   const model::ClusterIdentity& identity) const;

    // Backups. ------------------------------------------------------------------------------
    /// Of one cluster, or of all when `cluster` is empty; oldest first.
    [[nodiscard]] Result<std::vector<model::Backup>> backups(const std::string& cluster) const;
    /// By its id, or by a prefix of it that fits only one. Errors: NotFound; InvalidInput when
    /// several fit.
    [[nodiscard]] Result<model::Backup> backup(const std::string& id) const;
    /// Visits the files in path order. Errors: Corrupt; whatever the visitor returns.
    using TreeVisitor = std::function<Result<>(const TreeEntry&)>;
    [[nodiscard]] Result<> readTree(const model::Backup& backup, const TreeVisitor& visit) const;

    // Contents. -----------------------------------------------------------------------------
    /// What the chunks of an incarnation are found by; shared by all readers and writers of it.
    /// Loads the index objects, `also` excluded none. Call again to see what others added since.
    class Index;
    [[nodiscard]] Result<std::shared_ptr<Index>>
    loadIndex(const model::Incarnation& incarnation) const;

    // WAL. ----------------------------------------------------------------------------------
    struct StoredSegment {
        model::Segment segment;
        std::string object; ///< Storage key.
        ByteCount storedSize = 0;
        Moment storedAt;
    };
    enum class Pushed { Stored, AlreadyThere };
    /// Durable when this returns. The same bytes twice succeed (AlreadyThere).
    ///
    /// Errors: AlreadyExists when the segment is there with other bytes: nothing was written.
    [[nodiscard]] Result<Pushed> pushSegment(const model::Incarnation& incarnation,
                                             model::Segment segment, ByteView bytes) const;
    /// Whole and verified. Errors: NotFound: certainly not there (the archive itself was read);
    ///         Corrupt when damaged or when two different ones are there.
    [[nodiscard]] Result<Bytes> readSegment(const model::Incarnation& incarnation,
                                            model::Segment segment) const;
    /// Whether a copy of it is there. Needs no reader's key.
    [[nodiscard]] Result<bool> hasSegment(const model::Incarnation& incarnation,
                                          model::Segment segment) const;
    /// In order of timeline and number. With a conflict the same segment stands more than once.
    [[nodiscard]] Result<std::vector<StoredSegment>>
    segments(const model::Incarnation& incarnation,
             std::optional<model::TimelineId> timeline = std::nullopt) const;
    /// Other small files of pg_wal by name: "00000002.history", "….backup" labels and partial
    /// segments ("….partial"). Same rules as for segments.
    [[nodiscard]] Result<Pushed> pushWalFile(const model::Incarnation& incarnation,
                                             const std::string& name, ByteView bytes) const;
    [[nodiscard]] Result<Bytes> readWalFile(const model::Incarnation& incarnation,
                                            const std::string& name) const;
    [[nodiscard]] Result<std::vector<std::string>>
    walFiles(const model::Incarnation& incarnation) const;

private:
    friend class ChunkWriter;
    friend class ChunkReader;
    friend class BackupBuilder;
    Repository(std::shared_ptr<storage::Driver> driver, RepositoryInfo info, Keys keys);

    struct IndexCache;
    [[nodiscard]] Result<std::shared_ptr<Index>>
    loadListedIndex(const model::Incarnation& incarnation) const;

    std::shared_ptr<storage::Driver> m_driver;
    RepositoryInfo m_info;
    Keys m_keys;
    std::unique_ptr<IndexCache> m_cache;
};

/// Adds a backup. Made once a run, shared by its workers; thread-safe, but for finish().
/// Destroying it without finish() leaves chunks behind that a later backup reuses, and no backup.
class BackupBuilder {
public:
    struct Options {
        int compressionLevel = 1;                  ///< zstd, 1 to 19.
        ByteCount packSize = ByteCount{16} << 20U; ///< 16 to 64 MiB.
        ByteCount frameSize = ByteCount{512} << 10U;
    };
    /// Waits for a sweep to end, and keeps any other from beginning. Errors: as loadIndex();
    /// Cancelled.
    [[nodiscard]] static Result<std::unique_ptr<BackupBuilder>>
    create(Repository& repository, const model::Incarnation& incarnation, const Options& options,
           JobContext& job);
    virtual ~BackupBuilder() = default;

    /// One worker's way in: hashes, asks whether it is known, compresses, seals, packs. One thread.
    class Worker {
    public:
        virtual ~Worker() = default;
        /// Up to chunkSize plain bytes. The id goes into the file's entry. Packs are handed to the
        /// uploader when they are full; waits when too many are under way.
        [[nodiscard]] virtual Result<ChunkId> add(ByteView chunk) = 0;
        /// Hands over what is left. Call once, at the end.
        [[nodiscard]] virtual Result<> flush() = 0;
    };
    [[nodiscard]] virtual std::unique_ptr<Worker> worker() = 0;

    /// Whether every one of these chunks is stored, or is about to be by this run: asked before the
    /// chunks of an unchanged file are taken over from an older backup. Thread-safe.
    [[nodiscard]] virtual bool knows(const std::vector<ChunkId>& ids) = 0;

    /// One entry, in any order, once each; from any thread. Its chunks have been added or are
    /// known.
    ///
    /// Errors: NotFound when a chunk is neither: its pack was lost since an older backup.
    [[nodiscard]] virtual Result<> addEntry(TreeEntry entry) = 0;

    /// After every worker's flush(): waits for the uploads, writes index and tree, looks whether
    /// all packs are there, and writes last of all the backup itself, which makes it visible. Fills
    /// in the counts and sizes of `backup`. Errors: NotReady when a pack was removed meanwhile.
    [[nodiscard]] virtual Result<model::Backup> finish(model::Backup backup, JobContext& job) = 0;
    /// Compressed and sealed bytes handed to storage so far.
    [[nodiscard]] virtual ByteCount storedBytes() const = 0;
};

/// Reads chunks back. One thread at a time; make one for each worker: it keeps the frames it
/// decoded last, so asking in stored order is fast.
class ChunkReader {
public:
    [[nodiscard]] static Result<std::unique_ptr<ChunkReader>>
    create(const Repository& repository, std::shared_ptr<Repository::Index> index);
    virtual ~ChunkReader() = default;

    /// Where a chunk lies, to sort work by. Nothing for an unknown chunk; the zero chunk is
    /// {0, 0}.
    struct Place {
        std::uint32_t pack = 0; ///< Number within the index, in the order packs were written.
        std::uint32_t frame = 0;
        ByteCount storedSize = 0; ///< Of its frame.
        // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 stumbles over what is generated.
        friend auto operator<=>(const Place&, const Place&) = default;
    };
    [[nodiscard]] virtual std::optional<Place> find(const ChunkId& id) const = 0;
    /// Storage key of a pack: for messages and verification.
    [[nodiscard]] virtual storage::ObjectKey packKey(std::uint32_t pack) const = 0;

    /// The id that a chunk of these plain bytes has: to compare what is at hand with a backup.
    [[nodiscard]] virtual ChunkId idOf(ByteView plain) = 0;

    /// Says which chunks will be asked for next, in that order, so that neighbouring frames come
    /// in one ranged read. Optional; replaces what was said before.
    virtual void willRead(std::vector<ChunkId> ids) = 0;

    /// The plain bytes, their id recomputed. The view is valid until the next call.
    ///
    /// Errors: Corrupt naming pack and frame: missing pack, cut short, does not open, other bytes.
    [[nodiscard]] virtual Result<ByteView> read(const ChunkId& id, std::size_t plainSize) = 0;
};

} // namespace salvor::repository
