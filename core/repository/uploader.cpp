#include "core/repository/uploader.h"

#include "core/crypto/hash.h"
#include "core/repository/index.h"
#include "core/repository/sealed_object.h"

namespace salvor::repository {

namespace {

constexpr std::size_t threadCount = 2;
constexpr std::size_t queueLength = 1; // With two uploads and the workers' own: bounded memory.
constexpr std::size_t packsPerIndex = 16;

} // namespace

Uploader::Uploader(const Repository& repository, model::Incarnation incarnation, BufferPool& pool)
    : m_repository(repository)
    , m_incarnation(std::move(incarnation))
    , m_pool(pool)
    , m_queue(queueLength)
{
    for (std::size_t i = 0; i < threadCount; ++i)
        m_threads.emplace_back([this] { run(); });
}

Uploader::~Uploader()
{
    m_queue.close();
}

Result<> Uploader::hand(FinishedPack pack)
{
    SALVOR_CHECK(failure());
    m_queue.push(std::move(pack));
    return {};
}

void Uploader::addNamed(const format::Id& id, ByteCount size, ByteView header, ByteView directory)
{
    const std::lock_guard lock(m_mutex);
    m_waiting.push_back(
        {id, size, Bytes(header.begin(), header.end()), Bytes(directory.begin(), directory.end())});
}

Result<> Uploader::finish()
{
    m_queue.close();
    m_threads.clear();
    SALVOR_CHECK(failure());
    if (!m_waiting.empty())
        SALVOR_CHECK(writeIndex(std::exchange(m_waiting, {})));
    return {};
}

void Uploader::run()
{
    while (std::optional<FinishedPack> pack = m_queue.pop()) {
        if (m_failed)
            continue; // Takes the rest, so that nobody waits for room.
        Result<> done = upload(std::move(*pack));
        if (!done.ok())
            failWith(std::move(done).error());
    }
}

Result<> Uploader::upload(FinishedPack pack)
{
    const crypto::Digest digest = crypto::sha256(pack.bytes);
    const format::Id id = format::idOf(digest);
    const storage::ObjectKey key = packObjectKey(m_incarnation, id);
    SALVOR_CHECK(storage::writeObject(m_repository.driver(), key, pack.bytes,
                                      {.size = pack.bytes.size(), .onlyIfAbsent = false}));
    m_stored += pack.bytes.size();
    const auto headerEnd = pack.bytes.begin() + static_cast<std::ptrdiff_t>(pack.headerSize);
    std::vector<Durable> full;
    {
        const std::lock_guard lock(m_mutex);
        m_packs.push_back(id);
        m_waiting.push_back({id, pack.bytes.size(), Bytes(pack.bytes.begin(), headerEnd),
                             std::move(pack.directory)});
        if (m_waiting.size() >= packsPerIndex)
            full = std::exchange(m_waiting, {});
    }
    m_pool.give(std::move(pack.bytes));
    return full.empty() ? Result<>() : writeIndex(full);
}

Result<> Uploader::writeIndex(const std::vector<Durable>& packs)
{
    std::vector<format::IndexItem> items;
    items.reserve(packs.size());
    for (const Durable& pack : packs)
        items.push_back({pack.id, pack.size, pack.header, pack.directory});
    return writeIndexObject(m_repository, m_incarnation, items);
}

Result<> Uploader::failure()
{
    if (!m_failed)
        return {};
    const std::lock_guard lock(m_mutex);
    return *m_error;
}

void Uploader::failWith(Error error)
{
    const std::lock_guard lock(m_mutex);
    if (!m_error)
        m_error = std::move(error);
    m_failed = true;
}

} // namespace salvor::repository
