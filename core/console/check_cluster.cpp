// `cluster check`: is this cluster protected now?
#include "core/console/archiving_checks.h"
#include "core/console/commands.h"
#include "core/console/copies_checks.h"
#include "core/console/copy_lag.h"
#include "core/console/opened.h"
#include "core/console/repository_checks.h"
#include "core/postgres/connection.h"

#include <algorithm>

namespace salvor::console {

namespace {

using model::Check;
using Level = model::Check::Level;

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

Result<> checkServer(const settings::ClusterConfig& configured, const wal::ReceiveRequest& request,
                     const repository::Repository* repository, Checks& checks, JobContext& job)
{
    const std::string& cluster = configured.name;
    auto opened = postgres::Connection::open(configured.connection,
                                             postgres::Connection::Kind::Normal, job.stop);
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
    if (archivesItself(facts))
        SALVOR_CHECK(part(checks, "backlog",
                          checkBacklog(connection, configured.dataDirectory, checks, job)));
    return part(checks, "archiver", checkArchiver(connection, checks, job));
}

/// Each further repository against the first; only one of them when that was asked for.
void checkLags(const settings::ClusterConfig& cluster, const std::vector<NamedPlace>& places,
               const std::string& asked, Checks& checks)
{
    const NamedPlace& first = places.front();
    for (const NamedPlace& copy : places) {
        const bool isMeant = asked.empty() || asked == first.name || asked == copy.name;
        if (&copy != &first && isMeant && first.opened.ok() && copy.opened.ok())
            checkCopyLag({first.name, **first.opened}, {copy.name, **copy.opened}, cluster.name,
                         checks);
    }
}

} // namespace

Result<ClusterReport> Console::checkCluster(const std::string& cluster, JobContext& job,
                                            const std::string& repository)
{
    job.phase("check", 0);
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(const std::string name, oneOf(configured, repository));
    SALVOR_TRY(const auto request, receiveRequest(cluster, false));
    SALVOR_TRY(const auto rules, m_config.rulesFor(cluster, name));
    ClusterReport report{cluster, {}};
    const auto opened = open(name);
    if (opened.ok()) {
        checkRepository(**opened, report.checks);
        checkBackups(**opened, cluster, report.checks);
        checkArchivedWal(**opened, cluster, report.checks);
        checkRetention(**opened, cluster, rules, report.checks);
    } else {
        addFailure(report.checks, "repository", opened.error(), Level::Blocker);
    }
    std::vector<NamedPlace> places;
    for (const std::string& each : configured.repositories())
        places.push_back({each, open(each)});
    for (const std::string& each : configured.repositories()) {
        if (!repository.empty() && each != repository)
            continue;
        SALVOR_TRY(const auto place, m_config.repository(each));
        checkLifecycle(place, report.checks, job);
    }
    checkCopies(configured, places, report.checks);
    checkLags(configured, places, repository, report.checks);
    SALVOR_CHECK(part(report.checks, "connection",
                      checkServer(configured, request, opened.ok() ? opened->get() : nullptr,
                                  report.checks, job)));
    std::stable_sort(report.checks.begin(), report.checks.end(),
                     [](const Check& a, const Check& b) { return a.level < b.level; });
    return report;
}

} // namespace salvor::console
