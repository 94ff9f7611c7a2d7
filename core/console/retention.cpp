// What may go, what is held, and what was retired.
#include "core/console/opened.h"
#include "core/repository/ledger.h"
#include "core/repository/retired.h"

#include <algorithm>

namespace salvor::console {

namespace {

/// Nobody's hold is weakened without a word.
Result<> checkHoldIsLonger(const repository::Repository& repository, const model::Backup& backup,
                           const model::Hold& hold)
{
    SALVOR_TRY(const auto held, repository::holds(repository, backup.incarnation.cluster));
    for (const model::Hold& each : held)
        if (each.backupId == backup.id && each.holdsAt(hold.at) && hold.until
            && (!each.until || *each.until > *hold.until))
            return fail(ErrorCode::NotReady,
                        "backup '" + backup.id + "' is held for longer by " + each.by + ": "
                            + each.reason,
                        "'salvorctl unhold " + backup.id + "' ends that first.");
    return {};
}

} // namespace

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

Result<model::Backup> Console::retireBackup(const std::string& id, const std::string& because,
                                            JobContext& job)
{
    SALVOR_TRY(const auto located, locateBackup(id));
    const std::string& cluster = located.backup.incarnation.cluster;
    SALVOR_TRY(const auto all, located.repository->backups(cluster));
    SALVOR_TRY(const auto noted, repository::verifications(*located.repository, cluster));
    for (const policy::Essential& each : policy::essentialBackups(all, model::assurancesOf(noted)))
        if (all[each.number].id == located.backup.id)
            return fail(ErrorCode::NotReady,
                        "'" + located.backup.id + "' of '" + cluster + "' stays, because "
                            + each.because,
                        "Take another one, or verify another one, first.");
    SALVOR_TRY(const auto held, repository::holds(*located.repository, cluster));
    for (const model::Hold& each : held)
        if (each.backupId == located.backup.id && each.holdsAt(systemClock().now()))
            return fail(ErrorCode::NotReady,
                        "backup '" + located.backup.id + "' is held: " + each.reason,
                        "'salvorctl unhold " + located.backup.id + "' takes the hold away.");
    SALVOR_CHECK(repository::retire(*located.repository, located.backup, because, job));
    return located.backup;
}

Result<Console::LocatedBackup> Console::locateRetired(const std::string& id)
{
    std::optional<LocatedBackup> found;
    for (const auto& place : m_config.repositories) {
        // One that is out of reach must not keep a backup of another from coming back.
        const auto opened = open(place.name);
        const auto clusters =
            opened.ok() ? (*opened)->clusters() : Result<std::vector<std::string>>(opened.error());
        if (!clusters.ok())
            continue;
        const auto& repository = *opened;
        for (const std::string& cluster : *clusters) {
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
    if (!located.ok() && located.error().code != ErrorCode::InvalidInput)
        if (auto retired = locateRetired(id); retired.ok())
            located = std::move(retired);
    if (!located.ok())
        return std::move(located).error();
    const repository::Repository& repository = *located->repository;
    const model::Backup& backup = located->backup;
    SALVOR_CHECK(checkHoldIsLonger(repository, backup, hold));
    // Held before it comes back, so that no prune retires it in between; and looked for afterwards,
    // since one may have retired it just now.
    SALVOR_CHECK(repository::hold(repository, backup, hold));
    SALVOR_TRY(const auto retired,
               repository::retiredBackups(repository, backup.incarnation.cluster));
    for (const model::RetiredBackup& each : retired)
        if (each.backup.id == backup.id)
            SALVOR_CHECK(repository::bringBack(repository, backup, job));
    return backup;
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
