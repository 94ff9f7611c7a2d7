// What may go, what is held, and what was retired.
#include "core/console/opened.h"
#include "core/repository/retired.h"

#include <algorithm>

namespace salvor::console {

Result<std::shared_ptr<repository::Repository>> Console::repositoryWith(const std::string& cluster)
{
    SALVOR_TRY(const std::string name, repositoryOf(cluster));
    return open(name);
}

Result<policy::PrunePlan> Console::planPrune(const std::string& cluster, JobContext& job)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(const auto repository, open(configured.repository));
    return policy::planPrune(*repository, cluster, configured.retention, job);
}

Result<policy::PruneOutcome> Console::prune(const policy::PrunePlan& plan,
                                            std::chrono::seconds grace, JobContext& job)
{
    SALVOR_TRY(const auto repository, repositoryWith(plan.cluster));
    return policy::applyPrune(*repository, plan, grace, job);
}

Result<model::Backup> Console::retireBackup(const std::string& id, const std::string& because)
{
    SALVOR_TRY(const auto located, locateBackup(id));
    const std::string& cluster = located.backup.incarnation.cluster;
    SALVOR_TRY(const auto all, located.repository->backups(cluster));
    const auto sound = std::find_if(all.rbegin(), all.rend(),
                                    [](const auto& each) { return each.damaged.empty(); });
    for (const auto& newest : {all.rbegin(), sound})
        if (newest != all.rend() && newest->id == located.backup.id)
            return fail(ErrorCode::NotReady,
                        "'" + located.backup.id + "' is the newest backup of '" + cluster
                            + "', or the newest without damaged pages, and stays",
                        "Take another one first.");
    SALVOR_TRY(const auto held, repository::holds(*located.repository, cluster));
    for (const model::Hold& each : held)
        if (each.backupId == located.backup.id
            && (!each.until || *each.until > systemClock().now()))
            return fail(ErrorCode::NotReady,
                        "backup '" + located.backup.id + "' is held: " + each.reason,
                        "'salvorctl unhold " + located.backup.id + "' takes the hold away.");
    SALVOR_CHECK(repository::retire(*located.repository, located.backup, because));
    return located.backup;
}

Result<Console::LocatedBackup> Console::locateRetired(const std::string& id)
{
    std::optional<LocatedBackup> found;
    for (const auto& place : m_config.repositories) {
        SALVOR_TRY(const auto repository, open(place.name));
        SALVOR_TRY(const auto clusters, repository->clusters());
        for (const std::string& cluster : clusters) {
            SALVOR_TRY(const auto all, repository::retiredBackups(*repository, cluster));
            for (const model::RetiredBackup& each : all) {
                if (!each.backup.id.starts_with(id))
                    continue;
                if (found)
                    return fail(ErrorCode::InvalidInput,
                                "several retired backups begin with '" + id + "'",
                                "Give more of the id.");
                found = LocatedBackup{repository, each.backup};
            }
        }
    }
    if (!found)
        return fail(ErrorCode::NotFound, "no backup '" + id + "' in any repository",
                    "'salvorctl backups' lists those there are, with --retired also those that "
                    "were taken out of the list.");
    return *std::move(found);
}

Result<model::Backup> Console::holdBackup(const std::string& id, const model::Hold& hold,
                                          JobContext& job)
{
    auto located = locateBackup(id);
    const bool isRetired = !located.ok() && located.error().code == ErrorCode::NotFound;
    if (isRetired)
        located = locateRetired(id);
    if (!located.ok())
        return std::move(located).error();
    // Held before it comes back, so that no prune retires it in between.
    SALVOR_CHECK(repository::hold(*located->repository, located->backup, hold));
    if (isRetired)
        SALVOR_CHECK(repository::bringBack(*located->repository, located->backup, job));
    return located->backup;
}

Result<model::Backup> Console::unholdBackup(const std::string& id)
{
    SALVOR_TRY(const auto located, locateBackup(id));
    SALVOR_CHECK(repository::unhold(*located.repository, located.backup));
    return located.backup;
}

Result<std::vector<model::Hold>> Console::holds(const std::string& cluster)
{
    SALVOR_TRY(const auto repository, repositoryWith(cluster));
    return repository::holds(*repository, cluster);
}

Result<std::vector<model::RetiredBackup>> Console::retired(const std::string& cluster)
{
    SALVOR_TRY(const auto repository, repositoryWith(cluster));
    return repository::retiredBackups(*repository, cluster);
}

} // namespace salvor::console
