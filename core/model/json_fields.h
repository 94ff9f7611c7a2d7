// Reading and writing the model's own types as members of JSON objects. Shared by the conversions
// of this folder. No I/O; safe on any thread.
#pragma once

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/model/lsn.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace salvor::model {

/// Text as a JSON string, or as {"hex": …} when its bytes are no UTF-8: names of files are bytes.
[[nodiscard]] Json bytesJson(std::string_view bytes);
/// Errors: Corrupt.
[[nodiscard]] Result<std::string> bytesAt(const Json& json, std::string_view key);

/// A 64-bit number as decimal text, because JSON's numbers are exact up to 2^53 only.
[[nodiscard]] Json wideJson(std::uint64_t number);
/// Errors: Corrupt.
[[nodiscard]] Result<std::uint64_t> wideAt(const Json& json, std::string_view key);

[[nodiscard]] inline Json toJson(Lsn lsn)
{
    return formatLsn(lsn);
}
[[nodiscard]] inline Json toJson(Moment moment)
{
    return formatMoment(moment);
}
[[nodiscard]] inline Json toJson(TimelineId timeline)
{
    return value(timeline);
}
template <typename T>
[[nodiscard]] Json toJson(const std::optional<T>& optional)
{
    return optional ? toJson(*optional) : Json();
}
[[nodiscard]] Json toJson(const std::vector<std::string>& texts);

/// Every value through `convert`, as a list.
template <typename T>
[[nodiscard]] Json listJson(const std::vector<T>& values, Json (*convert)(const T&))
{
    Json::Array list;
    list.reserve(values.size());
    for (const T& value : values)
        list.push_back(convert(value));
    return list;
}

/// Errors of these: Corrupt when the member is missing, of another type or out of its range.
[[nodiscard]] Result<Lsn> lsnAt(const Json& json, std::string_view key);
[[nodiscard]] Result<Moment> momentAt(const Json& json, std::string_view key);
[[nodiscard]] Result<TimelineId> timelineAt(const Json& json, std::string_view key);
[[nodiscard]] Result<std::uint32_t> word32At(const Json& json, std::string_view key);
[[nodiscard]] Result<int> intAt(const Json& json, std::string_view key);
[[nodiscard]] Result<std::vector<std::string>> textsAt(const Json& json, std::string_view key);

/// Nothing for a member that is null; otherwise what `read(json, key)` gives.
template <typename Read>
[[nodiscard]] auto optionalAt(const Json& json, std::string_view key, const Read& read)
    -> Result<std::optional<std::decay_t<decltype(*read(json, key))>>>
{
    using Value = std::decay_t<decltype(*read(json, key))>;
    const Json* member = json.find(key);
    if (member != nullptr && member->isNull())
        return std::optional<Value>();
    SALVOR_TRY(Value value, read(json, key));
    return std::optional<Value>(std::move(value));
}

/// Every element of a list through `read(element)`.
template <typename Read>
[[nodiscard]] auto listAt(const Json& json, std::string_view key, const Read& read)
    -> Result<std::vector<std::decay_t<decltype(*read(json))>>>
{
    SALVOR_TRY(const Json::Array array, json.arrayAt(key));
    std::vector<std::decay_t<decltype(*read(json))>> values;
    values.reserve(array.size());
    for (const Json& element : array) {
        SALVOR_TRY(auto value, read(element));
        values.push_back(std::move(value));
    }
    return values;
}

} // namespace salvor::model
