// What is verified, what was found, and which backups wait for it.
#include "core/repository/ledger.h"

#include "core/base/who.h"
#include "core/console/opened.h"

namespace salvor::console {

Result<> Console::note(const LocatedBackup& located, model::Verification verification)
{
    verification.by = whoAmI();
    return repository::noteVerification(*located.repository, located.backup, verification);
}

Result<verify::VerifyReport> Console::verify(const std::string& repository,
                                             const verify::VerifyRequest& request, JobContext& job)
{
    SALVOR_TRY(const auto opened, open(repository));
    SALVOR_TRY(auto report,
               verify::verify(*opened, request, job).in("repository '" + repository + "'"));
    const auto outcomes = verify::outcomes(report, request.samplePercent);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto noted = note({opened, report.backups[i], repository}, outcomes[i]);
        if (noted.ok())
            continue;
        job.events.warning("The outcome could not be noted in repository '" + repository
                           + "', so its backups count as before: " + noted.error().message + ".");
        break;
    }
    return report;
}

Result<std::vector<model::Verification>> Console::verifications(const std::string& cluster,
                                                                const std::string& repository)
{
    SALVOR_TRY(const auto opened, repositoryWith(cluster, repository));
    return repository::verifications(*opened, cluster);
}

Result<std::vector<std::string>> Console::backupsToVerify(const std::string& repository,
                                                          std::chrono::seconds age)
{
    SALVOR_TRY(const auto opened, open(repository));
    SALVOR_TRY(const auto clusters, opened->clusters());
    const Moment oldest = systemClock().now() - age;
    std::vector<std::string> ids;
    for (const std::string& cluster : clusters) {
        SALVOR_TRY(const auto backups, opened->backups(cluster));
        SALVOR_TRY(const auto noted, repository::verifications(*opened, cluster));
        std::map<std::string, Moment> read;
        for (const model::Verification& each : noted)
            if (each.good && each.level >= model::AssuranceLevel::Contents)
                read[each.backupId] = std::max(read[each.backupId], each.at);
        const auto assurances = model::assurancesOf(noted);
        for (const model::Backup& backup : backups)
            if (read[backup.id] < oldest || model::assuranceOf(assurances, backup.id).damaged)
                ids.push_back(backup.id);
    }
    return ids;
}

} // namespace salvor::console
