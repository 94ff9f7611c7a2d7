// A restore as a value: everything it will do, before anything is touched.
#pragma once

#include "core/base/json.h"
#include "core/model/backup.h"
#include "core/model/recovery_target.h"
#include "core/model/replay_sizes.h"
#include "core/model/wal.h"

#include <map>
#include <string>
#include <vector>

namespace salvor::model {

/// One of the checks made before a restore.
struct Check {
    enum class Level { Blocker, Warning, Note, Passed };
    Level level = Level::Passed;
    std::string name;  ///< "space", "destination", "WAL", "key", "programs".
    std::string found; ///< A sentence: what is.
    std::string cause; ///< Why that matters; may be empty.
    std::string fix;   ///< What to do; may be empty.

    friend bool operator==(const Check&, const Check&) = default;
};

/// How a started copy runs.
struct StartOptions {
    bool start = false;
    int port = 0; ///< 0: a free one is taken when it starts.

    friend bool operator==(const StartOptions&, const StartOptions&) = default;
};

/// A restore to where a cluster is: what is there is renamed aside and stays whole, and files that
/// are as the backup has them are copied from it.
struct InPlace {
    struct Rename {
        std::string from;
        std::string to;
        std::uint64_t inode = 0; ///< Of the directory, by which it is known under either name.

        friend bool operator==(const Rename&, const Rename&) = default;
    };
    std::vector<Rename> setsAside;  ///< The data directory first, then tablespaces.
    std::string accepts;            ///< System identifier of another cluster that may be set aside,
                                    ///< or "unknown"; empty: only the backup's own.
    bool goesOn = false;            ///< One that was interrupted is carried on.
    std::vector<std::string> words; ///< Sentences: what is set aside and what is taken over.

    friend bool operator==(const InPlace&, const InPlace&) = default;
};
[[nodiscard]] Json toJson(const InPlace& inPlace);
[[nodiscard]] Json renameJson(const InPlace::Rename& rename);
/// Errors: Corrupt.
[[nodiscard]] Result<InPlace::Rename> renameFromJson(const Json& json);
/// Errors: Corrupt.
[[nodiscard]] Result<InPlace> inPlaceFromJson(const Json& json);

struct RestorePlan {
    std::string repository; ///< Its name in the configuration.
    std::string repositoryId;
    std::string cluster;
    Backup backup;
    std::string backupChosenBecause; ///< A sentence.
    RecoveryTarget asked;
    ResolvedTarget target;
    AtTarget action = AtTarget::Promote;
    /// How action was decided, and the segments that replay will read.
    std::vector<WalRange> walNeeded;
    ReplaySizes replaySizes; ///< The largest that stand in the WAL to be replayed; 0: none does.

    std::string destination; ///< Absolute.
    std::map<std::uint32_t, std::string>
        tablespaces;   ///< OID to new absolute path; every one named.
    std::string owner; ///< User that will own and run it.
    StartOptions startOptions;
    std::optional<InPlace> inPlace; ///< Unset: into a new directory.

    ByteCount bytesToWrite = 0;        ///< Files of the backup.
    ByteCount bytesToFetch = 0;        ///< From the repository, for the files.
    std::vector<std::string> creates;  ///< Sentences: what will be created.
    std::vector<std::string> destroys; ///< Sentences; empty for a new directory.
    std::vector<std::string> losses;   ///< Sentences: what work will be missing afterwards.
    std::vector<std::string> commands; ///< The exact salvorctl command that does the same.
    std::vector<Check> checks;
    Moment madeAt;

    /// Canonical JSON; its SHA-256 is the plan's name.
    [[nodiscard]] Json toJson() const;
    /// Errors: InvalidInput, Incompatible when a newer program wrote it.
    [[nodiscard]] static Result<RestorePlan> fromJson(const Json& json);
};

/// How far a restore came. Only Answered is success.
enum class RestoreState { Files, Reached, Answered };
[[nodiscard]] std::string_view restoreStateName(RestoreState state) noexcept; ///< "files", …

struct RestoreOutcome {
    RestoreState state = RestoreState::Files;
    std::string destination;
    std::string startCommand;           ///< For State Files: what starts it.
    std::optional<Lsn> reachedLsn;      ///< Where replay stood.
    std::optional<Moment> lastCommitAt; ///< Newest replayed commit, as the server says.
    std::optional<TimelineId> timeline; ///< After a promotion: the new one.
    std::string instance;               ///< Name in `salvorctl instance list`, when started.
    int port = 0;
    std::string socketDirectory;
    std::vector<std::string> repositories; ///< Those that the files came from.
    std::vector<std::string> warnings;
};

} // namespace salvor::model
