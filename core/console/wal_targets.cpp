#include "core/base/log.h"
#include "core/console/opened.h"
#include "core/console/outages.h"
#include "core/console/wal_places.h"
#include "core/repository/stand_in.h"
#include "core/wal/async_push.h"

#include <algorithm>

namespace salvor::console {

namespace {

using repository::Repository;

/// It cannot take the file now, which says nothing against the file.
bool isMissed(ErrorCode code)
{
    switch (code) {
    case ErrorCode::Unavailable:
    case ErrorCode::Timeout:
    case ErrorCode::Denied:
    case ErrorCode::NoSpace:
    case ErrorCode::Locked:
    case ErrorCode::Corrupt:
    case ErrorCode::Incompatible:
        return true;
    default:
        return false;
    }
}

/// Whether the repository says that the file cannot be right. NotReady is the word for another
/// cluster, and also for a disk that does not keep what it is given, or is not there.
bool contradicts(const Repository& repository, const std::string& cluster,
                 const wal::FileToArchive& file, ErrorCode code)
{
    if (code != ErrorCode::NotReady)
        return !isMissed(code);
    const auto known = repository.incarnation(cluster);
    return known.ok() && known->identity != file.identity;
}

/// Of a file of that size, to a repository that can be spared: more holds the server's archiver.
constexpr std::chrono::seconds patienceFor(std::size_t bytes)
{
    constexpr std::size_t usual = std::size_t{16} << 20U;
    constexpr std::int64_t seconds = 10;
    return std::chrono::seconds(
        seconds * std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / usual)));
}

} // namespace

/// What became of one file.
struct WalTargets::Tally {
    std::vector<std::string> durable;
    std::vector<std::pair<std::string, std::shared_ptr<Repository>>> written; ///< The same.
    bool stored = false;
    std::vector<std::pair<std::string, Error>> missed;
    std::optional<Error> refused;
};

WalTargets::WalTargets(const settings::ClusterConfig& cluster, Open open, Outages& outages)
    : m_cluster(cluster.name)
    , m_required(cluster.walNeededIn())
    , m_open(std::move(open))
    , m_outages(outages)
{
    for (const std::string& name : cluster.repositories())
        m_targets.push_back({name, nullptr});
}

Result<std::shared_ptr<Repository>> WalTargets::opened(Target& target, Patience patience)
{
    {
        const std::lock_guard lock(m_mutex);
        if (target.repository != nullptr && target.patience >= patience)
            return target.repository;
    }
    SALVOR_TRY(auto repository, m_open(target.name, patience));
    const std::lock_guard lock(m_mutex);
    target.repository = repository;
    target.patience = patience;
    return repository;
}

void WalTargets::forget(Target& target)
{
    const std::lock_guard lock(m_mutex);
    target.repository = nullptr;
}

/// What was opened some time ago may be a folder without a disk by now, and would take anything.
Result<std::shared_ptr<Repository>> WalTargets::openedAndThere(Target& target, Patience patience)
{
    SALVOR_TRY(auto repository, opened(target, patience));
    if (m_targets.size() == 1)
        return repository; // areSame() asks it before each file.
    SALVOR_TRY(const bool same, wal::isSameRepository(*repository));
    if (same)
        return repository;
    forget(target);
    return fail(ErrorCode::NotReady, "another repository is at its place than a moment ago",
                "The next attempt opens the new one.");
}

/// Of two that are one, or are no copies of one another, neither counts.
Result<> WalTargets::checkAgainstOthers(const Target& target, const Repository& repository,
                                        const Tally& tally)
{
    // Another thread may have forgotten what this one wrote to.
    for (const auto& [name, other] : tally.written)
        SALVOR_CHECK(repository::checkStandsIn({target.name, repository}, {name, *other}));
    const std::lock_guard lock(m_mutex);
    for (const Target& other : m_targets)
        if (&other != &target && other.repository != nullptr)
            SALVOR_CHECK(repository::checkStandsIn({target.name, repository},
                                                   {other.name, *other.repository}));
    return {};
}

void WalTargets::pushTo(Target& target, Patience patience, const wal::FileToArchive& file,
                        Tally& tally)
{
    const Moment askedAt = m_outages.now();
    const auto repository = openedAndThere(target, patience);
    const Result<> fits =
        repository.ok() ? checkAgainstOthers(target, **repository, tally) : Result<>();
    if (!fits.ok()) {
        tally.refused = tally.refused ? tally.refused : fits.error();
        return;
    }
    const auto pushed = repository.ok() ? wal::storeFile(**repository, m_cluster, file)
                                        : Result<Repository::Pushed>(repository.error());
    if (pushed.ok()) {
        const auto took = std::chrono::floor<std::chrono::seconds>(m_outages.now() - askedAt);
        if (canSpareOne() && took > patienceFor(file.bytes.size()))
            m_outages.failed(target.name, askedAt,
                             "it is slow: a file took " + std::to_string(took.count()) + " s");
        else
            m_outages.answered(target.name);
        tally.durable.push_back(target.name);
        tally.written.emplace_back(target.name, *repository);
        tally.stored = tally.stored || *pushed == Repository::Pushed::Stored;
        return;
    }
    const Error error =
        m_targets.size() > 1 ? withoutName(pushed.error(), target.name) : pushed.error();
    if (repository.ok() && contradicts(**repository, m_cluster, file, error.code)) {
        tally.refused = tally.refused ? tally.refused : named(error, target.name);
        return;
    }
    tally.missed.emplace_back(target.name, error);
    if (canSpareOne())
        forget(target); // A short wait is enough again the next time.
    m_outages.failed(target.name, askedAt, error.message);
}

/// The only one there is needs no name.
Error WalTargets::named(const Error& error, const std::string& repository) const
{
    return m_targets.size() > 1 ? Error(error).in("repository '" + repository + "'") : error;
}

Result<Repository::Pushed> WalTargets::push(const Path& path)
{
    SALVOR_TRY(const auto file, wal::readFileToArchive(path));
    const Patience patience = canSpareOne() ? Patience::Short : Patience::Full;
    Tally tally;
    std::vector<Target*> doubtful;
    std::vector<Target*> away;
    for (Target& target : m_targets) {
        const auto standing = m_outages.standing(target.name);
        if (standing == Outages::Standing::Good)
            pushTo(target, patience, file, tally);
        else
            (standing == Outages::Standing::Doubtful ? doubtful : away).push_back(&target);
    }
    for (Target* target : doubtful)
        pushTo(*target, patience, file, tally);
    for (Target* target : away) {
        if (tally.durable.size() < m_required)
            pushTo(*target, patience, file, tally);
        else if (const auto why = m_outages.why(target->name))
            tally.missed.emplace_back(target->name, fail(ErrorCode::Unavailable, *why));
    }
    if (patience == Patience::Short && !tally.refused)
        pushToMissed(file, tally);
    return outcome(file.name, tally);
}

/// Seconds were not enough for those that did not answer, and without them the file is in too few.
void WalTargets::pushToMissed(const wal::FileToArchive& file, Tally& tally)
{
    for (auto& missed : std::exchange(tally.missed, {})) {
        const auto target =
            std::find_if(m_targets.begin(), m_targets.end(),
                         [&](const Target& each) { return each.name == missed.first; });
        if (tally.durable.size() < m_required && missed.second.isRetryable())
            pushTo(*target, Patience::Full, file, tally);
        else
            tally.missed.push_back(std::move(missed));
    }
}

Result<Repository::Pushed> WalTargets::outcome(const std::string& name, const Tally& tally) const
{
    if (tally.refused)
        return *tally.refused;
    if (tally.durable.size() < m_required) {
        const auto& [place, why] = tally.missed.front();
        Error error = named(why, place);
        if (!tally.durable.empty())
            error.hint += std::string(error.hint.empty() ? "" : " ") + "It is in repository '"
                          + tally.durable.front() + "'; wal-required asks for "
                          + std::to_string(m_required) + ".";
        return error;
    }
    for (const auto& [place, error] : tally.missed) {
        std::string sentence = "'" + name + "' is not in repository '";
        sentence += place + "' yet: " + error.message + ". ";
        sentence += error.hint + (error.hint.empty() ? "" : " ");
        sentence += "'salvorctl repo copy " + tally.durable.front() + " " + place;
        sentence += "' brings it there.";
        log(error.isRetryable() ? LogLevel::Warning : LogLevel::Error, sentence);
    }
    return tally.stored ? Repository::Pushed::Stored : Repository::Pushed::AlreadyThere;
}

Result<bool> WalTargets::areSame()
{
    if (m_targets.size() > 1)
        return true; // Each is asked before it is given a file.
    std::shared_ptr<Repository> repository;
    {
        const std::lock_guard lock(m_mutex);
        repository = m_targets.front().repository;
    }
    return repository == nullptr ? Result<bool>(true) : wal::isSameRepository(*repository);
}

std::optional<ByteCount> WalTargets::segmentSizeIn(const Repository& repository) const
{
    const auto pinned = repository.incarnation(m_cluster);
    return pinned.ok() ? std::optional(pinned->identity.segmentSize) : std::nullopt;
}

Result<std::optional<ByteCount>> WalTargets::segmentSize()
{
    std::vector<Target*> order;
    for (Target& target : m_targets)
        order.push_back(&target);
    std::stable_partition(order.begin(), order.end(),
                          [this](const Target* target) { return !m_outages.why(target->name); });
    std::optional<Error> failure;
    for (const Patience patience : {Patience::Short, Patience::Full}) {
        for (Target* target : order) {
            const Moment askedAt = m_outages.now();
            const auto repository = opened(*target, canSpareOne() ? patience : Patience::Full);
            if (repository.ok())
                return segmentSizeIn(**repository);
            failure = failure ? failure : repository.error();
            m_outages.failed(target->name, askedAt, repository.error().message);
        }
        if (!canSpareOne())
            break; // They had all the time already.
    }
    return *failure;
}

} // namespace salvor::console
