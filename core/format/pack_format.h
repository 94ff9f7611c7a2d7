// Packs, byte by byte: header, directory and footer. See docs/repository-format.md, sections 6, 7.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <array>
#include <vector>

namespace salvor::format {

/// Of chunks and packs.
using Id = std::array<std::byte, 20>;
[[nodiscard]] std::string idText(const Id& id);
/// Errors: InvalidInput unless it is 40 hexadecimal digits.
[[nodiscard]] Result<Id> parseId(std::string_view text);
/// The first 20 bytes. There must be that many.
[[nodiscard]] Id idOf(ByteView bytes);

enum class BlobKind : std::uint8_t { Contents = 1, Metadata = 2, Wal = 3 };  ///< On disk.
enum class Wrap : std::uint8_t { None = 0, Recipient = 1, MetadataKey = 2 }; ///< On disk.
enum class Codec : std::uint8_t { Stored = 0, Zstd = 1 };                    ///< On disk.

inline constexpr std::size_t headerPrefixSize = 14;
inline constexpr std::size_t packFooterSize = 24;
inline constexpr std::size_t maximalFrameSize = std::size_t{16} << 20U;  ///< Plain bytes.
inline constexpr std::size_t maximalHeaderSize = headerPrefixSize + 128; ///< No wrap is longer.

/// What a pack or a WAL object begins with.
struct BlobHeader {
    BlobKind kind = BlobKind::Contents;
    Wrap wrap = Wrap::None;
    Bytes wrapped; ///< What the key is found from.

    /// Bytes of the whole header.
    [[nodiscard]] std::size_t size() const noexcept { return headerPrefixSize + wrapped.size(); }
};

/// The first headerPrefixSize bytes, for a wrap of that many bytes.
[[nodiscard]] Bytes headerPrefix(BlobKind kind, Wrap wrap, std::size_t wrapSize);
[[nodiscard]] Bytes encodeHeader(const BlobHeader& header);
/// The header at the front of `bytes`. Errors: Incompatible for another version; Corrupt.
[[nodiscard]] Result<BlobHeader> parseHeader(ByteView bytes);

struct FrameChunk {
    Id id{};
    std::uint32_t plainSize = 0;

    friend bool operator==(const FrameChunk&, const FrameChunk&) = default;
};

/// One frame of a pack. `offset` follows from the frames before it.
struct Frame {
    std::uint32_t storedSize = 0; ///< With the tag, where there is one.
    std::uint32_t plainSize = 0;
    Codec codec = Codec::Stored;
    std::vector<FrameChunk> chunks;

    friend bool operator==(const Frame&, const Frame&) = default;
};

void appendFrameEntry(Bytes& out, const Frame& frame);
[[nodiscard]] Bytes encodeDirectory(const std::vector<Frame>& frames);
/// Errors: Corrupt when a length leads past the end, a sum is wrong, or bytes are left over.
[[nodiscard]] Result<std::vector<Frame>> parseDirectory(ByteView bytes);
/// What a frame is sealed with besides its nonce: the kind, its number, its entry.
[[nodiscard]] Bytes frameAad(BlobKind kind, std::uint32_t number, const Frame& frame);
/// Sum of the stored sizes of all frames.
[[nodiscard]] ByteCount framesSize(const std::vector<Frame>& frames) noexcept;

struct PackFooter {
    ByteCount directoryOffset = 0;
    ByteCount directorySize = 0; ///< As stored.
};
[[nodiscard]] Bytes encodeFooter(const PackFooter& footer);
/// Of the last packFooterSize bytes of a pack of `packSize` bytes. Errors: Corrupt.
[[nodiscard]] Result<PackFooter> parseFooter(ByteView bytes, ByteCount packSize);

/// One pack in an index object; views into its bytes.
struct IndexItem {
    Id pack{};
    ByteCount packSize = 0;
    ByteView header;
    ByteView directory;
};
[[nodiscard]] Bytes encodeIndex(const std::vector<IndexItem>& items);
/// Views into `bytes`; the directories are not parsed yet. Errors: Corrupt.
[[nodiscard]] Result<std::vector<IndexItem>> parseIndex(ByteView bytes);

} // namespace salvor::format
