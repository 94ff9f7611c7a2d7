// What can be reached: resolves a target into numbers, or says why it cannot be had.
#pragma once

#include "core/base/job_context.h"
#include "core/model/recovery_target.h"
#include "core/model/wal.h"
#include "core/repository/repository.h"

namespace salvor::finder {

/// Why a target cannot be reached, with what can be. Goes into Error and into JSON ("nearest").
struct Nearest {
    std::optional<model::WalEvent> before; ///< The last commit that can be had before it.
    std::optional<model::WalEvent> after;  ///< The first after it.
};

struct Resolution {
    model::Backup backup;
    std::string backupChosenBecause;
    model::ResolvedTarget target;
    std::vector<model::WalRange> walNeeded;
    /// The commit after the target, where there is one: what is lost begins there.
    std::optional<model::WalEvent> firstLost;
    std::optional<model::WalEvent> lastArchived; ///< The newest commit that the archive has.
    std::uint64_t commitsLost = 0; ///< Counted up to the end of the archive on this path.
};

struct ResolveRequest {
    std::string cluster;
    model::RecoveryTarget target;
    std::string backupId; ///< Empty: the newest whose stop LSN ≤ the target's on that path.
};

/// Reads the WAL that must be read, and nothing of the source server.
///
/// Rules, each with its reason in the error:
/// - latest: the last commit of the continuous WAL; "immediate" when there is none after the
///   backup.
/// - time: PostgreSQL stops before the first commit or abort, in WAL order, that is later (at or
///   later when exclusive); there must be one after it, else the target is out of reach and the
///   last commit is named. The target becomes the LSN of the last commit kept.
/// - LSN: must lie in continuous WAL after the backup's stop; becomes the record it falls on.
/// - XID: must be a commit on the path; aborted, subtransaction's and unknown ones are refused,
///   each with its own reason; below 2^32 the epoch is completed, and refused when two epochs fit.
///   Exclusive is the end of the last transaction before it, where there is one after the backup.
/// - restore point: the first of that name after the backup's stop; another of the same name later
///   is a warning in `words`.
/// - a target before the stop of the oldest backup, or between the start and the stop of the only
///   one, is refused: PostgreSQL would go on to consistency and serve newer data without a word.
[[nodiscard]] Result<Resolution> resolve(const repository::Repository& repository,
                                         const ResolveRequest& request, JobContext& job,
                                         Nearest* nearest = nullptr);

/// For each backup of the newest incarnation, oldest first, what can be restored from it on its own
/// timeline's newest continuation. Reads only the last segments of each range.
[[nodiscard]] Result<std::vector<model::RecoverableRange>>
recoverableRanges(const repository::Repository& repository, const model::Incarnation& incarnation,
                  JobContext& job);

} // namespace salvor::finder
