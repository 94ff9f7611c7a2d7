// Data that comes and goes by COPY on an open connection.
#pragma once

#include "core/base/job_context.h"
#include "core/postgres/connection.h"

#include <functional>

namespace salvor::postgres {

/// Takes a message of the server's. An error ends the COPY.
using TakeCopy = std::function<Result<>(ByteView)>;

/// Everything of a COPY that has begun to come, as it comes; what follows it is left to be read.
/// Each byte is progress of the job. Errors: those of `take`; Cancelled; as Connection::query().
/// After an error the connection is good for nothing.
[[nodiscard]] Result<> takeCopyData(Connection::Native& native, const TakeCopy& take,
                                    JobContext& job);

/// `sql` is a COPY … TO STDOUT. Gives how many rows the server says it sent.
[[nodiscard]] Result<std::uint64_t> copyOut(Connection& from, const std::string& sql,
                                            const TakeCopy& take, JobContext& job);

/// Writes a COPY … FROM STDIN. Without an end() nothing of it counts.
class CopyIn {
public:
    [[nodiscard]] static Result<CopyIn> begin(Connection& into, const std::string& sql,
                                              const std::stop_token& stop);
    [[nodiscard]] Result<> put(ByteView bytes);
    /// Gives how many rows the server says it took.
    [[nodiscard]] Result<std::uint64_t> end();

private:
    CopyIn(Connection::Native& native, std::stop_token stop)
        : m_native(&native)
        , m_stop(std::move(stop))
    {}
    Result<> flush();

    Connection::Native* m_native;
    std::stop_token m_stop;
    std::string m_buffer; ///< Rows are small; libpq makes a message of each call.
};

} // namespace salvor::postgres
