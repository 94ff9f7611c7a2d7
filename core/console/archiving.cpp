// The two calls that PostgreSQL makes, and the workers behind them.
#include "core/base/log.h"
#include "core/console/opened.h"
#include "core/postgres/control_file.h"
#include "core/wal/archive.h"
#include "core/wal/async_push.h"
#include "core/wal/prefetch.h"

#include <algorithm>
#include <malloc.h>
#include <unistd.h>

namespace salvor::console {

namespace {

using repository::Repository;

constexpr auto pushKind = "push";
constexpr auto getKind = "get";
/// How long a worker waits for more before it ends.
constexpr std::chrono::seconds pushIdle{10};
constexpr std::chrono::seconds getIdle{30};
/// Large segments under way at once must not add up.
constexpr ByteCount mostUnderWay = ByteCount{256} << 20U;

/// The incarnation that the data directory we are in belongs to. PostgreSQL runs restore_command
/// there: a copy of an older incarnation must not be given the WAL of the newest.
Result<model::Incarnation> incarnationHere(const repository::Repository& repository,
                                           const std::string& cluster)
{
    std::error_code error;
    if (!std::filesystem::exists(Path("global") / "pg_control", error))
        return repository.incarnation(cluster);
    SALVOR_TRY(const auto control, postgres::readControlFile(Path(".")));
    SALVOR_TRY(const auto all, repository.incarnations(cluster));
    const auto own = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) {
        return one.identity.systemIdentifier == control.identity.systemIdentifier;
    });
    if (own != all.rend())
        return *own;
    return fail(ErrorCode::NotReady,
                "the repository has no WAL of the cluster "
                    + std::to_string(control.identity.systemIdentifier) + " under the name '"
                    + cluster + "'",
                "Check that restore_command names the cluster that was restored.");
}

/// The settings of a cluster; those of one that is only in a repository are the usual ones.
settings::ClusterConfig settingsOf(const settings::Config& config, const std::string& cluster)
{
    const auto configured = config.cluster(cluster);
    return configured.ok() ? *configured : settings::ClusterConfig();
}

/// What tells the place of a cluster's repository from any other, without asking it.
std::string placeOf(const settings::Config& config, const std::string& repository)
{
    std::string place;
    for (const auto& each : config.repositories)
        if (repository.empty() || each.name == repository)
            place += each.name + "\n" + each.url + "\n" + each.endpoint + "\n" + each.region + "\n";
    return place;
}

/// A worker takes buffers of a segment's size over and over: given back to the system each time,
/// every page of them would be zeroed again.
void keepFreedMemory()
{
    constexpr int largest = 32 << 20;         // The C library takes no more.
    ::mallopt(M_MMAP_THRESHOLD, largest);     // NOLINT(concurrency-mt-unsafe): it locks its arena.
    ::mallopt(M_TRIM_THRESHOLD, 4 * largest); // NOLINT(concurrency-mt-unsafe): as above.
}

int atMost(int count, ByteCount segmentSize)
{
    const ByteCount fits = mostUnderWay / std::max<ByteCount>(segmentSize, 1);
    return static_cast<int>(std::clamp<ByteCount>(fits, 1, static_cast<ByteCount>(count)));
}

} // namespace

Result<wal::Spool> Console::openSpool(const std::string& kind, const std::string& cluster,
                                      const Path& folder) const
{
    const auto configured = settingsOf(m_config, cluster);
    std::error_code failed;
    const Path real = std::filesystem::canonical(folder, failed);
    if (failed)
        return failErrno(failed.value(), "cannot find " + quoted(folder));
    std::string place = placeOf(m_config, configured.repository);
    if (kind == getKind) { // Another copy in the same directory may be of another cluster.
        SALVOR_TRY(const auto control, postgres::readControlFile(folder));
        place += std::to_string(control.identity.systemIdentifier);
    }
    return wal::Spool::open(wal::spoolFolder(spoolRoot(cluster), {kind, cluster, real, place}));
}

Path Console::spoolRoot(const std::string& cluster) const
{
    if (Path configured = settingsOf(m_config, cluster).spoolPath; !configured.empty())
        return configured;
    const Path& own = m_surroundings.spoolFolder;
    return (own.empty() ? m_surroundings.stateFolder : own) / "spool";
}

wal::StartWorker Console::workerStarter(const std::string& kind, const std::string& cluster,
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

Result<Repository::Pushed> Console::archivePush(const std::string& cluster, const Path& path)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    if (configured.archiveAsync && wal::isReadyToArchive(path)) {
        const Path folder = path.parent_path();
        const auto spool = openSpool(pushKind, cluster, folder);
        if (!spool.ok()) {
            log(LogLevel::Warning, "archiving one by one: " + spool.error().message);
        } else {
            SALVOR_TRY(const auto pushed,
                       wal::pushThroughWorker(*spool, path,
                                              {configured.archiveTimeout,
                                               workerStarter(pushKind, cluster, folder, *spool)}));
            if (pushed)
                return *pushed;
            log(LogLevel::Warning, "archiving one by one: the worker ends without a word; its log "
                                   "is "
                                       + quoted(spool->logFile()));
        }
    }
    SALVOR_TRY(const auto repository, open(configured.repository));
    return wal::archivePush(*repository, cluster, path);
}

Result<> Console::archiveGet(const std::string& cluster, const std::string& name,
                             const Path& destination, wal::Take take)
{
    const Path here = ".";
    const auto control = postgres::readControlFile(here);
    const bool ahead = control.ok() && settingsOf(m_config, cluster).prefetch > 0
                       && model::walFileKind(name) == model::WalFileKind::Segment;
    const auto spool = ahead ? openSpool(getKind, cluster, here)
                             : Result<wal::Spool>(fail(ErrorCode::NotReady, "nothing to prefetch"));
    if (!spool.ok())
        return getFromArchive(cluster, name, destination, take);
    const wal::Prefetch prefetch{.spool = *spool,
                                 .segmentSize = control->identity.segmentSize,
                                 .startWorker = workerStarter(getKind, cluster, here, *spool)};
    if (wal::takePrefetched(prefetch, name, destination))
        return {};
    SALVOR_CHECK(getFromArchive(cluster, name, destination, take));
    wal::prefetchAfter(prefetch, name);
    return {};
}

Result<> Console::getFromArchive(const std::string& cluster, const std::string& name,
                                 const Path& destination, wal::Take take)
{
    SALVOR_TRY(const std::string where, repositoryOf(cluster));
    SALVOR_TRY(const auto repository, open(where));
    // NotFound is PostgreSQL's word for "the archive ends here"; an unknown cluster is not that.
    auto incarnation = incarnationHere(*repository, cluster);
    if (!incarnation.ok() && incarnation.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotReady, incarnation.error().message, incarnation.error().hint);
    if (!incarnation.ok())
        return std::move(incarnation).error();
    return wal::archiveGet(*repository, *incarnation, name, destination, take);
}

Result<> Console::archiveWorker(const std::string& kind, const std::string& cluster,
                                const Path& folder)
{
    const bool pushes = kind == pushKind;
    if (!pushes && kind != getKind)
        return fail(ErrorCode::InvalidInput, "there is no worker '" + kind + "'",
                    "archive-push and archive-get start what they need.");
    SALVOR_TRY(const wal::Spool spool, openSpool(kind, cluster, folder));
    if (!spool.isHeldBy(STDIN_FILENO))
        return fail(ErrorCode::InvalidInput, "a worker is started by archive-push or archive-get",
                    "Nothing needs to be done.");
    keepFreedMemory();
    wal::removeOldSpools(spoolRoot(cluster));
    Result<> worked =
        pushes ? pushInBackground(spool, cluster, folder) : prefetchInBackground(spool, cluster);
    if (pushes && !worked.ok())
        wal::reportWorkerError(spool, worked.error());
    return worked;
}

Result<> Console::pushInBackground(const wal::Spool& spool, const std::string& cluster,
                                   const Path& folder)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(const auto repository, open(configured.repository));
    const auto pinned = repository->incarnation(cluster);
    const int threads =
        pinned.ok() ? atMost(configured.archiveJobs, pinned->identity.segmentSize) : 1;
    return wal::pushReadyFiles(spool, {*repository, cluster, folder, threads, pushIdle});
}

Result<> Console::prefetchInBackground(const wal::Spool& spool, const std::string& cluster)
{
    SALVOR_TRY(const std::string where, repositoryOf(cluster));
    SALVOR_TRY(const auto repository, open(where));
    SALVOR_TRY(const auto incarnation, incarnationHere(*repository, cluster));
    const int count = settingsOf(m_config, cluster).prefetch;
    const int threads = atMost(std::min(count, 2), incarnation.identity.segmentSize);
    return wal::prefetchSegments(
        spool, {*repository, incarnation,
                static_cast<std::size_t>(atMost(count, incarnation.identity.segmentSize)), threads,
                getIdle});
}

} // namespace salvor::console
