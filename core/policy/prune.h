// Retires what the rules of a cluster do not want any more, and removes it after a grace.
#pragma once

#include "core/policy/retention.h"
#include "core/repository/sweep.h"

namespace salvor::policy {

/// What a prune would do. Pure: made from looking only.
struct PrunePlan {
    std::string cluster;
    model::RetentionRules rules;
    Moment madeAt;
    Retention retention;
    std::vector<model::RetiredBackup> retired; ///< Already before; they wait for the grace.
    /// What can be restored of the newest incarnation, now and when the grace is over.
    std::vector<model::RecoverableRange> before;
    std::vector<model::RecoverableRange> after;
    repository::SweepReport frees; ///< When the grace is over.

    [[nodiscard]] std::vector<const Verdict*> retiring() const;
};

/// What is there to decide about, now. Errors: as planPrune().
[[nodiscard]] Result<RetentionInput> retentionInput(const repository::Repository& repository,
                                                    const std::string& cluster,
                                                    const model::RetentionRules& rules);

/// Errors: NotFound for an unknown cluster; Corrupt when a backup or a hold cannot be read, since
///         nobody knows what it needs then; those of the repository.
[[nodiscard]] Result<PrunePlan> planPrune(const repository::Repository& repository,
                                          const std::string& cluster,
                                          const model::RetentionRules& rules, JobContext& job);

struct PruneOutcome {
    std::vector<std::string> retired;
    repository::SweepReport removed;
    std::string postponedBecause; ///< A sentence: why nothing was removed this time.
};

/// Holds are looked at again before each backup is retired. Errors: those of the repository; what
/// was done stays done, and the next prune goes on.
[[nodiscard]] Result<PruneOutcome> applyPrune(const repository::Repository& repository,
                                              const PrunePlan& plan, std::chrono::seconds grace,
                                              JobContext& job);

} // namespace salvor::policy
