// Starts a restored copy behind its fence, waits for the target, and compares what was reached.
#pragma once

#include "core/base/job_context.h"
#include "core/model/restore_plan.h"
#include "core/postgres/instance.h"

namespace salvor::restore {

/// Afterwards the copy stands where the plan says; unless it was to shut down, it answered a query.
/// Fills in the outcome. The instance is listed in a registry before, so that whatever happens it
/// can be found.
///
/// Errors: Corrupt "stopped at X, planned Y": the copy is stopped again; Cancelled: the copy was
///         stopped, its files stay and it can be started again; those of starting.
[[nodiscard]] Result<> startCopy(const model::RestorePlan& plan, const postgres::Instance& instance,
                                 const postgres::Settings& fence, model::RestoreOutcome& outcome,
                                 JobContext& job);

/// True if nothing but the header of a WAL page lies between both: a record that ends with a page
/// is followed by one that begins after the next page's header.
[[nodiscard]] bool isSamePlace(model::Lsn a, model::Lsn b) noexcept;

/// A port that nobody listens on at the moment.
[[nodiscard]] Result<int> freePort();

/// Runs `restoreCommand` once, for the first segment that replay will ask for, as PostgreSQL will
/// run it: by a shell, as the copy's owner, in a folder that holds `controlFile` at its place.
/// Errors: NotReady with what the command wrote.
[[nodiscard]] Result<> tryRestoreCommand(const model::RestorePlan& plan,
                                         const std::string& restoreCommand, ByteView controlFile,
                                         const std::optional<SystemUser>& owner, JobContext& job);

} // namespace salvor::restore
