#include "core/repository/copy.h"

#include "core/base/text.h"
#include "core/crypto/hash.h"
#include "core/repository/copy_contents.h"
#include "core/repository/sealed_object.h"
#include "core/repository/stand_in.h"

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

using Incarnations = std::vector<model::Incarnation>;

std::string identityText(const model::ClusterIdentity& identity)
{
    return "system identifier " + std::to_string(identity.systemIdentifier) + " of PostgreSQL "
           + std::to_string(identity.majorVersion);
}

const model::Incarnation* numbered(const Incarnations& all, std::uint32_t number)
{
    const auto found = std::find_if(all.begin(), all.end(),
                                    [number](const auto& each) { return each.number == number; });
    return found == all.end() ? nullptr : &*found;
}

/// Makes what a cluster is known there. False when the two contradict, a finding by now: WAL and
/// backups of two clusters would come to stand under one number.
Result<bool> copyIncarnation(ObjectCopier& copier, const Incarnations& ours,
                             const model::Incarnation& incarnation, const CopyRequest& request,
                             CopyReport& report)
{
    const ObjectKey key = "clusters/" + scopePath(incarnation.cluster, incarnation.number);
    SALVOR_TRY(auto theirs, copier.to().incarnations(incarnation.cluster));
    auto against = contradiction(ours, theirs, incarnation);
    if (!against && request.dryRun) {
        report.objects += numbered(theirs, incarnation.number) == nullptr ? 1U : 0U;
        return true;
    }
    if (!against && numbered(theirs, incarnation.number) == nullptr) {
        SALVOR_TRY(const bool copied, copier.copySealed(key, "incarnation"));
        if (!copied)
            return false;
        // A server that archives there may have been faster: what is stored now counts.
        SALVOR_TRY(theirs, copier.to().incarnations(incarnation.cluster));
        against = contradiction(ours, theirs, incarnation);
    }
    if (against)
        copier.find(key, *against);
    return !against;
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

std::optional<std::string> contradiction(const std::vector<model::Incarnation>& ours,
                                         const std::vector<model::Incarnation>& theirs,
                                         const model::Incarnation& incarnation)
{
    if (const model::Incarnation* same = numbered(theirs, incarnation.number)) {
        if (same->identity == incarnation.identity)
            return std::nullopt;
        return "is another cluster in the copy: " + identityText(same->identity) + ", not "
               + identityText(incarnation.identity);
    }
    for (const model::Incarnation& each : theirs) {
        const model::Incarnation* own = numbered(ours, each.number);
        if (each.identity == incarnation.identity
            && (own == nullptr || own->identity != each.identity))
            return "has another number in the copy: " + identityText(each.identity)
                   + " is incarnation " + std::to_string(each.number) + " there";
    }
    return std::nullopt;
}

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
    SALVOR_CHECK(checkIsThere(from));
    SALVOR_CHECK(checkIsThere(to));
    SALVOR_TRY(const auto clusters, clustersToCopy(from, request));
    SALVOR_CHECK(checkIsThere(from));
    CopyReport report;
    ObjectCopier copier(from, to, report, job);
    for (const std::string& cluster : clusters) {
        SALVOR_TRY(const auto incarnations, from.incarnations(cluster));
        for (const model::Incarnation& incarnation : incarnations) {
            SALVOR_CHECK(job.proceed());
            SALVOR_TRY(const bool same,
                       copyIncarnation(copier, incarnations, incarnation, request, report));
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
            const auto made = copyIncarnation(copier, incarnations, incarnation, {}, report);
            if (!made.ok())
                return made.error();
        }
    }
    return {};
}

} // namespace salvor::repository
