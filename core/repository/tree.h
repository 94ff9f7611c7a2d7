// The files of a backup: entries in path order, each with the list of its chunks.
#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace salvor::repository {

/// Keyed hash of a chunk's plain bytes, HMAC-SHA-256 cut to 20 bytes. All zero: a chunk of zeros,
/// which is not stored.
using ChunkId = std::array<std::byte, 20>;

inline constexpr std::uint32_t chunkSize = 32768; ///< Plain bytes; a file's last may be shorter.

enum class TreeKind : std::uint8_t { File = 1, Directory = 2, Link = 3 };

/// One thing that a restore creates.
struct TreeEntry {
    /// Relative to the data directory; "pg_tblspc/OID/…" within a tablespace. Extra files (Debian's
    /// configuration) begin with "/": their place on the server.
    std::string path;
    TreeKind kind = TreeKind::File;
    mode_t mode = 0;
    std::string owner;
    std::string group;
    Moment modifiedAt;
    std::uint64_t size = 0;
    std::uint32_t crc32c = 0; ///< Of the whole file.
    std::string linkTarget;
    std::vector<ChunkId> chunks; ///< In order; the n-th covers bytes from n × chunkSize on.

    friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};

} // namespace salvor::repository
