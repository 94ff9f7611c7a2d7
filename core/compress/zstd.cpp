#include "core/compress/zstd.h"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <new>

namespace salvor::compress {

std::size_t compressedBound(std::size_t plainSize) noexcept
{
    return ZSTD_compressBound(plainSize);
}

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const noexcept
{
    ZSTD_freeCCtx(context);
}

Compressor::Compressor(int level)
    : m_context(ZSTD_createCCtx())
{
    if (m_context == nullptr)
        throw std::bad_alloc();
    ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_compressionLevel, std::clamp(level, 1, 19));
}

std::size_t Compressor::compress(ByteView plain, MutableByteView out)
{
    const std::size_t size =
        ZSTD_compress2(m_context.get(), out.data(), out.size(), plain.data(), plain.size());
    // With room for the bound only an exhausted memory gets here.
    if (ZSTD_isError(size) != 0U)
        throw std::bad_alloc();
    return size;
}

Bytes Compressor::compress(ByteView plain)
{
    Bytes coded(compressedBound(plain.size()));
    coded.resize(compress(plain, coded));
    return coded;
}

void Decompressor::Free::operator()(ZSTD_DCtx_s* context) const noexcept
{
    ZSTD_freeDCtx(context);
}

Decompressor::Decompressor()
    : m_context(ZSTD_createDCtx())
{
    if (m_context == nullptr)
        throw std::bad_alloc();
}

Result<> Decompressor::decompress(ByteView coded, MutableByteView out)
{
    const std::size_t size =
        ZSTD_decompressDCtx(m_context.get(), out.data(), out.size(), coded.data(), coded.size());
    if (ZSTD_isError(size) != 0U || size != out.size())
        return fail(ErrorCode::Corrupt, "does not decompress");
    return {};
}

} // namespace salvor::compress
