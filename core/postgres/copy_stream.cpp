#include "core/postgres/copy_stream.h"

#include "core/base/text.h"
#include "core/postgres/connection_native.h"

namespace salvor::postgres {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t bufferSize = std::size_t{1} << 16U;

/// Sends a statement and waits for its first answer.
Result<> begin(Connection::Native& native, const std::string& sql, ExecStatusType expected,
               const std::stop_token& stop)
{
    if (PQsendQuery(native.handle.get(), sql.c_str()) == 0)
        return failResult(native, nullptr);
    SALVOR_CHECK(waitForResult(native, stop));
    const ResultHandle result(PQgetResult(native.handle.get()));
    if (PQresultStatus(result.get()) != expected)
        return failResult(native, result.get());
    return {};
}

/// The end of a COPY: how many rows the server counted.
Result<std::uint64_t> rowsOf(Connection::Native& native, const std::stop_token& stop)
{
    SALVOR_CHECK(waitForResult(native, stop));
    const ResultHandle result(PQgetResult(native.handle.get()));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        return failResult(native, result.get());
    const auto rows = parseUnsigned(PQcmdTuples(result.get()));
    SALVOR_CHECK(waitForResult(native, stop));
    while (const ResultHandle more{PQgetResult(native.handle.get())})
        continue;
    if (!rows)
        return fail(ErrorCode::Incompatible, "the server did not say how many rows it copied");
    return *rows;
}

} // namespace

Result<> takeCopyData(Connection::Native& native, const TakeCopy& take, JobContext& job)
{
    native.lost = true; // Until the end has come.
    while (true) {
        SALVOR_CHECK(job.proceed());
        char* text = nullptr;
        const int size = PQgetCopyData(native.handle.get(), &text, 1);
        if (size == 0) {
            SALVOR_CHECK(waitForInput(native, 50ms));
            continue;
        }
        native.lost = size > 0;
        if (size == -1)
            return {};
        if (size < 0)
            return failResult(native, nullptr);
        const std::unique_ptr<char, void (*)(void*)> owned(text, PQfreemem);
        job.progress.add(static_cast<ByteCount>(size));
        SALVOR_CHECK(take(asBytes(std::string_view(text, static_cast<std::size_t>(size)))));
    }
}

Result<std::uint64_t> copyOut(Connection& from, const std::string& sql, const TakeCopy& take,
                              JobContext& job)
{
    Connection::Native& native = from.native();
    SALVOR_CHECK(begin(native, sql, PGRES_COPY_OUT, job.stop));
    SALVOR_CHECK(takeCopyData(native, take, job));
    return rowsOf(native, job.stop);
}

Result<CopyIn> CopyIn::begin(Connection& into, const std::string& sql, const std::stop_token& stop)
{
    Connection::Native& native = into.native();
    SALVOR_CHECK(postgres::begin(native, sql, PGRES_COPY_IN, stop));
    // A server that does not read must not keep a stop request waiting.
    PQsetnonblocking(native.handle.get(), 1);
    return CopyIn(native, stop);
}

Result<> CopyIn::flush()
{
    PGconn* connection = m_native->handle.get();
    if (!m_buffer.empty()
        && PQputCopyData(connection, m_buffer.data(), static_cast<int>(m_buffer.size())) <= 0)
        return failResult(*m_native, nullptr);
    m_buffer.clear();
    int rest = PQflush(connection);
    while (rest > 0) {
        if (m_stop.stop_requested()) {
            m_native->lost = true;
            return fail(ErrorCode::Cancelled, "stopped on request");
        }
        SALVOR_CHECK(waitForRoom(*m_native, 50ms));
        rest = PQflush(connection);
    }
    if (rest < 0)
        return failResult(*m_native, nullptr);
    return {};
}

Result<> CopyIn::put(ByteView bytes)
{
    m_buffer += asText(bytes);
    return m_buffer.size() < bufferSize ? Result<>() : flush();
}

Result<std::uint64_t> CopyIn::end()
{
    SALVOR_CHECK(flush());
    if (PQputCopyEnd(m_native->handle.get(), nullptr) <= 0)
        return failResult(*m_native, nullptr);
    SALVOR_CHECK(flush());
    auto rows = rowsOf(*m_native, m_stop);
    PQsetnonblocking(m_native->handle.get(), 0);
    return rows;
}

} // namespace salvor::postgres
