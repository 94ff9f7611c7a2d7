// What the console is asked with, and what it answers. Plain values.
#pragma once

#include "core/finder/reach.h"
#include "core/model/restore_plan.h"
#include "core/model/verification.h"
#include "core/policy/prune.h"
#include "core/postgres/backup_session.h"
#include "core/repository/tree.h"
#include "core/rescue/in_place.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace salvor::console {

/// How long an answer of a repository is waited for; as storage::PlaceOptions::hasty.
enum class Patience { Short, Full };

/// What the conformance suite said of a place.
struct ConnectionTest {
    bool good = false;
    std::vector<std::string> passed; ///< Sentences.
    std::vector<std::string> failed; ///< Sentences.
    bool isRepository = false;
};

/// The result of `cluster check`: is this cluster protected now?
struct ClusterReport {
    std::string cluster;
    std::vector<model::Check> checks; ///< Worst first.
    [[nodiscard]] bool isProtected() const;
};

/// What a cluster page shows.
struct ClusterSummary {
    std::string name;
    std::string repository;
    bool configured = true; ///< In salvor.conf; else only found in the repository.
    std::optional<model::Incarnation> incarnation; ///< Unset: nothing in the repository yet.
    std::vector<model::Backup> backups;            ///< Oldest first.
    model::Assurances assurances;
    std::vector<model::RecoverableRange> ranges;
    std::vector<model::WalGap> gaps;
    std::vector<std::string> warnings; ///< Sentences.
    Moment readAt;
};

struct FoundBackup {
    model::Backup backup;
    std::string repository; ///< The one it was found in.
};

/// What was done to a backup, and in which repositories.
struct BackupChange {
    model::Backup backup;
    std::vector<std::string> repositories;
};

/// What a prune would do in one repository.
struct PrunePlan {
    std::string repository;
    bool byOwnRules = false; ///< Those of the repository's section, not of the cluster's.
    policy::PrunePlan plan;
};

struct BackupFile {
    std::string path;
    repository::TreeKind kind{};
    ByteCount size = 0;
    Moment modifiedAt;
};

struct BackupChoice {
    std::optional<model::BackupMode> mode; ///< Unset: host where the data directory is readable.
    postgres::Checkpoint checkpoint = postgres::Checkpoint::Fast;
    bool readsEverything = false; ///< Host mode: also files that cannot have changed.
    std::map<std::string, std::string> annotations;
    std::string repository; ///< One of the cluster's; empty: the first.
};

struct RestoreChoice {
    std::string cluster;
    model::RecoveryTarget target;
    std::string backupId; ///< Empty: chosen.
    Path destination;     ///< Empty in place: the cluster's data directory.
    std::map<std::uint32_t, std::string> tablespaces;
    std::string owner;
    std::optional<rescue::InPlaceChoice> inPlace; ///< Set: where a cluster is.
    std::optional<model::AtTarget> action;        ///< Unset: pause when started, promote otherwise.
    model::StartOptions startOptions;
};

struct ProofChoice {
    Path destination;
    /// Replay all WAL there is; else only up to where the backup is consistent: replay mends pages
    /// that were written again later, and would hide that the backup holds them damaged.
    bool replaysAll = false;
    bool keeps = false; ///< Leave the copy there.
};

/// A backup that was restored, started and checked.
struct RestoreProof {
    struct Step {
        std::string name;                  ///< "tables and indexes".
        std::vector<std::string> findings; ///< In PostgreSQL's words; empty when all is well.
    };
    model::Backup backup;
    model::RestoreOutcome outcome;
    std::vector<Step> steps;
    bool kept = false; ///< The copy is still there, stopped.

    [[nodiscard]] bool isGood() const noexcept;
};

} // namespace salvor::console
