#include "core/postgres/row_merge.h"

#include "core/base/text.h"
#include "core/postgres/table_copy.h"

#include <algorithm>

namespace salvor::postgres {

namespace {

struct Column {
    std::string name;
    std::string type; ///< Without what limits its values: numeric, not numeric(10,2).
    bool isGenerated = false;
    std::string keyEquality; ///< The operator of the primary key: OPERATOR(pg_catalog.=). Or empty.
};

struct Table {
    std::string oid;
    std::string name; ///< "schema"."name".
    std::vector<Column> columns;
};

/// Whoever can create operators in a schema of the search path must not be called by a comparison,
/// and one that the key does not use must not decide: the operators are those of the key's index.
constexpr const char* columnsOf = R"(
SELECT a.attname, format_type(a.atttypid, NULL), a.attgenerated <> '',
    (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
     FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) AS k (attnum, class)
         JOIN pg_opclass c ON c.oid = k.class
         JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
         JOIN pg_amop p ON p.amopfamily = c.opcfamily AND p.amopstrategy = 3
             AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
         JOIN pg_operator o ON o.oid = p.amopopr
         JOIN pg_namespace n ON n.oid = o.oprnamespace
     WHERE i.indrelid = a.attrelid AND i.indisprimary AND k.attnum = a.attnum)
FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
)";

Result<Table> findTable(Connection& connection, const std::string& name,
                        const std::stop_token& stop)
{
    SALVOR_TRY(
        const auto found,
        connection.query("SELECT c.oid, n.nspname, c.relname, c.relkind = 'r' AND EXISTS (SELECT "
                         "FROM pg_inherits i WHERE i.inhparent = c.oid) FROM pg_class c JOIN "
                         "pg_namespace n ON n.oid = c.relnamespace "
                         "WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')",
                         {name}, stop));
    if (found.empty())
        return fail(ErrorCode::NotFound, "the database has no table '" + name + "'",
                    "Write it as in SQL, with its schema: sales.orders.");
    if (found[0][3] == "t")
        return fail(ErrorCode::InvalidInput,
                    "'" + name + "' has children: which of them a row belongs to cannot be known",
                    "Merge each of them by itself.");
    Table table;
    table.oid = found[0][0].value_or("");
    table.name = quotedName(found[0][1].value_or("")) + "." + quotedName(found[0][2].value_or(""));
    return table;
}

Result<> readColumns(Connection& connection, Table& table, const std::stop_token& stop)
{
    SALVOR_TRY(const auto rows, connection.query(columnsOf, {table.oid}, stop));
    for (const Row& row : rows)
        table.columns.push_back(
            {row[0].value_or(""), row[1].value_or(""), row[2] == "t", row[3].value_or("")});
    return {};
}

const Column* columnOf(const Table& table, const std::string& name)
{
    const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                    [&](const Column& column) { return column.name == name; });
    return found == table.columns.end() ? nullptr : &*found;
}

/// The parts of one merge's statements: r is the recovered table, t the other one.
struct Parts {
    std::string rows; ///< Rows that are asked for: "FROM ... r WHERE ...".
    std::string keys;
    std::string sameKey;
    std::string sameValues;
    std::string columns; ///< That are inserted.
    std::vector<std::string> parameters;
    std::string searchPath; ///< The session's own: triggers may count on it, and nothing else does.
};

/// The list, ready for one more.
std::string& append(std::string& list, const char* separator)
{
    return list.append(list.empty() ? "" : separator);
}

Error failNoColumn(const Table& table, const std::string& column)
{
    return fail(ErrorCode::InvalidInput, table.name + " has no column '" + column + "'");
}

Result<Parts> compose(const Table& recovered, const Table& table, MergeReport& report)
{
    Parts parts;
    parts.rows = " FROM " + recovered.name + " r WHERE true";
    for (const Column& column : table.columns) {
        const std::string name = quotedName(column.name);
        const Column* const source = columnOf(recovered, column.name);
        if (source == nullptr && !column.keyEquality.empty())
            return failNoColumn(recovered, column.name);
        if (source == nullptr) {
            report.withoutValue.push_back(column.name);
            continue;
        }
        if (source->type != column.type)
            report.retyped.push_back(column.name);
        if (!column.keyEquality.empty()) {
            append(parts.keys, ", ").append("r.").append(name);
            append(parts.sameKey, " AND ").append("t.").append(name).append(" ");
            parts.sameKey.append(column.keyEquality).append(" r.").append(name);
        }
        if (column.isGenerated)
            continue;
        append(parts.columns, ", ").append(name);
        // As bytes of text: some types, such as json, cannot be compared.
        append(parts.sameValues, " AND ").append("t.").append(name);
        parts.sameValues.append("::text COLLATE \"C\" IS NOT DISTINCT FROM r.").append(name);
        parts.sameValues.append("::text COLLATE \"C\"");
    }
    for (const Column& column : recovered.columns)
        if (columnOf(table, column.name) == nullptr)
            report.unused.push_back(column.name);
    if (parts.sameKey.empty())
        return fail(ErrorCode::InvalidInput,
                    table.name + " has no primary key: which rows are missing cannot be known",
                    "Merge by hand, by what tells its rows apart.");
    return parts;
}

Result<> addWindow(Parts& parts, const Table& recovered, const MergeRequest& request)
{
    if (request.column.empty())
        return {};
    const Column* column = columnOf(recovered, request.column);
    if (column == nullptr)
        return failNoColumn(recovered, request.column);
    for (const auto& [limit, comparison] :
         {std::pair(request.since, " >= "), std::pair(request.until, " < ")}) {
        if (limit.empty())
            continue;
        parts.parameters.push_back(limit);
        parts.rows += " AND r." + quotedName(column->name) + comparison + "$"
                      + std::to_string(parts.parameters.size()) + "::text::" + column->type;
    }
    return {};
}

Result<> checkKeys(Connection& connection, const Table& recovered, const Parts& parts,
                   const std::stop_token& stop)
{
    SALVOR_TRY(const auto twice, connection.query("SELECT 1" + parts.rows + " GROUP BY "
                                                      + parts.keys + " HAVING count(*) > 1 LIMIT 1",
                                                  parts.parameters, stop));
    if (twice.empty())
        return {};
    return fail(ErrorCode::InvalidInput,
                recovered.name
                    + " has several rows with the same key: which of them is right "
                      "cannot be known",
                "Leave one of each, or narrow the window.");
}

Result<> count(Connection& connection, const Parts& parts, const Table& table, MergeReport& report,
               const std::stop_token& stop)
{
    SALVOR_TRY(const auto rows,
               connection.query("SELECT count(*), count(*) FILTER (WHERE t.there IS NULL), "
                                "count(*) FILTER (WHERE t.same)"
                                " FROM (SELECT r.*"
                                    + parts.rows + ") r LEFT JOIN LATERAL (SELECT true AS there, "
                                    + parts.sameValues + " AS same FROM " + table.name + " t WHERE "
                                    + parts.sameKey + ") t ON true",
                                parts.parameters, stop));
    const auto number = [&](std::size_t column) {
        return parseUnsigned(rows.at(0).at(column).value_or("")).value_or(0);
    };
    report.looked = number(0);
    report.missing = number(1);
    report.equal = number(2);
    report.different = report.looked - report.missing - report.equal;
    return {};
}

/// PostgreSQL refuses ON CONFLICT where a unique constraint waits for the end of the transaction.
Result<bool> canPassOver(Connection& connection, const Table& table, const std::stop_token& stop)
{
    SALVOR_TRY(const std::string deferred,
               connection.value("SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::oid AND "
                                "NOT indimmediate)",
                                {table.oid}, stop));
    return deferred == "f";
}

Result<> insertMissing(Connection& connection, const Parts& parts, const Table& table,
                       MergeReport& report, const std::stop_token& stop)
{
    SALVOR_CHECK(connection.query(
        "CREATE TEMPORARY TABLE salvor_missing ON COMMIT DROP AS SELECT r.*" + parts.rows
            + " AND NOT EXISTS (SELECT 1 FROM " + table.name + " t WHERE " + parts.sameKey + ")",
        parts.parameters, stop));
    SALVOR_TRY(const bool passesOver, canPassOver(connection, table, stop));
    SALVOR_CHECK(
        connection.query("SELECT set_config('search_path', $1, true)", {parts.searchPath}, stop));
    SALVOR_TRY(const std::string inserted,
               connection.value("WITH added AS (INSERT INTO " + table.name + " (" + parts.columns
                                    + ") OVERRIDING SYSTEM VALUE SELECT " + parts.columns
                                    + " FROM pg_temp.salvor_missing"
                                    + (passesOver ? " ON CONFLICT DO NOTHING" : "")
                                    + " RETURNING 1) SELECT pg_catalog.count(*) FROM added",
                                {}, stop));
    report.inserted = parseUnsigned(inserted).value_or(0);
    return {};
}

} // namespace

Result<MergeReport> mergeRows(Connection& connection, const MergeRequest& request,
                              const std::stop_token& stop)
{
    MergeReport report;
    SALVOR_CHECK(connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ"));
    SALVOR_TRY(Table recovered, findTable(connection, request.recovered, stop));
    SALVOR_TRY(Table table, findTable(connection, request.table, stop));
    SALVOR_TRY(std::string path, connection.value("SELECT current_setting('search_path')"));
    SALVOR_CHECK(connection.query("SELECT set_config('search_path', '', true)"));
    SALVOR_CHECK(setPlainText(connection, stop));
    SALVOR_CHECK(readColumns(connection, recovered, stop));
    SALVOR_CHECK(readColumns(connection, table, stop));
    SALVOR_TRY(Parts parts, compose(recovered, table, report));
    parts.searchPath = std::move(path);
    SALVOR_CHECK(addWindow(parts, recovered, request));
    SALVOR_CHECK(checkKeys(connection, recovered, parts, stop));
    SALVOR_CHECK(count(connection, parts, table, report, stop));
    if (!request.isDryRun)
        SALVOR_CHECK(insertMissing(connection, parts, table, report, stop));
    SALVOR_CHECK(commitTransaction(connection));
    return report;
}

} // namespace salvor::postgres
