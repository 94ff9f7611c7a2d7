// Tables out of a backup, as they were at a moment, without touching the cluster they come from.
#pragma once

#include "core/console/console.h"

namespace salvor::console {

/// Where tables come from and where they go. One of csvFolder, dumpFile and into is set.
struct ExtractChoice {
    RestoreChoice restore; ///< Of the copy that is made for it. Unused when `copy` is set.
    std::string copy;      ///< A started copy to take them from, which stays as it is.
    std::string database;
    std::vector<std::string> tables; ///< As SQL takes them: sales.orders.
    Path csvFolder;                  ///< Gets a file schema.table.csv for each; is made.
    Path dumpFile;                   ///< Gets all of them in pg_dump's custom format.
    std::string into;                ///< A connection string: they are made anew there, ...
    std::string schema;              ///< ... in this schema.
    bool keeps = false;              ///< Let the copy that was made for it run on.
};

struct ExtractedTable {
    std::string name; ///< "sales"."orders".
    std::uint64_t rows = 0;
    std::string place; ///< The file, or the table it is in now.
};

struct Extraction {
    std::optional<model::RestoreOutcome> made; ///< The copy that was made for it.
    bool kept = false;
    std::vector<ExtractedTable> tables;
};

/// Restores the cluster into a new directory and starts it fenced, takes the tables out of it, and
/// removes the copy (where that fails, a warning says so). What is written appears whole or not at
/// all: files under their names when all are written, tables by one transaction. Nothing that
/// exists is written over.
///
/// Errors: those of a restore and of postgres::describeTable(); AlreadyExists for a file or table
/// that
///         is there. When the restore succeeded and the rest did not, the copy runs on, for another
///         try.
[[nodiscard]] Result<Extraction> extractTables(Console& console, const ExtractChoice& choice,
                                               JobContext& job);

/// Of a connection string that a person typed. Errors: InvalidInput when it holds a password.
[[nodiscard]] Result<> checkConnectionString(const std::string& conninfo);

} // namespace salvor::console
