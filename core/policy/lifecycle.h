// What a bucket is to do with a repository by itself, and what it must not do.
#pragma once

#include "core/model/restore_plan.h"
#include "core/storage/s3_lifecycle.h"

namespace salvor::policy {

/// From the configuration of a repository.
struct LifecycleWishes {
    int moveAfterDays = 0;   ///< 0: packs and WAL stay in the class they were written to.
    std::string moveTo;      ///< A class that can be read at once.
    int oldVersionDays = 30; ///< How long a versioned bucket keeps what was replaced or removed.
};

/// What is in a bucket and what would be. Pure.
struct LifecyclePlan {
    std::string prefix; ///< Of the repository: "dr/"; empty: all of the bucket.
    std::vector<storage::LifecycleRule> now; ///< All rules of the bucket.
    std::vector<storage::LifecycleRule> own; ///< Ours, as they are to be.
    std::vector<model::Check> dangers;       ///< What rules do to the repository.

    /// Whether one of the rules in the bucket was made for this repository by such a plan.
    [[nodiscard]] bool isOwn(const storage::LifecycleRule& rule) const;
    /// Whether there is nothing to change.
    [[nodiscard]] bool isInPlace() const;
    /// The rules of others as they are, and our own.
    [[nodiscard]] std::vector<storage::LifecycleRule> after() const;
};

/// Rules of ours never delete an object: what no backup needs is known to a prune alone.
[[nodiscard]] LifecyclePlan planLifecycle(const std::string& prefix,
                                          std::vector<storage::LifecycleRule> now,
                                          const LifecycleWishes& wishes);

/// What it does, as sentences: "deletes objects after 365 days".
[[nodiscard]] std::vector<std::string> lifecycleSentences(const storage::LifecycleActions& actions);

/// Whether reading an object of that class at once is refused by the store.
[[nodiscard]] bool isColdClass(std::string_view storageClass);

} // namespace salvor::policy
