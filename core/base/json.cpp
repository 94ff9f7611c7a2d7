#include "core/base/json.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <array>
#include <cmath>
#include <cstdio>

namespace salvor {

namespace {

Result<Json> fromQt(const QJsonValue& value);

Result<Json> fromQtNumber(const QJsonValue& value)
{
    const double number = value.toDouble();
    if (std::trunc(number) != number || std::abs(number) > 9007199254740992.0)
        return fail(ErrorCode::InvalidInput, "a number is no whole number below 2^53");
    return Json(static_cast<std::int64_t>(number));
}

Result<Json> fromQtArray(const QJsonArray& array)
{
    Json::Array result;
    for (const auto& element : array) {
        SALVOR_TRY(Json entry, fromQt(element));
        result.push_back(std::move(entry));
    }
    return Json(std::move(result));
}

Result<Json> fromQtObject(const QJsonObject& object)
{
    Json::Object result;
    for (auto member = object.begin(); member != object.end(); ++member) {
        SALVOR_TRY(Json entry, fromQt(member.value()));
        result.emplace(member.key().toStdString(), std::move(entry));
    }
    return Json(std::move(result));
}

Result<Json> fromQt(const QJsonValue& value)
{
    switch (value.type()) {
    case QJsonValue::Bool:
        return Json(value.toBool());
    case QJsonValue::Double:
        return fromQtNumber(value);
    case QJsonValue::String:
        return Json(value.toString().toStdString());
    case QJsonValue::Array:
        return fromQtArray(value.toArray());
    case QJsonValue::Object:
        return fromQtObject(value.toObject());
    default:
        return Json();
    }
}

void writeString(std::string& out, std::string_view text)
{
    out.push_back('"');
    for (const char c : text) {
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                std::array<char, 8> code{};
                std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
                out += code.data();
            } else {
                out.push_back(c);
            }
        }
    }
    out.push_back('"');
}

/// Writes values; `indent` below 0 is the canonical form.
class Writer {
public:
    explicit Writer(bool pretty)
        : m_pretty(pretty)
    {}

    void write(const Json& value)
    {
        if (const bool* truth = value.asBool())
            text += *truth ? "true" : "false";
        else if (const std::int64_t* number = value.asInteger())
            text += std::to_string(*number);
        else if (const std::string* string = value.asString())
            writeString(text, *string);
        else if (const Json::Array* array = value.asArray())
            writeArray(*array);
        else if (const Json::Object* object = value.asObject())
            writeObject(*object);
        else
            text += "null";
    }

    std::string text;

private:
    void writeArray(const Json::Array& array)
    {
        text.push_back('[');
        ++m_depth;
        bool first = true;
        for (const Json& element : array) {
            separate(first);
            write(element);
        }
        close(']', first);
    }
    void writeObject(const Json::Object& object)
    {
        text.push_back('{');
        ++m_depth;
        bool first = true;
        for (const auto& [key, element] : object) {
            separate(first);
            writeString(text, key);
            text += m_pretty ? ": " : ":";
            write(element);
        }
        close('}', first);
    }
    void separate(bool& first)
    {
        if (!first)
            text.push_back(',');
        first = false;
        newLine();
    }
    void close(char bracket, bool empty)
    {
        --m_depth;
        if (!empty)
            newLine();
        text.push_back(bracket);
    }
    void newLine()
    {
        if (m_pretty)
            text += "\n" + std::string(m_depth * 2, ' ');
    }

    const bool m_pretty;
    std::size_t m_depth = 0;
};

Error missing(std::string_view key, std::string_view type)
{
    return fail(ErrorCode::Corrupt,
                "member '" + std::string(key) + "' is missing or is no " + std::string(type));
}

} // namespace

Result<Json> Json::parse(std::string_view text)
{
    // QJsonDocument takes arrays and objects only; the array around it lets any value in.
    QByteArray wrapped("[");
    wrapped.append(text.data(), static_cast<qsizetype>(text.size())).append(']');
    QJsonParseError error;
    const QJsonDocument document = QJsonDocument::fromJson(wrapped, &error);
    if (error.error != QJsonParseError::NoError || document.array().size() != 1)
        return fail(ErrorCode::InvalidInput, "not JSON at byte " + std::to_string(error.offset)
                                                 + ": " + error.errorString().toStdString());
    return fromQt(document.array().at(0));
}

std::string Json::text() const
{
    Writer writer(false);
    writer.write(*this);
    return std::move(writer.text);
}

std::string Json::prettyText() const
{
    Writer writer(true);
    writer.write(*this);
    return std::move(writer.text);
}

const Json* Json::find(std::string_view key) const
{
    const Object* object = asObject();
    if (object == nullptr)
        return nullptr;
    const auto member = object->find(key);
    return member == object->end() ? nullptr : &member->second;
}

Result<std::string> Json::stringAt(std::string_view key) const
{
    const Json* member = find(key);
    if (member == nullptr || member->asString() == nullptr)
        return missing(key, "text");
    return *member->asString();
}

Result<std::int64_t> Json::integerAt(std::string_view key) const
{
    const Json* member = find(key);
    if (member == nullptr || member->asInteger() == nullptr)
        return missing(key, "number");
    return *member->asInteger();
}

Result<std::uint64_t> Json::unsignedAt(std::string_view key) const
{
    SALVOR_TRY(const std::int64_t value, integerAt(key));
    if (value < 0)
        return missing(key, "number of 0 or more");
    return static_cast<std::uint64_t>(value);
}

Result<bool> Json::boolAt(std::string_view key) const
{
    const Json* member = find(key);
    if (member == nullptr || member->asBool() == nullptr)
        return missing(key, "truth value");
    return *member->asBool();
}

Result<Json::Array> Json::arrayAt(std::string_view key) const
{
    const Json* member = find(key);
    if (member == nullptr || member->asArray() == nullptr)
        return missing(key, "list");
    return *member->asArray();
}

Result<Json::Object> Json::objectAt(std::string_view key) const
{
    const Json* member = find(key);
    if (member == nullptr || member->asObject() == nullptr)
        return missing(key, "object");
    return *member->asObject();
}

} // namespace salvor
