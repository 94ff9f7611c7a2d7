#include "core/repository/copy.h"

#include "core/base/text.h"
#include "core/crypto/hash.h"
#include "core/repository/copy_contents.h"
#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using storage::ObjectKey;

/// Which clusters, checked against what there is.
Result<std::vector<std::string>> clustersToCopy(const Repository& from, const CopyRequest& request)
{
    SALVOR_TRY(std::vector<std::string> all, from.clusters());
    for (const std::string& wanted : request.clusters) {
        if (std::find(all.begin(), all.end(), wanted) != all.end())
            continue;
        const auto near = nearest(wanted, all);
        return fail(ErrorCode::InvalidInput,
                    "no cluster '" + wanted + "' in '" + from.driver().location() + "'",
                    near ? "Did you mean '" + *near + "'?" : "Correct the name.");
    }
    return request.clusters.empty() ? all : request.clusters;
}

/// Makes what a cluster is known there. False when it is another cluster there, a finding by now.
Result<bool> copyIncarnation(ObjectCopier& copier, const model::Incarnation& incarnation,
                             const CopyRequest& request, CopyReport& report)
{
    const ObjectKey key = "clusters/" + scopePath(incarnation.cluster, incarnation.number);
    SALVOR_TRY(const auto theirs, copier.to().incarnations(incarnation.cluster));
    for (const model::Incarnation& each : theirs) {
        if (each.number != incarnation.number)
            continue;
        if (each.identity == incarnation.identity)
            return true;
        copier.find(key, "is another cluster in the copy: system identifier "
                             + std::to_string(each.identity.systemIdentifier) + ", not "
                             + std::to_string(incarnation.identity.systemIdentifier));
        return false;
    }
    if (request.dryRun) {
        ++report.objects;
        return true;
    }
    return copier.copySealed(key, "incarnation");
}

Result<> checkPair(const Repository& from, const Repository& to)
{
    if (from.info().id == to.info().id)
        return fail(ErrorCode::InvalidInput,
                    "'" + to.driver().location() + "' is the same repository, not a copy of it",
                    "Name two repositories.");
    if (!haveSameKeys(from, to))
        return fail(ErrorCode::InvalidInput,
                    "'" + to.driver().location() + "' is not a copy of '" + from.driver().location()
                        + "': it has other keys",
                    "Make a copy with salvorctl repo init --copy-of. Nothing was changed.");
    if (!from.keys().canReadContents())
        return fail(ErrorCode::Denied, "a writer's key cannot check what it copies",
                    "Open the repository that is copied with a reader's key.");
    return {};
}

} // namespace

bool haveSameKeys(const Repository& one, const Repository& other)
{
    const Keys& a = one.keys();
    const Keys& b = other.keys();
    return a.encrypted == b.encrypted && a.publicKey == b.publicKey
           && crypto::equalInConstantTime(a.idKey.reveal(), b.idKey.reveal())
           && (!a.encrypted
               || crypto::equalInConstantTime(a.metadataKey.reveal(), b.metadataKey.reveal()));
}

Result<CopyReport> copyRepository(const Repository& from, const Repository& to,
                                  const CopyRequest& request, JobContext& job)
{
    SALVOR_CHECK(checkPair(from, to));
    SALVOR_TRY(const auto clusters, clustersToCopy(from, request));
    CopyReport report;
    ObjectCopier copier(from, to, report, job);
    for (const std::string& cluster : clusters) {
        SALVOR_TRY(const auto incarnations, from.incarnations(cluster));
        for (const model::Incarnation& incarnation : incarnations) {
            SALVOR_CHECK(job.proceed());
            SALVOR_TRY(const bool same, copyIncarnation(copier, incarnation, request, report));
            if (same)
                SALVOR_CHECK(copyContents(copier, incarnation, request, report, job));
        }
    }
    return report;
}

Result<> copyIncarnations(const Repository& from, const Repository& to)
{
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    CopyReport report;
    ObjectCopier copier(from, to, report, job);
    SALVOR_TRY(const auto clusters, from.clusters());
    for (const std::string& cluster : clusters) {
        SALVOR_TRY(const auto incarnations, from.incarnations(cluster));
        for (const model::Incarnation& incarnation : incarnations) {
            const auto made = copyIncarnation(copier, incarnation, {}, report);
            if (!made.ok())
                return made.error();
        }
    }
    return {};
}

} // namespace salvor::repository
