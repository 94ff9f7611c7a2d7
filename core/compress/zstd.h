// zstd (RFC 8878), with contexts that are kept.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <memory>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace salvor::compress {

/// Most bytes that compressing `plainSize` bytes can give.
[[nodiscard]] std::size_t compressedBound(std::size_t plainSize) noexcept;

/// Makes zstd frames with the content size in them. Keeps its memory between calls. One thread at a
/// time.
class Compressor {
public:
    /// `level` from 1 to 19; others are brought into that range.
    explicit Compressor(int level);
    /// Writes one frame into `out`, which has compressedBound() bytes of room; says how many it
    /// took.
    [[nodiscard]] std::size_t compress(ByteView plain, MutableByteView out);
    [[nodiscard]] Bytes compress(ByteView plain);

private:
    struct Free {
        void operator()(ZSTD_CCtx_s* context) const noexcept;
    };
    std::unique_ptr<ZSTD_CCtx_s, Free> m_context;
};

/// Opens zstd frames. Keeps its memory between calls. One thread at a time.
class Decompressor {
public:
    Decompressor();
    /// Fills `out` exactly. Errors: Corrupt when it is no frame, or gives another number of bytes.
    [[nodiscard]] Result<> decompress(ByteView coded, MutableByteView out);

private:
    struct Free {
        void operator()(ZSTD_DCtx_s* context) const noexcept;
    };
    std::unique_ptr<ZSTD_DCtx_s, Free> m_context;
};

} // namespace salvor::compress
