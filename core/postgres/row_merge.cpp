#include "core/postgres/row_merge.h"

#include "core/base/text.h"
#include "core/postgres/table_copy.h"

#include <algorithm>

namespace salvor::postgres {

namespace {

struct Column {
    std::string name;
    std::string type;
    bool isGenerated = false;
    bool isKey = false;
};

struct Table {
    std::string name; ///< "schema"."name".
    std::vector<Column> columns;
};

constexpr const char* columnsOf = R"(
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated <> '',
    coalesce(a.attnum = ANY (k.conkey), false)
FROM pg_attribute a LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
)";

Result<Table> findTable(Connection& connection, const std::string& name,
                        const std::stop_token& stop)
{
    SALVOR_TRY(const auto found,
               connection.query("SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN "
                                "pg_namespace n ON n.oid = c.relnamespace "
                                "WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')",
                                {name}, stop));
    if (found.empty())
        return fail(ErrorCode::NotFound, "the database has no table '" + name + "'",
                    "Write it as in SQL, with its schema: sales.orders.");
    Table table;
    table.name = quotedName(found[0][1].value_or("")) + "." + quotedName(found[0][2].value_or(""));
    SALVOR_TRY(const auto rows, connection.query(columnsOf, {found[0][0].value_or("")}, stop));
    for (const Row& row : rows)
        table.columns.push_back(
            {row[0].value_or(""), row[1].value_or(""), row[2] == "t", row[3] == "t"});
    return table;
}

const Column* columnOf(const Table& table, const std::string& name)
{
    const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                    [&](const Column& column) { return column.name == name; });
    return found == table.columns.end() ? nullptr : &*found;
}

/// The statements of one merge: r is the recovered table, t the other one.
struct Statements {
    std::string rows; ///< Rows that are asked for: "FROM ... r WHERE ...".
    std::string sameKey;
    std::string sameValues;
    std::string columns; ///< That are inserted.
    std::string values;
    std::vector<std::string> parameters;
};

void append(std::string& list, const std::string& separator, const std::string& more)
{
    list += (list.empty() ? "" : separator) + more;
}

Result<Statements> compose(const Table& recovered, const Table& table, MergeReport& report)
{
    Statements made;
    for (const Column& column : table.columns) {
        const std::string name = quotedName(column.name);
        if (columnOf(recovered, column.name) == nullptr) {
            if (column.isKey)
                return fail(ErrorCode::InvalidInput, recovered.name + " has no column " + name
                                                         + " of the primary key of " + table.name);
            report.withoutValue.push_back(column.name);
            continue;
        }
        if (column.isKey)
            append(made.sameKey, " AND ", "t." + name + " = r." + name);
        if (column.isGenerated)
            continue;
        append(made.columns, ", ", name);
        append(made.values, ", ", "r." + name);
        // As text: some types, such as json, cannot be compared.
        append(made.sameValues, " AND ",
               "t." + name + "::text IS NOT DISTINCT FROM r." + name + "::text");
    }
    if (made.sameKey.empty())
        return fail(ErrorCode::InvalidInput,
                    table.name + " has no primary key: which rows are missing cannot be known",
                    "Merge by hand, by what tells its rows apart.");
    for (const Column& column : recovered.columns)
        if (columnOf(table, column.name) == nullptr)
            report.unused.push_back(column.name);
    made.rows = " FROM " + recovered.name + " r WHERE true";
    return made;
}

Result<> addWindow(Statements& made, const Table& recovered, const MergeRequest& request)
{
    if (request.column.empty())
        return {};
    const Column* column = columnOf(recovered, request.column);
    if (column == nullptr)
        return fail(ErrorCode::InvalidInput,
                    recovered.name + " has no column '" + request.column + "'");
    for (const auto& [limit, comparison] :
         {std::pair(request.since, " >= "), std::pair(request.until, " < ")}) {
        if (limit.empty())
            continue;
        made.parameters.push_back(limit);
        made.rows += " AND r." + quotedName(column->name) + comparison + "$"
                     + std::to_string(made.parameters.size()) + "::text::" + column->type;
    }
    return {};
}

Result<> count(Connection& connection, const Statements& made, const Table& table,
               MergeReport& report, const std::stop_token& stop)
{
    SALVOR_TRY(const auto rows,
               connection.query("SELECT count(*), count(*) FILTER (WHERE t.there IS NULL), "
                                "count(*) FILTER (WHERE t.same)"
                                " FROM (SELECT r.*"
                                    + made.rows + ") r LEFT JOIN LATERAL (SELECT true AS there, "
                                    + made.sameValues + " AS same FROM " + table.name + " t WHERE "
                                    + made.sameKey + ") t ON true",
                                made.parameters, stop));
    const auto number = [&](std::size_t column) {
        return parseUnsigned(rows.at(0).at(column).value_or("")).value_or(0);
    };
    report.looked = number(0);
    report.missing = number(1);
    report.equal = number(2);
    report.different = report.looked - report.missing - report.equal;
    return {};
}

} // namespace

Result<MergeReport> mergeRows(Connection& connection, const MergeRequest& request,
                              const std::stop_token& stop)
{
    MergeReport report;
    SALVOR_CHECK(connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ"));
    SALVOR_TRY(const Table recovered, findTable(connection, request.recovered, stop));
    SALVOR_TRY(const Table table, findTable(connection, request.table, stop));
    SALVOR_TRY(Statements made, compose(recovered, table, report));
    SALVOR_CHECK(addWindow(made, recovered, request));
    SALVOR_CHECK(count(connection, made, table, report, stop));
    if (!request.isDryRun) {
        const std::string insert =
            "WITH added AS (INSERT INTO " + table.name + " (" + made.columns
            + ") OVERRIDING SYSTEM VALUE SELECT " + made.values + made.rows
            + " AND NOT EXISTS (SELECT 1 FROM " + table.name + " t WHERE " + made.sameKey
            + ") ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM added";
        SALVOR_TRY(const std::string inserted, connection.value(insert, made.parameters, stop));
        report.inserted = parseUnsigned(inserted).value_or(0);
    }
    SALVOR_CHECK(connection.query("COMMIT", {}, stop));
    return report;
}

} // namespace salvor::postgres
