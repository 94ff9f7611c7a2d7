#include "core/storage/driver.h"

#include <algorithm>
#include <string_view>

namespace salvor::storage {

namespace {

constexpr std::size_t longestKey = 512;
constexpr std::size_t readStep = std::size_t{256} << 10U;

bool isKeyCharacter(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'
           || c == '_' || c == '-';
}

bool isValidSegment(std::string_view segment) noexcept
{
    return !segment.empty() && segment != "." && segment != ".."
           && std::all_of(segment.begin(), segment.end(), isKeyCharacter);
}

} // namespace

bool isValidKey(const ObjectKey& key) noexcept
{
    if (key.size() > longestKey)
        return false;
    std::string_view rest = key;
    while (true) {
        const std::size_t slash = rest.find('/');
        if (!isValidSegment(rest.substr(0, slash)))
            return false;
        if (slash == std::string_view::npos)
            return true;
        rest.remove_prefix(slash + 1);
    }
}

bool isValidPrefix(const ObjectKey& prefix)
{
    // A letter ends an unfinished segment: "a/" and "a/." are prefixes, "../" is none.
    return isValidKey(prefix + "x");
}

Result<ByteCount> rangeLength(const ByteRange& range, ByteCount size)
{
    const bool inside =
        range.offset <= size && (!range.length || *range.length <= size - range.offset);
    if (!inside)
        return fail(ErrorCode::InvalidInput,
                    "the range begins at byte " + std::to_string(range.offset)
                        + " and does not fit into " + std::to_string(size) + " bytes");
    return range.length.value_or(size - range.offset);
}

Result<Bytes> readObject(Driver& driver, const ObjectKey& key, ByteRange range, ByteCount limit)
{
    const auto tooLong = [&] {
        return fail(ErrorCode::InvalidInput,
                    "'" + key + "' is larger than " + std::to_string(limit) + " bytes");
    };
    if (range.length.value_or(0) > limit)
        return tooLong();
    SALVOR_TRY(const auto stream, driver.openRead(key, range));
    Bytes content;
    content.reserve(static_cast<std::size_t>(range.length.value_or(0)));
    while (true) {
        const std::size_t had = content.size();
        content.resize(had + readStep);
        SALVOR_TRY(const std::size_t got,
                   stream->read(MutableByteView(content).subspan(had)).in("read '" + key + "'"));
        content.resize(had + got);
        if (content.size() > limit)
            return tooLong();
        if (got == 0)
            return content;
    }
}

Result<> writeObject(Driver& driver, const ObjectKey& key, ByteView bytes, WriteOptions how)
{
    how.size = bytes.size();
    SALVOR_TRY(const auto stream, driver.openWrite(key, how));
    SALVOR_CHECK(stream->write(bytes));
    return stream->commit();
}

Result<std::vector<ObjectInfo>> listObjects(Driver& driver, const ObjectKey& prefix)
{
    std::vector<ObjectInfo> objects;
    SALVOR_CHECK(driver.list(prefix, [&](const ObjectInfo& object) -> Result<> {
        objects.push_back(object);
        return {};
    }));
    return objects;
}

} // namespace salvor::storage
