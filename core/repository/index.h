// Where every chunk of an incarnation is: in which pack, frame and place.
#pragma once

#include "core/format/pack_format.h"
#include "core/repository/repository.h"
#include "core/repository/scratch.h"

#include <span>

namespace salvor::repository {

/// Immutable once loaded; safe on any thread. Large tables are mapped files.
class Repository::Index {
public:
    enum class PackState { Present, Missing, WrongSize };

    struct Pack {
        format::Id id{};
        format::BlobKind kind = format::BlobKind::Contents;
        ByteCount size = 0;
        PackState state = PackState::Present; ///< When the index was loaded.
        ByteCount foundSize = 0;
        bool indexed = true;          ///< Named by an index object; otherwise it described itself.
        std::uint64_t firstFrame = 0; ///< Frames of all packs before it.
        std::uint32_t frames = 0;
        // Where header and directory are in the mapped file.
        std::uint64_t offset = 0;
        std::uint16_t headerSize = 0;
        std::uint32_t directorySize = 0;
    };

    /// One chunk. Those of one id stand together, earliest pack first.
    struct Record {
        ChunkId id{};
        std::uint32_t pack = 0;
        std::uint32_t frame = 0;
        std::uint32_t slot = 0; ///< Number of the chunk within its frame.
    };
    static_assert(sizeof(Record) == 32);

    [[nodiscard]] static Result<std::shared_ptr<Index>>
    load(const Repository& repository, const model::Incarnation& incarnation,
         const std::vector<storage::ObjectInfo>& indexObjects,
         const std::vector<storage::ObjectInfo>& packObjects);

    [[nodiscard]] const model::Incarnation& incarnation() const noexcept { return m_incarnation; }
    [[nodiscard]] const std::vector<Pack>& packs() const noexcept { return m_packs; }
    [[nodiscard]] std::uint64_t frameCount() const noexcept { return m_frameCount; }
    /// Every place of a chunk; empty when it is not known.
    [[nodiscard]] std::span<const Record> candidates(const ChunkId& id) const noexcept;
    /// The first place in a pack that is there with its right size, or nullptr.
    [[nodiscard]] const Record* present(const ChunkId& id) const noexcept;
    [[nodiscard]] storage::ObjectKey packKey(std::uint32_t pack) const;
    [[nodiscard]] ByteView header(const Pack& pack) const noexcept;
    [[nodiscard]] ByteView directory(const Pack& pack) const noexcept;
    /// Index objects that cannot be read and packs that cannot describe themselves.
    [[nodiscard]] const std::vector<Damage>& damages() const noexcept { return m_damages; }

private:
    friend class IndexLoader;
    [[nodiscard]] std::span<const Record> records() const noexcept;
    void prepareLookup();
    [[nodiscard]] bool mayHold(const ChunkId& id) const noexcept;

    model::Incarnation m_incarnation;
    std::vector<Pack> m_packs;
    std::vector<Damage> m_damages;
    std::uint64_t m_frameCount = 0;
    ScratchMemory m_descriptions;
    ScratchMemory m_records;
    std::vector<std::uint64_t> m_filter;  ///< Bloom: a byte for each record, four bits an id.
    std::vector<std::uint32_t> m_buckets; ///< By the first 16 bits of the id: where they begin.
};

/// The index loaded last, kept until a listing shows something new.
struct Repository::IndexCache {
    std::mutex mutex;
    std::string fingerprint;      // Guarded by mutex.
    std::shared_ptr<Index> index; // Guarded by mutex.
};

/// Key of a pack of this id.
[[nodiscard]] storage::ObjectKey packObjectKey(const model::Incarnation& incarnation,
                                               const format::Id& id);
/// Adds an object to the index. Errors: those of the driver.
[[nodiscard]] Result<> writeIndexObject(const Repository& repository,
                                        const model::Incarnation& incarnation,
                                        const std::vector<format::IndexItem>& items);
/// The first of these packs that a listing does not show.
[[nodiscard]] Result<std::optional<storage::ObjectKey>>
firstMissingPack(const Repository& repository, const model::Incarnation& incarnation,
                 const std::vector<format::Id>& packs);

} // namespace salvor::repository
