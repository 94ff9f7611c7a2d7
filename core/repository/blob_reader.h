// Reading chunks of either kind back from packs.
#pragma once

#include "core/crypto/hash.h"
#include "core/repository/blob_keys.h"
#include "core/repository/index.h"

#include <deque>

namespace salvor::repository {

/// Finds, fetches, opens and checks chunks. Keeps what it decoded last. One thread at a time.
class BlobReader {
public:
    /// `idKey` is the key of the chunks' ids: the scope's chunk or tree key.
    BlobReader(const Repository& repository, std::shared_ptr<Repository::Index> index,
               ByteView idKey);

    void willRead(std::vector<ChunkId> ids);
    /// The plain bytes; valid until the next call. With several places, the first that is good.
    ///
    /// Errors: Corrupt naming the pack and what is wrong with it; those of the driver.
    [[nodiscard]] Result<ByteView> read(const ChunkId& id);

    /// All chunks of a frame that cannot be had from it, for checks. Errors as a value: what is
    /// wrong, reading on after the pack's name; nothing when all is good.
    [[nodiscard]] Result<> checkFrame(std::uint32_t pack, std::uint32_t frame);
    /// The same with the stored bytes of the whole pack at hand.
    void usePackBytes(std::uint32_t pack, Bytes bytes);

    [[nodiscard]] Result<std::vector<format::Frame>> frames(std::uint32_t pack);

private:
    struct OpenPack {
        std::uint32_t number = 0;
        format::BlobKind kind = format::BlobKind::Contents;
        Secret key;
        std::vector<format::Frame> frames;
        std::vector<ByteCount> offsets; ///< Of frames within the pack.
    };
    struct Decoded {
        std::uint32_t pack = 0;
        std::uint32_t frame = 0;
        Bytes plain;
    };
    struct Run { ///< Stored bytes that came in one request.
        std::uint32_t pack = 0;
        ByteCount begin = 0;
        Bytes bytes;
    };

    Result<ByteView> readFrom(const Repository::Index::Record& record);
    Result<const OpenPack*> openPack(std::uint32_t pack);
    Result<const Decoded*> decoded(std::uint32_t pack, std::uint32_t frame);
    Result<ByteView> stored(const OpenPack& pack, std::uint32_t frame);
    /// Where a request that begins with this frame should end.
    [[nodiscard]] ByteCount runEnd(const OpenPack& pack, std::uint32_t frame) const;
    Result<ByteView> chunkOf(const OpenPack& pack, const Decoded& frame, std::uint32_t slot);
    void advancePlan(const ChunkId& id);

    const Repository& m_repository;
    const std::shared_ptr<Repository::Index> m_index;
    crypto::HmacSha256 m_hash;
    FrameDecoder m_decoder;
    std::deque<OpenPack> m_open;   // Newest first.
    std::deque<Decoded> m_decoded; // Newest first.
    Run m_run;
    std::vector<ChunkId> m_plan;
    std::size_t m_planPosition = 0;
};

/// Reads tree segments and lists of an incarnation. Also with a writer's keys.
[[nodiscard]] BlobReader metadataReader(const Repository& repository,
                                        std::shared_ptr<Repository::Index> index);

} // namespace salvor::repository
