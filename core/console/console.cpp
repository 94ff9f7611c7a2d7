#include "core/console/console.h"

#include "core/console/opened.h"

#include <algorithm>

namespace salvor::console {

namespace {

/// Errors: those of the repository, also when it went away.
Result<bool> isIn(const repository::Repository& repository, const std::string& cluster)
{
    SALVOR_TRY(const auto names, repository.clusters());
    if (std::find(names.begin(), names.end(), cluster) != names.end())
        return true;
    // A folder that is gone lists nothing.
    SALVOR_TRY([[maybe_unused]] const auto there,
               repository::Repository::probe(repository.driver()));
    return false;
}

} // namespace

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
        SALVOR_TRY(const bool knows, isIn(**opened, cluster));
        if (knows)
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
    std::vector<std::string> names;
    std::shared_ptr<repository::Repository> first;
    for (const auto& place : m_config.repositories) {
        const auto opened = open(place.name);
        const auto knows = opened.ok() ? isIn(**opened, cluster) : Result<bool>(opened.error());
        if (!knows.ok() || (*knows && (!first || repository::haveSameKeys(**opened, *first))))
            names.push_back(place.name);
        if (knows.ok() && *knows && !first)
            first = *opened;
    }
    if (names.empty())
        return m_config.cluster(cluster).error();
    return names;
}

} // namespace salvor::console
