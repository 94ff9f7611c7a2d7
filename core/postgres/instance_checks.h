// PostgreSQL's own checks of a started copy, by its own programs.
#pragma once

#include "core/postgres/instance.h"

namespace salvor::postgres {

/// What is wrong, a sentence of PostgreSQL's each. Empty: nothing was found.
using CheckFindings = std::vector<std::string>;

/// The structure of every table and B-tree index in every database that takes connections, each
/// index against its table: pg_amcheck; PostgreSQL 13 has only the extension amcheck and checks
/// indexes. The copy must take writes: the extension is installed where it is missing.
///
/// Errors: NotReady when a check could not be made, with what the program said; Cancelled.
[[nodiscard]] Result<CheckFindings> checkStructure(const Instance& instance, JobContext& job);

/// The checksum of every page of a stopped copy (pg_checksums). The cluster must have them.
/// Errors: as checkStructure().
[[nodiscard]] Result<CheckFindings> checkPageChecksums(const Instance& instance, JobContext& job);

/// Runs a psql script in the database "postgres" of the copy. Findings: the statement that failed,
/// and every row that is just "f" or NULL.
/// Errors: as checkStructure(), but for statements that fail.
[[nodiscard]] Result<CheckFindings> runValidation(const Instance& instance,
                                                  const std::string& script, JobContext& job);

} // namespace salvor::postgres
