#include "core/model/json_fields.h"

#include "core/base/text.h"

#include <limits>

namespace salvor::model {

namespace {

/// Bytes that follow the first one of a UTF-8 sequence, or nothing if it starts none.
std::optional<std::size_t> followers(unsigned char first)
{
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first < 0xe0)
        return 1;
    if (first >= 0xe0 && first < 0xf0)
        return 2;
    if (first >= 0xf0 && first < 0xf5)
        return 3;
    return std::nullopt;
}

/// True unless the second byte makes the sequence too long a form, a surrogate or too large.
bool isSecondByte(unsigned char first, unsigned char second)
{
    if (first == 0xe0)
        return second >= 0xa0;
    if (first == 0xed)
        return second < 0xa0;
    if (first == 0xf0)
        return second >= 0x90;
    if (first == 0xf4)
        return second < 0x90;
    return true;
}

bool isUtf8(std::string_view text)
{
    std::size_t at = 0;
    while (at < text.size()) {
        const auto first = static_cast<unsigned char>(text[at]);
        const auto more = followers(first);
        if (!more || text.size() - at - 1 < *more)
            return false;
        for (std::size_t i = 1; i <= *more; ++i) {
            const auto next = static_cast<unsigned char>(text[at + i]);
            if ((next & 0xc0U) != 0x80U || (i == 1 && !isSecondByte(first, next)))
                return false;
        }
        at += *more + 1;
    }
    return true;
}

Error wrongMember(std::string_view key, std::string_view wanted)
{
    return fail(ErrorCode::Corrupt,
                "member '" + std::string(key) + "' is no " + std::string(wanted));
}

} // namespace

Json bytesJson(std::string_view bytes)
{
    if (isUtf8(bytes))
        return bytes;
    return Json::Object{{"hex", toHex(asBytes(bytes))}};
}

Result<std::string> bytesAt(const Json& json, std::string_view key)
{
    const Json* member = json.find(key);
    if (member == nullptr || member->asObject() == nullptr)
        return json.stringAt(key);
    SALVOR_TRY(const std::string hex, member->stringAt("hex"));
    const auto bytes = fromHex(hex);
    if (!bytes.ok())
        return wrongMember(key, "hexadecimal text");
    return std::string(asText(*bytes));
}

Json wideJson(std::uint64_t number)
{
    return std::to_string(number);
}

Result<std::uint64_t> wideAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string text, json.stringAt(key));
    const auto number = parseUnsigned(text);
    if (!number)
        return wrongMember(key, "decimal number");
    return *number;
}

Json toJson(const std::vector<std::string>& texts)
{
    return Json::Array(texts.begin(), texts.end());
}

Result<Lsn> lsnAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string text, json.stringAt(key));
    const auto lsn = parseLsn(text);
    if (!lsn.ok())
        return wrongMember(key, "LSN");
    return *lsn;
}

Result<Moment> momentAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string text, json.stringAt(key));
    const auto moment = parseMoment(text);
    if (!moment.ok())
        return wrongMember(key, "time");
    return *moment;
}

Result<TimelineId> timelineAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::uint32_t number, word32At(json, key));
    return TimelineId{number};
}

Result<std::uint32_t> word32At(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::uint64_t number, json.unsignedAt(key));
    if (number > std::numeric_limits<std::uint32_t>::max())
        return wrongMember(key, "number below 2^32");
    return static_cast<std::uint32_t>(number);
}

Result<int> intAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::int64_t number, json.integerAt(key));
    if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max())
        return wrongMember(key, "number of 32 bits");
    return static_cast<int>(number);
}

Result<std::vector<std::string>> textsAt(const Json& json, std::string_view key)
{
    return listAt(json, key, [&](const Json& element) -> Result<std::string> {
        if (element.asString() == nullptr)
            return wrongMember(key, "list of texts");
        return *element.asString();
    });
}

} // namespace salvor::model
