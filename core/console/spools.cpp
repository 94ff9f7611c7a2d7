#include "core/console/spools.h"

#include "core/base/log.h"
#include "core/console/console.h"
#include "core/postgres/control_file.h"

#include <unistd.h>

namespace salvor::console {

namespace {

constexpr auto awayKind = "away";

/// What tells the place of a cluster's repository from any other, without asking it.
std::string placeOf(const settings::Config& config, const std::string& repository)
{
    std::string place;
    for (const auto& each : config.repositories)
        if (repository.empty() || each.name == repository)
            place += each.name + "\n" + each.url + "\n" + each.endpoint + "\n" + each.region + "\n";
    return place;
}

} // namespace

settings::ClusterConfig settingsOf(const settings::Config& config, const std::string& cluster)
{
    const auto configured = config.cluster(cluster);
    return configured.ok() ? *configured : settings::ClusterConfig();
}

bool canSpareOne(const settings::ClusterConfig& cluster)
{
    return cluster.walNeededIn() < cluster.repositories().size();
}

Result<wal::Spool> Spools::open(const std::string& kind, const std::string& cluster,
                                const Path& folder) const
{
    const auto configured = settingsOf(m_config, cluster);
    std::error_code failed;
    const Path real = std::filesystem::canonical(folder, failed);
    if (failed)
        return failErrno(failed.value(), "cannot find " + quoted(folder));
    std::string place;
    for (const std::string& name : configured.repositories())
        place += placeOf(m_config, name);
    // A worker acknowledges by the number it was started with.
    if (kind == pushKind)
        place += std::to_string(configured.walNeededIn());
    if (kind == getKind) { // Another copy in the same directory may be of another cluster.
        SALVOR_TRY(const auto control, postgres::readControlFile(folder));
        place += std::to_string(control.identity.systemIdentifier);
    }
    return wal::Spool::open(wal::spoolFolder(root(cluster), {kind, cluster, real, place}));
}

Path Spools::root(const std::string& cluster) const
{
    if (Path configured = settingsOf(m_config, cluster).spoolPath; !configured.empty())
        return configured;
    const Path& own = m_surroundings.spoolFolder;
    return (own.empty() ? m_surroundings.stateFolder : own) / "spool";
}

wal::StartWorker Spools::starter(const std::string& kind, const std::string& cluster,
                                 const Path& folder, const wal::Spool& spool) const
{
    return [argv = std::vector<std::string>{m_surroundings.program.native(), "--config",
                                            m_config.file.native(), "archive-worker", kind, cluster,
                                            folder.native()},
            log = spool.logFile()](const FileDescriptor& lock) {
        // Each worker begins a new log, so that it never grows large.
        ::unlink(log.c_str());
        return startDetached(argv, lock, log);
    };
}

std::optional<wal::Spool> Spools::ofOutages(const std::string& cluster, const Path& folder) const
{
    auto spool = open(awayKind, cluster, folder);
    if (spool.ok())
        return *std::move(spool);
    log(LogLevel::Warning,
        "a repository that does not answer is asked again for each file: " + spool.error().message);
    return std::nullopt;
}

} // namespace salvor::console
