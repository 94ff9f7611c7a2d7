#include "core/console/extract.h"

#include "core/base/new_file.h"
#include "core/base/text.h"
#include "core/postgres/instance_connection.h"
#include "core/postgres/instance_tools.h"
#include "core/postgres/table_copy.h"

#include <algorithm>
#include <regex>
#include <set>
#include <unistd.h>

namespace salvor::console {

namespace {

using postgres::Connection;
using postgres::TableShape;

/// The copy is there; tables are taken out of one of its databases.
struct Source {
    const postgres::Instance& instance;
    Connection& connection;
    const std::vector<TableShape>& tables;
    const ExtractChoice& choice;
};

Result<> checkAbsent(const Path& file)
{
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(file, error)))
        return fail(ErrorCode::AlreadyExists, quoted(file) + " is already there",
                    "Nothing is written over: name another place, or move it away.");
    return {};
}

/// '/' cannot stand in a file name, and a leading dot would hide it.
std::string fileNameOf(const TableShape& table)
{
    std::string name = table.schema + "." + table.name + ".csv";
    std::replace(name.begin(), name.end(), '/', '_');
    if (name.front() == '.')
        name.front() = '_';
    return name;
}

/// What the new tables need of the server they go to.
Result<> checkLive(Connection& live, const std::string& schema)
{
    SALVOR_TRY(
        const auto rows,
        live.query("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool, "
                   "coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace "
                   "WHERE nspname = $1), has_database_privilege(current_database(), 'CREATE')), "
                   "current_setting('wal_level') = 'logical' AND EXISTS (SELECT FROM "
                   "pg_publication WHERE puballtables)",
                   {schema}));
    const auto says = [&](std::size_t column) { return rows.at(0).at(column) == "t"; };
    if (says(0))
        return fail(ErrorCode::NotReady, "the server that the tables are to go to takes no writes",
                    "Name its primary.");
    if (!says(1))
        return fail(ErrorCode::Denied,
                    "this role may not create schema '" + schema + "' or a table in it",
                    "GRANT CREATE ON DATABASE, or name a schema where it may.");
    if (says(2))
        return fail(
            ErrorCode::NotReady,
            "a publication FOR ALL TABLES would send the new tables to subscribers that do not "
            "have them, which stops their replication",
            "Take the tables out as CSV or as a dump, or into another database.");
    return {};
}

/// What can be known to fail is said before the restore, which may take hours.
Result<> checkDestination(const ExtractChoice& choice, const JobContext& job)
{
    if (!choice.dumpFile.empty()) {
        SALVOR_CHECK(checkAbsent(choice.dumpFile));
        return openFile(choice.dumpFile.parent_path(), O_RDONLY | O_DIRECTORY).ok()
                   ? Result<>()
                   : fail(ErrorCode::InvalidInput,
                          "there is no folder " + quoted(choice.dumpFile.parent_path()),
                          "Make it first.");
    }
    if (!choice.csvFolder.empty())
        return createDirectories(choice.csvFolder);
    SALVOR_CHECK(checkConnectionString(choice.into));
    SALVOR_TRY(Connection live, Connection::open(choice.into, Connection::Kind::Normal, job.stop));
    return checkLive(live, choice.schema);
}

/// Names must differ where they are put: schemas fall away.
Result<> checkNames(const std::vector<TableShape>& tables, const ExtractChoice& choice)
{
    std::set<std::string> names;
    for (const TableShape& table : tables) {
        if (!choice.dumpFile.empty() && table.isView)
            return fail(ErrorCode::InvalidInput,
                        table.qualified()
                            + " is a materialized view: a dump holds its query, and no rows",
                        "Take it out as CSV, or into a schema.");
        const std::string name = !choice.into.empty()       ? table.name
                                 : choice.csvFolder.empty() ? table.qualified()
                                                            : fileNameOf(table);
        if (!names.insert(name).second)
            return fail(ErrorCode::InvalidInput,
                        table.qualified() + " would come to lie where another table lies",
                        "Take it out by a command of its own.");
        if (!choice.csvFolder.empty())
            SALVOR_CHECK(checkAbsent(choice.csvFolder / fileNameOf(table)));
    }
    return {};
}

Result<std::vector<TableShape>> describe(Connection& connection, const ExtractChoice& choice,
                                         const std::stop_token& stop)
{
    std::vector<TableShape> tables;
    for (const std::string& name : choice.tables) {
        SALVOR_TRY(tables.emplace_back(), postgres::describeTable(connection, name, stop));
    }
    SALVOR_CHECK(checkNames(tables, choice));
    return tables;
}

ByteCount sizeOf(const std::vector<TableShape>& tables)
{
    ByteCount size = 0;
    for (const TableShape& table : tables)
        size += table.size;
    return size;
}

Result<std::vector<ExtractedTable>> writeCsv(const Source& source, JobContext& job)
{
    std::vector<ExtractedTable> written;
    std::vector<NewFile> files;
    for (const TableShape& table : source.tables) {
        const Path path = source.choice.csvFolder / fileNameOf(table);
        SALVOR_TRY(NewFile file, NewFile::create(path));
        SALVOR_TRY(const std::uint64_t rows, postgres::copyRows(
                                                 source.connection, table, postgres::RowFormat::Csv,
                                                 [&](ByteView row) { return file.write(row); }, job)
                                                 .in("table " + table.qualified()));
        files.push_back(std::move(file));
        written.push_back({table.qualified(), rows, path.native()});
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto named = files[i].commit(IfExists::Fail);
        if (named.ok())
            continue;
        for (std::size_t before = 0; before < i; ++before)
            ::unlink(written[before].place.c_str());
        return std::move(named).error();
    }
    return written;
}

/// Entries with rows in a list of pg_restore: "215; 0 16385 TABLE DATA public orders owner".
std::ptrdiff_t countData(std::string_view list)
{
    static const std::regex entry(R"(^\d+; \d+ \d+ TABLE DATA )");
    std::ptrdiff_t found = 0;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find('\n'), list.size() - 1);
        const std::string line(list.substr(0, end));
        if (std::regex_search(line, entry))
            ++found;
        list.remove_prefix(end + 1);
    }
    return found;
}

/// Reads the whole dump back. Errors: Corrupt when a table is not in it with its rows.
Result<> checkDump(const Source& source, const Path& dump, const JobContext& job)
{
    Command read;
    read.timeout = std::chrono::hours(24 * 7);
    const std::string program = (source.instance.programs / "pg_restore").native();
    read.argv = {program, "--file=/dev/null", dump.native()};
    SALVOR_CHECK(runChecked(read, job.stop).in("read the dump back"));
    read.argv = {program, "--list", dump.native()};
    SALVOR_TRY(const std::string list, runChecked(read, job.stop));
    const std::ptrdiff_t found = countData(list);
    std::ptrdiff_t wanted = 0;
    for (const TableShape& table : source.tables)
        wanted += table.filledParts;
    if (found != wanted)
        return fail(ErrorCode::Corrupt, "the dump holds the rows of " + std::to_string(found)
                                            + " tables and parts, not of "
                                            + std::to_string(wanted));
    return {};
}

Result<std::vector<ExtractedTable>> writeDump(const Source& source, JobContext& job)
{
    const Path& path = source.choice.dumpFile;
    SALVOR_TRY(NewFile file, NewFile::create(path));
    postgres::Tool tool{"pg_dump",
                        {"--format=custom", "--strict-names", "--lock-wait-timeout=30000"},
                        {},
                        &file.file()};
    tool.arguments.push_back("--dbname=dbname="
                             + postgres::connectionValue(source.choice.database));
    for (const TableShape& table : source.tables)
        for (const std::string& part : table.parts)
            tool.arguments.push_back("--table=" + part);
    SALVOR_TRY(const auto ended, postgres::runTool(source.instance, std::move(tool), job));
    if (ended.status != 0)
        return postgres::failTool("pg_dump", ended);
    SALVOR_CHECK(checkDump(source, file.temporary(), job));
    std::vector<ExtractedTable> written;
    for (const TableShape& table : source.tables) {
        SALVOR_TRY(
            const std::string rows,
            source.connection.value("SELECT count(*) FROM " + table.qualified(), {}, job.stop));
        written.push_back({table.qualified(), parseUnsigned(rows).value_or(0), path.native()});
    }
    SALVOR_CHECK(file.commit(IfExists::Fail));
    return written;
}

Result<std::vector<ExtractedTable>> writeTables(const Source& source, JobContext& job)
{
    const std::string& schema = source.choice.schema;
    SALVOR_TRY(Connection live,
               Connection::open(source.choice.into, Connection::Kind::Normal, job.stop));
    SALVOR_CHECK(live.query("BEGIN", {}, job.stop));
    SALVOR_CHECK(postgres::setPlainText(live, job.stop));
    SALVOR_TRY(const auto there,
               live.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", {schema}, job.stop));
    if (there.empty())
        SALVOR_CHECK(live.query("CREATE SCHEMA " + postgres::quotedName(schema), {}, job.stop));
    std::vector<ExtractedTable> written;
    for (const TableShape& table : source.tables) {
        SALVOR_TRY(const std::uint64_t rows,
                   postgres::copyTable(source.connection, table, live, schema, job)
                       .in("table " + table.qualified()));
        written.push_back({table.qualified(), rows,
                           postgres::quotedName(schema) + "." + postgres::quotedName(table.name)});
    }
    SALVOR_CHECK(postgres::commitTransaction(live));
    return written;
}

Result<> checkDatabase(const postgres::Instance& instance, const std::string& name,
                       const std::stop_token& stop)
{
    SALVOR_TRY(Connection connection, postgres::connect(instance, stop));
    SALVOR_CHECK(postgres::prove(connection, instance));
    SALVOR_TRY(const auto there,
               connection.query("SELECT 1 FROM pg_database WHERE datname = $1", {name}));
    if (there.empty())
        return fail(ErrorCode::NotFound, "there was no database '" + name + "' at that moment",
                    "--database names the one the tables are in.");
    return {};
}

Result<std::vector<ExtractedTable>> takeOut(const postgres::Instance& instance,
                                            const ExtractChoice& choice, JobContext& job)
{
    SALVOR_CHECK(checkDatabase(instance, choice.database, job.stop));
    SALVOR_TRY(Connection connection, postgres::connectTo(instance, choice.database, job.stop));
    // A paused copy still holds the locks of what it was replaying.
    SALVOR_CHECK(connection.query("SET lock_timeout = '30s'"));
    SALVOR_CHECK(connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    SALVOR_CHECK(postgres::setPlainText(connection, job.stop));
    SALVOR_TRY(const auto tables, describe(connection, choice, job.stop));
    const Source source{instance, connection, tables, choice};
    job.phase("copy rows", sizeOf(tables));
    if (!choice.csvFolder.empty())
        return writeCsv(source, job);
    return choice.dumpFile.empty() ? writeTables(source, job) : writeDump(source, job);
}

Result<postgres::Instance> findCopy(const Console& console, const std::string& name)
{
    SALVOR_TRY(const auto copies, console.instances());
    for (const postgres::Instance& copy : copies)
        if (copy.name == name)
            return copy;
    return fail(ErrorCode::NotFound, "there is no copy '" + name + "'",
                "'salvorctl instance list' has those of this machine.");
}

/// What was taken out is there already: a copy that cannot be removed does not change that.
bool removeCopy(Console& console, const std::string& name, JobContext& job)
{
    const std::stop_source nobody;
    JobContext ending{nobody.get_token(), job.progress, job.events};
    auto removed = console.stopInstance(name, ending);
    if (removed.ok())
        removed = console.removeInstance(name, ending);
    if (!removed.ok())
        job.events.warning("The copy '" + name
                           + "' could not be removed: " + removed.error().message + ".");
    return removed.ok();
}

/// What is to be known of the copy that was left: it is good for another try.
Error withCopy(Error error, const std::optional<model::RestoreOutcome>& made)
{
    if (!made)
        return error;
    error.hint += error.hint.empty() ? "" : " ";
    error.hint += "The copy '" + made->instance + "' runs on: try again with --copy "
                  + made->instance + ", or end it with 'salvorctl instance stop' and 'remove'.";
    return error;
}

} // namespace

Result<> checkConnectionString(const std::string& conninfo)
{
    SALVOR_TRY(const bool hasPassword, postgres::holdsPassword(conninfo));
    if (hasPassword)
        return fail(ErrorCode::InvalidInput,
                    "the connection string holds a password, which everybody on this machine can "
                    "read in the list of processes",
                    "Put it into ~/.pgpass, or into a service file.");
    return {};
}

Result<Extraction> extractTables(Console& console, const ExtractChoice& choice, JobContext& job)
{
    SALVOR_CHECK(checkDestination(choice, job));
    Extraction done;
    if (!choice.copy.empty()) {
        SALVOR_TRY(const auto copy, findCopy(console, choice.copy));
        SALVOR_TRY(done.tables, takeOut(copy, choice, job));
        return done;
    }
    RestoreChoice restore = choice.restore;
    restore.action = model::AtTarget::Promote; // Also ends what was in progress, with its locks.
    restore.startOptions.start = true;
    SALVOR_TRY(const auto plan, console.planRestore(restore, job));
    const Moment began = systemClock().now();
    auto made = console.applyRestore(plan, job);
    if (!made.ok()) {
        const auto stopped = console.stopCopyIn(restore.destination, began, job);
        if (!stopped.ok())
            job.events.warning("The copy may still run: " + stopped.error().message + ".");
        return std::move(made).error();
    }
    done.made = *std::move(made);
    SALVOR_TRY(const auto copy, findCopy(console, done.made->instance));
    auto tables = takeOut(copy, choice, job);
    if (!tables.ok())
        return withCopy(std::move(tables).error(), done.made);
    done.tables = *std::move(tables);
    done.kept = choice.keeps || !removeCopy(console, done.made->instance, job);
    return done;
}

} // namespace salvor::console
