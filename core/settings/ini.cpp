#include "core/settings/ini.h"

#include "core/base/text.h"

#include <algorithm>

namespace salvor::settings {

namespace {

bool hasControlCharacter(std::string_view line)
{
    return std::any_of(line.begin(), line.end(), [](char c) {
        const auto code = static_cast<unsigned char>(c);
        return (code < 0x20U && c != '\t') || code == 0x7fU;
    });
}

Result<IniSection> parseHeading(std::string_view line, const std::string& where, int number)
{
    const char* hint = "A section begins with a line like [repository NAME] or [cluster NAME].";
    if (line.back() != ']')
        return fail(ErrorCode::InvalidInput, where + ": the section heading has no ']' at its end",
                    hint);
    const std::string_view inner = trim(line.substr(1, line.size() - 2));
    const std::size_t gap = inner.find_first_of(" \t");
    if (inner.empty() || gap == std::string_view::npos)
        return fail(ErrorCode::InvalidInput,
                    where + ": the section '[" + std::string(inner) + "]' has no name", hint);
    IniSection section;
    section.kind = std::string(inner.substr(0, gap));
    section.name = std::string(trim(inner.substr(gap)));
    section.line = number;
    return section;
}

Result<IniEntry> parseEntry(std::string_view line, const std::string& where, int number)
{
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
        return fail(ErrorCode::InvalidInput,
                    where + ": '" + std::string(line) + "' is not a setting",
                    "A setting is written as: key = value.");
    IniEntry entry{std::string(trim(line.substr(0, equals))),
                   std::string(trim(line.substr(equals + 1))), number};
    if (entry.key.empty())
        return fail(ErrorCode::InvalidInput, where + ": there is no key before '='",
                    "A setting is written as: key = value.");
    if (entry.value.empty())
        return fail(ErrorCode::InvalidInput, where + ": '" + entry.key + "' has no value",
                    "Give it a value, or remove the line to use the default.");
    return entry;
}

Result<> addSection(std::vector<IniSection>& sections, IniSection section, const std::string& where)
{
    for (const IniSection& other : sections) {
        if (other.kind == section.kind && other.name == section.name)
            return fail(ErrorCode::InvalidInput,
                        where + ": the section [" + section.kind + " " + section.name
                            + "] stands twice, first in line " + std::to_string(other.line),
                        "Keep one of the two.");
    }
    sections.push_back(std::move(section));
    return {};
}

Result<> addEntry(IniSection& section, IniEntry entry, const std::string& where)
{
    for (const IniEntry& other : section.entries) {
        if (other.key == entry.key)
            return fail(ErrorCode::InvalidInput,
                        where + ": '" + entry.key + "' stands twice, first in line "
                            + std::to_string(other.line),
                        "Keep one of the two.");
    }
    section.entries.push_back(std::move(entry));
    return {};
}

} // namespace

std::vector<std::string_view> splitLines(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        lines.push_back(line);
        if (end == std::string_view::npos)
            break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

LineKind lineKind(std::string_view line) noexcept
{
    const std::string_view content = trim(line);
    if (content.empty())
        return LineKind::Blank;
    if (content.front() == '#' || content.front() == ';')
        return LineKind::Comment;
    return content.front() == '[' ? LineKind::Section : LineKind::Entry;
}

std::string atLine(std::string_view file, int line)
{
    return "'" + std::string(file) + "', line " + std::to_string(line);
}

Result<std::vector<IniSection>> parseIni(std::string_view text, std::string_view file)
{
    std::vector<IniSection> sections;
    const std::vector<std::string_view> lines = splitLines(text);
    int number = 0;
    for (const std::string_view line : lines) {
        ++number;
        const std::string where = atLine(file, number);
        const LineKind kind = lineKind(line);
        if (kind == LineKind::Blank || kind == LineKind::Comment)
            continue;
        if (hasControlCharacter(line))
            return fail(ErrorCode::InvalidInput, where + ": there is a control character",
                        "The file must be plain text.");
        if (kind == LineKind::Section) {
            SALVOR_TRY(IniSection section, parseHeading(trim(line), where, number));
            if (!sections.empty())
                sections.back().endLine = number;
            SALVOR_CHECK(addSection(sections, std::move(section), where));
            continue;
        }
        SALVOR_TRY(IniEntry entry, parseEntry(trim(line), where, number));
        if (sections.empty())
            return fail(ErrorCode::InvalidInput,
                        where + ": '" + entry.key + "' stands before the first section",
                        "Put it below a [repository NAME] or a [cluster NAME].");
        SALVOR_CHECK(addEntry(sections.back(), std::move(entry), where));
    }
    if (!sections.empty())
        sections.back().endLine = number + 1;
    return sections;
}

} // namespace salvor::settings
