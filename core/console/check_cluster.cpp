// `cluster check`: is this cluster protected now?
#include "core/console/archiving_checks.h"
#include "core/console/commands.h"
#include "core/console/opened.h"
#include "core/postgres/connection.h"

#include <algorithm>
#include <random>

namespace salvor::console {

namespace {

using model::Check;
using Level = model::Check::Level;

/// A part that could not be checked is a finding like the others: the rest is still looked at.
void addFailure(Checks& checks, const std::string& name, const Error& error, Level level)
{
    checks.push_back(
        {level, name, "This could not be checked: " + error.message + ".", "", error.hint});
}

struct Probe {
    Moment storeTime; ///< By the store's clock.
};

/// Writes a small object, looks at it and removes it.
Result<Probe> writeProbe(storage::Driver& driver)
{
    std::random_device random;
    const storage::ObjectKey key = "connection-test-" + std::to_string(random());
    SALVOR_CHECK(storage::writeObject(driver, key, asBytes("Is this place writable?\n")));
    const auto info = driver.stat(key);
    const auto removed = driver.remove(key);
    if (!info.ok())
        return info.error();
    SALVOR_CHECK(removed);
    return Probe{info->modifiedAt};
}

std::optional<Check> skewCheck(const std::string& whose, Moment theirs, Moment ours)
{
    constexpr std::chrono::seconds much{5};
    const auto skew = theirs > ours ? theirs - ours : ours - theirs;
    if (skew <= much)
        return std::nullopt;
    return Check{Level::Warning, "clock",
                 "The clock of " + whose + " is " + durationText(skew)
                     + (theirs > ours ? " ahead of" : " behind") + " this machine's.",
                 "Moments to restore to are read off these clocks.",
                 "Let both follow the same time server."};
}

void checkRepository(const repository::Repository& repository, Checks& checks)
{
    if (!repository.keys().canReadContents())
        checks.push_back({Level::Note, "key",
                          "The key at hand writes backups and cannot read them.",
                          "A restore needs a reader's key.", ""});
    else
        checks.push_back({Level::Passed, "key", "The key opens the repository.", "", ""});
    storage::Driver& driver = repository.driver();
    if (driver.capabilities().retention) {
        checks.push_back({Level::Note, "repository",
                          "Objects are locked once written, so nothing was written to try it.", "",
                          ""});
        return;
    }
    const auto probe = writeProbe(driver);
    if (!probe.ok()) {
        addFailure(checks, "repository", probe.error(), Level::Blocker);
        return;
    }
    checks.push_back(
        {Level::Passed, "repository", "'" + driver.location() + "' can be written.", "", ""});
    if (auto skew = skewCheck("the repository", probe->storeTime, systemClock().now()))
        checks.push_back(*std::move(skew));
}

void checkIdentity(const repository::Repository& repository, const std::string& cluster,
                   const model::ClusterIdentity& identity, Checks& checks)
{
    const auto incarnation = repository.incarnation(cluster);
    if (!incarnation.ok()) {
        if (incarnation.error().code == ErrorCode::NotFound)
            checks.push_back({Level::Note, "identity",
                              "The repository knows nothing of '" + cluster + "' yet.",
                              "The first push or backup ties the name to this cluster.", ""});
        else
            addFailure(checks, "identity", incarnation.error(), Level::Blocker);
        return;
    }
    if (incarnation->identity == identity)
        checks.push_back({Level::Passed, "identity",
                          "The repository's '" + cluster + "' is this cluster, "
                              + std::to_string(identity.systemIdentifier) + ".",
                          "", ""});
    else
        checks.push_back(
            {Level::Blocker, "identity",
             "The repository's '" + cluster + "' is the cluster "
                 + std::to_string(incarnation->identity.systemIdentifier) + " of PostgreSQL "
                 + std::to_string(incarnation->identity.majorVersion) + ", this one is "
                 + std::to_string(identity.systemIdentifier) + " of PostgreSQL "
                 + std::to_string(identity.majorVersion) + ".",
             "Its WAL and backups are refused under that name.",
             "Run 'salvorctl cluster adopt " + cluster + "' if this cluster replaces the other."});
}

void checkBackups(const repository::Repository& repository, const std::string& cluster,
                  Checks& checks)
{
    const auto backups = repository.backups(cluster);
    if (!backups.ok()) {
        addFailure(checks, "backup", backups.error(), Level::Blocker);
        return;
    }
    if (backups->empty()) {
        checks.push_back({Level::Blocker, "backup", "There is no backup of '" + cluster + "'.",
                          "Nothing can be restored.",
                          "Take one: salvorctl backup " + cluster + "."});
        return;
    }
    constexpr std::chrono::hours old{48};
    const model::Backup& newest = backups->back();
    const auto age = systemClock().now() - newest.finishedAt;
    checks.push_back(
        {age > old ? Level::Warning : Level::Passed, "backup",
         "The newest backup is '" + newest.id + "', " + durationText(age) + " old.",
         age > old ? "A restore replays all WAL since then, which takes its time." : "",
         age > old ? "Take a new one: salvorctl backup " + cluster + "." : ""});
    if (!newest.damaged.empty())
        checks.push_back({Level::Blocker, "pages",
                          std::to_string(newest.damaged.size())
                              + " files of the cluster had pages with a wrong checksum when it was "
                                "taken, such as '"
                              + newest.damaged.front().path + "'.",
                          "The cluster itself is damaged.",
                          "Restore an older backup beside it and compare those relations."});
}

Result<> checkServerClock(postgres::Connection& connection, Checks& checks, JobContext& job)
{
    SALVOR_TRY(const std::string text,
               connection.value("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
                                "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                                {}, job.stop));
    SALVOR_TRY(const Moment server, parseMoment(text));
    if (auto skew = skewCheck("the server", server, systemClock().now()))
        checks.push_back(*std::move(skew));
    return {};
}

/// Runs a part and keeps going when it fails; only a stop request ends the whole.
Result<> part(Checks& checks, const std::string& name, Result<> done)
{
    if (!done.ok() && done.error().code == ErrorCode::Cancelled)
        return done;
    if (!done.ok())
        addFailure(checks, name, done.error(), Level::Warning);
    return {};
}

Result<> checkServer(const wal::ReceiveRequest& request, const repository::Repository* repository,
                     Checks& checks, JobContext& job)
{
    const std::string& cluster = request.cluster;
    auto opened = postgres::Connection::open(request.connection, postgres::Connection::Kind::Normal,
                                             job.stop);
    if (!opened.ok()) {
        checks.push_back({Level::Blocker, "connection",
                          "The server does not let us in: " + opened.error().message + ".",
                          "Neither a backup nor this check can be made.", opened.error().hint});
        return {};
    }
    postgres::Connection connection = *std::move(opened);
    SALVOR_TRY(const auto facts, postgres::readServerFacts(connection));
    checks.push_back({Level::Passed, "connection",
                      "PostgreSQL " + std::to_string(connection.majorVersion()) + " answers.", "",
                      ""});
    const auto receiver = checkReceiver(connection, request, checks, job);
    const bool isReceiving = receiver.ok() && *receiver;
    if (!receiver.ok())
        SALVOR_CHECK(part(checks, "receive-wal", receiver.error()));
    checkArchiveSettings(facts, cluster, isReceiving ? Arrival::ByReceiver : Arrival::ByCommand,
                         checks);
    SALVOR_CHECK(part(checks, "privileges", checkPrivileges(connection, checks, job)));
    SALVOR_CHECK(
        part(checks, "replication slots", checkSlots(connection, request.slot, checks, job)));
    SALVOR_CHECK(part(checks, "clock", checkServerClock(connection, checks, job)));
    if (repository != nullptr) {
        checkIdentity(*repository, cluster, facts.identity, checks);
        if (archivesItself(facts) || (isReceiving && !facts.inRecovery))
            SALVOR_CHECK(part(checks, "segment",
                              checkSegmentArrives(connection, *repository, cluster, checks, job)));
    }
    return part(checks, "archiver", checkArchiver(connection, checks, job));
}

} // namespace

Result<ClusterReport> Console::checkCluster(const std::string& cluster, JobContext& job)
{
    job.phase("check", 0);
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(const auto request, receiveRequest(cluster, false));
    ClusterReport report{cluster, {}};
    const auto repository = open(configured.repository);
    if (repository.ok()) {
        checkRepository(**repository, report.checks);
        checkBackups(**repository, cluster, report.checks);
    } else {
        addFailure(report.checks, "repository", repository.error(), Level::Blocker);
    }
    SALVOR_CHECK(part(
        report.checks, "connection",
        checkServer(request, repository.ok() ? repository->get() : nullptr, report.checks, job)));
    std::stable_sort(report.checks.begin(), report.checks.end(),
                     [](const Check& a, const Check& b) { return a.level < b.level; });
    return report;
}

} // namespace salvor::console
