#include "core/postgres/wal_feed.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/postgres/connection_native.h"

#include <array>
#include <cerrno>
#include <limits>
#include <poll.h>

namespace salvor::postgres {

namespace {

using model::Lsn;

/// Network byte order, as the replication protocol has its integers. There must be eight bytes.
std::uint64_t loadBig(ByteView bytes, std::size_t offset)
{
    std::uint64_t number = 0;
    for (const std::byte b : bytes.subspan(offset, 8))
        number = number << 8U | std::to_integer<std::uint64_t>(b);
    return number;
}

void appendBig(std::string& out, std::uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        out += static_cast<char>(number >> static_cast<unsigned>(shift) & 0xffU);
}

/// Microseconds since 2000, PostgreSQL's zero.
std::uint64_t serverTime()
{
    using namespace std::chrono;
    constexpr sys_days epoch = year(2000) / January / 1;
    return static_cast<std::uint64_t>((systemClock().now() - epoch).count());
}

/// The row that a server sends when a timeline is over.
Result<std::optional<WalFeed::Next>> nextOf(const PGresult* result)
{
    if (PQntuples(result) != 1 || PQnfields(result) != 2)
        return std::optional<WalFeed::Next>();
    const auto timeline = parseUnsigned(PQgetvalue(result, 0, 0));
    SALVOR_TRY(const Lsn at, model::parseLsn(PQgetvalue(result, 0, 1)));
    if (!timeline || *timeline == 0 || *timeline > std::numeric_limits<std::uint32_t>::max())
        return fail(ErrorCode::Incompatible, "the server named no timeline after this one");
    return std::optional(
        WalFeed::Next{model::TimelineId{static_cast<std::uint32_t>(*timeline)}, at});
}

} // namespace

void WalFeed::Freer::operator()(char* text) const noexcept
{
    PQfreemem(text);
}

// Source: PostgreSQL 15 documentation, 55.4 "Streaming Replication Protocol".
Result<WalFeed> WalFeed::start(Connection& replication, const Start& from)
{
    Connection::Native& native = replication.native();
    const std::string command = "START_REPLICATION SLOT \"" + from.slot + "\" PHYSICAL "
                                + model::formatLsn(from.at) + " TIMELINE "
                                + std::to_string(value(from.timeline));
    if (PQsendQuery(native.handle.get(), command.c_str()) == 0)
        return failResult(native, nullptr);
    SALVOR_CHECK(waitForResult(native, {}));
    WalFeed feed(native, from);
    const ResultHandle result(PQgetResult(native.handle.get()));
    if (PQresultStatus(result.get()) == PGRES_COPY_BOTH)
        return feed;
    // A timeline that ends at or before this position is answered without a stream.
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) {
        SALVOR_TRY(feed.m_next, nextOf(result.get()));
        feed.m_isOver = true;
        return feed;
    }
    return failResult(native, result.get());
}

Result<> WalFeed::report(Lsn flushed, Reply reply)
{
    m_flushed = flushed > m_floor ? flushed : Lsn{};
    std::string message = "r";
    appendBig(message, value(m_position));
    appendBig(message, value(m_flushed));
    appendBig(message, 0);
    appendBig(message, serverTime());
    message += reply == Reply::Wanted ? '\1' : '\0';
    PGconn* connection = m_native->handle.get();
    if (PQputCopyData(connection, message.data(), static_cast<int>(message.size())) < 0
        || PQflush(connection) < 0)
        return failResult(*m_native, nullptr);
    m_lastReport = Clock::now();
    return {};
}

Result<> WalFeed::wait(std::chrono::milliseconds limit, int wake)
{
    PGconn* connection = m_native->handle.get();
    std::array<pollfd, 2> waited{{{PQsocket(connection), POLLIN, 0}, {wake, POLLIN, 0}}};
    const int ready = ::poll(waited.data(), waited.size(), static_cast<int>(limit.count()));
    if (ready < 0 && errno != EINTR)
        return failErrno(errno, "cannot wait for the server");
    if (ready > 0 && waited[0].revents != 0 && PQconsumeInput(connection) == 0) {
        m_native->lost = true;
        return failResult(*m_native, nullptr);
    }
    return {};
}

Result<FeedMessage> WalFeed::messageOf(ByteView bytes)
{
    constexpr std::size_t walHeader = 25;
    constexpr std::size_t aliveSize = 18;
    m_lastHeard = Clock::now();
    const char kind = bytes.empty() ? '\0' : std::to_integer<char>(bytes[0]);
    if (kind == 'w' && bytes.size() >= walHeader) {
        if (loadBig(bytes, 1) != value(m_position))
            return fail(ErrorCode::Corrupt, "the server sent WAL of another place than "
                                                + model::formatLsn(m_position));
        const ByteView wal = bytes.subspan(walHeader);
        m_position = Lsn{value(m_position) + wal.size()};
        return FeedMessage{FeedMessage::Kind::Wal, wal, m_position, false};
    }
    if (kind != 'k' || bytes.size() < aliveSize)
        return fail(ErrorCode::Incompatible, "the server sent a message of an unknown kind");
    const bool isQuestion = bytes[aliveSize - 1] != std::byte{0};
    if (isQuestion)
        SALVOR_CHECK(report(m_flushed, Reply::NotNeeded));
    return FeedMessage{FeedMessage::Kind::Alive, {}, Lsn{loadBig(bytes, 1)}, isQuestion};
}

Result<FeedMessage> WalFeed::next(std::chrono::milliseconds limit, int wake)
{
    if (m_isOver)
        return FeedMessage{FeedMessage::Kind::End, {}, m_position, false};
    char* text = nullptr;
    int size = PQgetCopyData(m_native->handle.get(), &text, 1);
    if (size == 0) {
        SALVOR_CHECK(wait(limit, wake));
        size = PQgetCopyData(m_native->handle.get(), &text, 1);
    }
    m_message.reset(text);
    if (size == 0)
        return FeedMessage();
    if (size == -1) {
        m_isOver = true;
        return FeedMessage{FeedMessage::Kind::End, {}, m_position, false};
    }
    if (size < 0)
        return failResult(*m_native, nullptr);
    return messageOf(asBytes(std::string_view(text, static_cast<std::size_t>(size))));
}

Result<std::optional<WalFeed::Next>> WalFeed::finish(const std::stop_token& stop)
{
    PGconn* connection = m_native->handle.get();
    // After an error the copy is over for libpq: then its result tells what happened.
    if (PQputCopyEnd(connection, nullptr) >= 0 && PQflush(connection) < 0)
        return failResult(*m_native, nullptr);
    while (!m_isOver) {
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        char* text = nullptr;
        const int size = PQgetCopyData(connection, &text, 1);
        PQfreemem(text);
        if (size == 0)
            SALVOR_CHECK(waitForInput(*m_native, std::chrono::milliseconds(50)));
        m_isOver = size < 0;
    }
    while (true) {
        SALVOR_CHECK(waitForResult(*m_native, stop));
        const ResultHandle result(PQgetResult(connection));
        if (result == nullptr)
            return m_next;
        if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
            return failResult(*m_native, result.get());
        if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) {
            SALVOR_TRY(m_next, nextOf(result.get()));
        }
    }
}

} // namespace salvor::postgres
