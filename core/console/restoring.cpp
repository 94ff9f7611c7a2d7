// Restores: from the first repository of a cluster that is whole for the purpose.
#include "core/console/restoring.h"

#include "core/console/commands.h"
#include "core/console/opened.h"
#include "core/finder/ground.h"
#include "core/finder/replay_needs.h"
#include "core/repository/stand_in.h"
#include "core/restore/places.h"
#include "core/restore/restore.h"

#include <algorithm>

namespace salvor::console {

namespace {

using Level = model::Check::Level;

bool isBlocked(const model::RestorePlan& plan)
{
    return std::any_of(plan.checks.begin(), plan.checks.end(),
                       [](const model::Check& check) { return check.level == Level::Blocker; });
}

/// Its end is that of the newest timeline, and nobody chose another.
bool wantsNewestTimeline(const model::RecoveryTarget& target)
{
    return !target.timeline && !target.currentTimeline
           && !std::holds_alternative<model::ImmediateTarget>(target.point);
}

constexpr auto unknownEnd = "repository";

/// Archive-get cannot say where the WAL ends.
bool isEndUnknown(const model::RestorePlan& plan)
{
    return std::any_of(plan.checks.begin(), plan.checks.end(), [](const model::Check& check) {
        return check.name == unknownEnd && check.level == Level::Warning;
    });
}

Result<model::TimelineId> newestTimeline(const repository::Repository& repository,
                                         const model::Incarnation& incarnation)
{
    SALVOR_TRY(const auto known, finder::knownTimelines(repository, incarnation, {}));
    return known.empty() ? model::TimelineId{} : known.front();
}

/// PostgreSQL asks for what comes after the end of the WAL, and nobody can say that it is not
/// there.
model::Check cannotBeAsked(const std::string& name, const Error& error)
{
    return {
        Level::Warning, unknownEnd,
        "Repository '" + name + "' cannot be asked: " + withoutName(error, name).message + ".",
        "What only it holds is not taken into account. And where the WAL of the others ends, "
        "nobody can say that there is no more: archive-get ends with 126 there, which is "
        "'command not executable' in the log, and PostgreSQL stops. A copy that is started with "
        "the restore reaches its target and can be read, but not promoted.",
        (error.hint.empty() ? "" : error.hint + " ")
            + "To go on without it, name only the others as 'repository' in the section of the "
              "cluster; copies that run already follow that."};
}

model::Check knowsNewer(const std::string& name, model::TimelineId theirs,
                        const model::RestorePlan& plan)
{
    return {Level::Warning, "timeline",
            "Repository '" + name + "' knows timeline " + std::to_string(value(theirs))
                + ", which '" + plan.repository + "' does not.",
            "The cluster went on there: this restore leads to an older way.",
            "Run 'salvorctl repo copy " + name + " " + plan.repository
                + "' and make a new plan, or choose a --timeline."};
}

} // namespace

bool isBetter(const model::RestorePlan& plan, const model::RestorePlan& other)
{
    if (isBlocked(plan) != isBlocked(other))
        return isBlocked(other);
    return std::pair(plan.target.timeline, plan.target.replayEnd)
           > std::pair(other.target.timeline, other.target.replayEnd);
}

bool mayPassOn(const FailedRestore& failed)
{
    if (failed.isFinished || failed.error.code == ErrorCode::Cancelled)
        return false;
    if (failed.error.code == ErrorCode::Corrupt || !failed.isReachable)
        return true;
    return failed.error.isRetryable() && !failed.hasWritten;
}

Result<model::RestorePlan> Console::planFrom(const std::string& name, const RestoreChoice& choice,
                                             JobContext& job, finder::Nearest* nearest)
{
    SALVOR_TRY(const auto repository, open(name));
    job.phase("find the moment", 0);
    SALVOR_TRY(const auto resolution,
               finder::resolve(*repository, {choice.cluster, choice.target, choice.backupId}, job,
                               nearest));
    restore::PlanRequest request;
    request.repository = name;
    request.backup = resolution.backup;
    request.backupChosenBecause = resolution.backupChosenBecause;
    request.asked = choice.target;
    request.target = resolution.target;
    request.walNeeded = resolution.walNeeded;
    request.action = choice.action.value_or(choice.startOptions.start ? model::AtTarget::Pause
                                                                      : model::AtTarget::Promote);
    Path destination = choice.destination;
    if (choice.inPlace && destination.empty()) {
        SALVOR_TRY(destination, directoryOf(choice.cluster));
    }
    std::error_code error;
    request.destination = std::filesystem::absolute(destination, error).lexically_normal();
    if (!request.destination.has_filename())
        request.destination = request.destination.parent_path();
    request.tablespaces = choice.tablespaces;
    request.owner = choice.owner;
    request.startOptions = choice.startOptions;
    request.programs = programsOf(choice.cluster);
    request.losses = lossesOf(resolution);
    if (choice.inPlace)
        SALVOR_CHECK(rescue::aimInPlace(request, *choice.inPlace, systemClock().now()));
    SALVOR_TRY(auto needs, finder::replayNeeds(*repository, resolution, job));
    request.found.insert(request.found.end(), needs.blockers.begin(), needs.blockers.end());
    request.replaySizes = needs.sizes;
    RestoreChoice exact = choice;
    exact.destination = request.destination;
    request.commands = {restoreCommandLine(exact, m_config.file)};
    return restore::makePlan(*repository, request, job);
}

Result<model::RestorePlan> Console::planRestore(const RestoreChoice& choice, JobContext& job,
                                                finder::Nearest* nearest)
{
    SALVOR_TRY(const auto names, repositoriesOf(choice.cluster));
    const bool isLatest = std::holds_alternative<model::LatestTarget>(choice.target.point);
    std::optional<model::RestorePlan> best;
    std::map<std::string, Error> without;
    for (const std::string& name : names) {
        auto plan = planFrom(name, choice, job, name == names.front() ? nearest : nullptr);
        if (!plan.ok() && (plan.error().code == ErrorCode::Cancelled || names.size() == 1))
            return plan;
        if (!plan.ok())
            without.emplace(name, std::move(plan).error());
        else if (!best || isBetter(*plan, *best))
            best = *std::move(plan);
        if (best && !isBlocked(*best) && !isLatest)
            break;
    }
    if (!best)
        return without.at(names.front());
    for (const std::string& name : names) {
        SALVOR_CHECK(job.proceed());
        if (name != best->repository)
            addWhatSays(name, without, *best);
    }
    return *std::move(best);
}

/// What another repository of the cluster means for a plan.
void Console::addWhatSays(const std::string& name, const std::map<std::string, Error>& without,
                          model::RestorePlan& plan)
{
    const auto why = without.find(name);
    if (why != without.end() && why->second.isRetryable()) { // Not again: it may take a minute.
        plan.checks.push_back(cannotBeAsked(name, why->second));
        return;
    }
    const auto own = open(plan.repository);
    const auto other = open(name);
    const auto there = other.ok() ? repository::Repository::probe((*other)->driver())
                                  : Result<repository::RepositoryInfo>(other.error());
    if (!own.ok() || !there.ok()) {
        plan.checks.push_back(cannotBeAsked(name, own.ok() ? there.error() : own.error()));
        return;
    }
    if (const auto fits = repository::checkStandsIn({name, **other}, {plan.repository, **own});
        !fits.ok()) {
        plan.checks.push_back({Level::Warning, unknownEnd,
                               "Of what the cluster names, " + fits.error().message + ".",
                               "Nothing is read from it, and where the WAL of the others ends "
                               "archive-get ends with 126, so that PostgreSQL stops.",
                               fits.error().hint});
        return;
    }
    if (why != without.end())
        plan.checks.push_back(
            {Level::Warning, "backups",
             "Repository '" + name + "' gives no plan: " + why->second.message + ".",
             "What only it holds is not taken into account.", why->second.hint});
    const auto theirs = newestTimeline(**other, plan.backup.incarnation);
    const auto ours = newestTimeline(**own, plan.backup.incarnation);
    if (!theirs.ok() || !ours.ok())
        plan.checks.push_back(cannotBeAsked(name, theirs.ok() ? ours.error() : theirs.error()));
    else if (wantsNewestTimeline(plan.asked) && *theirs > *ours)
        plan.checks.push_back(knowsNewer(name, *theirs, plan));
}

Result<model::RestoreOutcome> Console::applyFrom(const std::string& name,
                                                 const model::RestorePlan& plan,
                                                 std::vector<std::string>& gave, JobContext& job)
{
    SALVOR_TRY(const auto repository, open(name));
    SALVOR_TRY(const auto names, repositoriesOf(plan.cluster));
    model::RestorePlan own = plan;
    if (name != plan.repository) { // It holds the same backup, or apply() refuses.
        own.repository = name;
        own.repositoryId = repository->info().id;
    }
    restore::ApplyOptions options;
    options.restoreCommand = fetchCommand(m_surroundings.program, m_config.file, plan.cluster);
    options.instancesFolder = m_surroundings.stateFolder / "instances";
    options.programs = programsOf(plan.cluster);
    options.endIsUnknown = isEndUnknown(plan);
    options.tellSources = [&gave](const std::vector<std::string>& sources) {
        for (const std::string& source : sources)
            if (std::find(gave.begin(), gave.end(), source) == gave.end())
                gave.push_back(source);
    };
    for (const std::string& other : names)
        if (other != name)
            options.copies.push_back(
                {other, [this, other]() -> Result<std::shared_ptr<const repository::Repository>> {
                     SALVOR_TRY(const auto opened, open(other));
                     return std::shared_ptr<const repository::Repository>(opened);
                 }});
    if (own.inPlace)
        return rescue::restoreInPlace(own, *repository, std::move(options), job);
    return restore::apply(own, *repository, options, job);
}

Result<model::RestoreOutcome> Console::applyRestore(const model::RestorePlan& plan, JobContext& job)
{
    std::vector<std::string> gave;
    // Once something was renamed aside, only the plan that is noted there may go on.
    if (plan.inPlace)
        return applyFrom(plan.repository, plan, gave, job);
    SALVOR_TRY(auto names, repositoriesOf(plan.cluster));
    std::erase(names, plan.repository);
    names.insert(names.begin(), plan.repository);
    std::optional<Error> first;
    for (const std::string& name : names) {
        auto applied = applyFrom(name, plan, gave, job);
        if (applied.ok())
            applied->repositories = gave; // Also those that gave what an attempt before left.
        if (applied.ok() || !mayPassOn(look(applied.error(), name, plan.destination)))
            return applied;
        if (name != names.back())
            job.events.warning("Repository '" + name + "' did not do, so the next one is tried: "
                               + applied.error().message + ".");
        if (!first)
            first = std::move(applied).error();
    }
    return *std::move(first);
}

FailedRestore Console::look(const Error& error, const std::string& repository,
                            const Path& destination)
{
    std::error_code ignored;
    const auto opened = open(repository);
    return {error, std::filesystem::exists(destination / restore::controlName, ignored),
            std::filesystem::exists(destination / restore::markerName, ignored),
            opened.ok() && repository::Repository::probe((*opened)->driver()).ok()};
}

std::string Console::planHash(const model::RestorePlan& plan)
{
    return restore::planHash(plan);
}

} // namespace salvor::console
