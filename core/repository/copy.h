// Copies what a repository holds into a copy of it, object by object. See docs/write-ordering.md.
#pragma once

#include "core/base/job_context.h"
#include "core/repository/repository.h"

namespace salvor::repository {

struct CopyRequest {
    std::vector<std::string> clusters; ///< Empty: all that the source has.
    bool dryRun = false;               ///< Looks only: nothing is written, no contents are read.
};

/// A backup that is not copied because of what the target's own retention did.
struct LeftOutBackup {
    std::string id;
    std::string because; ///< "it was retired there".
};

/// Files of one incarnation's WAL that are not copied: they are from before the place where a prune
/// of the target cut the WAL, and were stored before it did.
struct LeftOutWal {
    std::string cluster;
    std::uint32_t incarnation = 0;
    std::uint64_t files = 0;
    model::Lsn before{};
};

struct CopyReport {
    std::uint64_t packs = 0;
    std::uint64_t walObjects = 0; ///< Segments, pieces of them, history files, labels.
    std::uint64_t objects = 0;    ///< Those two, backups, and what clusters are.
    ByteCount bytes = 0;
    std::vector<std::string> backups;    ///< Copied, newest first.
    std::vector<std::string> incomplete; ///< Not copied: something that they need could not be had.
    /// The target listed them already and had lost something that they need: it has it again.
    std::vector<std::string> mended;
    std::vector<std::string> broken; ///< The same, and it could not be had.
    /// What the target's own retention does not want.
    std::vector<LeftOutBackup> leftOut;
    std::vector<LeftOutWal> walLeftOut;
    std::vector<Damage>
        findings; ///< Objects that were not copied, and what is wrong in the target.

    /// Whether the target has all that was asked for, but for what its own retention does not want.
    [[nodiscard]] bool isComplete() const noexcept
    {
        return findings.empty() && incomplete.empty() && broken.empty();
    }
};

/// Whether objects of one can stand in the other: the same keys for contents and names.
[[nodiscard]] bool haveSameKeys(const Repository& one, const Repository& other);

/// Why one of `ours` cannot be put together with those of a copy: its number means another cluster
/// there, or the cluster has another number. The text reads on after "incarnation 2".
[[nodiscard]] std::optional<std::string>
contradiction(const std::vector<model::Incarnation>& ours,
              const std::vector<model::Incarnation>& theirs, const model::Incarnation& incarnation);

/// Copies what `to` lacks: WAL first, then backups, newest first, each after all it needs. At any
/// moment `to` is whole. Each object is checked while it is read, against its seal or the hash in
/// its name. Packs and WAL that `to` lost of backups that it lists are copied again: told by a
/// listing, so that a damaged object of the right size stays. Nothing in `to` is replaced or
/// removed; what contradicts is a finding, and so is what goes away meanwhile. An incarnation that
/// the two know under different numbers is not touched. Holds, retired backups, outcomes of
/// verifications and marks are each repository's own. A killed run is gone on with by the next.
///
/// Progress: bytes of objects.
/// Errors: InvalidInput when both are the same repository, `to` has other keys, or there is no
///         such cluster; Denied with a writer's key for `from`; NotReady when one of the two is not
///         at its place any more; Cancelled; those of the drivers.
///         What was copied until then stays, and is whole.
[[nodiscard]] Result<CopyReport> copyRepository(const Repository& from, const Repository& to,
                                                const CopyRequest& request, JobContext& job);

/// Makes the clusters of `from` known in a copy that was just made, under the numbers that they
/// have there, so that WAL which comes first gets the right ones.
[[nodiscard]] Result<> copyIncarnations(const Repository& from, const Repository& to);

} // namespace salvor::repository
