#include "core/postgres/instance_connection.h"

namespace salvor::postgres {

namespace {

/// What a database or a role of the original sets for its sessions stays out of the fence.
std::string optionsOf(const Instance& instance)
{
    std::string options = "-c session_replication_role=replica -c session_preload_libraries= "
                          "-c local_preload_libraries=";
    if (instance.majorVersion >= 17)
        options += " -c event_triggers=off";
    return options;
}

std::string connectionTo(const Instance& instance, const std::string& database)
{
    return "host=" + connectionValue(instance.socketDirectory.native())
           + " port=" + std::to_string(instance.port) + " dbname=" + connectionValue(database)
           + " user=" + connectionValue(instance.role)
           + " connect_timeout=10 options=" + connectionValue(optionsOf(instance));
}

} // namespace

std::string connectionValue(const std::string& text)
{
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return quoted + "'";
}

std::string connectionString(const Instance& instance)
{
    return connectionTo(instance, "postgres");
}

Result<Connection> connect(const Instance& instance, const std::stop_token& stop)
{
    auto connection = Connection::open(connectionString(instance), Connection::Kind::Normal, stop);
    // Somebody may have dropped the database "postgres".
    if (!connection.ok() && connection.error().code == ErrorCode::NotFound)
        return Connection::open(connectionTo(instance, "template1"), Connection::Kind::Normal,
                                stop);
    return connection;
}

Result<> prove(Connection& connection, const Instance& instance)
{
    SALVOR_TRY(const std::string directory, connection.value("SHOW data_directory"));
    SALVOR_TRY(const std::string port, connection.value("SHOW port"));
    SALVOR_TRY(const model::ClusterIdentity identity, identityOf(connection));
    std::error_code failed;
    if (!std::filesystem::equivalent(directory, instance.dataDirectory, failed)
        || port != std::to_string(instance.port)
        || identity.systemIdentifier != instance.systemIdentifier)
        return fail(ErrorCode::NotReady,
                    "the server that answers in " + quoted(instance.socketDirectory)
                        + " is not the copy '" + instance.name + "': it runs on '" + directory
                        + "', port " + port + ", identifier "
                        + std::to_string(identity.systemIdentifier));
    return {};
}

Result<Connection> connectTo(const Instance& instance, const std::string& database,
                             const std::stop_token& stop)
{
    SALVOR_TRY(Connection connection,
               Connection::open(connectionTo(instance, database), Connection::Kind::Normal, stop));
    SALVOR_CHECK(prove(connection, instance));
    return connection;
}

} // namespace salvor::postgres
