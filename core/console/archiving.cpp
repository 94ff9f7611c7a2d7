#include "core/console/archiving.h"

#include "core/base/log.h"
#include "core/console/console.h"
#include "core/console/outages.h"
#include "core/postgres/control_file.h"
#include "core/wal/async_push.h"
#include "core/wal/prefetch.h"

#include <algorithm>
#include <malloc.h>
#include <unistd.h>

namespace salvor::console {

namespace {

using repository::Repository;

/// How long a worker waits for more before it ends.
constexpr std::chrono::seconds pushIdle{10};
constexpr std::chrono::seconds getIdle{30};
/// Large segments under way at once must not add up.
constexpr ByteCount mostUnderWay = ByteCount{256} << 20U;

/// What a worker met stands in its own log only.
void tellOutages(const settings::ClusterConfig& cluster, const Outages& outages)
{
    for (const std::string& name : cluster.repositories())
        if (const auto why = outages.why(name))
            log(LogLevel::Warning, "repository '" + name + "' gets no WAL for now: " + *why
                                       + ". 'salvorctl repo copy' brings it what it misses.");
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

Archiving::Archiving(Console& console)
    : m_console(console)
    , m_spools(console.config(), console.surroundings())
{}

/// Where each repository is needed, each is asked for every file.
std::optional<wal::Spool> Archiving::outagesOf(const settings::ClusterConfig& cluster,
                                               const Path& folder) const
{
    return canSpareOne(cluster) ? m_spools.ofOutages(cluster.name, folder) : std::nullopt;
}

WalTargets::Open Archiving::opener() const
{
    return [this](const std::string& name, Patience patience) {
        return m_console.openAnew(name, patience);
    };
}

Result<Repository::Pushed> Archiving::push(const std::string& cluster, const Path& path)
{
    SALVOR_TRY(const auto configured, m_console.config().cluster(cluster));
    const Path folder = path.has_parent_path() ? path.parent_path() : Path(".");
    Outages outages(systemClock(), outagesOf(configured, folder));
    if (configured.archiveAsync && wal::isReadyToArchive(path)) {
        SALVOR_TRY(const auto pushed, pushThroughWorker(configured, path));
        if (pushed) {
            tellOutages(configured, outages);
            return *pushed;
        }
    }
    return WalTargets(configured, opener(), outages).push(path);
}

Result<std::optional<Repository::Pushed>>
Archiving::pushThroughWorker(const settings::ClusterConfig& cluster, const Path& path) const
{
    using Outcome = std::optional<Repository::Pushed>;
    const Path folder = path.parent_path();
    const auto spool = m_spools.open(pushKind, cluster.name, folder);
    if (!spool.ok()) {
        log(LogLevel::Warning, "archiving one by one: " + spool.error().message);
        return Outcome();
    }
    SALVOR_TRY(const Outcome pushed,
               wal::pushThroughWorker(*spool, path,
                                      {cluster.archiveTimeout,
                                       m_spools.starter(pushKind, cluster.name, folder, *spool)}));
    if (!pushed)
        log(LogLevel::Warning, "archiving one by one: the worker ends without a word; its log is "
                                   + quoted(spool->logFile()));
    return pushed;
}

Result<> Archiving::get(const std::string& cluster, const std::string& name,
                        const Path& destination, wal::Take take)
{
    const Path here = ".";
    const auto control = postgres::readControlFile(here);
    const bool ahead = control.ok() && settingsOf(m_console.config(), cluster).prefetch > 0
                       && model::walFileKind(name) == model::WalFileKind::Segment;
    const auto spool = ahead ? m_spools.open(getKind, cluster, here)
                             : Result<wal::Spool>(fail(ErrorCode::NotReady, "nothing to prefetch"));
    if (!spool.ok()) {
        SALVOR_TRY(const Bytes bytes, readFromArchive(cluster, name, take));
        return wal::writeFetched(bytes, destination);
    }
    const wal::Prefetch prefetch{.spool = *spool,
                                 .segmentSize = control->identity.segmentSize,
                                 .startWorker = m_spools.starter(getKind, cluster, here, *spool)};
    if (wal::takePrefetched(prefetch, name, destination))
        return {};
    SALVOR_TRY(const Bytes bytes, readFromArchive(cluster, name, take));
    SALVOR_CHECK(wal::writeFetched(bytes, destination));
    wal::prefetchAfter(prefetch, name);
    return {};
}

Result<> Archiving::work(const std::string& kind, const std::string& cluster, const Path& folder)
{
    const bool pushes = kind == pushKind;
    if (!pushes && kind != getKind)
        return fail(ErrorCode::InvalidInput, "there is no worker '" + kind + "'",
                    "archive-push and archive-get start what they need.");
    SALVOR_TRY(const wal::Spool spool, m_spools.open(kind, cluster, folder));
    if (!spool.isHeldBy(STDIN_FILENO))
        return fail(ErrorCode::InvalidInput, "a worker is started by archive-push or archive-get",
                    "Nothing needs to be done.");
    keepFreedMemory();
    wal::removeOldSpools(m_spools.root(cluster));
    Result<> worked =
        pushes ? pushInBackground(spool, cluster, folder) : prefetchInBackground(spool, cluster);
    if (pushes && !worked.ok())
        wal::reportWorkerError(spool, worked.error());
    return worked;
}

Result<> Archiving::pushInBackground(const wal::Spool& spool, const std::string& cluster,
                                     const Path& folder)
{
    SALVOR_TRY(const auto configured, m_console.config().cluster(cluster));
    Outages outages(systemClock(), outagesOf(configured, folder));
    WalTargets targets(configured, opener(), outages);
    SALVOR_TRY(const auto segmentSize, targets.segmentSize());
    const int threads = segmentSize ? atMost(configured.archiveJobs, *segmentSize) : 1;
    return wal::pushReadyFiles(spool,
                               {[&](const Path& path) { return targets.push(path); },
                                [&] { return targets.areSame(); }, folder, threads, pushIdle});
}

Result<> Archiving::prefetchInBackground(const wal::Spool& spool, const std::string& cluster)
{
    SALVOR_TRY(auto all, walSources(cluster));
    const ByteCount segmentSize = all.front().incarnation.identity.segmentSize;
    WalSources sources(std::move(all), systemClock());
    const auto read = [&](const model::Segment& segment) { return sources.read(segment); };
    const int count = atMost(settingsOf(m_console.config(), cluster).prefetch, segmentSize);
    const int threads = std::min(count, 2);
    return wal::prefetchSegments(
        spool, {read, segmentSize, static_cast<std::size_t>(count), threads, getIdle});
}

} // namespace salvor::console
