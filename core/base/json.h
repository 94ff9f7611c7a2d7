// JSON values: parsed strictly, written canonically (RFC 8785), so that a hash over the text holds.
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace salvor {

/// A JSON value. Numbers are 64-bit integers: what Salvor stores has no fractions, and RFC 8785
/// limits exact integers to 2^53, so larger ones (system identifiers, LSNs) are stored as text.
/// A plain value; safe on any thread as long as nobody changes it.
class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::map<std::string, Json, std::less<>>;

    Json() = default;
    Json(std::nullptr_t) {}
    Json(bool value)
        : m_value(value)
    {}
    Json(std::int64_t value)
        : m_value(value)
    {}
    Json(int value)
        : m_value(std::int64_t{value})
    {}
    Json(std::uint32_t value)
        : m_value(std::int64_t{value})
    {}
    Json(std::uint64_t value)
        : m_value(static_cast<std::int64_t>(value))
    {}
    Json(std::string value)
        : m_value(std::move(value))
    {}
    Json(std::string_view value)
        : m_value(std::string(value))
    {}
    Json(const char* value)
        : m_value(std::string(value))
    {}
    Json(Array value)
        : m_value(std::move(value))
    {}
    Json(Object value)
        : m_value(std::move(value))
    {}

    /// Errors: InvalidInput when the text is not JSON, has trailing text, or a number with a
    ///         fraction; the message names the byte.
    [[nodiscard]] static Result<Json> parse(std::string_view text);
    /// Canonical text: keys in order, no white space, UTF-8.
    [[nodiscard]] std::string text() const;
    /// The same value for people: indented, keys in order.
    [[nodiscard]] std::string prettyText() const;

    [[nodiscard]] bool isNull() const { return std::holds_alternative<std::nullptr_t>(m_value); }
    [[nodiscard]] const bool* asBool() const { return std::get_if<bool>(&m_value); }
    [[nodiscard]] const std::int64_t* asInteger() const
    {
        return std::get_if<std::int64_t>(&m_value);
    }
    [[nodiscard]] const std::string* asString() const { return std::get_if<std::string>(&m_value); }
    [[nodiscard]] const Array* asArray() const { return std::get_if<Array>(&m_value); }
    [[nodiscard]] const Object* asObject() const { return std::get_if<Object>(&m_value); }
    /// The member of an object, or nullptr when this is no object or has none of that name.
    [[nodiscard]] const Json* find(std::string_view key) const;

    /// Members by name, with the type wanted. Errors: Corrupt when it is missing or of another
    /// type; the message names the member.
    [[nodiscard]] Result<std::string> stringAt(std::string_view key) const;
    [[nodiscard]] Result<std::int64_t> integerAt(std::string_view key) const;
    /// Refuses negative numbers too.
    [[nodiscard]] Result<std::uint64_t> unsignedAt(std::string_view key) const;
    [[nodiscard]] Result<bool> boolAt(std::string_view key) const;
    [[nodiscard]] Result<Array> arrayAt(std::string_view key) const;
    [[nodiscard]] Result<Object> objectAt(std::string_view key) const;

    friend bool operator==(const Json&, const Json&) = default;

private:
    std::variant<std::nullptr_t, bool, std::int64_t, std::string, Array, Object> m_value;
};

} // namespace salvor
