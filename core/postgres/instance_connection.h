// How to reach a started copy, and how to know that it is the one.
#pragma once

#include "core/postgres/connection.h"
#include "core/postgres/instance.h"

namespace salvor::postgres {

/// Quoted as a value of a connection string.
[[nodiscard]] std::string connectionValue(const std::string& text);

/// Its database "postgres", or "template1" when somebody dropped that.
[[nodiscard]] Result<Connection> connect(const Instance& instance, const std::stop_token& stop);

/// Whoever answers must be the copy, and not a server that came to the same socket before.
/// Errors: NotReady, naming what answers.
[[nodiscard]] Result<> prove(Connection& connection, const Instance& instance);

/// A database of the copy, proven. Errors: those of both, and NotFound for an unknown database.
[[nodiscard]] Result<Connection> connectTo(const Instance& instance, const std::string& database,
                                           const std::stop_token& stop);

} // namespace salvor::postgres
