#include "core/console/console.h"

#include "core/console/opened.h"

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

Result<std::vector<std::string>> Console::repositoriesOf(const std::string& cluster)
{
    if (const auto configured = m_config.cluster(cluster); configured.ok())
        return configured->repositories();
    SALVOR_TRY(const std::string name, repositoryOf(cluster));
    return std::vector<std::string>{name};
}

} // namespace salvor::console
