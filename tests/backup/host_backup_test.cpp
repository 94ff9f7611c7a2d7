#include "tests/backup/backup_test.h"

#include <fcntl.h>
#include <memory>

using namespace salvor;
using namespace salvor::test;
using model::BackupMode;

namespace {

class OnEveryMajor : public ::testing::TestWithParam<int> {};

/// Asks for a stop as soon as a phase begins.
class StopAt final : public EventSink {
public:
    StopAt(std::stop_source& source, std::string where)
        : m_source(source)
        , m_where(std::move(where))
    {}
    void phase(std::string_view name, ByteCount /*total*/) override
    {
        if (name == m_where)
            m_source.request_stop();
    }
    void note(std::string_view /*sentence*/) override {}
    void warning(std::string_view /*sentence*/) override {}

private:
    std::stop_source& m_source;
    std::string m_where;
};

/// Runs as the server's user while it lives, when the test runs as root.
class AsServerUser {
public:
    AsServerUser()
    {
        const auto user = serverUser();
        EXPECT_EQ(::seteuid(user ? user->uid : ::getuid()), 0);
    }
    ~AsServerUser() { EXPECT_EQ(::seteuid(::getuid()), 0); }
    AsServerUser(const AsServerUser&) = delete;
    AsServerUser& operator=(const AsServerUser&) = delete;
};

} // namespace

TEST_P(OnEveryMajor, AHostBackupUnderLoadIsWholeAndStarts)
{
    SALVOR_NEED_POSTGRES(GetParam());
    BackedUpServer server(GetParam());
    server.cluster.createTablespace("extra");
    server.cluster.execute("CREATE TABLE far TABLESPACE extra AS SELECT generate_series(1, 5000)");
    server.cluster.execute("CREATE UNLOGGED TABLE light AS SELECT 1");
    server.cluster.pgbench({"-i", "-q", "-s", "2"});
    std::jthread load([&] { (void)server.cluster.pgbench({"-T", "3", "-c", "2", "-n"}); });

    const auto backup = server.run(server.request(BackupMode::Host));
    load.join();

    ASSERT_OK(backup);
    EXPECT_LT(backup->startLsn, backup->stopLsn);
    EXPECT_TRUE(backup->damaged.empty());
    EXPECT_TRUE(backup->pageChecksums);
    EXPECT_EQ(backup->tablespaces.size(), 1U);
    EXPECT_EQ(server.events.phases,
              (std::vector<std::string>{"checkpoint", "compare with the last backup", "copy files",
                                        "wait for WAL", "finish"}));
    const auto tree = server.tree(*backup);
    EXPECT_TRUE(tree.contains("backup_label"));
    EXPECT_FALSE(tree.contains("tablespace_map"));
    EXPECT_TRUE(tree.contains("pg_wal/archive_status"));
    Extracted copy(*server.repository, *backup);
    const auto verified = server.cluster.run("pg_verifybackup", {"-n", copy.path().native()});
    EXPECT_EQ(verified.status, 0) << verified.errors;
    copy.addWal(*server.repository, *backup);
    StartedCopy started(server.cluster, copy.path());
    EXPECT_EQ(started.value(balancesAgree), "t");
    EXPECT_EQ(started.value("SELECT count(*) FROM far"), "5000");
    EXPECT_TRUE(server.isServerClean());
}

INSTANTIATE_TEST_SUITE_P(Postgres, OnEveryMajor, ::testing::Values(13, 15, 17, 18));

TEST(HostBackup, ADamagedPageIsFoundAndNamed)
{
    BackedUpServer server;
    server.cluster.execute("CREATE TABLE t AS SELECT generate_series(1, 2000)");
    const std::string path = server.cluster.value("SELECT pg_relation_filepath('t')");
    server.cluster.stop();
    {
        const auto file = must(openFile(server.cluster.dataDirectory() / path, O_RDWR));
        ASSERT_OK(writeAllAt(file, asBytes("damage"), 2 * 8192 + 5000));
    }
    server.cluster.start();

    const auto backup = server.run(server.request(BackupMode::Host));

    ASSERT_OK(backup);
    EXPECT_EQ(backup->damaged, (std::vector<model::DamagedPages>{{path, {2}}}));
    ASSERT_EQ(server.events.warnings.size(), 1U);
    EXPECT_NE(server.events.warnings[0].find(path), std::string::npos);
}

TEST(HostBackup, WhatRestedSinceTheLastBackupIsNotReadAgain)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "2"});
    auto request = server.request(BackupMode::Host);
    request.restTime = std::chrono::seconds(0);
    const auto first = server.run(request);
    ASSERT_OK(first);
    server.cluster.execute("UPDATE pgbench_branches SET bbalance = 0");
    server.cluster.execute("CREATE TABLE fresh AS SELECT generate_series(1, 1000) AS n");

    const auto second = server.run(request);

    ASSERT_OK(second);
    EXPECT_EQ(first->basis, "");
    EXPECT_EQ(second->basis, first->id);
    EXPECT_GT(first->readSize, 20U << 20U);
    EXPECT_LT(second->readSize, first->readSize / 4);
    EXPECT_GT(second->readSize, 8192U);
    Extracted copy(*server.repository, *second);
    const auto verified = server.cluster.run("pg_verifybackup", {"-n", copy.path().native()});
    EXPECT_EQ(verified.status, 0) << verified.errors;
    copy.addWal(*server.repository, *second);
    StartedCopy started(server.cluster, copy.path());
    EXPECT_EQ(started.value(balancesAgree), "t");
    EXPECT_EQ(started.value("SELECT count(*) FROM fresh"), "1000");

    request.readsEverything = true;
    const auto third = server.run(request);

    ASSERT_OK(third);
    EXPECT_EQ(third->basis, "");
    EXPECT_GE(third->readSize, first->readSize);
}

TEST(HostBackup, AnUnreadableOlderBackupIsReadPast)
{
    BackedUpServer server;
    auto request = server.request(BackupMode::Host);
    request.restTime = std::chrono::seconds(0);
    const auto first = server.run(request);
    ASSERT_OK(first);
    const std::string key = "backups/orders/" + first->id;
    ASSERT_OK(server.driver->remove(key));
    ASSERT_OK(storage::writeObject(*server.driver, key, asBytes("rot")));

    const auto second = server.run(request);

    ASSERT_OK(second);
    EXPECT_EQ(second->basis, "");
    ASSERT_EQ(server.events.warnings.size(), 1U);
    EXPECT_NE(server.events.warnings[0].find("read again"), std::string::npos);
}

TEST(HostBackup, AnotherClustersDirectoryIsRefused)
{
    BackedUpServer server;
    TestCluster other({.walSegmentMegabytes = 1, .ownIdentity = true});
    auto request = server.request(BackupMode::Host);
    request.dataDirectory = other.dataDirectory();

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, NotReady);
    EXPECT_NE(backup.error().message.find("another cluster's"), std::string::npos);
    EXPECT_TRUE(server.repository->clusters()->empty());
}

TEST(HostBackup, ACopyOfTheServersDirectoryIsRefused)
{
    BackedUpServer server;
    server.cluster.stop();
    ServerDirectory place;
    std::filesystem::copy(server.cluster.dataDirectory(), place.path() / "copy",
                          std::filesystem::copy_options::recursive);
    server.cluster.start();
    server.cluster.execute("CREATE TABLE t (x int)");
    auto request = server.request(BackupMode::Host);
    request.dataDirectory = place.path() / "copy";

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, NotReady);
    EXPECT_NE(backup.error().message.find("not the server's own"), std::string::npos);
    EXPECT_TRUE(server.isServerClean());
}

TEST(HostBackup, WithoutArchivingItIsNotReady)
{
    BackedUpServer server;
    server.cluster.set("archive_command", "");
    server.cluster.restart();
    const auto withoutCommand = server.run(server.request(BackupMode::Host));
    server.cluster.set("archive_mode", "off");
    server.cluster.restart();
    const auto off = server.run(server.request(BackupMode::Host));

    ASSERT_FAILS(withoutCommand, NotReady);
    ASSERT_FAILS(off, NotReady);
    EXPECT_NE(off.error().message.find("archive_mode is off"), std::string::npos);
    EXPECT_NE(off.error().hint.find("archive-push orders"), std::string::npos);
}

TEST(HostBackup, WithoutPrivilegesItIsDeniedWithTheGrant)
{
    BackedUpServer server;
    server.cluster.execute("CREATE ROLE plain LOGIN");
    auto request = server.request(BackupMode::Host);
    request.connection = server.cluster.conninfo("postgres", "plain");

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, Denied);
    EXPECT_NE(backup.error().hint.find("GRANT EXECUTE"), std::string::npos);
}

TEST(HostBackup, AnUnreadableFileIsDeniedAndNamed)
{
    BackedUpServer server;
    const Path file = server.cluster.dataDirectory() / "secret.conf";
    std::ofstream(file) << "x";
    ::chmod(file.c_str(), 0);

    const auto backup = [&] {
        const AsServerUser user;
        return server.run(server.request(BackupMode::Host));
    }();

    ASSERT_FAILS(backup, Denied);
    EXPECT_NE(backup.error().message.find("secret.conf"), std::string::npos);
    EXPECT_TRUE(server.isServerClean());
    EXPECT_TRUE(server.repository->backups("orders")->empty());
}

TEST(HostBackup, AStopInTheMiddleLeavesNothingAndTheNextOneWorks)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "1"});
    for (const char* phase :
         {"checkpoint", "compare with the last backup", "copy files", "wait for WAL", "finish"}) {
        const auto source = std::make_unique<std::stop_source>();
        StopAt events(*source, phase);
        JobContext job{source->get_token(), server.progress, events};

        const auto stopped =
            backup::runBackup(server.request(BackupMode::Host), *server.repository, job);

        EXPECT_FAILS(stopped, Cancelled) << phase;
        EXPECT_TRUE(server.isServerClean()) << phase;
        EXPECT_TRUE(server.repository->backups("orders")->empty()) << phase;
    }
    EXPECT_OK(server.run(server.request(BackupMode::Host)));
}

TEST(HostBackup, WhenTheLastSegmentDoesNotArriveTheArchiverIsQuoted)
{
    BackedUpServer server;
    server.cluster.set("archive_command", "false");
    server.cluster.restart();
    server.cluster.execute("CREATE TABLE t (x int)");
    server.cluster.execute("SELECT pg_switch_wal()");
    auto request = server.request(BackupMode::Host);
    request.walTimeout = std::chrono::seconds(3);

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, NotReady);
    EXPECT_NE(backup.error().message.find("did not arrive"), std::string::npos);
    EXPECT_NE(backup.error().message.find("pg_stat_archiver"), std::string::npos)
        << backup.error().message;
    EXPECT_TRUE(server.repository->backups("orders")->empty());
}

TEST(HostBackup, AKilledSessionFailsTheBackup)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "1"});
    class KillAtCopy final : public EventSink {
    public:
        explicit KillAtCopy(TestCluster& cluster)
            : m_cluster(cluster)
        {}
        void phase(std::string_view name, ByteCount /*total*/) override
        {
            if (name == "copy files")
                m_cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                                  "application_name = 'salvor'");
        }
        void note(std::string_view /*sentence*/) override {}
        void warning(std::string_view /*sentence*/) override {}

    private:
        TestCluster& m_cluster;
    } events(server.cluster);
    JobContext job{{}, server.progress, events};

    const auto backup =
        backup::runBackup(server.request(BackupMode::Host), *server.repository, job);

    ASSERT_FALSE(backup.ok());
    EXPECT_TRUE(server.repository->backups("orders")->empty());
    EXPECT_OK(server.run(server.request(BackupMode::Host)));
}

TEST(HostBackup, AStandbyIsBackedUpWithAnAnsweringPrimary)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "1"});
    const auto standby = server.cluster.createStandby();
    standby->waitForReplayOf(server.cluster);
    auto request = server.request(BackupMode::Host);
    request.connection = standby->conninfo();
    request.dataDirectory = standby->dataDirectory();
    request.primaryConnection = server.cluster.conninfo();

    const auto backup = server.run(request);

    ASSERT_OK(backup);
    EXPECT_TRUE(backup->fromStandby);
    EXPECT_FALSE(server.tree(*backup).contains("standby.signal"));
    Extracted copy(*server.repository, *backup);
    const auto verified = server.cluster.run("pg_verifybackup", {"-n", copy.path().native()});
    EXPECT_EQ(verified.status, 0) << verified.errors;
    copy.addWal(*server.repository, *backup);
    StartedCopy started(server.cluster, copy.path());
    EXPECT_EQ(started.value(balancesAgree), "t");
}

TEST(HostBackup, APromotedServersHistoryIsArchived)
{
    BackedUpServer server;
    auto standby = server.cluster.createStandby();
    standby->waitForReplayOf(server.cluster);
    server.cluster.stop();
    standby->promote();
    auto request = server.request(BackupMode::Host);
    request.connection = standby->conninfo();
    request.dataDirectory = standby->dataDirectory();

    const auto backup = server.run(request);

    ASSERT_OK(backup);
    EXPECT_EQ(backup->timeline, model::TimelineId{2});
    EXPECT_OK(server.repository->readWalFile(backup->incarnation, "00000002.history"));
    // As the server's own archive_command would: the control file beside it says whose it is.
    const auto pushed = wal::archivePush(*server.repository, "orders",
                                         standby->dataDirectory() / "pg_wal" / "00000002.history");
    ASSERT_OK(pushed);
    EXPECT_EQ(*pushed, repository::Repository::Pushed::AlreadyThere);
}
