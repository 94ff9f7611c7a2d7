#include "core/storage/memory_driver.h"

#include <algorithm>

namespace salvor::storage {

namespace {

Error notFound(const ObjectKey& key)
{
    return fail(ErrorCode::NotFound, "no object '" + key + "' in memory");
}

Result<> checkKey(const ObjectKey& key)
{
    if (!isValidKey(key))
        return fail(ErrorCode::InvalidInput, "'" + key + "' is no object key");
    return {};
}

class MemoryReadStream final : public ReadStream {
public:
    MemoryReadStream(std::shared_ptr<const Bytes> content, ByteView part)
        : m_content(std::move(content))
        , m_rest(part)
    {}

    Result<std::size_t> read(MutableByteView buffer) override
    {
        const std::size_t count = std::min(buffer.size(), m_rest.size());
        std::copy_n(m_rest.begin(), count, buffer.begin());
        m_rest = m_rest.subspan(count);
        return count;
    }

private:
    std::shared_ptr<const Bytes> m_content; // Keeps m_rest alive when the object is replaced.
    ByteView m_rest;
};

} // namespace

class MemoryWriteStream final : public WriteStream {
public:
    MemoryWriteStream(MemoryDriver& driver, ObjectKey key, const WriteOptions& how)
        : m_driver(driver)
        , m_key(std::move(key))
        , m_how(how)
    {}

    Result<> write(ByteView bytes) override
    {
        append(m_content, bytes);
        return {};
    }

    Result<> commit() override
    {
        if (m_how.size && *m_how.size != m_content.size())
            return fail(ErrorCode::InvalidInput,
                        "'" + m_key + "' was announced with " + std::to_string(*m_how.size)
                            + " bytes and has " + std::to_string(m_content.size()));
        return m_driver.put(m_key, m_content, m_how);
    }

private:
    MemoryDriver& m_driver;
    const ObjectKey m_key;
    const WriteOptions m_how;
    Bytes m_content;
};

Result<ObjectInfo> MemoryDriver::stat(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    const std::lock_guard lock(m_mutex);
    const auto found = m_objects.find(key);
    if (found == m_objects.end())
        return notFound(key);
    return ObjectInfo{key, found->second.content->size(), found->second.modifiedAt};
}

Result<> MemoryDriver::list(const ObjectKey& prefix, const ObjectVisitor& visit)
{
    if (!isValidPrefix(prefix))
        return fail(ErrorCode::InvalidInput, "'" + prefix + "' is no prefix of object keys");
    std::vector<ObjectInfo> matches;
    {
        // Visited without the lock, so that a visitor may call the driver.
        const std::lock_guard lock(m_mutex);
        for (auto at = m_objects.lower_bound(prefix);
             at != m_objects.end() && at->first.starts_with(prefix); ++at)
            matches.push_back({at->first, at->second.content->size(), at->second.modifiedAt});
    }
    for (const ObjectInfo& object : matches)
        SALVOR_CHECK(visit(object));
    return {};
}

Result<std::unique_ptr<ReadStream>> MemoryDriver::openRead(const ObjectKey& key, ByteRange range)
{
    SALVOR_CHECK(checkKey(key));
    std::shared_ptr<const Bytes> content;
    {
        const std::lock_guard lock(m_mutex);
        const auto found = m_objects.find(key);
        if (found == m_objects.end())
            return notFound(key);
        content = found->second.content;
    }
    SALVOR_TRY(const ByteCount length, rangeLength(range, content->size()).in("'" + key + "'"));
    const ByteView part = ByteView(*content).subspan(range.offset, length);
    return std::unique_ptr<ReadStream>(
        std::make_unique<MemoryReadStream>(std::move(content), part));
}

Result<std::unique_ptr<WriteStream>> MemoryDriver::openWrite(const ObjectKey& key,
                                                             const WriteOptions& how)
{
    SALVOR_CHECK(checkKey(key));
    return std::unique_ptr<WriteStream>(std::make_unique<MemoryWriteStream>(*this, key, how));
}

Result<> MemoryDriver::remove(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    const std::lock_guard lock(m_mutex);
    m_objects.erase(key);
    return {};
}

Result<> MemoryDriver::put(const ObjectKey& key, Bytes content, const WriteOptions& how)
{
    const std::lock_guard lock(m_mutex);
    if (how.onlyIfAbsent && m_objects.contains(key))
        return fail(ErrorCode::AlreadyExists, "there is an object '" + key + "' already");
    m_objects[key] = {std::make_shared<const Bytes>(std::move(content)), m_clock.now()};
    return {};
}

} // namespace salvor::storage
