#include "core/cli/text.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>

namespace salvor::cli {

namespace {

/// Columns a text takes: UTF-8's continuation bytes take none.
std::size_t widthOf(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

std::string aligned(const std::string& text, std::size_t width, Table::Align align)
{
    const std::string fill(width - std::min(width, widthOf(text)), ' ');
    return align == Table::Align::Right ? fill + text : text + fill;
}

std::string withoutTrailingSpace(std::string line)
{
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

} // namespace

std::string sizeText(ByteCount bytes)
{
    constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024)
        return std::to_string(bytes) + " B";
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.95 would be printed as 1024.0.
    while (value >= 1023.95 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", value, units.at(unit));
    return text.data();
}

std::string exactTimeText(Moment moment)
{
    std::string text = formatMoment(moment);
    if (text.size() > 11)
        text[10] = ' ';
    text.pop_back();
    return text + "+00:00";
}

std::string timeText(Moment moment)
{
    std::string text = exactTimeText(moment);
    const std::size_t dot = text.find('.');
    if (dot != std::string::npos)
        text.erase(dot, 7);
    return text;
}

std::string durationText(std::chrono::seconds duration)
{
    const auto seconds = duration.count();
    if (seconds < 60)
        return std::to_string(seconds) + " s";
    if (seconds < 3600)
        return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

std::string countText(std::uint64_t count, const std::string& one, const std::string& many)
{
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

void Table::add(std::vector<std::string> row)
{
    assert(row.size() == m_columns.size());
    m_rows.push_back(std::move(row));
}

std::string Table::text() const
{
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        std::size_t width = widthOf(m_columns[i].heading);
        for (const auto& row : m_rows)
            width = std::max(width, widthOf(row[i]));
        widths.push_back(width);
    }
    const auto line = [&](const auto& cellOf) {
        std::string out;
        for (std::size_t i = 0; i < m_columns.size(); ++i)
            out += (i == 0 ? "" : "  ") + aligned(cellOf(i), widths[i], m_columns[i].align);
        return withoutTrailingSpace(std::move(out)) + "\n";
    };
    std::string text = line([&](std::size_t i) { return m_columns[i].heading; });
    for (const auto& row : m_rows)
        text += line([&](std::size_t i) { return row[i]; });
    return text;
}

std::string factsText(const std::vector<std::pair<std::string, std::string>>& facts)
{
    std::size_t width = 0;
    for (const auto& [name, value] : facts)
        width = std::max(width, widthOf(name));
    std::string text;
    for (const auto& [name, value] : facts)
        if (!value.empty())
            text.append(aligned(name + ":", width + 3, Table::Align::Left))
                .append(value)
                .append("\n");
    return text;
}

std::string printable(std::string_view bytes)
{
    std::string text;
    for (const char c : bytes) {
        const auto code = static_cast<unsigned char>(c);
        if (code >= 0x20U && code != 0x7fU) {
            text += c;
            continue;
        }
        std::array<char, 8> hex{};
        std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(code));
        text += hex.data();
    }
    return text;
}

} // namespace salvor::cli
