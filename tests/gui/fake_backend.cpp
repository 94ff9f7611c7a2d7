#include "tests/gui/fake_backend.h"

#include <thread>

namespace salvor::gui::test {
namespace {

using namespace std::chrono_literals;

model::Backup backupAt(const std::string& cluster, Moment start, int number)
{
    model::Backup backup;
    backup.id = model::newBackupId(start, static_cast<std::uint16_t>(0x3f9a + number * 977));
    backup.incarnation = {cluster, 1, {7433211190412345678U, 16, 16U << 20U}};
    backup.mode = number % 7 == 0 ? model::BackupMode::Stream : model::BackupMode::Host;
    backup.serverVersion = 160010;
    backup.toolVersion = "0.1.0";
    backup.host = "db-ord-01";
    backup.startedAt = start;
    backup.finishedAt = start + 20min + std::chrono::seconds(7 * number + 11);
    backup.timeline = model::TimelineId{3};
    backup.startLsn =
        model::Lsn{0xB600000000U + static_cast<std::uint64_t>(number) * 0x2280000028U};
    backup.stopLsn = model::Lsn{0xB6233D9918U + static_cast<std::uint64_t>(number) * 0x2280000188U};
    backup.pageChecksums = true;
    backup.dataDirectory = "/var/lib/postgresql/16/main";
    backup.owner = "postgres";
    backup.group = "postgres";
    backup.fileCount = 41208;
    backup.logicalSize =
        (ByteCount{280} << 30U) + static_cast<ByteCount>(number) * ByteCount{1300000000};
    backup.storedSize = ByteCount{120} << 30U;
    backup.newSize = number == 0
                         ? ByteCount{112} << 30U
                         : (ByteCount{9} << 30U)
                               + static_cast<ByteCount>(number * 37 % 11) * ByteCount{400000000};
    return backup;
}

console::ClusterSummary ordersProd()
{
    console::ClusterSummary cluster;
    cluster.name = "orders-prod";
    cluster.repository = "nas-02";
    const Moment first = at("2026-11-03T00:00:04Z");
    for (int i = 0; i < 15; ++i)
        cluster.backups.push_back(backupAt(cluster.name, first + i * 24h, i));
    cluster.backups[14].annotations = {{"ticket", "CHG-4471"}};
    cluster.incarnation = cluster.backups.front().incarnation;
    cluster.ranges.push_back(
        {cluster.backups[0].id, model::TimelineId{3}, cluster.backups[0].stopLsn,
         model::Lsn{0xD000000000U}, cluster.backups[0].finishedAt, at("2026-11-07T16:12:09Z"),
         "1 095 WAL segments are missing, so nothing can be restored until the "
         "next backup ends"});
    for (int i = 5; i < 15; ++i)
        cluster.ranges.push_back(
            {cluster.backups[static_cast<std::size_t>(i)].id, model::TimelineId{3},
             cluster.backups[static_cast<std::size_t>(i)].stopLsn, model::Lsn{0x2A47F0412E8U},
             cluster.backups[static_cast<std::size_t>(i)].finishedAt,
             at("2026-11-17T01:30:12.402118Z"), "nothing later is archived"});
    cluster.gaps.push_back({model::TimelineId{3}, 0x1000, 0x1446});
    cluster.warnings = {"1 095 WAL segments are missing between 7 and 8 November."};
    cluster.readAt = at("2026-11-17T01:30:48Z");
    return cluster;
}

} // namespace

Moment at(const char* text)
{
    return *parseMoment(text);
}

Moment FixedClock::now() const
{
    return at("2026-11-17T01:31:09Z");
}

/// As after some weeks: most were read, some restored, one found damaged, the newest not looked at.
void addAssurances(console::ClusterSummary& cluster)
{
    using enum model::AssuranceLevel;
    std::vector<model::Verification> notes;
    for (std::size_t i = 0; i + 1 < cluster.backups.size(); ++i) {
        const bool damaged = i == 4;
        notes.push_back({cluster.backups[i].id,
                         i % 3 == 0   ? Restored
                         : i % 3 == 1 ? Contents
                                      : Structure,
                         !damaged, damaged ? "a pack is missing" : "", "dba@db1",
                         cluster.backups[i].finishedAt + std::chrono::minutes(43)});
    }
    cluster.assurances = model::assurancesOf(notes);
}

std::vector<console::ClusterSummary> someClusters()
{
    console::ClusterSummary billing;
    billing.name = "billing-prod";
    billing.repository = "nas-02";
    billing.backups = {backupAt("billing-prod", at("2026-11-16T00:10:00Z"), 1)};
    billing.incarnation = billing.backups.front().incarnation;
    billing.ranges = {{billing.backups[0].id, model::TimelineId{3}, billing.backups[0].stopLsn,
                       model::Lsn{0xD900000000U}, billing.backups[0].finishedAt,
                       at("2026-11-17T01:30:20Z"), "nothing later is archived"}};
    billing.readAt = at("2026-11-17T01:30:48Z");
    console::ClusterSummary analytics;
    analytics.name = "analytics-stage";
    analytics.repository = "s3-eu";
    analytics.readAt = billing.readAt;
    console::ClusterSummary orders = ordersProd();
    addAssurances(orders);
    return {orders, billing, analytics};
}

model::RestorePlan planFor(const console::RestoreChoice& choice)
{
    const console::ClusterSummary cluster = ordersProd();
    model::RestorePlan plan;
    plan.repository = "nas-02";
    plan.repositoryId = "0123456789abcdef0123456789abcdef";
    plan.cluster = choice.cluster;
    plan.backup = cluster.backups.back();
    plan.backupChosenBecause = "it is the newest one that ends before the target";
    plan.asked = choice.target;
    plan.target.timeline = model::TimelineId{3};
    plan.target.lsn = model::Lsn{0x2A47F0412E8U};
    plan.target.lastCommitAt = at("2026-11-17T01:10:48.377100Z");
    plan.target.words = "up to and including the commit of 2026-11-17 01:10:48.377100 UTC at "
                        "2A4/7F0412E8";
    plan.action = choice.action.value_or(model::AtTarget::Pause);
    plan.walNeeded = {{model::TimelineId{3}, 0x2A20C, 0x2A47F}};
    plan.destination = choice.destination.string();
    plan.owner = "postgres";
    plan.startOptions = choice.startOptions;
    plan.bytesToWrite = plan.backup.logicalSize;
    plan.bytesToFetch = plan.backup.storedSize;
    plan.creates = {"the directory " + plan.destination,
                    "a server that listens on this machine only"};
    plan.losses = {"19 minutes 23 seconds of work after that moment, 143 206 commits, will be "
                   "missing"};
    plan.commands = {"salvorctl restore " + plan.cluster + " --to " + plan.destination
                     + " --time '2026-11-17 01:10:48.377100+00:00' --start --action pause"};
    using Level = model::Check::Level;
    plan.checks = {{Level::Warning, "space", "312 GiB are needed and 340 GiB are free",
                    "replayed WAL and new writes need room too",
                    "free 30 GiB more or choose another disk"},
                   {Level::Note, "programs", "PostgreSQL 16.9 is installed, the backup is of 16.10",
                    "a minor version older than the server's", ""},
                   {Level::Passed, "destination", "the directory is new", "", ""},
                   {Level::Passed, "key", "the key opens a real block", "", ""},
                   {Level::Passed, "WAL", "627 segments without a gap", "", ""},
                   {Level::Passed, "packs", "all packs are there with the right size", "", ""}};
    plan.madeAt = FixedClock().now();
    return plan;
}

Result<std::vector<console::ClusterSummary>> FakeBackend::clusters(JobContext& /*job*/)
{
    if (clustersError)
        return *clustersError;
    return answer;
}

Result<model::RestorePlan> FakeBackend::planRestore(const console::RestoreChoice& choice,
                                                    JobContext& /*job*/, finder::Nearest* nearest)
{
    if (planError) {
        if (offerNearest && nearest != nullptr) {
            model::WalEvent before;
            before.start = model::Lsn{0xD000000000U};
            before.at = at("2026-11-07T16:12:09Z");
            model::WalEvent after;
            after.start = model::Lsn{0xE000000000U};
            after.at = at("2026-11-08T00:20:46Z");
            *nearest = {before, after};
        }
        return *planError;
    }
    model::RestorePlan plan = planFor(choice);
    if (!checks.empty())
        plan.checks = checks;
    return plan;
}

Result<model::RestoreOutcome> FakeBackend::applyRestore(const model::RestorePlan& plan,
                                                        JobContext& job)
{
    ++applied;
    job.phase("fetch and write the files", ByteCount{312} << 30U);
    job.progress.add(ByteCount{312} << 30U);
    job.events.note("41 208 files written, each with its digest.");
    job.phase("replay WAL to the moment", ByteCount{10} << 30U);
    job.progress.add(ByteCount{6} << 30U);
    job.events.warning("the storage answered slowly for 12 s.");
    while (holdApply) {
        if (const Result<> on = job.proceed(); !on.ok())
            return on.error();
        job.progress.add(1U << 20U);
        std::this_thread::sleep_for(5ms);
    }
    if (applyError)
        return *applyError;
    model::RestoreOutcome outcome;
    outcome.state = applyState;
    outcome.destination = plan.destination;
    outcome.startCommand = "pg_ctl -D " + plan.destination + " start";
    if (applyState != model::RestoreState::Files) {
        outcome.reachedLsn = plan.target.lsn;
        outcome.lastCommitAt = plan.target.lastCommitAt;
        outcome.timeline = plan.target.timeline;
        outcome.instance = "orders-20261117T013109Z";
        outcome.port = 54321;
        outcome.socketDirectory = "/run/user/1000/salvor/orders-20261117T013109Z";
    }
    return outcome;
}

std::string FakeBackend::planHash(const model::RestorePlan& plan) const
{
    return plan.destination.empty()
               ? std::string(64, '0')
               : "9f41c07a5be2d31088a1f4e7c6b5a49382716050f1e2d3c4b5a69788796a77d0";
}

Result<console::Console::ConnectionTest>
FakeBackend::testConnection(const settings::RepositoryConfig& /*place*/, JobContext& /*job*/)
{
    return connection;
}

Result<> FakeBackend::addRepository(const settings::RepositoryConfig& /*repository*/,
                                    Place /*place*/, JobContext& /*job*/)
{
    if (addError)
        return *addError;
    ++added;
    return {};
}

World::World()
    : folder(*TemporaryDirectory::create())
{}

void World::read()
{
    catalog.refresh();
    ASSERT_TRUE(eventually([this] { return catalog.state() != Catalog::State::Reading; }));
}

} // namespace salvor::gui::test
