// Clusters and their backups, of configuration and repositories together.
#include "core/backup/backup.h"
#include "core/console/opened.h"
#include "core/postgres/connection.h"
#include "core/repository/ledger.h"
#include "core/wal/archive.h"

#include <algorithm>
#include <unistd.h>

namespace salvor::console {

namespace {

bool isReadable(const Path& dataDirectory)
{
    return !dataDirectory.empty()
           && ::access((dataDirectory / "global" / "pg_control").c_str(), R_OK) == 0;
}

bool has(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool isConfigured(const settings::Config& config, const std::string& cluster,
                  const std::string& place)
{
    const auto configured = config.cluster(cluster);
    return configured.ok() && has(configured->repositories(), place);
}

/// The clusters that the configuration sends to a repository.
std::vector<std::string> configuredIn(const settings::Config& config, const std::string& place)
{
    std::vector<std::string> names;
    for (const auto& one : config.clusters)
        if (has(one.repositories(), place))
            names.push_back(one.name);
    return names;
}

/// Adds those that the repository knows beside them.
void addFound(std::vector<std::string>& names, const repository::Repository& repository)
{
    const auto found = repository.clusters();
    if (!found.ok())
        return;
    for (const std::string& name : *found)
        if (!has(names, name))
            names.push_back(name);
}

/// What the archive and the backups say; every part that cannot be read is a warning.
void fillFrom(ClusterSummary& summary, const repository::Repository& repository, JobContext& job)
{
    const auto warn = [&](const Error& error) {
        summary.warnings.push_back("This could not be read: " + error.message + ".");
    };
    auto incarnation = repository.incarnation(summary.name);
    if (!incarnation.ok()) {
        if (incarnation.error().code != ErrorCode::NotFound)
            warn(incarnation.error());
        return;
    }
    summary.incarnation = *incarnation;
    if (auto backups = repository.backups(summary.name); backups.ok())
        summary.backups = *std::move(backups);
    else
        warn(backups.error());
    if (const auto noted = repository::verifications(repository, summary.name); noted.ok())
        summary.assurances = model::assurancesOf(*noted);
    else
        warn(noted.error());
    if (auto ranges = finder::recoverableRanges(repository, *incarnation, job); ranges.ok())
        summary.ranges = *std::move(ranges);
    else
        warn(ranges.error());
    if (auto state = wal::archiveState(repository, *incarnation); state.ok()) {
        summary.gaps = state->gaps;
        for (const auto& conflict : state->conflicts)
            summary.warnings.push_back(
                "A WAL segment of timeline "
                + std::to_string(model::value(conflict.segment.timeline)) + " is in the archive "
                + std::to_string(conflict.copies)
                + " times, with different bytes: nothing after it can be restored.");
    } else {
        warn(state.error());
    }
}

} // namespace

ClusterSummary Console::summaryOf(const std::string& cluster, const std::string& place,
                                  JobContext& job)
{
    ClusterSummary summary;
    summary.name = cluster;
    summary.repository = place;
    summary.configured = isConfigured(m_config, cluster, place);
    summary.readAt = systemClock().now();
    const auto opened = open(place);
    if (opened.ok())
        fillFrom(summary, **opened, job);
    else
        summary.warnings.push_back("Repository '" + place
                                   + "' could not be read: " + opened.error().message + ".");
    return summary;
}

Result<std::vector<ClusterSummary>> Console::clusters(JobContext& job,
                                                      const std::string& repository)
{
    if (!repository.empty())
        SALVOR_CHECK(m_config.repository(repository));
    std::vector<ClusterSummary> list;
    for (const auto& place : m_config.repositories) {
        if (!repository.empty() && place.name != repository)
            continue;
        std::vector<std::string> names = configuredIn(m_config, place.name);
        // Where it cannot be opened, each summary says so.
        if (const auto opened = open(place.name); opened.ok())
            addFound(names, **opened);
        for (const std::string& name : names) {
            SALVOR_CHECK(job.proceed());
            list.push_back(summaryOf(name, place.name, job));
        }
    }
    return list;
}

Result<model::Incarnation> Console::adoptCluster(const std::string& cluster)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(auto connection, postgres::Connection::open(configured.connection));
    SALVOR_TRY(const auto identity, postgres::identityOf(connection));
    std::optional<model::Incarnation> adopted;
    for (const std::string& name : configured.repositories()) {
        SALVOR_TRY(const auto repository, open(name));
        SALVOR_TRY(adopted, repository->adopt(cluster, identity).in("repository '" + name + "'"));
    }
    return *adopted;
}

Result<model::Backup> Console::backup(const std::string& cluster, const BackupChoice& choice,
                                      JobContext& job)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(const std::string name, oneOf(configured, choice.repository));
    SALVOR_TRY(const auto repository, open(name));
    backup::BackupRequest request;
    request.cluster = cluster;
    request.connection = configured.connection;
    request.primaryConnection = configured.primaryConnection;
    request.mode = choice.mode.value_or(
        isReadable(configured.dataDirectory) ? model::BackupMode::Host : model::BackupMode::Stream);
    if (request.mode == model::BackupMode::Host)
        request.dataDirectory = configured.dataDirectory;
    SALVOR_TRY(const auto receiving, receiveRequest(cluster, false));
    request.receiveSlot = receiving.slot;
    request.checkpoint = choice.checkpoint;
    request.readsEverything = choice.readsEverything;
    request.annotations = choice.annotations;
    return backup::runBackup(request, *repository, job);
}

Result<std::vector<model::Backup>> Console::backups(const std::string& cluster,
                                                    const std::string& repository)
{
    SALVOR_TRY(const auto opened, repositoryWith(cluster, repository));
    return opened->backups(cluster);
}

Result<std::vector<BackupFile>> Console::backupFiles(const FoundBackup& found, JobContext& job)
{
    SALVOR_TRY(const auto repository, open(found.repository));
    std::vector<BackupFile> files;
    const auto visit = [&](const repository::TreeEntry& entry) -> Result<> {
        files.push_back({entry.path, entry.kind, entry.size, entry.modifiedAt});
        return job.proceed();
    };
    SALVOR_CHECK(repository->readTree(found.backup, visit));
    return files;
}

Result<model::WalArchiveState> Console::walState(const std::string& cluster,
                                                 const std::string& repository)
{
    SALVOR_TRY(const auto opened, repositoryWith(cluster, repository));
    SALVOR_TRY(const auto incarnation, opened->incarnation(cluster));
    return wal::archiveState(*opened, incarnation);
}

Result<std::vector<model::RecoverableRange>>
Console::recoverable(const std::string& cluster, JobContext& job, const std::string& repository)
{
    SALVOR_TRY(const auto opened, repositoryWith(cluster, repository));
    SALVOR_TRY(const auto incarnation, opened->incarnation(cluster));
    return finder::recoverableRanges(*opened, incarnation, job);
}

} // namespace salvor::console
