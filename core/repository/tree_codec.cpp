#include "core/repository/tree_codec.h"

#include "core/crypto/hash.h"
#include "core/format/byte_reader.h"
#include "core/format/pack_format.h"

namespace salvor::repository {

namespace {

constexpr std::uint8_t version = 1;

Error senseless(std::uint32_t number)
{
    return fail(ErrorCode::Corrupt,
                "tree segment makes no sense at entry " + std::to_string(number));
}

bool parseEntry(format::ByteReader& reader, StoredEntry& stored)
{
    TreeEntry& entry = stored.entry;
    entry.path = reader.text();
    const auto kind = reader.number<std::uint8_t>();
    entry.mode = reader.number<std::uint32_t>();
    entry.owner = reader.text();
    entry.group = reader.text();
    const auto modified = static_cast<std::int64_t>(reader.number<std::uint64_t>());
    entry.modifiedAt = Moment(std::chrono::microseconds(modified));
    entry.size = reader.number<std::uint64_t>();
    entry.crc32c = reader.number<std::uint32_t>();
    entry.linkTarget = reader.text();
    stored.chunkCount = reader.number<std::uint32_t>();
    if (!reader.ok() || kind < 1 || kind > static_cast<std::uint8_t>(TreeKind::Link))
        return false;
    entry.kind = static_cast<TreeKind>(kind);
    const std::size_t count =
        stored.hasLists() ? (stored.chunkCount + idsPerList - 1) / idsPerList : stored.chunkCount;
    if (reader.left() / sizeof(ChunkId) < count)
        return false;
    stored.ids.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        stored.ids.push_back(format::idOf(reader.bytes(sizeof(ChunkId))));
    return true;
}

} // namespace

Result<Bytes> encodeEntry(const TreeEntry& entry, std::uint32_t chunkCount,
                          const std::vector<ChunkId>& ids)
{
    Bytes out;
    out.reserve(64 + entry.path.size() + ids.size() * sizeof(ChunkId));
    bool fits = format::appendText(out, entry.path);
    appendLittle(out, static_cast<std::uint8_t>(entry.kind));
    appendLittle(out, static_cast<std::uint32_t>(entry.mode));
    fits = fits && format::appendText(out, entry.owner);
    fits = fits && format::appendText(out, entry.group);
    appendLittle(out, static_cast<std::uint64_t>(entry.modifiedAt.time_since_epoch().count()));
    appendLittle(out, entry.size);
    appendLittle(out, entry.crc32c);
    fits = fits && format::appendText(out, entry.linkTarget);
    if (!fits)
        return fail(ErrorCode::InvalidInput, "'" + entry.path + "' has a name that is too long");
    appendLittle(out, chunkCount);
    append(out, std::as_bytes(std::span(ids)));
    return out;
}

std::string_view pathOf(ByteView encodedEntry)
{
    return format::ByteReader(encodedEntry).text();
}

Bytes encodeSegment(const std::vector<ByteView>& entries)
{
    Bytes out;
    appendLittle(out, version);
    appendLittle(out, static_cast<std::uint32_t>(entries.size()));
    for (const ByteView entry : entries)
        append(out, entry);
    return out;
}

Result<std::vector<StoredEntry>> parseSegment(ByteView bytes)
{
    format::ByteReader reader(bytes);
    const auto found = reader.number<std::uint8_t>();
    const auto count = reader.number<std::uint32_t>();
    if (!reader.ok())
        return fail(ErrorCode::Corrupt, "tree segment is cut short");
    if (found != version)
        return fail(ErrorCode::Incompatible,
                    "tree segment has format version " + std::to_string(found)
                        + ", this program reads version " + std::to_string(version));
    std::vector<StoredEntry> entries;
    for (std::uint32_t i = 0; i < count; ++i) {
        StoredEntry stored;
        if (!parseEntry(reader, stored))
            return senseless(i);
        entries.push_back(std::move(stored));
    }
    if (!reader.atEnd())
        return senseless(count);
    return entries;
}

Bytes encodeList(const ChunkId* first, std::size_t count)
{
    Bytes out;
    append(out, std::as_bytes(std::span(first, count)));
    return out;
}

Result<std::vector<ChunkId>> parseList(ByteView bytes, std::size_t count)
{
    if (bytes.size() != count * sizeof(ChunkId))
        return fail(ErrorCode::Corrupt, "list of chunks has the wrong length");
    std::vector<ChunkId> ids;
    ids.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        ids.push_back(format::idOf(bytes.subspan(i * sizeof(ChunkId))));
    return ids;
}

bool endsSegment(std::string_view path)
{
    return crypto::sha256(asBytes(path))[0] == std::byte{0};
}

} // namespace salvor::repository
