#include "core/repository/key_sheet.h"

#include "core/base/text.h"
#include "core/crypto/crc32c.h"
#include "core/crypto/hash.h"

#include <array>
#include <optional>

namespace salvor::repository {

namespace {

constexpr std::size_t lineCount = 8;
constexpr std::size_t bytesInLine = 4;
constexpr std::size_t keySize = lineCount * bytesInLine;

using Line = std::array<std::byte, bytesInLine>;

/// Of the number of the line too, so that two lines in the wrong order are found.
std::byte checkOf(std::size_t number, const Line& line)
{
    crypto::Crc32c crc;
    const std::array<std::byte, 1> first{static_cast<std::byte>(number)};
    crc.add(first);
    crc.add(line);
    return static_cast<std::byte>(crc.value() & 0xffU);
}

void append(Bytes& text, std::string_view more)
{
    const ByteView bytes = asBytes(more);
    text.insert(text.end(), bytes.begin(), bytes.end());
}

/// "   1   9f3a 01c2   b7".
void appendLine(Bytes& text, std::size_t number, const Line& line)
{
    std::string hex = toHex(line);
    const std::array<std::byte, 1> check{checkOf(number, line)};
    append(text, "    " + std::to_string(number) + "   ");
    append(text, std::string_view(hex).substr(0, 4));
    append(text, " ");
    append(text, std::string_view(hex).substr(4));
    append(text, "   " + toHex(check) + "\n");
    wipeMemory(std::as_writable_bytes(std::span(hex)));
}

/// The digits of a typed line, the number first; nothing for a line that is none of the key's.
std::optional<std::string> digitsOf(std::string_view typed)
{
    std::string digits;
    for (const char each : trim(typed)) {
        if (each == ' ' || each == '\t' || each == '-' || each == ':')
            continue;
        const bool isDigit = each >= '0' && each <= '9';
        const bool isLetter = (each >= 'a' && each <= 'f') || (each >= 'A' && each <= 'F');
        if (!isDigit && !isLetter)
            return std::nullopt;
        digits += each;
    }
    constexpr std::size_t whole = 1 + 2 * bytesInLine + 2;
    const bool isNumbered = !digits.empty() && digits[0] >= '1' && digits[0] <= '8';
    if (!isNumbered || digits.size() + 2 < whole || digits.size() > whole + 2)
        return std::nullopt;
    return digits;
}

struct Typed {
    std::array<std::optional<Line>, lineCount> lines;
    std::string wrong; ///< "2, 5".

    void addWrong(std::size_t number)
    {
        wrong += (wrong.empty() ? "" : ", ") + std::to_string(number);
    }
    void add(const std::string& digits)
    {
        const auto number = static_cast<std::size_t>(digits[0] - '0');
        auto bytes = fromHex(std::string_view(digits).substr(1));
        Line line{};
        const bool isWhole = bytes.ok() && bytes->size() == bytesInLine + 1;
        if (isWhole)
            std::copy_n(bytes->begin(), bytesInLine, line.begin());
        if (!isWhole || bytes->back() != checkOf(number, line)
            || (lines.at(number - 1) && *lines.at(number - 1) != line))
            addWrong(number);
        else
            lines.at(number - 1) = line;
        if (bytes.ok())
            wipeMemory(*bytes);
    }
};

} // namespace

std::string keyCheckValue(const Secret& key)
{
    Bytes text;
    text.reserve(64); // As below.
    append(text, "salvor key check");
    text.insert(text.end(), key.reveal().begin(), key.reveal().end());
    const crypto::Digest digest = crypto::sha256(text);
    wipeMemory(text);
    return toHex(ByteView(digest).first(4));
}

Secret keySheetText(const KeySheet& sheet, const Secret& key)
{
    Bytes text;
    text.reserve(4096); // Growing would leave copies of the key behind.
    append(text, "SALVOR KEY SHEET\n\n"
                 "  Repository   "
                     + sheet.repository + "\n  Id           " + sheet.id + "\n  Place        "
                     + sheet.place + "\n  Opens        "
                     + (sheet.readsContents ? "everything: restores need it\n"
                                            : "names and sizes: adds backups, restores nothing\n")
                     + "  Printed      " + formatMoment(sheet.at) + "\n  Check value  "
                     + keyCheckValue(key) + "\n\n");
    for (std::size_t i = 0; i < lineCount; ++i) {
        Line line{};
        std::copy_n(key.reveal().begin() + static_cast<std::ptrdiff_t>(i * bytesInLine),
                    bytesInLine, line.begin());
        appendLine(text, i + 1, line);
        wipeMemory(line);
    }
    append(text, "\n  Whoever has this sheet and the place can open these backups. Keep it where\n"
                 "  the backups are not. To use it: salvorctl repo key type --out FILE, type the\n"
                 "  eight lines, and name FILE as the key-file of the repository.\n");
    Secret made{ByteView(text)};
    wipeMemory(text);
    return made;
}

Result<Secret> readKeySheet(std::string_view typed)
{
    Typed found;
    while (!typed.empty()) {
        const std::size_t end = std::min(typed.find('\n'), typed.size());
        if (auto digits = digitsOf(typed.substr(0, end))) {
            found.add(*digits);
            wipeMemory(std::as_writable_bytes(std::span(*digits)));
        }
        typed.remove_prefix(std::min(end + 1, typed.size()));
    }
    std::array<std::byte, keySize> key{};
    std::string missing;
    for (std::size_t i = 0; i < lineCount; ++i) {
        if (found.lines.at(i))
            std::copy_n(found.lines.at(i)->begin(), bytesInLine,
                        key.begin() + static_cast<std::ptrdiff_t>(i * bytesInLine));
        else
            missing += (missing.empty() ? "" : ", ") + std::to_string(i + 1);
    }
    Secret secret{ByteView(key)};
    wipeMemory(key);
    for (auto& line : found.lines)
        if (line)
            wipeMemory(*line);
    if (!found.wrong.empty())
        return fail(ErrorCode::InvalidInput, "mistyped: line " + found.wrong,
                    "Compare it with the sheet, character by character: the last two belong to the "
                    "line and prove it.");
    if (!missing.empty())
        return fail(ErrorCode::InvalidInput, "not there: line " + missing,
                    "Type all eight numbered lines of the sheet.");
    return secret;
}

} // namespace salvor::repository
