// Restores a cluster to where it is: what is there is renamed aside, and can be put back until
// somebody says that the restored one stays.
#pragma once

#include "core/restore/restore.h"

#include <functional>
#include <optional>

namespace salvor::rescue {

/// What a person says of a restore in place.
struct InPlaceChoice {
    std::optional<model::InPlace::Delta> delta; ///< Unset: copy, or that of the one carried on.
    std::string accepts;                        ///< As model::InPlace::accepts.
};

/// Looks at `request.destination` and says in the request what a restore there sets aside: the
/// directory, and the directories that its tablespace links lead to, which become the tablespaces'
/// places unless others were given. A link in place of the directory is followed. Writes nothing.
///
/// A restore in place that was interrupted there is carried on. Errors: NotReady when one waits
/// there for commit or rollback, or was begun with another backup or delta; Corrupt when its
/// journal cannot be read.
[[nodiscard]] Result<> aimInPlace(restore::PlanRequest& request, const InPlaceChoice& choice,
                                  Moment now);

/// restore::apply() for a plan in place. A journal is durable before the first rename; from then on
/// the same restore can be carried on, and rollBack() gives the old state, whenever it was killed.
///
/// Errors: those of apply(); NotReady when a server was started meanwhile: nothing was changed
/// then.
[[nodiscard]] Result<model::RestoreOutcome> restoreInPlace(const model::RestorePlan& plan,
                                                           const repository::Repository& repository,
                                                           restore::ApplyOptions options,
                                                           JobContext& job);

/// How far a restore in place is.
enum class Stage {
    Unfinished,  ///< Not all is restored yet: carry it on, or take it back.
    Restored,    ///< Waits for commit or rollback.
    RollingBack, ///< A rollback was interrupted: roll back again.
    Removing,    ///< The removal of the old one was interrupted: commit again.
};
[[nodiscard]] std::string_view stageName(Stage stage) noexcept; ///< "unfinished", …

struct Waiting {
    Path directory;
    Stage stage{};
    std::string cluster;
    std::string repository;
    std::string backup;
    model::InPlace::Delta delta{};
    Moment begunAt;
    std::vector<Path> old; ///< What was set aside, the data directory first.
};
/// Nothing when none waits in `directory`. Errors: as loadJournal().
[[nodiscard]] Result<std::optional<Waiting>> waitingIn(const Path& directory);

/// Opens the repository of that name.
using OpenRepository =
    std::function<Result<std::shared_ptr<repository::Repository>>(const std::string& name)>;

struct RolledBack {
    std::vector<Path>
        restored; ///< Where what had been restored lies now, the data directory first.
    std::size_t filesMovedBack = 0;
    std::size_t filesFetched = 0;
};
/// Puts the old data directory and tablespaces back, byte for byte; what was restored is renamed
/// aside in turn. After a restore that moved files, those that the server has not changed are moved
/// back, and the others are fetched from the backup, of which they were. Goes on when it was
/// interrupted.
///
/// Errors: NotFound when none waits; NotReady when a server runs in the directory, or the old one
/// is
///         being removed; before anything is renamed: those of the repository, when it is needed.
[[nodiscard]] Result<RolledBack> rollBack(const Path& directory, const OpenRepository& open,
                                          JobContext& job);

struct Committed {
    std::vector<Path> old; ///< What was set aside, the data directory first.
    bool removed = false;
    /// What lets the server archive again and have synchronous standbys, each to be run by itself:
    /// with what the old one's postgresql.auto.conf said.
    std::vector<std::string> statements;
};
/// Makes a restore in place final: nothing is put back any more. What was set aside stays, or is
/// removed when it still is the cluster that was.
///
/// Errors: NotFound when none waits; NotReady when it is not finished.
[[nodiscard]] Result<Committed> commit(const Path& directory, bool removeOld, JobContext& job);

} // namespace salvor::rescue
