// Heap and index pages: is a page what the server wrote?
#pragma once

#include "core/base/bytes.h"
#include "core/model/lsn.h"

namespace salvor::postgres {

inline constexpr std::size_t pageSize = 8192;

enum class PageVerdict {
    Good,
    New, ///< All zero: never initialised, which is allowed.
    WrongChecksum,
    NotAPage, ///< The header makes no sense.
};

/// Checks one page of 8192 bytes. `block` is its number within the relation fork: segment number
/// times blocks a segment, plus the block in the file.
/// Source: PostgreSQL, src/include/storage/checksum_impl.h.
[[nodiscard]] PageVerdict checkPage(ByteView page, std::uint32_t block) noexcept;

/// The page's LSN. A page newer than the backup's start is rebuilt from WAL, so a torn one is no
/// damage.
[[nodiscard]] model::Lsn pageLsn(ByteView page) noexcept;

} // namespace salvor::postgres
