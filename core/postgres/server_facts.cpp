#include "core/base/text.h"
#include "core/postgres/backup_session.h"
#include "core/postgres/connection_native.h"

#include <set>

namespace salvor::postgres {

namespace {

/// "16MB" as SHOW prints it, in bytes.
std::optional<ByteCount> parseSize(std::string_view text)
{
    struct Unit {
        std::string_view name;
        unsigned shift;
    };
    for (const Unit& unit : {Unit{"kB", 10}, Unit{"MB", 20}, Unit{"GB", 30}, Unit{"B", 0}}) {
        if (text.size() <= unit.name.size()
            || text.substr(text.size() - unit.name.size()) != unit.name)
            continue;
        const auto number = parseUnsigned(text.substr(0, text.size() - unit.name.size()));
        if (number && *number < (std::uint64_t{1} << 30U))
            return *number << unit.shift;
    }
    return parseUnsigned(text);
}

/// Replication connections know no SQL, but these commands.
Result<std::pair<std::string, std::string>> askReplication(Connection& connection)
{
    SALVOR_TRY(const std::vector<Row> rows, connection.query("IDENTIFY_SYSTEM"));
    if (rows.size() != 1 || rows[0].empty() || !rows[0][0])
        return fail(ErrorCode::Incompatible, "the server did not identify itself");
    SALVOR_TRY(std::string size, connection.value("SHOW wal_segment_size"));
    return std::pair(*rows[0][0], std::move(size));
}

Result<std::pair<std::string, std::string>> askSql(Connection& connection)
{
    auto system = connection.value("SELECT system_identifier::text FROM pg_control_system()");
    if (!system.ok()) {
        Error error = std::move(system).error();
        if (error.code == ErrorCode::Denied)
            error.hint = "Run as a superuser: GRANT EXECUTE ON FUNCTION pg_control_system() TO "
                         "the role.";
        return error;
    }
    SALVOR_TRY(std::string size, connection.value("SHOW wal_segment_size"));
    return std::pair(*std::move(system), std::move(size));
}

/// Rows of a view that a role may not be allowed to see: then there are none.
Result<std::vector<Row>> queryIfAllowed(Connection& connection, const std::string& sql)
{
    auto rows = connection.query(sql);
    if (!rows.ok() && rows.error().code == ErrorCode::Denied)
        return std::vector<Row>();
    return rows;
}

bool isInside(const std::string& path, const std::string& directory)
{
    return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0
           && path[directory.size()] == '/';
}

Result<std::vector<std::string>> configFilesOf(Connection& connection,
                                               const std::string& dataDirectory)
{
    std::vector<std::string> queries{
        "SELECT setting FROM pg_settings WHERE name IN ('config_file', 'hba_file', 'ident_file')",
        "SELECT DISTINCT sourcefile FROM pg_file_settings",
    };
    if (connection.serverVersion() >= 160000) {
        queries.emplace_back("SELECT DISTINCT file_name FROM pg_hba_file_rules");
        queries.emplace_back("SELECT DISTINCT file_name FROM pg_ident_file_mappings");
    }
    std::set<std::string> files;
    for (const std::string& sql : queries) {
        SALVOR_TRY(const std::vector<Row> rows, queryIfAllowed(connection, sql));
        for (const Row& row : rows)
            if (row[0] && row[0]->find('/') == 0 && !isInside(*row[0], dataDirectory))
                files.insert(*row[0]);
    }
    return std::vector<std::string>(files.begin(), files.end());
}

Result<std::vector<model::Tablespace>> tablespacesOf(Connection& connection)
{
    SALVOR_TRY(const std::vector<Row> rows,
               connection.query("SELECT oid::text, pg_tablespace_location(oid) FROM pg_tablespace "
                                "WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY oid"));
    std::vector<model::Tablespace> tablespaces;
    for (const Row& row : rows) {
        const auto oid = parseUnsigned(row[0].value_or(""));
        // A relative one is a developer's "in place" tablespace: a plain folder in the directory.
        if (oid && row[1] && row[1]->find('/') == 0)
            tablespaces.push_back({static_cast<std::uint32_t>(*oid), *row[1]});
    }
    return tablespaces;
}

/// primary_conninfo stays out: it may carry a password, and facts are stored.
Result<std::map<std::string, std::string>> settingsOf(Connection& connection)
{
    SALVOR_TRY(const std::vector<Row> rows,
               connection.query("SELECT name, setting FROM pg_settings WHERE source NOT IN "
                                "('default', 'override', 'client', 'session') "
                                "AND setting IS NOT NULL AND name <> 'primary_conninfo'"));
    std::map<std::string, std::string> settings;
    for (const Row& row : rows)
        settings.emplace(row[0].value_or(""), row[1].value_or(""));
    return settings;
}

/// A setting, or nothing when the role may not see it or this version does not know it.
Result<std::string> settingOf(Connection& connection, const std::string& name)
{
    SALVOR_TRY(const std::vector<Row> rows,
               connection.query("SELECT setting FROM pg_settings WHERE name = $1", {name}));
    return rows.empty() ? std::string() : rows[0][0].value_or("");
}

} // namespace

Result<model::ClusterIdentity> identityOf(Connection& connection)
{
    const bool replication = connection.native().kind == Connection::Kind::Replication;
    SALVOR_TRY(const auto answer, replication ? askReplication(connection) : askSql(connection));
    const auto system = parseUnsigned(answer.first);
    const auto size = parseSize(answer.second);
    if (!system || !size)
        return fail(ErrorCode::Incompatible, "the server's identity makes no sense: '"
                                                 + answer.first + "', '" + answer.second + "'");
    return model::ClusterIdentity{*system, connection.majorVersion(), *size};
}

Result<ServerFacts> readServerFacts(Connection& connection)
{
    ServerFacts facts;
    SALVOR_TRY(facts.identity, identityOf(connection));
    facts.serverVersion = connection.serverVersion();
    SALVOR_TRY(const std::string recovering, connection.value("SELECT pg_is_in_recovery()::text"));
    facts.inRecovery = recovering == "true";
    SALVOR_TRY(const std::string checksums, settingOf(connection, "data_checksums"));
    facts.pageChecksums = checksums == "on";
    SALVOR_TRY(const std::string fullPageWrites, settingOf(connection, "full_page_writes"));
    facts.fullPageWrites = fullPageWrites != "off";
    SALVOR_TRY(facts.dataDirectory, settingOf(connection, "data_directory"));
    // Without the directory nobody can say which of them lie outside of it.
    if (!facts.dataDirectory.empty()) {
        SALVOR_TRY(facts.configFiles, configFilesOf(connection, facts.dataDirectory));
    }
    SALVOR_TRY(facts.tablespaces, tablespacesOf(connection));
    SALVOR_TRY(facts.archiveMode, settingOf(connection, "archive_mode"));
    SALVOR_TRY(facts.archiveCommand, settingOf(connection, "archive_library"));
    if (facts.archiveCommand.empty()) {
        SALVOR_TRY(facts.archiveCommand, settingOf(connection, "archive_command"));
    }
    SALVOR_TRY(facts.settings, settingsOf(connection));
    return facts;
}

} // namespace salvor::postgres
