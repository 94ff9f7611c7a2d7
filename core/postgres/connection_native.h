// libpq's connection, for the streams of this folder: the only header that knows libpq.
#pragma once

#include "core/postgres/connection.h"

#include <libpq-fe.h>

namespace salvor::postgres {

struct ConnectionCloser {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
struct ResultCloser {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ResultCloser>;

/// A warning or notice that the server sent beside its results.
struct Notice {
    std::string severity; ///< "WARNING", never translated.
    std::string sqlState;
    std::string text;
};

struct Connection::Native {
    std::unique_ptr<PGconn, ConnectionCloser> handle;
    Kind kind = Kind::Normal;
    std::string slot;            ///< The temporary one of this connection.
    std::vector<Notice> notices; ///< At most a thousand; whoever wants them clears them first.
    bool lost = false;           ///< Left in the middle of a statement: good for nothing.
};

/// What an SQLSTATE means to the caller; empty or unknown ones are NotReady.
[[nodiscard]] ErrorCode codeOfSqlState(std::string_view sqlState) noexcept;

/// The error of a failed result, its text and SQLSTATE. A dead connection is Unavailable.
[[nodiscard]] Error failResult(Connection::Native& native, const PGresult* result);

/// Waits until libpq can give a result without blocking. On a stop request the statement is
/// cancelled on the server, and its end is waited for. Errors: Unavailable, Cancelled when the
/// server did not end it within ten seconds.
[[nodiscard]] Result<> waitForResult(Connection::Native& native, const std::stop_token& stop);

/// Waits at most `limit` for bytes from the server. False when there were none.
[[nodiscard]] Result<bool> waitForInput(Connection::Native& native,
                                        std::chrono::milliseconds limit);

/// Waits at most `limit` until more can be sent; takes what comes meanwhile.
[[nodiscard]] Result<> waitForRoom(Connection::Native& native, std::chrono::milliseconds limit);

/// Asks the server to cancel what it does for this connection; errors do not matter.
void requestCancel(Connection::Native& native);

} // namespace salvor::postgres
