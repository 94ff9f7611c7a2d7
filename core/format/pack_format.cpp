#include "core/format/pack_format.h"

#include "core/base/text.h"
#include "core/format/byte_reader.h"

#include <algorithm>

namespace salvor::format {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::string_view packMagic = "SLVRPACK";
constexpr std::string_view walMagic = "SLVRWALO";
constexpr std::string_view footerMagic = "SLVRPEND";
constexpr std::uint32_t maximalFrameCount = 1U << 20U;

Error corrupt(std::string message)
{
    return fail(ErrorCode::Corrupt, std::move(message));
}

/// Empty when the bytes end early or make no sense.
bool parseFrame(ByteReader& reader, Frame& frame)
{
    frame.storedSize = reader.number<std::uint32_t>();
    frame.plainSize = reader.number<std::uint32_t>();
    const auto codec = reader.number<std::uint8_t>();
    const auto count = reader.number<std::uint16_t>();
    constexpr std::size_t chunkEntrySize = sizeof(Id) + sizeof(std::uint32_t);
    if (!reader.ok() || codec > static_cast<std::uint8_t>(Codec::Zstd) || count == 0
        || frame.plainSize > maximalFrameSize || reader.left() < count * chunkEntrySize)
        return false;
    frame.codec = static_cast<Codec>(codec);
    frame.chunks.reserve(count);
    ByteCount sum = 0;
    for (std::uint16_t i = 0; i < count; ++i) {
        FrameChunk chunk;
        chunk.id = idOf(reader.bytes(sizeof(Id)));
        chunk.plainSize = reader.number<std::uint32_t>();
        sum += chunk.plainSize;
        frame.chunks.push_back(chunk);
    }
    return sum == frame.plainSize;
}

} // namespace

std::string idText(const Id& id)
{
    return toHex(id);
}

Result<Id> parseId(std::string_view text)
{
    SALVOR_TRY(const Bytes bytes, fromHex(text));
    if (bytes.size() != sizeof(Id))
        return fail(ErrorCode::InvalidInput, "an id has 40 hexadecimal digits");
    return idOf(bytes);
}

Id idOf(ByteView bytes)
{
    Id id{};
    const ByteView first = bytes.first(id.size());
    std::copy(first.begin(), first.end(), id.begin());
    return id;
}

Bytes headerPrefix(BlobKind kind, Wrap wrap, std::size_t wrapSize)
{
    Bytes out;
    out.reserve(headerPrefixSize + wrapSize);
    append(out, asBytes(kind == BlobKind::Wal ? walMagic : packMagic));
    appendLittle(out, version);
    appendLittle(out, static_cast<std::uint8_t>(kind));
    appendLittle(out, static_cast<std::uint8_t>(wrap));
    appendLittle(out, std::uint8_t{0});
    appendLittle(out, static_cast<std::uint16_t>(wrapSize));
    return out;
}

Bytes encodeHeader(const BlobHeader& header)
{
    Bytes out = headerPrefix(header.kind, header.wrap, header.wrapped.size());
    append(out, header.wrapped);
    return out;
}

Result<BlobHeader> parseHeader(ByteView bytes)
{
    ByteReader reader(bytes);
    const std::string_view magic = asText(reader.bytes(packMagic.size()));
    const auto found = reader.number<std::uint8_t>();
    const auto kind = reader.number<std::uint8_t>();
    const auto wrap = reader.number<std::uint8_t>();
    const auto zero = reader.number<std::uint8_t>();
    const auto wrapSize = reader.number<std::uint16_t>();
    if (!reader.ok())
        return corrupt("is cut short within its header");
    if (magic != packMagic && magic != walMagic)
        return corrupt("does not begin as a pack or WAL object");
    if (found != version)
        return fail(ErrorCode::Incompatible, "has format version " + std::to_string(found)
                                                 + ", this program reads version "
                                                 + std::to_string(version));
    const bool isWal = kind == static_cast<std::uint8_t>(BlobKind::Wal);
    if (kind < 1 || kind > 3 || isWal != (magic == walMagic)
        || wrap > static_cast<std::uint8_t>(Wrap::MetadataKey) || zero != 0
        || wrapSize > maximalHeaderSize - headerPrefixSize)
        return corrupt("has a header that makes no sense");
    BlobHeader header{static_cast<BlobKind>(kind), static_cast<Wrap>(wrap), {}};
    const ByteView wrapped = reader.bytes(wrapSize);
    if (!reader.ok())
        return corrupt("is cut short within its header");
    header.wrapped.assign(wrapped.begin(), wrapped.end());
    return header;
}

void appendFrameEntry(Bytes& out, const Frame& frame)
{
    appendLittle(out, frame.storedSize);
    appendLittle(out, frame.plainSize);
    appendLittle(out, static_cast<std::uint8_t>(frame.codec));
    appendLittle(out, static_cast<std::uint16_t>(frame.chunks.size()));
    for (const FrameChunk& chunk : frame.chunks) {
        append(out, chunk.id);
        appendLittle(out, chunk.plainSize);
    }
}

Bytes encodeDirectory(const std::vector<Frame>& frames)
{
    Bytes out;
    appendLittle(out, static_cast<std::uint32_t>(frames.size()));
    for (const Frame& frame : frames)
        appendFrameEntry(out, frame);
    return out;
}

Result<std::vector<Frame>> parseDirectory(ByteView bytes)
{
    ByteReader reader(bytes);
    const auto count = reader.number<std::uint32_t>();
    if (!reader.ok() || count > maximalFrameCount)
        return corrupt("has a directory that makes no sense");
    std::vector<Frame> frames;
    for (std::uint32_t i = 0; i < count; ++i) {
        Frame frame;
        if (!parseFrame(reader, frame))
            return corrupt("has a directory that makes no sense at frame " + std::to_string(i));
        frames.push_back(std::move(frame));
    }
    if (!reader.atEnd())
        return corrupt("has a directory with bytes left over");
    return frames;
}

Bytes frameAad(BlobKind kind, std::uint32_t number, const Frame& frame)
{
    Bytes aad;
    aad.reserve(16 + frame.chunks.size() * sizeof(FrameChunk));
    appendLittle(aad, static_cast<std::uint8_t>(kind));
    appendLittle(aad, number);
    appendFrameEntry(aad, frame);
    return aad;
}

ByteCount framesSize(const std::vector<Frame>& frames) noexcept
{
    ByteCount sum = 0;
    for (const Frame& frame : frames)
        sum += frame.storedSize;
    return sum;
}

Bytes encodeFooter(const PackFooter& footer)
{
    Bytes out;
    out.reserve(packFooterSize);
    appendLittle(out, footer.directoryOffset);
    appendLittle(out, footer.directorySize);
    append(out, asBytes(footerMagic));
    return out;
}

Result<PackFooter> parseFooter(ByteView bytes, ByteCount packSize)
{
    ByteReader reader(bytes);
    PackFooter footer;
    footer.directoryOffset = reader.number<std::uint64_t>();
    footer.directorySize = reader.number<std::uint64_t>();
    const std::string_view magic = asText(reader.bytes(footerMagic.size()));
    if (!reader.atEnd() || magic != footerMagic)
        return corrupt("does not end as a pack");
    if (packSize < packFooterSize || footer.directoryOffset > packSize - packFooterSize
        || footer.directorySize != packSize - packFooterSize - footer.directoryOffset)
        return corrupt("has a footer that makes no sense");
    return footer;
}

Bytes encodeIndex(const std::vector<IndexItem>& items)
{
    Bytes out;
    appendLittle(out, static_cast<std::uint32_t>(items.size()));
    for (const IndexItem& item : items) {
        append(out, item.pack);
        appendLittle(out, item.packSize);
        appendLittle(out, static_cast<std::uint16_t>(item.header.size()));
        append(out, item.header);
        appendLittle(out, static_cast<std::uint32_t>(item.directory.size()));
        append(out, item.directory);
    }
    return out;
}

Result<std::vector<IndexItem>> parseIndex(ByteView bytes)
{
    ByteReader reader(bytes);
    const auto count = reader.number<std::uint32_t>();
    std::vector<IndexItem> items;
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        IndexItem item;
        const ByteView id = reader.bytes(sizeof(Id));
        item.packSize = reader.number<std::uint64_t>();
        item.header = reader.bytes(reader.number<std::uint16_t>());
        item.directory = reader.bytes(reader.number<std::uint32_t>());
        if (!reader.ok())
            break;
        item.pack = idOf(id);
        items.push_back(item);
    }
    if (!reader.atEnd())
        return corrupt("is no list of packs");
    return items;
}

} // namespace salvor::format
