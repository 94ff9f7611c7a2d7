#include "core/console/console.h"

#include "core/console/commands.h"
#include "core/console/opened.h"
#include "core/finder/replay_needs.h"
#include "core/restore/restore.h"

#include <algorithm>

namespace salvor::console {

bool ClusterReport::isProtected() const
{
    return std::none_of(checks.begin(), checks.end(), [](const model::Check& check) {
        return check.level == model::Check::Level::Blocker;
    });
}

Console::Console(settings::Config config, Surroundings surroundings, AskPassphrase ask)
    : m_config(std::move(config))
    , m_surroundings(std::move(surroundings))
    , m_ask(std::move(ask))
    , m_opened(std::make_unique<Opened>())
{}

Console::~Console() = default;

Result<std::string> Console::repositoryOf(const std::string& cluster)
{
    if (const auto configured = m_config.cluster(cluster); configured.ok())
        return configured->repository;
    // Not in the configuration: it may still be in a repository, which is all that a restore needs.
    std::optional<Error> unread;
    for (const auto& place : m_config.repositories) {
        const auto opened = open(place.name);
        if (!opened.ok()) {
            unread = unread ? unread : opened.error();
            continue;
        }
        SALVOR_TRY(const auto names, (*opened)->clusters());
        if (std::find(names.begin(), names.end(), cluster) != names.end())
            return place.name;
    }
    if (unread)
        return *unread;
    return m_config.cluster(cluster).error();
}

Path Console::programsOf(const std::string& cluster) const
{
    const auto configured = m_config.cluster(cluster);
    return configured.ok() ? configured->pgBin : Path();
}

Result<model::RestorePlan> Console::planRestore(const RestoreChoice& choice, JobContext& job,
                                                finder::Nearest* nearest)
{
    SALVOR_TRY(const std::string name, repositoryOf(choice.cluster));
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

Result<model::RestoreOutcome> Console::applyRestore(const model::RestorePlan& plan, JobContext& job)
{
    SALVOR_TRY(const auto repository, open(plan.repository));
    restore::ApplyOptions options;
    options.restoreCommand = fetchCommand(m_surroundings.program, m_config.file, plan.cluster);
    options.instancesFolder = m_surroundings.stateFolder / "instances";
    options.programs = programsOf(plan.cluster);
    if (plan.inPlace)
        return rescue::restoreInPlace(plan, *repository, std::move(options), job);
    return restore::apply(plan, *repository, options, job);
}

std::string Console::planHash(const model::RestorePlan& plan)
{
    return restore::planHash(plan);
}

} // namespace salvor::console
