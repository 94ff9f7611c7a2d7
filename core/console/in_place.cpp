// Restores in place that wait for commit or rollback.
#include "core/console/opened.h"

namespace salvor::console {

Result<Path> Console::directoryOf(const std::string& place) const
{
    if (place.starts_with('/'))
        return rescue::resolvePlace(place);
    SALVOR_TRY(const auto configured, m_config.cluster(place));
    if (configured.dataDirectory.empty())
        return fail(ErrorCode::InvalidInput,
                    "the configuration does not say where the data directory of '" + place + "' is",
                    "Add 'data-directory' to the cluster's section, or name the directory.");
    return rescue::resolvePlace(configured.dataDirectory);
}

std::vector<Result<rescue::Waiting>> Console::waitingInPlace() const
{
    std::vector<Result<rescue::Waiting>> list;
    for (const auto& cluster : m_config.clusters) {
        if (cluster.dataDirectory.empty())
            continue;
        auto waiting = rescue::waitingIn(rescue::resolvePlace(cluster.dataDirectory));
        if (!waiting.ok())
            list.emplace_back(std::move(waiting).error().in("cluster '" + cluster.name + "'"));
        else if (*waiting)
            list.emplace_back(**std::move(waiting));
    }
    return list;
}

Result<rescue::RolledBack> Console::rollBackInPlace(const std::string& place, JobContext& job)
{
    SALVOR_TRY(const Path directory, directoryOf(place));
    return rescue::rollBack(directory, job);
}

Result<rescue::Committed> Console::commitInPlace(const std::string& place, JobContext& job)
{
    SALVOR_TRY(const Path directory, directoryOf(place));
    return rescue::commit(
        directory, [this](const std::string& name) { return open(name); }, job);
}

} // namespace salvor::console
