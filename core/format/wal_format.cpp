#include "core/format/wal_format.h"

#include "core/format/byte_reader.h"

namespace salvor::format {

Bytes encodeWalFrame(const WalFrame& frame)
{
    Bytes out;
    appendLittle(out, frame.plainSize);
    appendLittle(out, frame.storedSize);
    appendLittle(out, static_cast<std::uint8_t>(frame.codec));
    return out;
}

Result<WalFrame> parseWalFrame(ByteView bytes)
{
    ByteReader reader(bytes);
    WalFrame frame;
    frame.plainSize = reader.number<std::uint32_t>();
    frame.storedSize = reader.number<std::uint32_t>();
    const auto codec = reader.number<std::uint8_t>();
    if (!reader.ok() || frame.storedSize > reader.left())
        return fail(ErrorCode::Corrupt, "is cut short");
    if (codec > static_cast<std::uint8_t>(Codec::Zstd) || frame.plainSize > walFramePlainSize)
        return fail(ErrorCode::Corrupt, "has a frame that makes no sense");
    frame.codec = static_cast<Codec>(codec);
    return frame;
}

Bytes walFrameAad(const WalBinding& binding, std::uint32_t number, FramePlace place,
                  const WalFrame& frame)
{
    Bytes aad;
    appendLittle(aad, number);
    appendLittle(aad, static_cast<std::uint8_t>(place == FramePlace::Last ? 1 : 0));
    append(aad, encodeWalFrame(frame));
    appendLittle(aad, binding.systemIdentifier);
    appendLittle(aad, binding.timeline);
    append(aad, asBytes(binding.name));
    return aad;
}

} // namespace salvor::format
