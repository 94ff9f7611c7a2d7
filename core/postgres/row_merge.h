// Rows that a table lost, put back out of a recovered one beside it.
#pragma once

#include "core/base/job_context.h"
#include "core/postgres/connection.h"

namespace salvor::postgres {

/// Which rows of `recovered` go into `table`; both are named as in SQL and in one database.
struct MergeRequest {
    std::string recovered;
    std::string table;
    std::string column; ///< Only rows whose value in it lies in [since, until). Empty: all.
    std::string since;  ///< As SQL writes a value, times in UTC; empty: no limit.
    std::string until;
    bool isDryRun = false; ///< Only count.
};

struct MergeReport {
    std::uint64_t looked = 0;    ///< Rows of `recovered` that were asked for.
    std::uint64_t equal = 0;     ///< There, with the same values.
    std::uint64_t different = 0; ///< There under the same key with other values; left as they are.
    std::uint64_t missing = 0;   ///< Not there.
    /// Fewer than missing where another unique value is taken, or a trigger moved or refused rows.
    std::uint64_t inserted = 0;
    std::vector<std::string> withoutValue; ///< Columns of `table` that `recovered` has not got.
    std::vector<std::string> retyped;      ///< Columns that have another type in `table`.
    std::vector<std::string> unused;       ///< Columns of `recovered` that `table` has not got.
};

/// Inserts the rows whose primary key is not there, in one transaction; nothing that is there is
/// changed. Triggers and constraints of the table act as for anybody's INSERT.
///
/// Errors: NotFound; InvalidInput for a table without a primary key, whose key `recovered` has not
///         got or has twice, or that has children; Unavailable when others changed the same rows
///         meanwhile: run it again.
[[nodiscard]] Result<MergeReport> mergeRows(Connection& connection, const MergeRequest& request,
                                            const std::stop_token& stop);

} // namespace salvor::postgres
