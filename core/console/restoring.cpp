// Restores: from the first repository of a cluster that is whole for the purpose.
#include "core/console/commands.h"
#include "core/console/opened.h"
#include "core/finder/replay_needs.h"
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

/// Of two plans for the latest moment the one that reaches further.
bool isBetter(const model::RestorePlan& plan, const model::RestorePlan& other)
{
    if (isBlocked(plan) != isBlocked(other))
        return isBlocked(other);
    return !isBlocked(plan) && plan.target.timeline >= other.target.timeline
           && plan.target.replayEnd > other.target.replayEnd;
}

void addUnasked(model::RestorePlan& plan, const std::vector<std::pair<std::string, Error>>& unasked)
{
    for (const auto& [name, error] : unasked)
        if (name != plan.repository)
            plan.checks.push_back(
                {Level::Warning, "repository",
                 "Repository '" + name + "' gives no plan: " + error.message + ".",
                 "What only it holds is not taken into account.", error.hint});
}

} // namespace

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
    std::vector<std::pair<std::string, Error>> unasked;
    for (const std::string& name : names) {
        auto plan = planFrom(name, choice, job, name == names.front() ? nearest : nullptr);
        if (!plan.ok() && plan.error().code == ErrorCode::Cancelled)
            return plan;
        if (!plan.ok())
            unasked.emplace_back(name, std::move(plan).error());
        else if (!best || isBetter(*plan, *best))
            best = *std::move(plan);
        if (best && !isBlocked(*best) && !isLatest)
            break;
    }
    if (!best)
        return std::move(unasked.front().second);
    addUnasked(*best, unasked);
    return *std::move(best);
}

Result<model::RestoreOutcome> Console::applyFrom(const std::string& name,
                                                 const model::RestorePlan& plan, JobContext& job)
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
    // Once something was renamed aside, only the plan that is noted there may go on.
    if (plan.inPlace)
        return applyFrom(plan.repository, plan, job);
    SALVOR_TRY(auto names, repositoriesOf(plan.cluster));
    std::erase(names, plan.repository);
    names.insert(names.begin(), plan.repository);
    std::optional<Error> first;
    for (const std::string& name : names) {
        auto applied = applyFrom(name, plan, job);
        if (applied.ok() || !mayPassOn(applied.error(), name, plan.destination))
            return applied;
        if (name != names.back())
            job.events.warning("Repository '" + name + "' did not do, so the next one is tried: "
                               + applied.error().message + ".");
        if (!first)
            first = std::move(applied).error();
    }
    return *std::move(first);
}

bool Console::mayPassOn(const Error& error, const std::string& repository, const Path& destination)
{
    // What is restored already did not fail for want of files.
    std::error_code ignored;
    if (std::filesystem::exists(destination / "global" / "pg_control", ignored))
        return false;
    if (error.code == ErrorCode::Unavailable || error.code == ErrorCode::Timeout
        || error.code == ErrorCode::Corrupt)
        return true;
    const auto opened = open(repository);
    return error.code != ErrorCode::Cancelled
           && (!opened.ok() || !repository::Repository::probe((*opened)->driver()).ok());
}

std::string Console::planHash(const model::RestorePlan& plan)
{
    return restore::planHash(plan);
}

} // namespace salvor::console
