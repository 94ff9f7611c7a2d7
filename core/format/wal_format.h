// Frames of WAL objects, byte by byte. See docs/repository-format.md, section 9.
#pragma once

#include "core/format/pack_format.h"

#include <string>

namespace salvor::format {

inline constexpr std::size_t walFramePlainSize = std::size_t{1} << 20U; ///< At most.
inline constexpr std::size_t walFrameHeaderSize = 9;

struct WalFrame {
    std::uint32_t plainSize = 0;
    std::uint32_t storedSize = 0; ///< With the tag, where there is one.
    Codec codec = Codec::Stored;
};

/// What binds a frame to its file.
struct WalBinding {
    std::uint64_t systemIdentifier = 0;
    std::uint32_t timeline = 0;
    std::string name;
};
enum class FramePlace { Inner, Last };

[[nodiscard]] Bytes encodeWalFrame(const WalFrame& frame);
/// The header at the front of `bytes`, whose frame must be there too. Errors: Corrupt.
[[nodiscard]] Result<WalFrame> parseWalFrame(ByteView bytes);
[[nodiscard]] Bytes walFrameAad(const WalBinding& binding, std::uint32_t number, FramePlace place,
                                const WalFrame& frame);

} // namespace salvor::format
