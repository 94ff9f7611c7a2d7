// What stands in the WAL that a restore will replay: what replay needs, and what would hinder it.
#pragma once

#include "core/base/job_context.h"
#include "core/finder/reach.h"
#include "core/model/replay_sizes.h"
#include "core/model/restore_plan.h"

#include <vector>

namespace salvor::finder {

struct ReplayNeeds {
    /// For what cannot be fenced: CREATE TABLESPACE is replayed into the very place where the
    /// original made it, whatever the plan maps, so that a copy on the same machine would write
    /// into the original's files. For what cannot be replayed: WAL of wal_level = minimal.
    std::vector<model::Check> blockers;
    /// The largest settings that the original had on the way; 0 where it did not change them.
    model::ReplaySizes sizes;
};

/// Reads the WAL between the backup's start and the target.
///
/// Needs a reader's keys; empty for others. Source: PostgreSQL, commands/tablespace.c,
/// tblspc_redo(); access/transam, CheckRequiredParameterValues(). Errors: those of the repository;
/// Cancelled.
[[nodiscard]] Result<ReplayNeeds> replayNeeds(const repository::Repository& repository,
                                              const Resolution& resolution, JobContext& job);

} // namespace salvor::finder
