#include "core/base/text.h"
#include "core/settings/config.h"
#include "core/settings/config_values.h"

#include <algorithm>

namespace salvor::settings {

namespace {

constexpr const char* editedFile = "salvor.conf";

std::string keyOf(std::string_view line)
{
    return std::string(trim(line.substr(0, line.find('='))));
}

std::string entryLine(const std::string& key, const std::string& value)
{
    return key + " = " + value;
}

/// The section's own lines again: changed values in their places, what is no longer set left out,
/// new keys after the last setting.
std::vector<std::string> updatedBody(const std::vector<std::string_view>& body, KeyValues values)
{
    std::vector<std::string> out;
    std::size_t lastEntry = 0;
    for (const std::string_view line : body) {
        if (lineKind(line) != LineKind::Entry) {
            out.emplace_back(line);
            continue;
        }
        const std::string key = keyOf(line);
        const auto value = std::find_if(values.begin(), values.end(),
                                        [&](const auto& each) { return each.first == key; });
        if (value == values.end())
            continue;
        // An unchanged value keeps the way it was written.
        const std::string old(trim(line.substr(line.find('=') + 1)));
        out.push_back(old == value->second ? std::string(line) : entryLine(key, value->second));
        lastEntry = out.size();
        values.erase(value);
    }
    std::vector<std::string> added;
    for (const auto& [key, value] : values)
        added.push_back(entryLine(key, value));
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(lastEntry), added.begin(), added.end());
    return out;
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

Result<std::string> withSection(std::string_view text, const std::string& kind,
                                const std::string& name, const KeyValues& values)
{
    for (const auto& [key, value] : values) {
        if (value != trim(value) || value.find_first_of("\r\n") != std::string::npos)
            return fail(ErrorCode::InvalidInput,
                        "the value of '" + key + "' cannot be written into a configuration file",
                        "It must be one line without white space around it.");
    }
    SALVOR_TRY(const std::vector<IniSection> sections, parseIni(text, editedFile));
    const std::vector<std::string_view> lines = splitLines(text);
    const auto section =
        std::find_if(sections.begin(), sections.end(), [&](const IniSection& each) {
            return each.kind == kind && each.name == name;
        });
    std::vector<std::string> out;
    if (section == sections.end()) {
        out.assign(lines.begin(), lines.end());
        if (!out.empty() && lineKind(out.back()) != LineKind::Blank)
            out.emplace_back();
        out.push_back("[" + kind + " " + name + "]");
        for (const auto& [key, value] : values)
            out.push_back(entryLine(key, value));
    } else {
        const auto heading = lines.begin() + section->line;
        const auto end = lines.begin() + (section->endLine - 1);
        out.assign(lines.begin(), heading);
        const auto body = updatedBody({heading, end}, values);
        out.insert(out.end(), body.begin(), body.end());
        out.insert(out.end(), end, lines.end());
    }
    std::string result = joined(out);
    SALVOR_CHECK(parseConfig(result, editedFile));
    return result;
}

} // namespace

Result<std::string> withRepository(std::string_view text, const RepositoryConfig& repository)
{
    return withSection(text, "repository", repository.name, writeRepository(repository));
}

Result<std::string> withCluster(std::string_view text, const ClusterConfig& cluster)
{
    return withSection(text, "cluster", cluster.name, writeCluster(cluster));
}

} // namespace salvor::settings
