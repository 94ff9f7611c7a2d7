// Tables out of one database: what they are, and their rows.
#pragma once

#include "core/postgres/copy_stream.h"

#include <string>
#include <vector>

namespace salvor::postgres {

/// Quoted as SQL wants a name that may hold anything: "Or""ders".
[[nodiscard]] std::string quotedName(const std::string& name);

/// A table as it can be made again elsewhere: nothing of it leads to another object but the types.
struct TableShape {
    struct Column {
        std::string name;
        std::string type; ///< As SQL writes it, with the schema where it is not PostgreSQL's own.
        bool notNull = false;
    };
    std::string schema;
    std::string name;
    std::vector<Column> columns;
    std::vector<std::string> parts; ///< Itself, partitions and children, as SQL writes them.
    std::ptrdiff_t filledParts = 0; ///< Those that have rows of their own.
    bool isPartitioned = false;
    bool isView = false;    ///< A materialized view.
    std::string primaryKey; ///< "PRIMARY KEY (id)", or empty.
    ByteCount size = 0;     ///< On disk, with its parts and out-of-line values, without indexes.

    /// "schema"."name".
    [[nodiscard]] std::string qualified() const;
};

/// Until the transaction ends: values are written alike and exactly on both sides of a copy, and
/// row level security is an error instead of rows that are left out.
[[nodiscard]] Result<> setPlainText(Connection& connection, const std::stop_token& stop);

/// `name` as SQL takes it: orders, sales.orders, "Odd Name". In a transaction, which
/// afterwards has no search path, so that every type comes with its schema.
///
/// Errors: NotFound; InvalidInput for what holds no rows of its own (a view), lies in another
/// server
///         (a foreign table, or a table with such a part), or is not in backups (unlogged).
[[nodiscard]] Result<TableShape> describeTable(Connection& connection, const std::string& name,
                                               const std::stop_token& stop);

enum class RowFormat {
    Text, ///< PostgreSQL's own, for CopyIn.
    Csv,  ///< With a line of column names; UTF-8, dates as ISO 8601.
};

/// All rows, with those of partitions and children. Gives how many. Runs no
/// function of the database but those that write its types.
[[nodiscard]] Result<std::uint64_t> copyRows(Connection& from, const TableShape& table,
                                             RowFormat format, const TakeCopy& take,
                                             JobContext& job);

/// Makes the table in `schema` of another server's database, which is there, with its rows and then
/// its primary key, and counts the rows. In a transaction on each side, after setPlainText(). A
/// table with children gets no key: theirs may repeat it.
///
/// Errors: AlreadyExists when a table of that name is there; NotFound for a type that is not;
///         Corrupt when the rows counted are not the rows sent.
[[nodiscard]] Result<std::uint64_t> copyTable(Connection& from, const TableShape& table,
                                              Connection& into, const std::string& schema,
                                              JobContext& job);

} // namespace salvor::postgres
