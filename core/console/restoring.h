// Which of several repositories a restore is planned and done from.
#pragma once

#include "core/model/restore_plan.h"

namespace salvor::console {

/// Of two plans for the latest moment the one that reaches further: on the newer timeline, or on
/// the same one to a later end. In any case the one without a blocker.
[[nodiscard]] bool isBetter(const model::RestorePlan& plan, const model::RestorePlan& other);

/// A restore that failed.
struct FailedRestore {
    const Error& error;
    bool isFinished = false;  ///< The data directory is whole: it failed later.
    bool hasWritten = false;  ///< Something is at the destination.
    bool isReachable = false; ///< Its repository, now.
};
/// Whether another repository may do better: this one cannot be read, or gave something damaged.
/// What the destination does is no reason.
[[nodiscard]] bool mayPassOn(const FailedRestore& failed);

} // namespace salvor::console
