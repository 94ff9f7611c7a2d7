// A connection to a PostgreSQL server through libpq.
#pragma once

#include "core/base/result.h"
#include "core/base/secret.h"
#include "core/model/cluster.h"

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace salvor::postgres {

/// Rows of text; NULL is an unset value.
using Row = std::vector<std::optional<std::string>>;

/// An open session. Movable; one thread at a time. Every call blocks, but a stop request cancels
/// the statement on the server.
class Connection {
public:
    enum class Kind { Normal, Replication };

    /// Opens with a libpq connection string or URI. `name` is the application_name unless given,
    /// the client encoding UTF8, time zone UTC, statement_timeout 0; connect_timeout is 15 s unless
    /// given.
    ///
    /// Errors: Unavailable (no answer), Denied (authentication), NotReady (starting up, too many
    ///         clients), InvalidInput (not a connection string). The password never appears.
    [[nodiscard]] static Result<Connection> open(const std::string& conninfo,
                                                 Kind kind = Kind::Normal,
                                                 const std::stop_token& stop = {},
                                                 const std::string& name = "salvor");
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    /// Errors: by SQLSTATE; Denied for 42501 and 28xxx, NotReady for 55xxx and 57P03, Unavailable
    ///         when the connection is lost. The message carries the server's text and SQLSTATE.
    [[nodiscard]] Result<std::vector<Row>> query(const std::string& sql,
                                                 const std::vector<std::string>& parameters = {},
                                                 const std::stop_token& stop = {});
    /// The only value of the only row.
    [[nodiscard]] Result<std::string> value(const std::string& sql,
                                            const std::vector<std::string>& parameters = {},
                                            const std::stop_token& stop = {});

    [[nodiscard]] int serverVersion() const noexcept; ///< 150018.
    [[nodiscard]] int majorVersion() const noexcept { return serverVersion() / 10000; }

    struct Native; ///< libpq's connection, for the streams of this folder.
    [[nodiscard]] Native& native() noexcept { return *m_native; }

private:
    explicit Connection(std::unique_ptr<Native> native);
    std::unique_ptr<Native> m_native;
};

/// True if a connection string carries a password. Errors: InvalidInput when it is none.
[[nodiscard]] Result<bool> holdsPassword(const std::string& conninfo);

/// Ends the transaction of a session so that it counts. A stop request does not hurry it.
/// Errors: Unavailable when no answer came, so that nobody knows; those of deferred constraints.
[[nodiscard]] Result<> commitTransaction(Connection& connection);

/// System identifier, major version and WAL segment size, asked of the server (pg_control_system(),
/// wal_segment_size). Errors: Denied with the missing grant in the hint.
[[nodiscard]] Result<model::ClusterIdentity> identityOf(Connection& connection);

} // namespace salvor::postgres
