#include "tests/backup/backup_test.h"

#include <memory>

using namespace salvor;
using namespace salvor::test;
using model::BackupMode;

namespace {

class StreamOnEveryMajor : public ::testing::TestWithParam<int> {};

} // namespace

TEST_P(StreamOnEveryMajor, AStreamBackupUnderLoadIsWholeAndBringsItsWal)
{
    SALVOR_NEED_POSTGRES(GetParam());
    BackedUpServer server(GetParam());
    server.cluster.createTablespace("extra");
    server.cluster.execute("CREATE TABLE far TABLESPACE extra AS SELECT generate_series(1, 5000)");
    server.cluster.pgbench({"-i", "-q", "-s", "2"});
    server.shipper.reset();
    std::jthread load([&] { (void)server.cluster.pgbench({"-T", "3", "-c", "2", "-n"}); });

    const auto backup = server.run(server.request(BackupMode::Stream));
    load.join();

    ASSERT_OK(backup);
    EXPECT_EQ(server.events.phases,
              (std::vector<std::string>{"checkpoint", "copy files", "wait for WAL", "finish"}));
    EXPECT_EQ(backup->tablespaces.size(), 1U);
    Extracted copy(*server.repository, *backup);
    const auto verified = server.cluster.run("pg_verifybackup", {"-n", copy.path().native()});
    EXPECT_EQ(verified.status, 0) << verified.errors;
    copy.addWal(*server.repository, *backup);
    StartedCopy started(server.cluster, copy.path());
    EXPECT_EQ(started.value(balancesAgree), "t");
    EXPECT_EQ(started.value("SELECT count(*) FROM far"), "5000");
    EXPECT_TRUE(server.isServerClean());
}

INSTANTIATE_TEST_SUITE_P(Postgres, StreamOnEveryMajor, ::testing::Values(13, 15, 17, 18));

TEST(StreamBackup, TheArchiversSegmentsAndTheStreamsAreTheSameBytes)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "1"});

    const auto backup = server.run(server.request(BackupMode::Stream));

    ASSERT_OK(backup);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server.cluster.value("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE "
                                "'%.ready'")
               != "0"
           && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server.shipper.reset();
    for (const auto& entry : std::filesystem::directory_iterator(server.archive.path())) {
        if (model::walFileKind(entry.path().filename().native()) != model::WalFileKind::Segment)
            continue;
        EXPECT_OK(wal::archivePush(*server.repository, "orders", entry.path())) << entry.path();
    }
    EXPECT_TRUE(wal::archiveState(*server.repository, backup->incarnation)->conflicts.empty());
}

TEST(StreamBackup, ARoleWithReplicationAloneIsEnough)
{
    BackedUpServer server;
    server.cluster.execute("CREATE ROLE copier LOGIN REPLICATION");
    auto request = server.request(BackupMode::Stream);
    request.connection = server.cluster.conninfo("postgres", "copier");

    EXPECT_OK(server.run(request));
}

TEST(StreamBackup, ARoleWithoutReplicationIsDenied)
{
    BackedUpServer server;
    server.cluster.execute("CREATE ROLE plain LOGIN");
    auto request = server.request(BackupMode::Stream);
    request.connection = server.cluster.conninfo("postgres", "plain");

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, Denied);
    EXPECT_NE(backup.error().hint.find("REPLICATION"), std::string::npos);
}

TEST(StreamBackup, AStopLeavesNothingAndTheNextOneWorks)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "2"});
    for (const std::string phase : {"checkpoint", "copy files", "wait for WAL", "finish"}) {
        const auto source = std::make_unique<std::stop_source>();
        class StopAt final : public EventSink {
        public:
            StopAt(std::stop_source& stop, std::string where)
                : m_stop(stop)
                , m_where(std::move(where))
            {}
            void phase(std::string_view name, ByteCount /*total*/) override
            {
                if (name == m_where)
                    m_stop.request_stop();
            }
            void note(std::string_view /*sentence*/) override {}
            void warning(std::string_view /*sentence*/) override {}

        private:
            std::stop_source& m_stop;
            std::string m_where;
        } events(*source, phase);
        JobContext job{source->get_token(), server.progress, events};

        const auto stopped =
            backup::runBackup(server.request(BackupMode::Stream), *server.repository, job);

        EXPECT_FAILS(stopped, Cancelled) << phase;
        EXPECT_TRUE(server.repository->backups("orders")->empty()) << phase;
    }
    EXPECT_OK(server.run(server.request(BackupMode::Stream)));
}

TEST(StreamBackup, AnotherClusterUnderTheNameIsRefused)
{
    BackedUpServer server;
    must(server.repository->pin("orders", {1, 15, ByteCount{1} << 20U}));

    EXPECT_FAILS(server.run(server.request(BackupMode::Stream)), NotReady);
}

TEST(StreamBackup, AStandbyIsBackedUpWithTheSwitchAskedOfItsPrimary)
{
    BackedUpServer server;
    server.cluster.pgbench({"-i", "-q", "-s", "1"});
    const auto standby = server.cluster.createStandby();
    standby->waitForReplayOf(server.cluster);
    auto request = server.request(BackupMode::Stream);
    request.connection = standby->conninfo();
    request.primaryConnection = server.cluster.conninfo();

    const auto backup = server.run(request);

    ASSERT_OK(backup);
    EXPECT_TRUE(backup->fromStandby);
    EXPECT_FALSE(server.tree(*backup).contains("standby.signal"));
    Extracted copy(*server.repository, *backup);
    copy.addWal(*server.repository, *backup);
    StartedCopy started(server.cluster, copy.path());
    EXPECT_EQ(started.value(balancesAgree), "t");
}

TEST(StreamBackup, AStandbyOfASilentPrimaryEndsWithAHint)
{
    BackedUpServer server;
    const auto standby = server.cluster.createStandby();
    server.cluster.execute("CREATE TABLE t (x int)");
    server.cluster.execute("CHECKPOINT");
    standby->waitForReplayOf(server.cluster);
    standby->execute("CHECKPOINT");
    auto request = server.request(BackupMode::Stream);
    request.connection = standby->conninfo();
    request.walTimeout = std::chrono::seconds(2);

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, NotReady);
    EXPECT_NE(backup.error().hint.find("primary-connection"), std::string::npos);
}
