#include "core/postgres/backup_session.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace salvor;
using namespace salvor::postgres;

namespace {

Connection connectTo(const test::TestCluster& cluster, const std::string& user = "postgres")
{
    auto connection = Connection::open(cluster.conninfo("postgres", user));
    if (!connection.ok())
        throw std::runtime_error(connection.error().message);
    return *std::move(connection);
}

bool has(const std::vector<std::string>& all, const std::string& one)
{
    return std::find(all.begin(), all.end(), one) != all.end();
}

class OnEveryMajor : public ::testing::TestWithParam<int> {};

/// A token whose stop was requested. On the heap: g++ 12 takes a local one for uninitialised.
std::stop_token stopped()
{
    const auto source = std::make_unique<std::stop_source>();
    source->request_stop();
    return source->get_token();
}

} // namespace

TEST_P(OnEveryMajor, ABackupSessionGivesLabelMapAndPositions)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster cluster({.major = GetParam()});
    cluster.start();
    const Path tablespace = cluster.createTablespace("extra");
    auto session = BackupSession::start(connectTo(cluster), "a 'label'", Checkpoint::Fast, {});
    ASSERT_TRUE(session.ok()) << session.error().message;
    EXPECT_FALSE(session->started().inRecovery);
    EXPECT_EQ(session->started().timeline, model::TimelineId{1});
    cluster.execute("CREATE TABLE t AS SELECT generate_series(1, 1000)");
    EXPECT_TRUE(session->connection().value("SELECT 1").ok());
    const auto end = session->stop({});
    ASSERT_TRUE(end.ok()) << end.error().message;
    EXPECT_GT(end->lsn, session->started().lsn);
    EXPECT_EQ(end->timeline, model::TimelineId{1});
    EXPECT_NE(end->backupLabel.find("LABEL: a 'label'"), std::string::npos);
    EXPECT_NE(end->backupLabel.find(model::formatLsn(session->started().lsn)), std::string::npos);
    EXPECT_NE(end->tablespaceMap.find(tablespace.native()), std::string::npos);
    EXPECT_GE(end->at, session->started().at);
}

TEST_P(OnEveryMajor, ServerFactsSayWhatTheServerIs)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster cluster({.major = GetParam(),
                               .walSegmentMegabytes = 1,
                               .settings = {{"archive_mode", "on"},
                                            {"archive_command", "cp %p /nowhere/%f"},
                                            {"full_page_writes", "off"},
                                            {"primary_conninfo", "host=x password=secret"}}});
    cluster.start();
    const Path place = cluster.createTablespace("extra");
    Connection connection = connectTo(cluster);
    const auto facts = readServerFacts(connection);
    ASSERT_TRUE(facts.ok()) << facts.error().message;
    EXPECT_EQ(facts->identity.majorVersion, GetParam());
    EXPECT_EQ(facts->identity.segmentSize, ByteCount{1} << 20U);
    EXPECT_EQ(facts->serverVersion / 10000, GetParam());
    EXPECT_FALSE(facts->inRecovery);
    EXPECT_TRUE(facts->pageChecksums);
    EXPECT_FALSE(facts->fullPageWrites);
    EXPECT_EQ(facts->dataDirectory, cluster.dataDirectory().native());
    EXPECT_EQ(facts->archiveMode, "on");
    EXPECT_EQ(facts->archiveCommand, "cp %p /nowhere/%f");
    ASSERT_EQ(facts->tablespaces.size(), 1U);
    EXPECT_EQ(facts->tablespaces[0].path, place.native());
    EXPECT_TRUE(facts->configFiles.empty());
    EXPECT_EQ(facts->settings.at("fsync"), "off");
    EXPECT_EQ(facts->settings.count("primary_conninfo"), 0U);
    EXPECT_EQ(facts->settings.count("enable_seqscan"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Majors, OnEveryMajor, ::testing::Values(13, 15, 17, 18));

TEST(ServerFacts, NameTheConfigurationOutsideTheDataDirectoryWithItsIncludes)
{
    SALVOR_NEED_POSTGRES(17);
    test::TestCluster cluster({.major = 17});
    const Path etc = cluster.folder() / "etc";
    std::filesystem::create_directories(etc / "conf.d");
    for (const char* name : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"})
        std::filesystem::rename(cluster.dataDirectory() / name, etc / name);
    const auto write = [&](const Path& name, const std::string& text) {
        ASSERT_TRUE(writeFileDurably(etc / name, asBytes(text), IfExists::Replace, 0644).ok());
    };
    write("conf.d/a.conf", "work_mem = '5MB'\n");
    write("extra.conf", "maintenance_work_mem = '65MB'\n");
    write("hba_extra.conf", "local all all trust\n");
    auto text = readTextFile(etc / "postgresql.conf");
    ASSERT_TRUE(text.ok());
    write("postgresql.conf", *text + "include_dir 'conf.d'\ninclude 'extra.conf'\n"
                                 + "include_if_exists 'missing.conf'\ndata_directory = '"
                                 + cluster.dataDirectory().native() + "'\nhba_file = '"
                                 + (etc / "pg_hba.conf").native() + "'\nident_file = '"
                                 + (etc / "pg_ident.conf").native() + "'\n");
    auto hba = readTextFile(etc / "pg_hba.conf");
    ASSERT_TRUE(hba.ok());
    write("pg_hba.conf", *hba + "include hba_extra.conf\n");
    cluster.runChecked("pg_ctl", {"start", "-w", "-s", "-D", etc.native(), "-l",
                                  (cluster.folder() / "log").native()});
    Connection connection = connectTo(cluster);
    const auto facts = readServerFacts(connection);
    ASSERT_TRUE(facts.ok()) << facts.error().message;
    for (const char* name : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf", "conf.d/a.conf",
                             "extra.conf", "hba_extra.conf"})
        EXPECT_TRUE(has(facts->configFiles, (etc / name).native())) << name;
    EXPECT_EQ(facts->configFiles.size(), 6U);
}

TEST(ServerFacts, OfARoleWithoutRightsStayEmptyWhereTheyAreHidden)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    cluster.execute("CREATE ROLE small LOGIN");
    Connection connection = connectTo(cluster, "small");
    const auto facts = readServerFacts(connection);
    ASSERT_TRUE(facts.ok()) << facts.error().message;
    EXPECT_TRUE(facts->dataDirectory.empty());
    EXPECT_TRUE(facts->configFiles.empty());
    EXPECT_NE(facts->identity.systemIdentifier, 0U);
}

TEST(BackupSession, WithoutTheGrantIsDeniedAndTheHintNamesTheFunctions)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    cluster.execute("CREATE ROLE small LOGIN");
    const auto session =
        BackupSession::start(connectTo(cluster, "small"), "b", Checkpoint::Fast, {});
    ASSERT_FALSE(session.ok());
    EXPECT_EQ(session.error().code, ErrorCode::Denied);
    EXPECT_NE(session.error().hint.find("pg_backup_start"), std::string::npos);
}

TEST(BackupSession, OnAStandbyWorksAndASwitchOnThePrimaryIsAllowed)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster primary;
    primary.start();
    const auto standby = primary.createStandby();
    standby->waitForReplayOf(primary);
    auto session = BackupSession::start(connectTo(*standby), "b", Checkpoint::Fast, {});
    ASSERT_TRUE(session.ok()) << session.error().message;
    EXPECT_TRUE(session->started().inRecovery);
    Connection onPrimary = connectTo(primary);
    EXPECT_TRUE(switchWal(onPrimary).ok());
    const auto end = session->stop({});
    ASSERT_TRUE(end.ok()) << end.error().message;
    EXPECT_NE(end->backupLabel.find("BACKUP FROM: standby"), std::string::npos);
    Connection onStandby = connectTo(*standby);
    EXPECT_EQ(switchWal(onStandby).error().code, ErrorCode::NotReady);
}

TEST(BackupSession, APromotionMeanwhileFailsIt)
{
    for (const int major : {13, 15}) {
        if (test::programsOf(major).empty())
            continue;
        test::TestCluster primary({.major = major});
        primary.start();
        const auto standby = primary.createStandby();
        standby->waitForReplayOf(primary);
        auto session = BackupSession::start(connectTo(*standby), "b", Checkpoint::Fast, {});
        ASSERT_TRUE(session.ok()) << session.error().message;
        standby->promote();
        const auto end = session->stop({});
        ASSERT_FALSE(end.ok());
        EXPECT_EQ(end.error().code, ErrorCode::NotReady);
    }
}

TEST(BackupSession, GoneWithoutStopLetsTheServerForgetTheBackup)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    {
        auto session = BackupSession::start(connectTo(cluster), "b", Checkpoint::Fast, {});
        ASSERT_TRUE(session.ok());
    }
    auto again = BackupSession::start(connectTo(cluster), "b", Checkpoint::Fast, {});
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->stop({}).ok());
    EXPECT_EQ(again->stop({}).error().code, ErrorCode::NotReady);
}

TEST(BackupSession, AStopRequestEndsTheWaitForTheCheckpoint)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    const auto session =
        BackupSession::start(connectTo(cluster), "b", Checkpoint::Spread, stopped());
    ASSERT_FALSE(session.ok());
    EXPECT_EQ(session.error().code, ErrorCode::Cancelled);
}
