#include "core/repository/pack_builder.h"

#include <algorithm>

namespace salvor::repository {

namespace {

constexpr std::size_t keptBuffers = 4;
constexpr std::size_t maximalChunks = 65535; // A frame counts them in 16 bits.

} // namespace

Bytes BufferPool::take(std::size_t capacity)
{
    Bytes buffer;
    {
        const std::lock_guard lock(m_mutex);
        if (!m_free.empty()) {
            buffer = std::move(m_free.back());
            m_free.pop_back();
        }
    }
    buffer.clear();
    buffer.reserve(capacity);
    return buffer;
}

void BufferPool::give(Bytes buffer)
{
    const std::lock_guard lock(m_mutex);
    if (m_free.size() < keptBuffers)
        m_free.push_back(std::move(buffer));
}

PackBuilder::PackBuilder(const Keys& keys, format::BlobKind kind, const PackOptions& options,
                         BufferPool& pool, Sink sink)
    : m_keys(keys)
    , m_kind(kind)
    , m_options(options)
    , m_pool(pool)
    , m_sink(std::move(sink))
    , m_compressor(options.compressionLevel)
{
    m_plain.reserve(m_options.frameSize);
}

Result<> PackBuilder::add(const format::Id& id, ByteView chunk)
{
    if (chunk.size() > format::maximalFrameSize)
        return fail(ErrorCode::Bug, "a chunk of " + std::to_string(chunk.size()) + " bytes");
    const bool isFull = m_plain.size() + chunk.size() > m_options.frameSize
                        || m_frame.chunks.size() == maximalChunks;
    if (isFull && !m_frame.chunks.empty())
        SALVOR_CHECK(sealFrame());
    append(m_plain, chunk);
    m_frame.chunks.push_back({id, static_cast<std::uint32_t>(chunk.size())});
    return {};
}

Result<> PackBuilder::flush()
{
    if (!m_frame.chunks.empty())
        SALVOR_CHECK(sealFrame());
    return m_begun ? finishPack() : Result<>();
}

Result<> PackBuilder::begin()
{
    SALVOR_TRY(const NewBlob blob, newBlob(m_keys, m_kind));
    if (!blob.key.empty())
        m_cipher.setKey(blob.key.reveal());
    m_pack = {};
    m_pack.bytes = m_pool.take(m_options.packSize + (std::size_t{1} << 20U));
    append(m_pack.bytes, blob.header);
    m_pack.headerSize = blob.header.size();
    appendLittle(m_pack.directory, std::uint32_t{0}); // The count is known at the end.
    m_begun = true;
    return {};
}

ByteView PackBuilder::encode(format::Frame& frame)
{
    const std::size_t room = compress::compressedBound(m_plain.size()) + crypto::tagSize;
    if (m_scratch.size() < room)
        m_scratch.resize(room);
    const std::size_t size = m_compressor.compress(m_plain, m_scratch);
    // What saves less than a 32nd is not worth the time that opening it takes.
    const bool worthIt = size < m_plain.size() - m_plain.size() / 32;
    frame.plainSize = static_cast<std::uint32_t>(m_plain.size());
    frame.codec = worthIt ? format::Codec::Zstd : format::Codec::Stored;
    const ByteView coded = worthIt ? ByteView(m_scratch).first(size) : ByteView(m_plain);
    frame.storedSize =
        static_cast<std::uint32_t>(coded.size() + (m_keys.encrypted ? crypto::tagSize : 0));
    if (!m_keys.encrypted)
        return coded;
    m_cipher.seal(crypto::nonceOf(m_pack.frames), format::frameAad(m_kind, m_pack.frames, frame),
                  coded, m_scratch);
    return ByteView(m_scratch).first(frame.storedSize);
}

Result<> PackBuilder::sealFrame()
{
    if (!m_begun)
        SALVOR_CHECK(begin());
    append(m_pack.bytes, encode(m_frame));
    format::appendFrameEntry(m_pack.directory, m_frame);
    ++m_pack.frames;
    m_plain.clear();
    m_frame.chunks.clear();
    if (m_pack.bytes.size() + m_pack.directory.size() >= m_options.packSize)
        return finishPack();
    return {};
}

Result<> PackBuilder::finishPack()
{
    Bytes count;
    appendLittle(count, m_pack.frames);
    std::copy(count.begin(), count.end(), m_pack.directory.begin());
    const ByteCount offset = m_pack.bytes.size();
    const Bytes header(m_pack.bytes.begin(),
                       m_pack.bytes.begin() + static_cast<std::ptrdiff_t>(m_pack.headerSize));
    const Bytes stored = sealDirectory(m_keys, header, m_pack.directory);
    append(m_pack.bytes, stored);
    append(m_pack.bytes, format::encodeFooter({offset, stored.size()}));
    m_begun = false;
    return m_sink(std::move(m_pack));
}

} // namespace salvor::repository
