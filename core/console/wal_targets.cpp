#include "core/base/log.h"
#include "core/console/wal_places.h"
#include "core/wal/archive.h"
#include "core/wal/async_push.h"

#include <algorithm>

namespace salvor::console {

namespace {

using repository::Repository;
using std::chrono::steady_clock;

constexpr std::chrono::minutes pause{1};

/// What passes, or what a person mends without touching what is archived.
bool isOutage(ErrorCode code)
{
    return code == ErrorCode::Unavailable || code == ErrorCode::Timeout || code == ErrorCode::Denied
           || code == ErrorCode::NoSpace || code == ErrorCode::Locked;
}

} // namespace

/// What became of one file.
struct WalTargets::Tally {
    std::vector<std::string> durable;
    bool stored = false;
    std::vector<std::pair<std::string, Error>> missed;
    std::optional<Error> refused;
};

WalTargets::WalTargets(const settings::ClusterConfig& cluster, Open open)
    : m_cluster(cluster.name)
    , m_required(cluster.walRequired == 0 ? cluster.repositories().size() : cluster.walRequired)
    , m_open(std::move(open))
{
    for (const std::string& name : cluster.repositories())
        m_targets.push_back({name, nullptr, {}});
}

Result<std::shared_ptr<Repository>> WalTargets::opened(Target& target)
{
    {
        const std::lock_guard lock(m_mutex);
        if (target.repository != nullptr)
            return target.repository;
    }
    SALVOR_TRY(auto repository, m_open(target.name));
    const std::lock_guard lock(m_mutex);
    target.repository = repository;
    return repository;
}

/// What was opened some time ago may be a folder without a disk by now, and would take anything.
Result<std::shared_ptr<Repository>> WalTargets::openedAndThere(Target& target)
{
    SALVOR_TRY(auto repository, opened(target));
    if (m_targets.size() == 1)
        return repository; // areSame() asks it before each file.
    SALVOR_TRY(const bool same, wal::isSameRepository(*repository));
    if (!same)
        return fail(ErrorCode::NotReady, "another repository is at its place than a moment ago",
                    "The next attempt opens the new one.");
    return repository;
}

bool WalTargets::isAway(const Target& target)
{
    const std::lock_guard lock(m_mutex);
    return steady_clock::now() < target.away;
}

void WalTargets::pushTo(Target& target, const Path& path, Tally& tally)
{
    const auto repository = openedAndThere(target);
    const auto pushed = repository.ok() ? wal::archivePush(**repository, m_cluster, path)
                                        : Result<Repository::Pushed>(repository.error());
    if (pushed.ok()) {
        tally.durable.push_back(target.name);
        tally.stored = tally.stored || *pushed == Repository::Pushed::Stored;
        return;
    }
    const std::string where = m_targets.size() > 1 ? "repository '" + target.name + "'" : "";
    const Error error = where.empty() ? pushed.error() : Error(pushed.error()).in(where);
    if (repository.ok() && !isOutage(error.code)) {
        tally.refused = tally.refused ? tally.refused : error;
        return;
    }
    tally.missed.emplace_back(target.name, error);
    const std::lock_guard lock(m_mutex);
    target.away = steady_clock::now() + pause;
}

Result<Repository::Pushed> WalTargets::push(const Path& path)
{
    Tally tally;
    std::vector<Target*> later;
    for (Target& target : m_targets) {
        if (isAway(target))
            later.push_back(&target);
        else
            pushTo(target, path, tally);
    }
    for (Target* target : later)
        if (tally.durable.size() < m_required)
            pushTo(*target, path, tally);
    return outcome(path, tally);
}

Result<Repository::Pushed> WalTargets::outcome(const Path& path, const Tally& tally) const
{
    if (tally.refused)
        return *tally.refused;
    if (tally.durable.size() < m_required) {
        Error error = tally.missed.front().second;
        if (!tally.durable.empty())
            error.hint += std::string(error.hint.empty() ? "" : " ") + "It is in repository '"
                          + tally.durable.front() + "'; wal-required asks for "
                          + std::to_string(m_required) + ".";
        return error;
    }
    for (const auto& [name, error] : tally.missed) {
        std::string sentence = "'" + path.filename().native();
        sentence += "' is not in repository '" + name + "' yet: " + error.message;
        sentence += ". 'salvorctl repo copy " + tally.durable.front();
        sentence += " " + name + "' brings it there.";
        log(LogLevel::Warning, sentence);
    }
    return tally.stored ? Repository::Pushed::Stored : Repository::Pushed::AlreadyThere;
}

Result<bool> WalTargets::areSame()
{
    for (Target& target : m_targets) {
        std::shared_ptr<Repository> repository;
        {
            const std::lock_guard lock(m_mutex);
            repository = target.repository;
        }
        if (repository == nullptr || (m_targets.size() > 1 && isAway(target)))
            continue;
        auto same = wal::isSameRepository(*repository);
        if (!same.ok() && m_targets.size() == 1)
            return same;
        if (same.ok() && !*same)
            return false;
    }
    return true;
}

Result<std::optional<ByteCount>> WalTargets::segmentSize()
{
    std::optional<Error> failure;
    for (Target& target : m_targets) {
        const auto repository = opened(target);
        if (!repository.ok()) {
            failure = failure ? failure : repository.error();
            const std::lock_guard lock(m_mutex);
            target.away = steady_clock::now() + pause;
            continue;
        }
        const auto pinned = (*repository)->incarnation(m_cluster);
        return pinned.ok() ? std::optional(pinned->identity.segmentSize) : std::nullopt;
    }
    return *failure;
}

} // namespace salvor::console
