#include "core/repository/lease.h"

#include "core/base/text.h"
#include "core/base/who.h"
#include "core/crypto/random.h"
#include "core/repository/sealed_object.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <unistd.h>

namespace salvor::repository {

namespace {

constexpr std::string_view useMark = "use-";
constexpr std::string_view sweepMark = "sweep-";

std::chrono::nanoseconds sinceBoot()
{
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::string_view nameOf(std::string_view key)
{
    return key.substr(key.rfind('/') + 1);
}

Error notListed(const storage::ObjectKey& key)
{
    return fail(ErrorCode::Incompatible,
                "the store does not list '" + key + "', which was just written to it",
                "Salvor needs a store whose listings are up to date.");
}

} // namespace

Lease::Lease(const Repository& repository, const model::Incarnation& incarnation, Kind kind,
             const Timings& timings, const std::string& name)
    : m_repository(repository)
    , m_folder("leases/" + scopePath(incarnation.cluster, incarnation.number) + "/")
    , m_kind(kind)
    , m_timings(timings)
    , m_key(m_folder + name)
{}

const Lease::Timing& Lease::own() const noexcept
{
    return m_kind == Kind::Sweep ? m_timings.sweep : m_timings.use;
}

Result<std::unique_ptr<Lease>> Lease::take(const Repository& repository,
                                           const model::Incarnation& incarnation, Kind kind,
                                           JobContext& job)
{
    return take(repository, incarnation, kind, job, Timings());
}

Result<std::unique_ptr<Lease>> Lease::take(const Repository& repository,
                                           const model::Incarnation& incarnation, Kind kind,
                                           JobContext& job, const Timings& timings)
{
    SALVOR_TRY(const Bytes random, crypto::randomBytes(8));
    const std::string name =
        std::string(kind == Kind::Sweep ? sweepMark : useMark).append(toHex(random));
    std::unique_ptr<Lease> lease(new Lease(repository, incarnation, kind, timings, name));
    // It is written before it is looked for others: of two that begin at once, one sees the other.
    if (kind == Kind::Use) {
        SALVOR_CHECK(lease->waitForSweeps(job));
    } else {
        SALVOR_TRY(const Others found, lease->others());
        for (const auto* keys : {&found.users, &found.sweeps})
            if (!keys->empty())
                return lease->usedBy(keys->front().key);
    }
    lease->m_thread =
        std::jthread([raw = lease.get()](const std::stop_token& stop) { raw->keepRenewing(stop); });
    return lease;
}

Result<std::unique_ptr<Lease>> Lease::takeForReading(const Repository& repository,
                                                     const model::Incarnation& incarnation,
                                                     JobContext& job)
{
    auto taken = take(repository, incarnation, Kind::Use, job);
    if (taken.ok() || taken.error().code == ErrorCode::Cancelled)
        return taken;
    job.events.note("A prune is not kept from running meanwhile: " + taken.error().message + ".");
    return std::unique_ptr<Lease>();
}

Lease::~Lease()
{
    m_thread.request_stop();
    if (m_thread.joinable())
        m_thread.join();
    // When this fails it ends by itself.
    [[maybe_unused]] const Result<> removed = m_repository.driver().remove(m_key);
}

Result<> Lease::renew()
{
    const auto at = sinceBoot();
    const std::string text = Json(Json::Object{{"format", 1},
                                               {"host", hostName()},
                                               {"process", std::to_string(::getpid())},
                                               {"at", formatMoment(systemClock().now())}})
                                 .text();
    SALVOR_CHECK(
        writeSealed(m_repository.driver(), m_repository.keys(), {"lease", m_key}, asBytes(text)));
    const std::lock_guard lock(m_mutex);
    m_ranOut = m_ranOut || (m_renewedAt.count() != 0 && at - m_renewedAt >= own().fresh);
    m_renewedAt = at;
    return {};
}

Result<Moment> Lease::storeTime()
{
    SALVOR_CHECK(renew());
    // As a listing tells it, since others' times come from there: S3 tells whole seconds elsewhere.
    SALVOR_TRY(const auto listed, storage::listObjects(m_repository.driver(), m_key));
    if (listed.empty())
        return notListed(m_key);
    return listed.front().modifiedAt;
}

bool Lease::isFresh() const
{
    const std::lock_guard lock(m_mutex);
    return !m_ranOut && sinceBoot() - m_renewedAt < own().fresh;
}

Result<Lease::Others> Lease::others()
{
    SALVOR_CHECK(renew());
    SALVOR_TRY(const auto objects, storage::listObjects(m_repository.driver(), m_folder));
    const auto mine = std::find_if(objects.begin(), objects.end(),
                                   [&](const auto& object) { return object.key == m_key; });
    if (mine == objects.end())
        return notListed(m_key);
    Others found;
    for (const storage::ObjectInfo& object : objects) {
        const bool sweeps = nameOf(object.key).starts_with(sweepMark);
        const auto term = sweeps ? m_timings.sweep.term : m_timings.use.term;
        if (object.key == m_key || mine->modifiedAt - object.modifiedAt >= term)
            continue;
        (sweeps ? found.sweeps : found.users).push_back(object);
    }
    return found;
}

Result<> Lease::waitForSweeps(JobContext& job)
{
    for (bool told = false;; told = true) {
        SALVOR_TRY(Others found, others());
        dropUnchanged(found.sweeps);
        if (found.sweeps.empty())
            return {};
        if (!told)
            job.events.note("Waits until a prune has removed what is not needed any more.");
        const auto until = std::chrono::steady_clock::now() + m_timings.poll;
        while (std::chrono::steady_clock::now() < until) {
            SALVOR_CHECK(job.proceed());
            std::this_thread::sleep_for(
                std::min<std::chrono::milliseconds>(m_timings.poll, std::chrono::milliseconds(50)));
        }
    }
}

void Lease::dropUnchanged(std::vector<storage::ObjectInfo>& sweeps)
{
    const auto now = sinceBoot();
    std::erase_if(sweeps, [&](const storage::ObjectInfo& each) {
        Seen& seen = m_seen[each.key];
        if (seen.since.count() == 0 || seen.modifiedAt != each.modifiedAt)
            seen = {each.modifiedAt, now};
        return now - seen.since >= m_timings.sweep.term;
    });
}

Error Lease::usedBy(const storage::ObjectKey& other) const
{
    std::string who = "somebody";
    if (const auto json =
            readSealedJson(m_repository.driver(), m_repository.keys(), "lease", other);
        json.ok()) {
        const auto host = json->stringAt("host");
        const auto process = json->stringAt("process");
        if (host.ok() && process.ok())
            who = "process " + *process + " on '" + *host + "'";
    }
    const bool sweeps = nameOf(other).starts_with(sweepMark);
    return fail(
        ErrorCode::NotReady,
        who
            + (sweeps ? " is pruning the same cluster"
                      : " is adding a backup of the cluster, or reading one")
            + ": nothing was removed",
        "Run it again afterwards. What a killed process left there counts for "
            + std::to_string(
                std::chrono::duration_cast<std::chrono::minutes>(m_timings.use.term).count())
            + " minutes.");
}

Result<> Lease::confirm(JobContext& job)
{
    if (m_kind == Kind::Use) {
        SALVOR_CHECK(waitForSweeps(job));
        const std::lock_guard lock(m_mutex);
        m_ranOut = false;
        return {};
    }
    if (isFresh())
        return renew();
    return fail(ErrorCode::NotReady,
                "the prune was held up for so long that a backup may have begun meanwhile",
                "What it removed so far was not needed. Run it again.");
}

void Lease::keepRenewing(const std::stop_token& stop)
{
    while (true) {
        {
            std::unique_lock lock(m_mutex);
            m_wake.wait_for(lock, stop, own().renewal, [] { return false; });
        }
        if (stop.stop_requested())
            return;
        // A failure is tried again a renewal later; isFresh() tells when that was not enough.
        [[maybe_unused]] const Result<> renewed = renew();
    }
}

} // namespace salvor::repository
