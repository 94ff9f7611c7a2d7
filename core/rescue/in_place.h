// Restores a cluster to where it is: what is there is renamed aside, stays whole, and can be put
// back until somebody says that the restored one stays.
#pragma once

#include "core/restore/mounts.h"
#include "core/restore/restore.h"

#include <functional>
#include <optional>

namespace salvor::rescue {

/// What a person says of a restore in place.
struct InPlaceChoice {
    std::string accepts; ///< As model::InPlace::accepts.
};

/// The directory that `place` means: links are followed, also one that leads to what is not there
/// now, because it was renamed aside.
[[nodiscard]] Path resolvePlace(const Path& place);

/// Looks at `request.destination` and says in the request what a restore there sets aside: the
/// directory, and its tablespaces. Where it is the directory that was backed up, they are found by
/// its links; elsewhere each needs an empty place, because the links of a copy lead to the
/// original's.
/// Writes nothing. What speaks against it is added to request.found.
///
/// A restore in place that was interrupted there is carried on. Errors: NotReady when nothing is
/// there, when one waits there for commit or rollback, or was begun with another backup; Corrupt
/// when its journal cannot be read.
[[nodiscard]] Result<> aimInPlace(restore::PlanRequest& request, const InPlaceChoice& choice,
                                  Moment now);

/// restore::apply() for a plan in place. A journal is durable before the first rename; from then on
/// the same restore can be carried on, and rollBack() gives the old state, whenever it was killed.
///
/// Errors: those of apply(); NotReady when a server was started meanwhile, or what is there is not
/// what the plan or the journal says: nothing was changed then.
[[nodiscard]] Result<model::RestoreOutcome> restoreInPlace(const model::RestorePlan& plan,
                                                           const repository::Repository& repository,
                                                           restore::ApplyOptions options,
                                                           JobContext& job);

/// How far a restore in place is.
enum class Stage {
    Unfinished,  ///< Not all is restored yet: carry it on, or take it back.
    Restored,    ///< Waits for commit or rollback.
    RollingBack, ///< A rollback was interrupted: roll back again.
};
[[nodiscard]] std::string_view stageName(Stage stage) noexcept; ///< "unfinished", …

struct Waiting {
    Path directory;
    Stage stage{};
    std::string cluster;
    std::string repository;
    std::string backup;
    Moment begunAt;
    std::vector<Path> old; ///< What was set aside, the data directory first.
};
/// Nothing when none waits in `directory`. Errors: as loadJournal().
[[nodiscard]] Result<std::optional<Waiting>> waitingIn(const Path& directory);

struct RolledBack {
    std::vector<Path>
        restored; ///< Where what had been restored lies now, the data directory first.
};
/// Puts the old data directory and tablespaces back as they were, by renames; what was
/// restored is renamed aside in turn. What it notes takes a few kilobytes: on a full disk a restore
/// in place has kept them ready. Looks whether all of them are there, by their inodes, before
/// anything is renamed, and again when it is done. Goes on when it was interrupted.
///
/// Errors: NotFound when none waits; NotReady when a server runs in the directory, a place cannot
/// be renamed, or what is there is not what the journal says; Denied when the journal is another
/// user's; NoSpace with what may be removed.
[[nodiscard]] Result<RolledBack> rollBack(const Path& directory, JobContext& job,
                                          const Path& mountinfo = restore::kernelMounts);

/// Opens the repository of that name.
using OpenRepository =
    std::function<Result<std::shared_ptr<repository::Repository>>(const std::string& name)>;

struct Committed {
    /// What was set aside, the data directory first, and where its pg_wal leads when that is a
    /// link. It is not touched.
    std::vector<Path> old;
    /// Segments among it that the archive lacks; nothing when that could not be found out.
    std::optional<std::vector<std::string>> walOnlyThere;
    /// What lets the server archive again and have synchronous standbys, each to be run by itself:
    /// with what the old one's postgresql.auto.conf said. Empty when it is not known what that
    /// said, because it cannot be read or is not known to be this cluster's: a person has to.
    std::vector<std::string> statements;
    /// What the restore wrote into postgresql.auto.conf: "archive_command = ''", …
    std::vector<std::string> switchedOff;
};
/// Makes a restore in place final: nothing is put back any more. Nothing is removed.
///
/// Errors: NotFound when none waits; NotReady when it is not finished, what was set aside is not
/// where the journal says, or the restored cluster did not end its recovery yet; Denied when the
/// journal is another user's.
[[nodiscard]] Result<Committed> commit(const Path& directory, const OpenRepository& open,
                                       JobContext& job);

} // namespace salvor::rescue
