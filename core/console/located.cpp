// Which repository is meant, and in which ones a backup is.
#include "core/console/opened.h"
#include "core/repository/retired.h"

#include <algorithm>

namespace salvor::console {

namespace {

std::string quotedNames(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "'" : ", '") + name + "'";
    return text;
}

/// All of the configuration, or the one that is named.
Result<std::vector<std::string>> namesOr(const settings::Config& config, const std::string& asked)
{
    std::vector<std::string> names;
    if (!asked.empty()) {
        SALVOR_TRY(const auto place, config.repository(asked));
        names.push_back(place.name);
        return names;
    }
    for (const auto& place : config.repositories)
        names.push_back(place.name);
    return names;
}

Error noSuchBackup(const std::string& id, const std::string& asked)
{
    return fail(ErrorCode::NotFound,
                "no backup '" + id + "' in "
                    + (asked.empty() ? "any repository" : "repository '" + asked + "'"),
                "'salvorctl backups' lists those there are, with --retired also those that were "
                "taken out of the list.");
}

Error severalBegin(const std::string& id, const std::string& kind)
{
    return fail(ErrorCode::InvalidInput, "several " + kind + " begin with '" + id + "'",
                "Give more of the id.");
}

/// The retired one that begins with `id`.
Result<std::optional<model::Backup>> retiredIn(const repository::Repository& repository,
                                               const std::string& id)
{
    SALVOR_TRY(const auto clusters, repository.clusters());
    std::optional<model::Backup> found;
    for (const std::string& cluster : clusters) {
        SALVOR_TRY(const auto all, repository::retiredBackups(repository, cluster));
        for (const model::RetiredBackup& each : all) {
            if (!each.backup.id.starts_with(id))
                continue;
            if (found)
                return severalBegin(id, "retired backups");
            found = each.backup;
        }
    }
    return found;
}

} // namespace

Result<std::string> oneOf(const settings::ClusterConfig& cluster, const std::string& asked)
{
    const auto names = cluster.repositories();
    if (asked.empty())
        return names.front();
    if (std::find(names.begin(), names.end(), asked) != names.end())
        return asked;
    return fail(ErrorCode::InvalidInput,
                "cluster '" + cluster.name + "' does not go to a repository '" + asked + "'",
                "It goes to " + quotedNames(names) + ", as its section of the configuration says.");
}

Result<std::string> Console::repositoryFor(const std::string& cluster,
                                           const std::string& repository)
{
    if (repository.empty())
        return repositoryOf(cluster);
    SALVOR_TRY(const auto place, m_config.repository(repository));
    return place.name;
}

Result<std::shared_ptr<repository::Repository>>
Console::repositoryWith(const std::string& cluster, const std::string& repository)
{
    SALVOR_TRY(const std::string name, repositoryFor(cluster, repository));
    return open(name);
}

Result<std::optional<Console::LocatedBackup>> Console::locateIn(const std::string& name,
                                                                const std::string& id, Among among)
{
    SALVOR_TRY(const auto opened, open(name));
    auto listed = opened->backup(id);
    if (listed.ok())
        return std::optional(LocatedBackup{opened, *std::move(listed), name});
    if (listed.error().code != ErrorCode::NotFound)
        return std::move(listed).error();
    if (among == Among::RetiredToo) {
        SALVOR_TRY(auto retired, retiredIn(*opened, id));
        if (retired)
            return std::optional(LocatedBackup{opened, *std::move(retired), name});
    }
    return std::optional<LocatedBackup>();
}

Result<Console::LocatedBackup> Console::locateBackup(const std::string& id,
                                                     const std::string& repository)
{
    std::optional<Error> unread;
    SALVOR_TRY(const auto names, namesOr(m_config, repository));
    for (const std::string& name : names) {
        auto found = locateIn(name, id, Among::Listed);
        if (found.ok() && *found)
            return **std::move(found);
        if (!found.ok() && found.error().code == ErrorCode::InvalidInput)
            return std::move(found).error();
        if (!found.ok() && !unread)
            unread = std::move(found).error();
    }
    return unread ? *std::move(unread) : noSuchBackup(id, repository);
}

Result<std::vector<Console::LocatedBackup>> Console::locateAll(const std::string& id,
                                                               const std::string& repository,
                                                               Among among, JobContext& job)
{
    std::vector<LocatedBackup> all;
    std::vector<std::pair<std::string, Error>> unread;
    SALVOR_TRY(const auto names, namesOr(m_config, repository));
    for (const std::string& name : names) {
        auto found = locateIn(name, id, among);
        if (!found.ok() && found.error().code == ErrorCode::InvalidInput)
            return std::move(found).error();
        if (!found.ok())
            unread.emplace_back(name, std::move(found).error());
        else if (*found)
            all.push_back(**std::move(found));
    }
    if (all.empty())
        return unread.empty() ? noSuchBackup(id, repository) : std::move(unread.front().second);
    for (const LocatedBackup& each : all)
        if (each.backup.id != all.front().backup.id)
            return severalBegin(id, "backups");
    // One that is out of reach must not keep the others from it.
    for (const auto& [name, error] : unread)
        job.events.warning("Repository '" + name
                           + "' could not be read, and stays as it is: " + error.message + ".");
    return all;
}

Result<FoundBackup> Console::findBackup(const std::string& id, const std::string& repository)
{
    SALVOR_TRY(const auto found, locateBackup(id, repository));
    return FoundBackup{found.backup, found.name};
}

} // namespace salvor::console
