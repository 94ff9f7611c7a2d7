#include "core/base/text.h"
#include "core/postgres/base_backup.h"
#include "core/postgres/connection_native.h"

#include <algorithm>
#include <limits>

namespace salvor::postgres {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto statusEvery = 5s;
constexpr auto silenceLimit = 2min;

/// Network byte order, as the replication protocol has its integers. There must be eight bytes.
std::uint64_t loadBig(ByteView bytes, std::size_t offset)
{
    std::uint64_t value = 0;
    for (const std::byte b : bytes.subspan(offset, 8))
        value = value << 8U | std::to_integer<std::uint64_t>(b);
    return value;
}

void appendBig(std::string& out, std::uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        out += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
}

/// Microseconds since 2000, PostgreSQL's zero.
std::uint64_t serverTime()
{
    using namespace std::chrono;
    constexpr sys_days epoch = year(2000) / January / 1;
    return static_cast<std::uint64_t>((systemClock().now() - epoch).count());
}

bool isSlotName(const std::string& name)
{
    return !name.empty() && name.size() < 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

/// One run of START_REPLICATION.
/// Source: PostgreSQL 15 documentation, 55.4 "Streaming Replication Protocol".
class Stream {
public:
    Stream(Connection& replication, model::Segment first, ByteCount segmentSize,
           const SegmentReceiver& receive)
        : m_native(replication.native())
        , m_segment(first)
        , m_segmentSize(segmentSize)
        , m_receive(receive)
    {}

    Result<> start();
    Result<> run(const std::function<std::optional<model::Lsn>()>& until,
                 const std::stop_token& stop);
    Result<> finish(const std::stop_token& stop);

private:
    enum class Reply { NotNeeded, Wanted };
    [[nodiscard]] std::uint64_t position() const
    {
        return value(model::segmentStart(m_segment, m_segmentSize)) + m_bytes.size();
    }
    Result<> sendStatus(Reply reply);
    Result<bool> takeOne();
    Result<> takeMessage(ByteView message);
    Result<> takeWal(ByteView message);
    Result<> deliver();
    Result<bool> isComplete(std::optional<model::Lsn> until);
    Result<> failEarlyEnd();

    Connection::Native& m_native;
    model::Segment m_segment; ///< The one being filled.
    ByteCount m_segmentSize;
    const SegmentReceiver& m_receive;
    Bytes m_bytes;               ///< What has come of it.
    std::uint64_t m_flushed = 0; ///< Up to here the receiver has it.
    Clock::time_point m_lastStatus = Clock::now();
    std::uint64_t m_askedAt = 0; ///< Position at which "is there more?" was asked.
    int m_asked = 0;             ///< How often, since then.
    int m_answers = 0;           ///< Keepalives since then without new WAL.
    Clock::time_point m_lastHeard = Clock::now();
    bool m_over = false; ///< The server ended the stream.
};

Result<> Stream::start()
{
    m_flushed = position();
    m_bytes.reserve(m_segmentSize);
    const std::string command = "START_REPLICATION SLOT \"" + m_native.slot + "\" PHYSICAL "
                                + model::formatLsn(model::segmentStart(m_segment, m_segmentSize))
                                + " TIMELINE " + std::to_string(value(m_segment.timeline));
    if (PQsendQuery(m_native.handle.get(), command.c_str()) == 0)
        return failResult(m_native, nullptr);
    SALVOR_CHECK(waitForResult(m_native, {}));
    const ResultHandle result(PQgetResult(m_native.handle.get()));
    if (PQresultStatus(result.get()) == PGRES_COPY_BOTH)
        return {};
    // A timeline that ends before this position is answered without a stream.
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK)
        return failEarlyEnd();
    return failResult(m_native, result.get());
}

/// A stream ends early with an error, or with the result that tells the next timeline.
Result<> Stream::failEarlyEnd()
{
    SALVOR_CHECK(waitForResult(m_native, {}));
    const ResultHandle result(PQgetResult(m_native.handle.get()));
    if (result != nullptr && PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
        return failResult(m_native, result.get());
    return fail(ErrorCode::NotReady,
                "the server ended timeline " + std::to_string(value(m_segment.timeline)) + " at "
                    + model::formatLsn(model::Lsn{position()}),
                "It was promoted meanwhile: start the backup again.");
}

Result<> Stream::sendStatus(Reply reply)
{
    std::string message = "r";
    appendBig(message, position());
    appendBig(message, m_flushed);
    appendBig(message, 0);
    appendBig(message, serverTime());
    message += reply == Reply::Wanted ? '\1' : '\0';
    if (PQputCopyData(m_native.handle.get(), message.data(), static_cast<int>(message.size())) < 0
        || PQflush(m_native.handle.get()) < 0)
        return failResult(m_native, nullptr);
    m_lastStatus = Clock::now();
    return {};
}

Result<> Stream::deliver()
{
    m_bytes.resize(m_segmentSize);
    SALVOR_CHECK(m_receive(m_segment, m_bytes));
    m_bytes.clear();
    ++m_segment.number;
    m_flushed = position();
    return sendStatus(Reply::NotNeeded);
}

Result<> Stream::takeWal(ByteView message)
{
    constexpr std::size_t headerSize = 25;
    if (message.size() < headerSize || loadBig(message, 1) != position())
        return fail(ErrorCode::Corrupt, "the server sent WAL of another place than "
                                            + model::formatLsn(model::Lsn{position()}));
    ByteView wal = message.subspan(headerSize);
    while (!wal.empty()) {
        const std::size_t size = std::min<ByteCount>(wal.size(), m_segmentSize - m_bytes.size());
        append(m_bytes, wal.first(size));
        wal = wal.subspan(size);
        if (m_bytes.size() == m_segmentSize)
            SALVOR_CHECK(deliver());
    }
    return {};
}

Result<> Stream::takeMessage(ByteView message)
{
    if (message.empty())
        return fail(ErrorCode::Incompatible, "the server sent an empty message");
    m_lastHeard = Clock::now();
    const char kind = std::to_integer<char>(message[0]);
    if (kind == 'w')
        return takeWal(message);
    if (kind != 'k' || message.size() < 18)
        return fail(ErrorCode::Incompatible, "the server sent a message of an unknown kind");
    if (loadBig(message, 1) <= position() && m_answers < m_asked)
        ++m_answers;
    if (message[17] != std::byte{0})
        return sendStatus(Reply::NotNeeded);
    return {};
}

/// Takes one message, or waits a little. False when the server has ended the stream.
Result<bool> Stream::takeOne()
{
    char* text = nullptr;
    const int size = PQgetCopyData(m_native.handle.get(), &text, 1);
    if (size == 0) {
        SALVOR_CHECK(waitForInput(m_native, 50ms));
        return true;
    }
    if (size == -1) {
        m_over = true;
        return false;
    }
    if (size < 0)
        return failResult(m_native, nullptr);
    const std::unique_ptr<char, void (*)(void*)> owned(text, PQfreemem);
    SALVOR_CHECK(takeMessage(asBytes(std::string_view(text, static_cast<std::size_t>(size)))));
    return true;
}

/// True when the last segment wanted was delivered. A segment the server has not filled is given
/// up only when the server has said three times that it has no more: the end of a backup on a
/// primary switches the segment, and its rest must not be replaced by zeros.
Result<bool> Stream::isComplete(std::optional<model::Lsn> until)
{
    if (!until || position() < value(*until))
        return false;
    if (m_flushed >= value(*until))
        return true;
    if (m_askedAt != position()) {
        m_askedAt = position();
        m_asked = 0;
        m_answers = 0;
    }
    if (m_answers >= 3) {
        SALVOR_CHECK(deliver());
        return true;
    }
    // One question after the other: between two the server looks for new WAL.
    if (m_answers == m_asked) {
        ++m_asked;
        SALVOR_CHECK(sendStatus(Reply::Wanted));
    }
    return false;
}

Result<> Stream::run(const std::function<std::optional<model::Lsn>()>& until,
                     const std::stop_token& stop)
{
    while (true) {
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        SALVOR_TRY(const bool complete, isComplete(until()));
        if (complete)
            return {};
        if (m_over)
            return failEarlyEnd();
        if (Clock::now() - m_lastHeard > silenceLimit)
            return fail(ErrorCode::Unavailable, "the server that sends WAL is silent");
        if (Clock::now() - m_lastStatus > statusEvery)
            SALVOR_CHECK(sendStatus(Reply::Wanted));
        SALVOR_CHECK(takeOne());
    }
}

/// Ends the stream in good order, so that the connection can ask for more.
Result<> Stream::finish(const std::stop_token& stop)
{
    if (PQputCopyEnd(m_native.handle.get(), nullptr) < 0)
        return failResult(m_native, nullptr);
    while (!m_over) {
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        char* text = nullptr;
        const int size = PQgetCopyData(m_native.handle.get(), &text, 1);
        PQfreemem(text);
        if (size == 0)
            SALVOR_CHECK(waitForInput(m_native, 50ms));
        m_over = size < 0;
    }
    while (true) {
        SALVOR_CHECK(waitForResult(m_native, stop));
        const ResultHandle result(PQgetResult(m_native.handle.get()));
        if (result == nullptr)
            return {};
        if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
            return failResult(m_native, result.get());
    }
}

} // namespace

Result<> createTemporarySlot(Connection& replication, const std::string& name)
{
    if (!isSlotName(name))
        return fail(ErrorCode::InvalidInput, "'" + name + "' is no name of a replication slot",
                    "Use lower-case letters, digits and '_', at most 63.");
    const bool old = replication.serverVersion() < 150000;
    auto created = replication.query("CREATE_REPLICATION_SLOT " + name + " TEMPORARY PHYSICAL "
                                     + (old ? "RESERVE_WAL" : "(RESERVE_WAL)"));
    if (!created.ok())
        return std::move(created).error().in("create the replication slot '" + name + "'");
    replication.native().slot = name;
    return {};
}

Result<std::string> timelineHistory(Connection& replication, model::TimelineId timeline)
{
    const std::string number = std::to_string(value(timeline));
    auto rows = replication.query("TIMELINE_HISTORY " + number);
    if (!rows.ok())
        return std::move(rows).error().in("read the history of timeline " + number);
    if (rows->size() != 1 || rows->front().size() != 2 || !rows->front()[1])
        return fail(ErrorCode::Incompatible, "the server gave no history of timeline " + number);
    return *rows->front()[1];
}

Result<> streamWal(Connection& replication, const WalStreamStart& from,
                   const std::function<std::optional<model::Lsn>()>& until,
                   const SegmentReceiver& receive, const std::stop_token& stop)
{
    if (replication.native().slot.empty())
        return fail(ErrorCode::Bug, "WAL is streamed through a slot, and there is none");
    // Standbys before 14 insist on it.
    SALVOR_CHECK(replication.query("IDENTIFY_SYSTEM", {}, stop));
    Stream stream(replication, model::segmentOf(from.timeline, from.lsn, from.segmentSize),
                  from.segmentSize, receive);
    SALVOR_CHECK(stream.start());
    Result<> outcome = stream.run(until, stop);
    if (outcome.ok())
        outcome = stream.finish(stop);
    if (!outcome.ok())
        replication.native().lost = true;
    return outcome;
}

} // namespace salvor::postgres
