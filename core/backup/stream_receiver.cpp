#include "core/backup/stream_receiver.h"

namespace salvor::backup {
namespace {

constexpr std::size_t blockSize = std::size_t{256} << 10U;
constexpr std::size_t blocksAhead = 32;

} // namespace

StreamReceiver::StreamReceiver(repository::BackupBuilder& builder)
    : m_builder(builder)
    , m_queue(blocksAhead)
    , m_thread([this] {
        auto outcome = takeAll();
        if (outcome.ok())
            return;
        {
            const std::lock_guard lock(m_mutex);
            m_error = std::move(outcome).error();
        }
        m_queue.close();
    })
{}

StreamReceiver::~StreamReceiver()
{
    m_queue.close();
}

Result<> StreamReceiver::hand(Item item)
{
    if (m_queue.push(std::move(item)))
        return {};
    const std::lock_guard lock(m_mutex);
    if (m_error)
        return *m_error;
    return fail(ErrorCode::Bug, "something was received after the end");
}

Result<> StreamReceiver::handBlock()
{
    if (m_block.empty())
        return {};
    Item item;
    item.bytes = std::exchange(m_block, {});
    m_block.reserve(blockSize);
    return hand(std::move(item));
}

Result<> StreamReceiver::begin(const postgres::DataEntry& entry)
{
    return hand({Item::What::Begin, entry, {}});
}

Result<> StreamReceiver::data(ByteView bytes)
{
    append(m_block, bytes);
    return m_block.size() < blockSize ? Result<>() : handBlock();
}

Result<> StreamReceiver::end()
{
    SALVOR_CHECK(handBlock());
    return hand({Item::What::End, {}, {}});
}

Result<> StreamReceiver::manifest(std::string_view text)
{
    postgres::DataEntry entry;
    entry.path = "backup_manifest";
    entry.mode = 0600;
    entry.owner = "postgres";
    entry.group = "postgres";
    entry.modifiedAt = systemClock().now();
    SALVOR_CHECK(begin(entry));
    SALVOR_CHECK(data(asBytes(text)));
    return end();
}

Result<> StreamReceiver::finish()
{
    m_queue.close();
    m_thread.join();
    const std::lock_guard lock(m_mutex);
    return m_error ? Result<>(*m_error) : Result<>();
}

Result<> StreamReceiver::takeAll()
{
    FileWriter writer(m_builder);
    while (const auto item = m_queue.pop())
        SALVOR_CHECK(take(writer, *item));
    return writer.flush();
}

Result<> StreamReceiver::take(FileWriter& writer, const Item& item)
{
    if (item.what == Item::What::Begin) {
        // They would make a restored copy a standby of the original.
        m_skips = item.entry.path == "standby.signal" || item.entry.path == "recovery.signal";
        repository::TreeEntry entry = treeEntryOf(item.entry);
        m_kind = entry.kind;
        m_isControl = entry.path == "global/pg_control";
        if (entry.path == "PG_VERSION") {
            m_owner = entry.owner;
            m_group = entry.group;
        }
        if (m_skips)
            return {};
        if (m_kind != repository::TreeKind::File)
            return m_builder.addEntry(std::move(entry));
        writer.begin(std::move(entry));
        return {};
    }
    if (m_skips || m_kind != repository::TreeKind::File)
        return {};
    if (item.what == Item::What::Data) {
        if (m_isControl)
            append(m_control, item.bytes);
        return writer.write(item.bytes);
    }
    auto done = writer.finish();
    return done.ok() ? Result<>() : Result<>(std::move(done).error());
}

} // namespace salvor::backup
