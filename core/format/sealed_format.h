// The container of small objects, byte by byte. See docs/repository-format.md, section 4.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace salvor::format {

enum class SealMode : std::uint8_t { Plain = 0, Sealed = 1 }; ///< On disk.

inline constexpr std::size_t sealedHeaderSize = 12;
inline constexpr ByteCount maximalSealedContent = ByteCount{1} << 30U; ///< Plain bytes.

[[nodiscard]] Bytes encodeSealedHeader(SealMode mode);
/// The mode from the header at the front. Errors: Incompatible for another version; Corrupt.
[[nodiscard]] Result<SealMode> parseSealedHeader(ByteView bytes);

} // namespace salvor::format
