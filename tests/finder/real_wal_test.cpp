#include "core/backup/backup.h"
#include "core/finder/reach.h"
#include "core/wal/archive.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::finder;

namespace {

class OnEveryMajor : public ::testing::TestWithParam<int> {};

} // namespace

/// What a server says of its own commits is what the archive's records say.
TEST_P(OnEveryMajor, TargetsOfARealServerAreFoundWhereItPutThem)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster cluster({.major = GetParam(),
                               .walSegmentMegabytes = 1,
                               .settings = {{"track_commit_timestamp", "on"}}});
    cluster.start();
    auto driver = std::make_shared<storage::MemoryDriver>();
    test::must(repository::Repository::init(*driver, {.encrypted = false}));
    auto repository = test::must(repository::Repository::open(driver, {}));
    test::KeptEvents events;
    Progress progress;
    JobContext job{{}, progress, events};
    const auto backup = test::must(backup::runBackup(
        {.cluster = "orders", .connection = cluster.conninfo(), .mode = model::BackupMode::Stream},
        *repository, job));
    cluster.execute("CREATE TABLE t (x int)");
    const std::string xid = cluster.value("INSERT INTO t VALUES (1) RETURNING "
                                          "pg_current_xact_id()::text");
    const std::string point = cluster.value("SELECT pg_create_restore_point('here')::text");
    const std::string time =
        cluster.value("SELECT to_char(pg_xact_commit_timestamp('" + xid
                      + "'::xid) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
    cluster.execute("INSERT INTO t SELECT generate_series(1, 50000)");
    cluster.execute("SELECT pg_switch_wal()");
    for (const auto& entry :
         std::filesystem::directory_iterator(cluster.dataDirectory() / "pg_wal"))
        if (model::walFileKind(entry.path().filename().native()) == model::WalFileKind::Segment)
            (void)wal::archivePush(*repository, "orders", entry.path());

    const auto byXid =
        resolve(*repository, {"orders", {model::XidTarget{std::stoull(xid)}, {}, {}, {}}, {}}, job);
    const auto byPoint =
        resolve(*repository, {"orders", {model::RestorePointTarget{"here"}, {}, {}, {}}, {}}, job);
    const auto byTime = resolve(
        *repository, {"orders", {model::TimeTarget{*parseMoment(time)}, {}, {}, {}}, {}}, job);
    const auto latest =
        resolve(*repository, {"orders", {model::LatestTarget{}, {}, {}, {}}, {}}, job);

    ASSERT_OK(byXid);
    EXPECT_EQ(byXid->target.lastCommitAt, *parseMoment(time));
    ASSERT_OK(byPoint);
    EXPECT_EQ(formatLsn(*byPoint->target.replayEnd), point);
    ASSERT_OK(byTime);
    EXPECT_EQ(byTime->target.lsn, byXid->target.lsn);
    ASSERT_OK(latest);
    EXPECT_GT(*latest->target.lsn, *byPoint->target.lsn);
    EXPECT_EQ(latest->backup.id, backup.id);
    EXPECT_EQ(byXid->commitsLost, 1U);
}

INSTANTIATE_TEST_SUITE_P(Postgres, OnEveryMajor, ::testing::Values(13, 15, 17, 18));
