#include "core/verify/verify.h"

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

Result<std::vector<Group>> groupsOf(const repository::Repository& repository,
                                    const std::vector<std::string>& ids)
{
    std::vector<Group> groups;
    if (ids.empty()) {
        SALVOR_TRY(auto all, repository.backups({}));
        for (model::Backup& backup : all)
            addTo(groups, std::move(backup));
    }
    for (const std::string& id : ids) {
        SALVOR_TRY(auto backup, repository.backup(id));
        addTo(groups, std::move(backup));
    }
    return groups;
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
    SALVOR_TRY(const auto groups, groupsOf(repository, request.backupIds));
    const Unused unused = request.backupIds.empty() ? Unused::Report : Unused::LeaveOut;
    for (const Group& group : groups) {
        SALVOR_CHECK(job.proceed());
        SALVOR_TRY(const auto damages,
                   repository::checkPacks(repository, group.incarnation, request.samplePercent,
                                          request.seed, job));
        report.bytesRead += job.progress.done();
        job.phase("read lists of files", 0);
        SALVOR_CHECK(checkStructure(repository, group, damages, unused, report, job));
        SALVOR_CHECK(checkWal(repository, group, request, report, job));
    }
    return report;
}

} // namespace salvor::verify
