#include "core/postgres/tar_reader.h"

#include <algorithm>
#include <optional>

namespace salvor::postgres {

namespace {

constexpr std::size_t blockSize = 512;

/// A text field, up to its first zero byte.
std::string textField(ByteView header, std::size_t offset, std::size_t length)
{
    const std::string_view field = asText(header.subspan(offset, length));
    return std::string(field.substr(0, field.find('\0')));
}

/// Octal digits, or a number of base 256 where the first bit is set: sizes from 8 GiB on.
std::optional<std::uint64_t> numberField(ByteView header, std::size_t offset, std::size_t length)
{
    const ByteView field = header.subspan(offset, length);
    std::uint64_t number = 0;
    if ((std::to_integer<unsigned>(field[0]) & 0x80U) != 0) {
        for (std::size_t i = 1; i < length; ++i) {
            if (number >> 55U != 0)
                return std::nullopt;
            number = number << 8U | std::to_integer<std::uint64_t>(field[i]);
        }
        return number;
    }
    for (const std::byte digit : field) {
        const auto c = std::to_integer<unsigned>(digit);
        if (c == ' ' || c == 0)
            continue;
        if (c < '0' || c > '7' || number >> 60U != 0)
            return std::nullopt;
        number = number << 3U | (c - '0');
    }
    return number;
}

/// The sum over a header in which the sum's own field counts as blanks.
std::uint64_t headerSum(ByteView header)
{
    std::uint64_t sum = 8 * std::uint64_t{' '};
    for (std::size_t i = 0; i < header.size(); ++i)
        if (i < 148 || i >= 156)
            sum += std::to_integer<std::uint64_t>(header[i]);
    return sum;
}

/// A path from a server is not to be trusted with another's files.
bool staysInside(std::string_view path)
{
    if (path.empty() || path[0] == '/')
        return false;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        if (path.substr(0, slash) == "..")
            return false;
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    return true;
}

std::string pathOf(ByteView header)
{
    std::string path = textField(header, 0, 100);
    const bool isUstar = asText(header.subspan(257, 5)) == "ustar";
    const std::string prefix = isUstar ? textField(header, 345, 155) : std::string();
    if (!prefix.empty())
        path = prefix + "/" + path;
    if (path.find("./") == 0)
        path.erase(0, 2);
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    return path;
}

Result<TarEntry> parseHeader(ByteView header)
{
    const auto sum = numberField(header, 148, 8);
    if (!sum || *sum != headerSum(header))
        return fail(ErrorCode::Corrupt, "a tar header has a wrong checksum");
    TarEntry entry;
    entry.path = pathOf(header);
    const auto mode = numberField(header, 100, 8);
    const auto size = numberField(header, 124, 12);
    const auto modified = numberField(header, 136, 12);
    if (!mode || !size || !modified || !staysInside(entry.path))
        return fail(ErrorCode::Corrupt, "the tar header of '" + entry.path + "' makes no sense");
    entry.mode = static_cast<std::uint32_t>(*mode & 07777U);
    entry.modifiedAt = static_cast<std::int64_t>(*modified);
    entry.owner = textField(header, 265, 32);
    entry.group = textField(header, 297, 32);
    const auto type = std::to_integer<char>(header[156]);
    switch (type) {
    case '0':
    case '\0':
        entry.size = *size;
        break;
    case '5':
        entry.type = TarEntry::Type::Directory;
        break;
    case '2':
        entry.type = TarEntry::Type::Link;
        entry.linkTarget = textField(header, 157, 100);
        break;
    default:
        return fail(ErrorCode::Incompatible, "the tar entry '" + entry.path
                                                 + "' is of the unknown type '"
                                                 + std::string(1, type) + "'");
    }
    return entry;
}

} // namespace

Result<> TarReader::takeHeader()
{
    const Bytes header = std::exchange(m_header, {});
    if (isAllZero(header))
        return {};
    SALVOR_TRY(const TarEntry entry, parseHeader(header));
    m_left = entry.size;
    m_padding = (blockSize - entry.size % blockSize) % blockSize;
    m_inEntry = true;
    SALVOR_CHECK(m_visitor.begin(entry));
    if (m_left > 0)
        return {};
    m_inEntry = false;
    return m_visitor.end();
}

Result<> TarReader::takeData(ByteView& bytes)
{
    const std::size_t size = std::min<ByteCount>(m_left, bytes.size());
    SALVOR_CHECK(m_visitor.data(bytes.first(size)));
    bytes = bytes.subspan(size);
    m_left -= size;
    if (m_left > 0)
        return {};
    m_inEntry = false;
    return m_visitor.end();
}

Result<> TarReader::feed(ByteView bytes)
{
    while (!bytes.empty()) {
        if (m_left > 0) {
            SALVOR_CHECK(takeData(bytes));
            continue;
        }
        const std::size_t wanted = m_padding > 0 ? m_padding : blockSize - m_header.size();
        const std::size_t size = std::min(wanted, bytes.size());
        if (m_padding > 0)
            m_padding -= size;
        else
            append(m_header, bytes.first(size));
        bytes = bytes.subspan(size);
        if (m_header.size() == blockSize)
            SALVOR_CHECK(takeHeader());
    }
    return {};
}

Result<> TarReader::finish()
{
    if (m_inEntry || m_left > 0 || m_padding > 0 || !m_header.empty())
        return fail(ErrorCode::Corrupt, "a tar archive of the server is cut short");
    return {};
}

} // namespace salvor::postgres
