#include "core/verify/verify.h"

#include "core/repository/check.h"
#include "core/repository/lease.h"
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/verify/structure.h"

#include <algorithm>

namespace salvor::verify {

namespace {

void addTo(std::vector<Group>& groups, model::Backup backup)
{
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
        return group.incarnation == backup.incarnation;
    });
    if (same == groups.end())
        groups.push_back({backup.incarnation, {std::move(backup)}});
    else
        same->backups.push_back(std::move(backup));
}

Result<std::vector<Group>> groupsOfBackups(const repository::Repository& repository,
                                           const std::vector<std::string>& ids)
{
    std::vector<Group> groups;
    for (const std::string& id : ids) {
        SALVOR_TRY(auto backup, repository.backup(id));
        addTo(groups, std::move(backup));
    }
    return groups;
}

/// Every incarnation of every cluster, those without a backup too; what cannot be read of one
/// cluster is a finding, and the others are still looked at.
Result<std::vector<Group>> allGroups(const repository::Repository& repository, VerifyReport& report)
{
    std::vector<Group> groups;
    SALVOR_TRY(const auto clusters, repository.clusters());
    for (const std::string& cluster : clusters) {
        const auto incarnations = repository.incarnations(cluster);
        auto backups = repository.backups(cluster);
        for (const Error* error : {incarnations.ok() ? nullptr : &incarnations.error(),
                                   backups.ok() ? nullptr : &backups.error()}) {
            if (error == nullptr)
                continue;
            if (!isFinding(*error))
                return *error;
            report.findings.push_back({"cluster '" + cluster + "'", error->message, {}, {}});
        }
        if (incarnations.ok())
            for (const model::Incarnation& incarnation : *incarnations)
                groups.push_back({incarnation, {}});
        if (backups.ok())
            for (model::Backup& backup : *backups)
                addTo(groups, std::move(backup));
    }
    return groups;
}

/// Holds and the mark of the last sweep: a prune needs them, and nothing else reads them.
Result<> checkNotes(const repository::Repository& repository, const std::vector<Group>& groups,
                    VerifyReport& report)
{
    const auto add = [&](const auto& read) -> Result<> {
        if (read.ok())
            return {};
        if (!isFinding(read.error()))
            return read.error();
        report.findings.push_back(
            {"notes for a prune", read.error().message + "; no prune goes on with it", {}, {}});
        return {};
    };
    SALVOR_TRY(const auto clusters, repository.clusters());
    for (const std::string& cluster : clusters)
        SALVOR_CHECK(add(repository::holds(repository, cluster)));
    for (const Group& group : groups)
        SALVOR_CHECK(add(repository::sweptBefore(repository, group.incarnation)));
    return {};
}

} // namespace

Result<VerifyReport> verify(const repository::Repository& repository, const VerifyRequest& request,
                            JobContext& job)
{
    if (request.samplePercent < 0 || request.samplePercent > 100)
        return fail(ErrorCode::InvalidInput,
                    "'" + std::to_string(request.samplePercent) + "' is no percentage",
                    "Give a number from 0 to 100.");
    if (!repository.keys().canReadContents())
        return fail(ErrorCode::Denied, "the key at hand cannot read contents",
                    "Use a reader's key: a passphrase, key file or private key.");
    VerifyReport report;
    const bool isWhole = request.backupIds.empty();
    SALVOR_TRY(const auto groups, isWhole ? allGroups(repository, report)
                                          : groupsOfBackups(repository, request.backupIds));
    for (const Group& group : groups) {
        SALVOR_CHECK(job.proceed());
        SALVOR_TRY(const auto lease,
                   repository::Lease::takeForReading(repository, group.incarnation, job));
        Damages damages;
        damages.unused = isWhole ? Unused::Report : Unused::LeaveOut;
        repository::PackCheck packs{request.samplePercent, request.seed, {}};
        if (!isWhole)
            packs.backups = group.backups;
        SALVOR_TRY(damages.packs,
                   repository::checkPacks(repository, group.incarnation, packs, job));
        report.bytesRead += job.progress.done();
        job.phase("read lists of files", 0);
        SALVOR_CHECK(checkStructure(repository, group, damages, report, job));
        SALVOR_CHECK(checkWal(repository, group, request, report, job));
    }
    if (isWhole)
        SALVOR_CHECK(checkNotes(repository, groups, report));
    return report;
}

std::vector<model::Verification> outcomes(const VerifyReport& report, int samplePercent)
{
    std::vector<model::Verification> all;
    for (const model::Backup& backup : report.backups) {
        const auto hits = [&](const Finding& finding) {
            return std::find(finding.backups.begin(), finding.backups.end(), backup.id)
                   != finding.backups.end();
        };
        const auto found = std::find_if(report.findings.begin(), report.findings.end(), hits);
        model::Verification one;
        one.backupId = backup.id;
        one.good = found == report.findings.end();
        // Another sample may miss what this one met: only reading everything ends a finding.
        one.level = samplePercent == 100 || !one.good ? model::AssuranceLevel::Contents
                                                      : model::AssuranceLevel::Structure;
        one.finding = one.good ? "" : found->what;
        all.push_back(std::move(one));
    }
    return all;
}

} // namespace salvor::verify
