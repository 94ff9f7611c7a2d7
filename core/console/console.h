// The one door for the programs: what salvorctl and the window can do.
#pragma once

#include "core/base/job_context.h"
#include "core/console/restoring.h"
#include "core/console/values.h"
#include "core/finder/reach.h"
#include "core/model/restore_plan.h"
#include "core/policy/lifecycle.h"
#include "core/postgres/backup_session.h"
#include "core/postgres/instance.h"
#include "core/repository/copy.h"
#include "core/rescue/in_place.h"
#include "core/settings/config.h"
#include "core/verify/verify.h"
#include "core/wal/receiver.h"

#include <functional>
#include <memory>

namespace salvor::console {

/// Asks a person for a passphrase. Unset where there is nobody to ask.
using AskPassphrase = std::function<Result<Secret>(const std::string& repository)>;

/// Where the running program and its state are: given by main().
struct Surroundings {
    Path program;     ///< Absolute path of salvorctl, for restore_command.
    Path stateFolder; ///< $XDG_STATE_HOME/salvor.
    Path spoolFolder; ///< The same, or where else this user can write; empty: the state folder.
};

/// Thread-safe: opened repositories are shared and kept.
class Console {
public:
    Console(settings::Config config, Surroundings surroundings, AskPassphrase ask);
    ~Console();

    [[nodiscard]] const settings::Config& config() const noexcept { return m_config; }
    [[nodiscard]] const Surroundings& surroundings() const noexcept { return m_surroundings; }

    // Repositories. -------------------------------------------------------------------------
    /// Kept open for the next call.
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>> open(const std::string& name);
    /// For this call: another repository may be at the place than the one that was opened before.
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>> openAnew(const std::string& name,
                                                                           Patience patience) const;
    /// Names of a cluster's repositories, the first one first. Without a section of the cluster:
    /// the first that knows it, the copies of that which do, and those that could not be asked.
    [[nodiscard]] Result<std::vector<std::string>> repositoriesOf(const std::string& cluster);
    /// Makes the key file first when the configuration names one that is not there yet. With
    /// `copyOf`, another repository of the configuration, objects of that one can be copied into
    /// it.
    [[nodiscard]] Result<repository::RepositoryInfo> initRepository(const std::string& name,
                                                                    const std::string& copyOf = {});
    /// Copies what `to`, a copy of `from`, lacks. Both are names of the configuration.
    [[nodiscard]] Result<repository::CopyReport>
    copyRepository(const std::string& from, const std::string& to,
                   const repository::CopyRequest& request, JobContext& job);
    [[nodiscard]] Result<repository::RepositoryInfo> repositoryInfo(const std::string& name);
    [[nodiscard]] Result<std::vector<repository::KeySlot>> keys(const std::string& name);
    [[nodiscard]] Result<repository::KeySlot> addKey(const std::string& name,
                                                     const repository::Unlock& key,
                                                     repository::SlotAccess access,
                                                     const std::string& label);
    /// The key that the configuration gives, as a sheet to print; it was tried before. Errors:
    /// InvalidInput for a passphrase, which needs none, and for a plain repository.
    [[nodiscard]] Result<Secret> keySheet(const std::string& name);
    [[nodiscard]] Result<> removeKey(const std::string& name, const std::string& slot);
    /// The conformance suite against a place that need not be a repository yet.
    using ConnectionTest = console::ConnectionTest;
    [[nodiscard]] static Result<ConnectionTest>
    testConnection(const settings::RepositoryConfig& place, JobContext& job);
    /// Errors: InvalidInput for a repository that is in no bucket.
    [[nodiscard]] Result<policy::LifecyclePlan> planLifecycle(const std::string& repository,
                                                              JobContext& job);
    /// Puts our own rules there; those of others stay as they are. Errors: as planLifecycle(), and
    /// those of storage::BucketLifecycle::replace().
    [[nodiscard]] Result<policy::LifecyclePlan> applyLifecycle(const std::string& repository,
                                                               JobContext& job);
    /// Drops what is kept of a repository, so that the next call opens it anew.
    void reopen(const std::string& name);

    // Clusters and backups. A `repository` is one of the configuration; empty: the first one of the
    // cluster, or the first that has the backup. ---------------------------------------------
    [[nodiscard]] Result<std::string> repositoryFor(const std::string& cluster,
                                                    const std::string& repository);
    [[nodiscard]] Result<ClusterReport> checkCluster(const std::string& cluster, JobContext& job,
                                                     const std::string& repository = {});
    [[nodiscard]] Result<model::Incarnation> adoptCluster(const std::string& cluster);
    /// Of configuration and repositories together, one for each repository; or those of one
    /// repository. One that cannot be read gives a summary with a warning, not an error.
    [[nodiscard]] Result<std::vector<ClusterSummary>> clusters(JobContext& job,
                                                               const std::string& repository = {});
    [[nodiscard]] Result<model::Backup> backup(const std::string& cluster,
                                               const BackupChoice& choice, JobContext& job);
    [[nodiscard]] Result<std::vector<model::Backup>> backups(const std::string& cluster,
                                                             const std::string& repository = {});
    [[nodiscard]] Result<FoundBackup> findBackup(const std::string& id,
                                                 const std::string& repository = {});
    [[nodiscard]] Result<std::vector<BackupFile>> backupFiles(const FoundBackup& found,
                                                              JobContext& job);
    [[nodiscard]] Result<model::WalArchiveState> walState(const std::string& cluster,
                                                          const std::string& repository = {});
    [[nodiscard]] Result<std::vector<model::RecoverableRange>>
    recoverable(const std::string& cluster, JobContext& job, const std::string& repository = {});

    // Retention. ----------------------------------------------------------------------------
    /// By the rules of the configuration for that repository. Pure but for looking.
    [[nodiscard]] Result<PrunePlan> planPrune(const std::string& cluster, JobContext& job,
                                              const std::string& repository = {});
    [[nodiscard]] Result<policy::PruneOutcome> prune(const PrunePlan& plan,
                                                     std::chrono::seconds grace, JobContext& job);
    /// Errors: NotReady for the newest backup of its cluster, and for one that is held;
    ///         InvalidInput when several repositories have it and none is named.
    [[nodiscard]] Result<BackupChange> retireBackup(const std::string& id,
                                                    const std::string& repository,
                                                    const std::string& because, JobContext& job);
    /// Of a retired backup: brings it back, too. In every repository that has it, when none is
    /// named; with a warning for one that cannot be read.
    [[nodiscard]] Result<BackupChange> holdBackup(const std::string& id,
                                                  const std::string& repository,
                                                  const model::Hold& hold, JobContext& job);
    /// In every repository that holds it when none is named. Errors: InvalidInput when they hold it
    /// for different reasons then.
    [[nodiscard]] Result<BackupChange> unholdBackup(const std::string& id,
                                                    const std::string& repository, JobContext& job);
    [[nodiscard]] Result<std::vector<model::RetiredBackup>>
    retired(const std::string& cluster, const std::string& repository = {});

    // Restore. ------------------------------------------------------------------------------
    /// Pure but for looking. `nearest` is filled when the target is out of reach.
    [[nodiscard]] Result<model::RestorePlan>
    planRestore(const RestoreChoice& choice, JobContext& job, finder::Nearest* nearest = nullptr);
    /// Errors: NotReady when the plan is stale or holds a blocker.
    [[nodiscard]] Result<model::RestoreOutcome> applyRestore(const model::RestorePlan& plan,
                                                             JobContext& job);
    [[nodiscard]] static std::string planHash(const model::RestorePlan& plan);
    /// Restores in place that wait, and an error for each cluster of which it cannot be told.
    [[nodiscard]] std::vector<Result<rescue::Waiting>> waitingInPlace() const;
    /// `place`: an absolute directory, or a cluster of the configuration.
    Result<rescue::RolledBack> rollBackInPlace(const std::string& place, JobContext& job);
    [[nodiscard]] Result<rescue::Committed> commitInPlace(const std::string& place,
                                                          JobContext& job);

    // Started copies. -----------------------------------------------------------------------
    [[nodiscard]] Result<std::vector<postgres::Instance>> instances() const;
    [[nodiscard]] Result<postgres::InstanceStatus> instanceStatus(const std::string& name) const;
    [[nodiscard]] Result<postgres::InstanceStatus> promote(const std::string& name,
                                                           JobContext& job);
    [[nodiscard]] Result<postgres::InstanceStatus> resume(const std::string& name, JobContext& job);
    [[nodiscard]] Result<> stopInstance(const std::string& name, JobContext& job);
    [[nodiscard]] Result<> removeInstance(const std::string& name, JobContext& job);
    /// Stops the copy in `destination` that was made since, also when the job was stopped.
    [[nodiscard]] Result<> stopCopyIn(const Path& destination, Moment since,
                                      const JobContext& job) const;

    // WAL that is received; core/console/archiving.h has what PostgreSQL calls. ----------------
    /// What stands in the configuration about it. `synchronous`: nothing waits for the interval.
    [[nodiscard]] Result<wal::ReceiveRequest> receiveRequest(const std::string& cluster,
                                                             bool synchronous) const;
    [[nodiscard]] Result<model::Lsn> receiveWal(const wal::ReceiveRequest& request,
                                                JobContext& job);
    [[nodiscard]] Result<bool> createReceiveSlot(const wal::ReceiveRequest& request,
                                                 JobContext& job);

    // Verification. -------------------------------------------------------------------------
    /// Notes the outcome beside each backup; where that cannot be done, a warning says so.
    [[nodiscard]] Result<verify::VerifyReport>
    verify(const std::string& repository, const verify::VerifyRequest& request, JobContext& job);
    /// Backups that are known to be damaged, or of which not everything was read for so long.
    [[nodiscard]] Result<std::vector<std::string>> backupsToVerify(const std::string& repository,
                                                                   std::chrono::seconds age);
    /// What was noted of a cluster's backups.
    [[nodiscard]] Result<std::vector<model::Verification>>
    verifications(const std::string& cluster, const std::string& repository = {});
    /// Restores a backup into a new directory, starts it fenced, has PostgreSQL check it, runs the
    /// cluster's validation queries, stops it, and removes it again unless it is to be kept or
    /// something was found. Tablespaces come to lie beside the directory. Notes the outcome.
    ///
    /// Errors: those of a restore; NotReady when a check could not be made. The copy is stopped
    ///         then, and kept.
    [[nodiscard]] Result<RestoreProof> proveBackup(const std::string& id, const ProofChoice& choice,
                                                   JobContext& job);

private:
    struct Opened;

    /// The name of the repository that has a cluster: of the configuration, else the first that
    /// knows it.
    [[nodiscard]] Result<std::string> repositoryOf(const std::string& cluster);
    [[nodiscard]] Result<model::RestorePlan> planFrom(const std::string& name,
                                                      const RestoreChoice& choice, JobContext& job,
                                                      finder::Nearest* nearest);
    [[nodiscard]] Result<model::RestoreOutcome> applyFrom(const std::string& name,
                                                          const model::RestorePlan& plan,
                                                          std::vector<std::string>& gave,
                                                          JobContext& job);
    void addWhatSays(const std::string& name, const std::map<std::string, Error>& without,
                     model::RestorePlan& plan);
    [[nodiscard]] Result<> examine(RestoreProof& proof, const std::string& script, JobContext& job);
    [[nodiscard]] FailedRestore look(const Error& error, const std::string& repository,
                                     const Path& destination);
    struct LocatedBackup;
    enum class Among { Listed, RetiredToo };
    [[nodiscard]] Result<LocatedBackup> locateBackup(const std::string& id,
                                                     const std::string& repository = {});
    /// In every repository that has it, or in the one that is named. Errors: NotFound; InvalidInput
    /// when several begin with `id`.
    [[nodiscard]] Result<std::vector<LocatedBackup>>
    locateAll(const std::string& id, const std::string& repository, Among among, JobContext& job);
    [[nodiscard]] Result<std::optional<LocatedBackup>> locateIn(const std::string& name,
                                                                const std::string& id, Among among);
    [[nodiscard]] static Result<> note(const LocatedBackup& located,
                                       model::Verification verification);
    /// Of a proof that was made, or that damage in the repository kept from being made.
    void noteProof(const RestoreProof& proof, const std::string& repository, const Error* damage,
                   JobContext& job);
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>>
    repositoryWith(const std::string& cluster, const std::string& repository = {});
    [[nodiscard]] Path programsOf(const std::string& cluster) const;
    [[nodiscard]] Result<Path> directoryOf(const std::string& place) const;
    [[nodiscard]] postgres::InstanceRegistry registry() const;
    [[nodiscard]] ClusterSummary summaryOf(const std::string& cluster, const std::string& place,
                                           JobContext& job);

    settings::Config m_config;
    Surroundings m_surroundings;
    AskPassphrase m_ask;
    std::unique_ptr<Opened> m_opened;
};

} // namespace salvor::console
