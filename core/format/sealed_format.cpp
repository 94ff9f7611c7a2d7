#include "core/format/sealed_format.h"

#include "core/format/byte_reader.h"

namespace salvor::format {

namespace {
constexpr std::string_view magic = "SLVRSEAL";
constexpr std::uint8_t version = 1;
} // namespace

Bytes encodeSealedHeader(SealMode mode)
{
    Bytes out;
    out.reserve(sealedHeaderSize);
    append(out, asBytes(magic));
    appendLittle(out, version);
    appendLittle(out, static_cast<std::uint8_t>(mode));
    appendLittle(out, std::uint16_t{0});
    return out;
}

Result<SealMode> parseSealedHeader(ByteView bytes)
{
    ByteReader reader(bytes);
    const std::string_view found = asText(reader.bytes(magic.size()));
    const auto number = reader.number<std::uint8_t>();
    const auto mode = reader.number<std::uint8_t>();
    const auto zero = reader.number<std::uint16_t>();
    if (!reader.ok())
        return fail(ErrorCode::Corrupt, "is cut short");
    if (found != magic)
        return fail(ErrorCode::Corrupt, "does not begin as a sealed object");
    if (number != version)
        return fail(ErrorCode::Incompatible, "has format version " + std::to_string(number)
                                                 + ", this program reads version "
                                                 + std::to_string(version));
    if (mode > static_cast<std::uint8_t>(SealMode::Sealed) || zero != 0)
        return fail(ErrorCode::Corrupt, "has a header that makes no sense");
    return static_cast<SealMode>(mode);
}

} // namespace salvor::format
