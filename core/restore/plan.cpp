#include "core/base/text.h"
#include "core/crypto/hash.h"
#include "core/restore/checks.h"
#include "core/restore/restore.h"
#include "core/restore/words.h"

#include <unistd.h>

namespace salvor::restore {

namespace {

/// The runner, or as root the owner of what was backed up.
std::string ownerFor(const PlanRequest& request)
{
    if (!request.owner.empty())
        return request.owner;
    if (runsAsRoot())
        return request.backup.owner.empty() ? "postgres" : request.backup.owner;
    const auto user = findUser(::geteuid());
    return user.ok() ? user->name : std::string();
}

model::RestorePlan draftOf(const repository::Repository& repository, const PlanRequest& request)
{
    model::RestorePlan plan;
    plan.repository = request.repository;
    plan.repositoryId = repository.info().id;
    plan.cluster = request.backup.incarnation.cluster;
    plan.backup = request.backup;
    plan.backupChosenBecause = request.backupChosenBecause;
    plan.asked = request.asked;
    plan.target = request.target;
    plan.action = request.action;
    plan.walNeeded = request.walNeeded;
    plan.replaySizes = request.replaySizes;
    plan.destination = request.destination.native();
    plan.tablespaces = request.tablespaces;
    plan.owner = ownerFor(request);
    plan.startOptions = request.startOptions;
    plan.inPlace = request.inPlace;
    plan.losses = request.losses;
    plan.commands = request.commands;
    return plan;
}

std::vector<std::string> whatIsCreated(const model::RestorePlan& plan, const Look& seen)
{
    const Places places = placesOf(plan);
    std::vector<std::string> creates;
    for (const Path& place : seen.unfinished)
        creates.push_back("What an unfinished restore left in " + quoted(place) + " is renamed to '"
                          + place.native() + ".unfinished-TIME'.");
    if (seen.contents.bytesLeft > 0)
        creates.push_back(sizeText(seen.contents.bytesLeft)
                          + " of it look finished: they are checked and moved from there.");
    creates.push_back("Directory " + quoted(places.data) + " with "
                      + countText(seen.contents.fileCount, "file") + " of '" + plan.owner + "', "
                      + sizeText(seen.contents.bytes) + ".");
    for (const auto& [oid, place] : places.tablespaces)
        creates.push_back("Directory " + quoted(place) + " for tablespace " + std::to_string(oid)
                          + ".");
    if (seen.contents.hasExtraFiles)
        creates.push_back("Directory " + quoted(places.config)
                          + " with the configuration that lay outside the data directory.");
    if (plan.startOptions.start)
        creates.push_back("A fenced server of PostgreSQL "
                          + std::to_string(plan.backup.incarnation.identity.majorVersion)
                          + " that runs as '" + plan.owner
                          + "', answers on its own socket only and archives nothing.");
    return creates;
}

std::vector<std::string> whatIsSetAside(const model::InPlace& inPlace, const Look& seen)
{
    using model::InPlace;
    std::vector<std::string> words;
    if (inPlace.goesOn)
        words.emplace_back("A restore in place that was interrupted here is carried on.");
    for (const InPlace::Rename& rename : inPlace.setsAside)
        words.push_back(quoted(Path(rename.from)) + " is renamed to " + quoted(Path(rename.to))
                        + "; nothing in it is deleted.");
    if (seen.contents.oldCount > 0)
        words.push_back(sizeText(seen.contents.bytesOld) + " in "
                        + countText(seen.contents.oldCount, "file")
                        + " seem to be as the backup has them: they are compared by their "
                          "checksums and copied, not fetched. Of the others only what differs is "
                          "fetched.");
    words.emplace_back("What is set aside stays whole: a rollback needs nothing but to rename it "
                       "back. It takes its space until you remove it.");
    return words;
}

} // namespace

Result<model::RestorePlan> makePlan(const repository::Repository& repository,
                                    const PlanRequest& request, JobContext& job)
{
    model::RestorePlan plan = draftOf(repository, request);
    SALVOR_TRY(Look seen, look(plan, request.programs, repository, Keep::Counts, job));
    plan.bytesToWrite = seen.contents.bytes;
    plan.bytesToFetch = plan.backup.storedSize;
    if (seen.contents.bytes > 0)
        plan.bytesToFetch = static_cast<ByteCount>(
            static_cast<double>(plan.bytesToFetch)
            * static_cast<double>(seen.contents.bytes - seen.contents.bytesOld)
            / static_cast<double>(seen.contents.bytes));
    plan.creates = whatIsCreated(plan, seen);
    if (plan.inPlace)
        plan.inPlace->words = whatIsSetAside(*plan.inPlace, seen);
    plan.checks = std::move(seen.checks);
    plan.checks.insert(plan.checks.begin(), request.found.begin(), request.found.end());
    plan.madeAt = systemClock().now();
    return plan;
}

std::string planHash(const model::RestorePlan& plan)
{
    return toHex(crypto::sha256(asBytes(plan.toJson().text())));
}

} // namespace salvor::restore
