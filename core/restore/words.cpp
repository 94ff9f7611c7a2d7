#include "core/restore/words.h"

#include <algorithm>
#include <array>

namespace salvor::restore {

namespace {

bool isPlain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || std::string_view("_-./:=,+@%").find(c) != std::string_view::npos;
}

} // namespace

std::string sizeText(ByteCount bytes)
{
    constexpr std::array<std::string_view, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024)
        return countText(bytes, "byte");
    std::size_t unit = 0;
    ByteCount tenths = bytes * 10 / 1024;
    for (; tenths >= 10240 && unit + 1 < units.size(); ++unit)
        tenths /= 1024;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " "
           + std::string(units.at(unit));
}

std::string countText(std::uint64_t count, std::string_view noun)
{
    return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string shellWord(std::string_view text)
{
    if (!text.empty() && std::all_of(text.begin(), text.end(), isPlain))
        return std::string(text);
    if (text.find_first_of("\"$`\\!\n") == std::string_view::npos && !text.empty())
        return "\"" + std::string(text) + "\"";
    std::string word = "'";
    for (const char c : text)
        word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return word + "'";
}

} // namespace salvor::restore
