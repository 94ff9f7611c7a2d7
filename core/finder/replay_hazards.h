// What a replay would do outside the restored directories.
#pragma once

#include "core/base/job_context.h"
#include "core/finder/reach.h"
#include "core/model/restore_plan.h"

#include <vector>

namespace salvor::finder {

/// Blockers for what stands in the WAL between the backup's start and the target and cannot be
/// fenced: CREATE TABLESPACE is replayed into the very place where the original made it, whatever
/// the plan maps, so that a copy on the same machine would write into the original's files.
///
/// Needs a reader's keys; empty for others. Source: PostgreSQL, commands/tablespace.c,
/// tblspc_redo(). Errors: those of the repository; Cancelled.
[[nodiscard]] Result<std::vector<model::Check>>
replayHazards(const repository::Repository& repository, const Resolution& resolution,
              JobContext& job);

} // namespace salvor::finder
