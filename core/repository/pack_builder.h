// From new chunks to whole packs: compress, seal, pack.
#pragma once

#include "core/repository/blob_keys.h"

#include <functional>
#include <mutex>

namespace salvor::repository {

/// Keeps buffers of finished packs for the next ones: fresh memory costs page faults. Thread-safe.
class BufferPool {
public:
    [[nodiscard]] Bytes take(std::size_t capacity);
    void give(Bytes buffer);

private:
    std::mutex m_mutex;
    std::vector<Bytes> m_free; // Guarded by m_mutex.
};

/// A pack as it will be stored, and what an index object says of it.
struct FinishedPack {
    Bytes bytes;
    std::size_t headerSize = 0;
    std::uint32_t frames = 0;
    Bytes directory;
};

struct PackOptions {
    int compressionLevel = 1;
    ByteCount packSize = ByteCount{16} << 20U;
    ByteCount frameSize = ByteCount{512} << 10U;
};

/// Builds packs of one kind. One thread at a time.
class PackBuilder {
public:
    using Sink = std::function<Result<>(FinishedPack)>;
    PackBuilder(const Keys& keys, format::BlobKind kind, const PackOptions& options,
                BufferPool& pool, Sink sink);

    /// Adds a chunk that is not stored yet. Hands over a pack when it is full.
    [[nodiscard]] Result<> add(const format::Id& id, ByteView chunk);
    /// Hands over what there is.
    [[nodiscard]] Result<> flush();

private:
    [[nodiscard]] Result<> begin();
    [[nodiscard]] Result<> sealFrame();
    [[nodiscard]] Result<> finishPack();
    /// Codes m_plain; the view ends with the next call.
    [[nodiscard]] ByteView encode(format::Frame& frame);

    const Keys& m_keys;
    const format::BlobKind m_kind;
    const PackOptions m_options;
    BufferPool& m_pool;
    const Sink m_sink;
    compress::Compressor m_compressor;
    crypto::AesGcm m_cipher;
    Bytes m_plain;   // Of the frame under way.
    Bytes m_scratch; // Of a frame on its way into the pack.
    format::Frame m_frame;
    FinishedPack m_pack;
    bool m_begun = false;
};

} // namespace salvor::repository
