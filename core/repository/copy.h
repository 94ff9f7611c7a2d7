// Copies what a repository holds into a copy of it, object by object. See docs/write-ordering.md.
#pragma once

#include "core/base/job_context.h"
#include "core/repository/repository.h"

namespace salvor::repository {

struct CopyRequest {
    std::vector<std::string> clusters; ///< Empty: all that the source has.
    bool dryRun = false;               ///< Looks only: nothing is written, no contents are read.
};

struct CopyReport {
    std::uint64_t packs = 0;
    std::uint64_t walObjects = 0; ///< Segments, pieces of them, history files, labels.
    std::uint64_t objects = 0;    ///< Those two, backups, and what clusters are.
    ByteCount bytes = 0;
    std::vector<std::string> backups;    ///< Copied, newest first.
    std::vector<std::string> incomplete; ///< Not copied: something that they need could not be had.
    /// Not copied: they began before the WAL that the target's own retention took away, and before
    /// it did.
    std::vector<std::string> leftOut;
    std::vector<Damage> findings; ///< Objects that were not copied.
};

/// Whether objects of one can stand in the other: the same keys for contents and names.
[[nodiscard]] bool haveSameKeys(const Repository& one, const Repository& other);

/// Copies what `to` lacks: WAL first, then backups, newest first, each after all it needs. At any
/// moment `to` is whole. Each object is checked while it is read, against its seal or the hash in
/// its name. Nothing in `to` is replaced or removed; what contradicts is a finding. Holds, retired
/// backups, outcomes of verifications and marks are each repository's own. A killed run is gone on
/// with by the next.
///
/// Progress: bytes of objects.
/// Errors: InvalidInput when both are the same repository, `to` has other keys, or there is no
///         such cluster; Denied with a writer's key for `from`; Cancelled; those of the drivers.
///         What was copied until then stays, and is whole.
[[nodiscard]] Result<CopyReport> copyRepository(const Repository& from, const Repository& to,
                                                const CopyRequest& request, JobContext& job);

/// Makes the clusters of `from` known in a copy that was just made, under the numbers that they
/// have there, so that WAL which comes first gets the right ones.
[[nodiscard]] Result<> copyIncarnations(const Repository& from, const Repository& to);

} // namespace salvor::repository
