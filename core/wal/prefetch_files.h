// What foreground and worker of the prefetch tell each other through the spool.
#pragma once

#include "core/wal/spool.h"

#include <cstdint>

namespace salvor::wal {

/// The file in which the foreground says where the replay is: "NAME 0", or "NAME TOKEN" when it
/// waits for that segment.
inline constexpr auto positionName = "position";
/// The worker's answer when it has not got what is waited for: the same text.
inline constexpr auto passName = "pass";

/// A segment in the spool carries its check in its name: "NAME.SIZE.CRC32C".
struct PrefetchedFile {
    std::string segment;
    ByteCount size = 0;
    std::uint32_t crc = 0;

    [[nodiscard]] std::string name() const;
    [[nodiscard]] static std::optional<PrefetchedFile> parse(const std::string& name);
};

} // namespace salvor::wal
