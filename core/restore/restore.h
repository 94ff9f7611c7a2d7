// Restores a backup into a new directory, by a plan made before.
#pragma once

#include "core/base/job_context.h"
#include "core/model/restore_plan.h"
#include "core/postgres/instance.h"
#include "core/repository/chunk_places.h"

#include <functional>

namespace salvor::restore {

/// Where and how; everything else comes from what was resolved.
struct PlanRequest {
    std::string repository; ///< Its name in the configuration.
    model::Backup backup;
    std::string backupChosenBecause;
    model::RecoveryTarget asked;
    model::ResolvedTarget target;
    std::vector<model::WalRange> walNeeded;
    model::ReplaySizes replaySizes;
    model::AtTarget action = model::AtTarget::Promote;
    Path destination;
    std::map<std::uint32_t, std::string> tablespaces;
    std::string owner; ///< Empty: the runner, or as root the owner of the backed-up directory.
    model::StartOptions startOptions;
    Path programs;                         ///< pg-bin of the configuration; may be empty.
    std::optional<model::InPlace> inPlace; ///< Without its words.
    std::vector<std::string> losses;
    std::vector<model::Check> found; ///< Made before, of the WAL: become part of the plan.
    std::vector<std::string> commands;
};

/// Pure but for looking: reads the tree, the listing of packs, and the destination; writes nothing.
/// Checks that found a blocker stand in the plan and refuse it at apply().
///
/// Blockers: destination not empty, a file, inside or around another data directory, or belonging
/// to a running server; a tablespace without a new place, or one that is not empty, or the same as
/// another; not enough space; packs missing or of the wrong size; WAL missing; no programs of that
/// major when it is to be started; an owner that is not there, or root; another path's filesystem
/// not writable.
[[nodiscard]] Result<model::RestorePlan> makePlan(const repository::Repository& repository,
                                                  const PlanRequest& request, JobContext& job);

/// SHA-256 over the plan's canonical JSON, in hexadecimal.
[[nodiscard]] std::string planHash(const model::RestorePlan& plan);

struct ApplyOptions {
    /// What PostgreSQL will run to fetch WAL: program, absolute configuration file.
    std::string restoreCommand;
    Path instancesFolder;
    Path programs; ///< pg-bin of the configuration; may be empty.
    unsigned workers = 0;
    /// In place: called when nothing speaks against writing any more, renames aside what is there.
    std::function<Result<>()> vacate;
    /// Copies of the repository, for what it does not give, in this order.
    std::vector<repository::ChunkPlaces::Place> copies;
    /// While a repository cannot be asked, archive-get fails beyond the last WAL that is there: a
    /// started copy does not read ahead of its target then.
    bool endIsUnknown = false;
    /// Told who gave files, also of a restore that fails later.
    std::function<void(const std::vector<std::string>&)> tellSources;
};

/// Carries a plan out.
///
/// Afterwards DIR is there with everything fsynced, pg_control put in place last (before that a
/// server refuses to start it), recovery.signal, settings in postgresql.auto.conf only, and
/// pg_verifybackup -n passes. Configuration that lay outside the data directory is beside it in
/// DIR.config. Started copies are fenced and listed as instances; "answered" means that a query
/// was answered and the reached point is the one planned.
///
/// In place, what was there is renamed aside by options.vacate, files that are as the backup has
/// them come from there, configuration outside the data directory is left as it is, and the cluster
/// keeps its WAL until somebody lets it archive again.
///
/// Errors: NotReady when a blocker stands in the plan or it is stale (backup, WAL or destination
///         changed since); Corrupt before anything was written when packs are damaged, or after,
///         naming the file; NoSpace; Cancelled. After an error nothing of it looks like a data
///         directory: what was written stays under DIR without pg_control, and the message says so.
/// Progress: bytes of files written.
[[nodiscard]] Result<model::RestoreOutcome> apply(const model::RestorePlan& plan,
                                                  const repository::Repository& repository,
                                                  const ApplyOptions& options, JobContext& job);

} // namespace salvor::restore
