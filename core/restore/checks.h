// What is looked at before a restore, at planning and again when it begins.
#pragma once

#include "core/base/job_context.h"
#include "core/model/restore_plan.h"
#include "core/repository/repository.h"
#include "core/restore/contents.h"
#include "core/restore/mounts.h"

namespace salvor::restore {

/// What was seen.
struct Look {
    std::vector<model::Check> checks; ///< Worst first.
    Contents contents;
    std::shared_ptr<repository::Repository::Index> index;
    std::vector<Path> unfinished; ///< Places that hold an unfinished restore: they are set aside.
};

/// Reads the tree, the listing of packs and of WAL, and the places; writes nothing. A check that
/// could not be made is a blocker with the reason.
///
/// Errors: those of reading the backup's tree; Cancelled.
[[nodiscard]] Result<Look> look(const model::RestorePlan& plan, const Path& programs,
                                const repository::Repository& repository, Keep keep,
                                JobContext& job);

// Parts of it, on places of this machine.
[[nodiscard]] std::vector<model::Check> checkDestination(const Places& places);
/// For a plan in place, instead of the above. `mountinfo`: see checkRenamable().
[[nodiscard]] std::vector<model::Check> checkInPlace(const model::RestorePlan& plan,
                                                     const Places& places,
                                                     const repository::Repository& repository,
                                                     const Path& mountinfo = kernelMounts);
/// Segments in a pg_wal that hold WAL of their name and are not in the archive, in order. Errors:
/// those of listing the archive or the folder.
[[nodiscard]] Result<std::vector<std::string>>
walNotArchived(const Path& walFolder, const model::Incarnation& incarnation,
               const repository::Repository& repository);
/// Whether a place still holds what a restore in place is going to rename aside.
[[nodiscard]] bool isStillThere(const model::RestorePlan& plan, const Path& place);
[[nodiscard]] std::vector<model::Check> checkTablespaces(const model::RestorePlan& plan,
                                                         const Places& places);
[[nodiscard]] std::vector<model::Check> checkSpace(const Contents& contents,
                                                   const model::RestorePlan& plan);
[[nodiscard]] model::Check checkOwner(const model::RestorePlan& plan);
[[nodiscard]] model::Check checkPrograms(const model::RestorePlan& plan, const Path& programs);
[[nodiscard]] std::vector<model::Check> checkPort(const model::RestorePlan& plan);

/// Not as root, or as root who gives files away: only then does the plan's owner matter.
[[nodiscard]] bool runsAsRoot() noexcept;

} // namespace salvor::restore
