// Tree segments and lists, byte by byte. See docs/repository-format.md, section 8.
#pragma once

#include "core/base/bytes.h"
#include "core/repository/tree.h"

namespace salvor::repository {

inline constexpr std::size_t idsPerList = 256;

/// An entry as it is stored: for more than idsPerList chunks `ids` are those of lists, and the
/// entry's own list is empty.
struct StoredEntry {
    TreeEntry entry;
    std::uint32_t chunkCount = 0;
    std::vector<ChunkId> ids;

    [[nodiscard]] bool hasLists() const noexcept { return chunkCount > idsPerList; }
};

/// Errors: InvalidInput when a text is longer than 65535 bytes.
[[nodiscard]] Result<Bytes> encodeEntry(const TreeEntry& entry, std::uint32_t chunkCount,
                                        const std::vector<ChunkId>& ids);
/// The path of an encoded entry; a view into it.
[[nodiscard]] std::string_view pathOf(ByteView encodedEntry);
/// Entries that encodeEntry() made, as one segment.
[[nodiscard]] Bytes encodeSegment(const std::vector<ByteView>& entries);
/// Errors: Corrupt; Incompatible for another version.
[[nodiscard]] Result<std::vector<StoredEntry>> parseSegment(ByteView bytes);

[[nodiscard]] Bytes encodeList(const ChunkId* first, std::size_t count);
/// Errors: Corrupt unless it holds `count` ids.
[[nodiscard]] Result<std::vector<ChunkId>> parseList(ByteView bytes, std::size_t count);

/// Whether a segment ends after an entry of this path: a matter of the path alone, so that other
/// entries do not shift it.
[[nodiscard]] bool endsSegment(std::string_view path);

} // namespace salvor::repository
