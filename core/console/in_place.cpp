// Restores in place that wait for commit or rollback.
#include "core/console/opened.h"

namespace salvor::console {

namespace {

/// The directory itself, where a link leads to it: as a restore in place follows it.
Path followed(const Path& place)
{
    std::error_code error;
    const Path real = std::filesystem::canonical(place, error);
    return error ? place : real;
}

} // namespace

Result<Path> Console::directoryOf(const std::string& place) const
{
    if (place.starts_with('/'))
        return followed(place);
    SALVOR_TRY(const auto configured, m_config.cluster(place));
    if (configured.dataDirectory.empty())
        return fail(ErrorCode::InvalidInput,
                    "the configuration does not say where the data directory of '" + place + "' is",
                    "Add 'data-directory' to the cluster's section, or name the directory.");
    return followed(configured.dataDirectory);
}

Result<std::vector<rescue::Waiting>> Console::waitingInPlace() const
{
    std::vector<rescue::Waiting> list;
    for (const auto& cluster : m_config.clusters) {
        if (cluster.dataDirectory.empty())
            continue;
        SALVOR_TRY(auto waiting, rescue::waitingIn(followed(cluster.dataDirectory)));
        if (waiting)
            list.push_back(*std::move(waiting));
    }
    return list;
}

Result<rescue::RolledBack> Console::rollBackInPlace(const std::string& place, JobContext& job)
{
    SALVOR_TRY(const Path directory, directoryOf(place));
    return rescue::rollBack(
        directory, [this](const std::string& name) { return open(name); }, job);
}

Result<rescue::Committed> Console::commitInPlace(const std::string& place, bool removeOld,
                                                 JobContext& job)
{
    SALVOR_TRY(const Path directory, directoryOf(place));
    return rescue::commit(directory, removeOld, job);
}

} // namespace salvor::console
