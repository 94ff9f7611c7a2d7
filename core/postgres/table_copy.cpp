#include "core/postgres/table_copy.h"

#include "core/base/text.h"

namespace salvor::postgres {

namespace {

constexpr const char* columnsOf = R"(
SELECT attname, format_type(atttypid, atttypmod), attnotnull
FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum
)";

constexpr const char* keyOf = R"(
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'p'
)";

/// What a query on the table reads: itself, its partitions and its children.
constexpr const char* partsOf = R"(
WITH RECURSIVE part(oid) AS (
    SELECT $1::oid
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN part p ON i.inhparent = p.oid)
SELECT c.oid::regclass, c.relkind, c.relpersistence,
    CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) ELSE 0 END
FROM part JOIN pg_class c ON c.oid = part.oid ORDER BY 1
)";

/// The value of a column that is never NULL.
std::string text(const Row& row, std::size_t column)
{
    return row.at(column).value_or("");
}

Error refused(const std::string& name, const std::string& why, std::string hint)
{
    return fail(ErrorCode::InvalidInput, "'" + name + "' " + why, std::move(hint));
}

Result<std::string> findTable(Connection& connection, const std::string& name, TableShape& table,
                              const std::stop_token& stop)
{
    SALVOR_TRY(const auto rows,
               connection.query("SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_class c "
                                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                "WHERE c.oid = to_regclass($1)",
                                {name}, stop));
    if (rows.empty())
        return fail(
            ErrorCode::NotFound, "the database has no table '" + name + "' at that moment",
            "Write it as in SQL, with its schema: sales.orders. It may have been made later, "
            "or dropped before.");
    table.schema = text(rows[0], 1);
    table.name = text(rows[0], 2);
    const std::string kind = text(rows[0], 3);
    if (kind != "r" && kind != "p" && kind != "m" && kind != "f")
        return refused(name, "is no table: it has no rows of its own", "Name the tables it is of.");
    table.isView = kind == "m";
    table.isPartitioned = kind == "p";
    return text(rows[0], 0);
}

Result<> checkParts(Connection& connection, const std::string& oid, TableShape& table,
                    const std::stop_token& stop)
{
    SALVOR_TRY(const auto parts, connection.query(partsOf, {oid}, stop));
    for (const Row& part : parts) {
        const std::string name = text(part, 0);
        if (text(part, 1) == "f")
            return refused(name, "is a foreign table: its rows are in another server",
                           "Get them from a backup of that server.");
        if (text(part, 2) != "p")
            return refused(name, "is an unlogged table: no backup holds its rows",
                           "They are lost with the server.");
        table.parts.push_back(name);
        if (text(part, 1) != "p")
            ++table.filledParts;
        table.size += parseUnsigned(text(part, 3)).value_or(0);
    }
    return {};
}

std::string createStatement(const TableShape& table, const std::string& place)
{
    std::string columns;
    for (const TableShape::Column& column : table.columns)
        columns += (columns.empty() ? "" : ", ") + quotedName(column.name) + " " + column.type
                   + (column.notNull ? " NOT NULL" : "");
    return "CREATE TABLE " + place + " (" + columns + ")";
}

} // namespace

Result<> setPlainText(Connection& connection, const std::stop_token& stop)
{
    // SQL_ASCII converts nothing and knows no encoding: its bytes go as they are.
    SALVOR_CHECK(connection.query(
        "SELECT set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', "
        "true), "
        "set_config('extra_float_digits', '3', true), set_config('bytea_output', 'hex', true), "
        "set_config('xmloption', 'content', true), set_config('lc_monetary', 'C', true), "
        "set_config('array_nulls', 'on', true), set_config('quote_all_identifiers', 'on', true), "
        "set_config('row_security', 'off', true), set_config('client_encoding', CASE "
        "current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, "
        "true)",
        {}, stop));
    return {};
}

std::string quotedName(const std::string& name)
{
    std::string quoted = "\"";
    for (const char c : name)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

std::string TableShape::qualified() const
{
    return quotedName(schema) + "." + quotedName(name);
}

Result<TableShape> describeTable(Connection& connection, const std::string& name,
                                 const std::stop_token& stop)
{
    TableShape table;
    SALVOR_CHECK(connection.query("SELECT set_config('search_path', 'public', true)", {}, stop));
    SALVOR_TRY(const std::string oid, findTable(connection, name, table, stop).in("table"));
    SALVOR_CHECK(connection.query("SELECT set_config('search_path', '', true)", {}, stop));
    SALVOR_CHECK(checkParts(connection, oid, table, stop));
    SALVOR_TRY(const auto columns, connection.query(columnsOf, {oid}, stop));
    for (const Row& column : columns)
        table.columns.push_back({text(column, 0), text(column, 1), text(column, 2) == "t"});
    SALVOR_TRY(const auto keys, connection.query(keyOf, {oid}, stop));
    if (!keys.empty())
        table.primaryKey = text(keys[0], 0);
    return table;
}

Result<std::uint64_t> copyRows(Connection& from, const TableShape& table, RowFormat format,
                               const TakeCopy& take, JobContext& job)
{
    const std::string rows = "COPY (SELECT * FROM " + table.qualified() + ") TO STDOUT";
    return copyOut(from, rows + (format == RowFormat::Csv ? " (FORMAT csv, HEADER)" : ""), take,
                   job);
}

Result<std::uint64_t> copyTable(Connection& from, const TableShape& table, Connection& into,
                                const std::string& schema, JobContext& job)
{
    const std::string place = quotedName(schema) + "." + quotedName(table.name);
    SALVOR_CHECK(into.query(createStatement(table, place), {}, job.stop));
    SALVOR_TRY(auto copy, CopyIn::begin(into, "COPY " + place + " FROM STDIN", job.stop));
    SALVOR_TRY(const std::uint64_t sent,
               copyRows(
                   from, table, RowFormat::Text, [&](ByteView row) { return copy.put(row); }, job));
    SALVOR_TRY(const std::uint64_t taken, copy.end());
    // With children a key of the parent need not hold.
    if (!table.primaryKey.empty() && (table.isPartitioned || table.filledParts == 1))
        SALVOR_CHECK(into.query("ALTER TABLE " + place + " ADD " + table.primaryKey, {}, job.stop));
    SALVOR_TRY(const std::string counted,
               into.value("SELECT count(*) FROM " + place, {}, job.stop));
    if (taken != sent || counted != std::to_string(sent))
        return fail(ErrorCode::Corrupt, "of " + std::to_string(sent) + " rows of " + table.name
                                            + ", " + counted + " arrived");
    return sent;
}

} // namespace salvor::postgres
