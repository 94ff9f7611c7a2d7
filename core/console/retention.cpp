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

/// Held, and in the lists.
Result<> holdIn(const repository::Repository& repository, const model::Backup& backup,
                const model::Hold& hold, JobContext& job)
{
    // Held before it comes back, so that no prune retires it in between; and looked for afterwards,
    // since one may have retired it just now.
    SALVOR_CHECK(repository::hold(repository, backup, hold));
    SALVOR_TRY(const auto retired,
               repository::retiredBackups(repository, backup.incarnation.cluster));
    for (const model::RetiredBackup& each : retired)
        if (each.backup.id == backup.id)
            SALVOR_CHECK(repository::bringBack(repository, backup, job));
    return {};
}

Result<> checkMayGo(const repository::Repository& repository, const model::Backup& backup)
{
    const std::string& cluster = backup.incarnation.cluster;
    SALVOR_TRY(const auto all, repository.backups(cluster));
    SALVOR_TRY(const auto noted, repository::verifications(repository, cluster));
    for (const policy::Essential& each : policy::essentialBackups(all, model::assurancesOf(noted)))
        if (all[each.number].id == backup.id)
            return fail(ErrorCode::NotReady,
                        "'" + backup.id + "' of '" + cluster + "' stays, because " + each.because,
                        "Take another one, or verify another one, first.");
    SALVOR_TRY(const auto held, repository::holds(repository, cluster));
    for (const model::Hold& each : held)
        if (each.backupId == backup.id && each.holdsAt(systemClock().now()))
            return fail(ErrorCode::NotReady, "backup '" + backup.id + "' is held: " + each.reason,
                        "'salvorctl unhold " + backup.id + "' takes the hold away.");
    return {};
}

/// The hold of a backup, ended or not.
Result<std::optional<model::Hold>> holdOf(const repository::Repository& repository,
                                          const model::Backup& backup)
{
    SALVOR_TRY(const auto held, repository::holds(repository, backup.incarnation.cluster));
    const auto found = std::find_if(held.begin(), held.end(), [&](const model::Hold& each) {
        return each.backupId == backup.id;
    });
    return found == held.end() ? std::nullopt : std::optional(*found);
}

} // namespace

Result<PrunePlan> Console::planPrune(const std::string& cluster, JobContext& job,
                                     const std::string& repository)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    PrunePlan plan;
    plan.repository = repository.empty() ? configured.repository : repository;
    SALVOR_TRY(const auto place, m_config.repository(plan.repository));
    plan.byOwnRules = place.retention.any();
    SALVOR_TRY(const auto rules, m_config.rulesFor(cluster, plan.repository));
    SALVOR_TRY(const auto opened, open(plan.repository));
    SALVOR_TRY(plan.plan, policy::planPrune(*opened, cluster, rules, job));
    return plan;
}

Result<policy::PruneOutcome> Console::prune(const PrunePlan& plan, std::chrono::seconds grace,
                                            JobContext& job)
{
    SALVOR_TRY(const auto repository, open(plan.repository));
    return policy::applyPrune(*repository, plan.plan, grace, job);
}

Result<BackupChange> Console::retireBackup(const std::string& id, const std::string& repository,
                                           const std::string& because, JobContext& job)
{
    SALVOR_TRY(const auto all, locateAll(id, repository, Among::Listed, job));
    const LocatedBackup& located = all.front();
    if (all.size() > 1)
        return fail(ErrorCode::InvalidInput,
                    "backup '" + located.backup.id + "' is in several repositories, '"
                        + located.name + "' and '" + all[1].name
                        + "' among them; nothing was changed",
                    "Say from which list it is to be taken: --repository " + located.name + ".");
    SALVOR_CHECK(checkMayGo(*located.repository, located.backup));
    SALVOR_CHECK(repository::retire(*located.repository, located.backup, because, job));
    return BackupChange{located.backup, {located.name}};
}

Result<BackupChange> Console::holdBackup(const std::string& id, const std::string& repository,
                                         const model::Hold& hold, JobContext& job)
{
    SALVOR_TRY(const auto all, locateAll(id, repository, Among::RetiredToo, job));
    for (const LocatedBackup& each : all)
        SALVOR_CHECK(checkHoldIsLonger(*each.repository, each.backup, hold)
                         .in("repository '" + each.name + "'"));
    BackupChange change{all.front().backup, {}};
    for (const LocatedBackup& each : all) {
        SALVOR_CHECK(
            holdIn(*each.repository, each.backup, hold, job).in("repository '" + each.name + "'"));
        change.repositories.push_back(each.name);
    }
    return change;
}

Result<BackupChange> Console::unholdBackup(const std::string& id, const std::string& repository,
                                           JobContext& job)
{
    SALVOR_TRY(const auto all, locateAll(id, repository, Among::Listed, job));
    BackupChange change{all.front().backup, {}};
    std::optional<model::Hold> first;
    std::vector<const LocatedBackup*> holding;
    for (const LocatedBackup& each : all) {
        SALVOR_TRY(const auto hold, holdOf(*each.repository, each.backup));
        if (!hold)
            continue;
        holding.push_back(&each);
        // One hold that was put on it in several places is one; others are somebody else's.
        if (first && *first != *hold)
            return fail(ErrorCode::InvalidInput,
                        "backup '" + each.backup.id + "' is held in '" + holding.front()->name
                            + "' (" + first->reason + ") and otherwise in '" + each.name + "' ("
                            + hold->reason + "); nothing was changed",
                        "Say which hold ends: --repository " + each.name + ".");
        first = hold;
    }
    for (const LocatedBackup* each : holding) {
        SALVOR_CHECK(repository::unhold(*each->repository, each->backup)
                         .in("repository '" + each->name + "'"));
        change.repositories.push_back(each->name);
    }
    return change;
}

Result<std::vector<model::RetiredBackup>> Console::retired(const std::string& cluster,
                                                           const std::string& repository)
{
    SALVOR_TRY(const auto opened, repositoryWith(cluster, repository));
    return repository::retiredBackups(*opened, cluster);
}

} // namespace salvor::console
