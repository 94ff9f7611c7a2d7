// Control files of real servers beside what the server's own pg_controldata says.
#include "core/base/text.h"
#include "core/postgres/control_file.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace salvor::postgres {
namespace {

class ControlFileOracle : public ::testing::TestWithParam<int> {
protected:
    void SetUp() override
    {
        ASSERT_FALSE(test::programsOf(GetParam()).empty())
            << "no PostgreSQL " << GetParam() << ": set SALVOR_PG" << GetParam()
            << "_BIN to the folder that tests/support/pg-version prints";
    }

    static std::map<std::string, std::string> controlData(test::TestCluster& cluster)
    {
        std::istringstream lines(
            cluster.runChecked("pg_controldata", {cluster.dataDirectory().native()}));
        std::map<std::string, std::string> fields;
        for (std::string line; std::getline(lines, line);) {
            const std::size_t colon = line.find(':');
            if (colon != std::string::npos)
                fields[line.substr(0, colon)] = trim(std::string_view(line).substr(colon + 1));
        }
        return fields;
    }
};

/// nextXid as pg_controldata prints it: "epoch:xid".
std::string withEpoch(std::uint64_t xid)
{
    return std::to_string(xid >> 32U) + ":" + std::to_string(xid & 0xffffffffU);
}

void expectSame(const ControlFile& control, std::map<std::string, std::string>& fields)
{
    const auto number = [](auto value) { return std::to_string(value); };
    EXPECT_EQ(number(control.controlVersion), fields["pg_control version number"]);
    EXPECT_EQ(number(control.catalogVersion), fields["Catalog version number"]);
    EXPECT_EQ(number(control.identity.systemIdentifier), fields["Database system identifier"]);
    EXPECT_EQ(number(control.identity.segmentSize), fields["Bytes per WAL segment"]);
    EXPECT_EQ(formatLsn(control.checkpoint), fields["Latest checkpoint location"]);
    EXPECT_EQ(formatLsn(control.checkpointRedo), fields["Latest checkpoint's REDO location"]);
    EXPECT_EQ(number(value(control.checkpointTimeline)), fields["Latest checkpoint's TimeLineID"]);
    EXPECT_EQ(withEpoch(control.nextXid), fields["Latest checkpoint's NextXID"]);
    EXPECT_EQ(formatLsn(control.minRecoveryPoint), fields["Minimum recovery ending location"]);
    EXPECT_EQ(number(value(control.minRecoveryTimeline)),
              fields["Min recovery ending loc's timeline"]);
    EXPECT_EQ(formatLsn(control.backupStart), fields["Backup start location"]);
    EXPECT_EQ(formatLsn(control.backupEnd), fields["Backup end location"]);
    EXPECT_EQ(number(control.blockSize), fields["Database block size"]);
    EXPECT_EQ(number(control.walBlockSize), fields["WAL block size"]);
    EXPECT_EQ(number(control.blocksPerFile), fields["Blocks per segment of large relation"]);
    EXPECT_EQ(control.pageChecksums, fields["Data page checksum version"] != "0");
    EXPECT_EQ(number(control.sizes.maxConnections), fields["max_connections setting"]);
    EXPECT_EQ(number(control.sizes.maxWorkerProcesses), fields["max_worker_processes setting"]);
    EXPECT_EQ(number(control.sizes.maxWalSenders), fields["max_wal_senders setting"]);
    EXPECT_EQ(number(control.sizes.maxPreparedTransactions), fields["max_prepared_xacts setting"]);
    EXPECT_EQ(number(control.sizes.maxLocksPerTransaction), fields["max_locks_per_xact setting"]);
}

TEST_P(ControlFileOracle, EveryFieldIsWhatPgControldataSays)
{
    test::TestCluster cluster({.major = GetParam(),
                               .pageChecksums = GetParam() != 13,
                               .walSegmentMegabytes = GetParam() == 17 ? 64 : 16,
                               .settings = {{"max_connections", "123"},
                                            {"max_worker_processes", "11"},
                                            {"max_wal_senders", "7"},
                                            {"max_prepared_transactions", "5"},
                                            {"max_locks_per_transaction", "77"}}});
    cluster.start();
    auto control = readControlFile(cluster.dataDirectory());
    ASSERT_TRUE(control.ok()) << control.error().message;
    EXPECT_EQ(control->state, ClusterState::InProduction);
    const auto after = std::chrono::system_clock::now();
    EXPECT_LT(control->checkpointAt, after);
    cluster.stop();

    control = readControlFile(cluster.dataDirectory());
    ASSERT_TRUE(control.ok()) << control.error().message;
    EXPECT_EQ(control->state, ClusterState::ShutDown);
    EXPECT_EQ(control->identity.majorVersion, GetParam());
    EXPECT_EQ(control->sizes.maxConnections, 123);
    EXPECT_EQ(control->sizes.maxLocksPerTransaction, 77);
    auto fields = controlData(cluster);
    EXPECT_EQ(fields["Database cluster state"], "shut down");
    expectSame(*control, fields);
}

TEST_P(ControlFileOracle, OfAStandbyToo)
{
    test::TestCluster primary({.major = GetParam()});
    primary.start();
    primary.execute("CREATE TABLE t(i int)");
    const auto standby = primary.createStandby();
    primary.execute("INSERT INTO t SELECT generate_series(1, 1000)");
    primary.execute("CHECKPOINT");
    standby->waitForReplayOf(primary);
    EXPECT_EQ(readControlFile(standby->dataDirectory())->state, ClusterState::InArchiveRecovery);
    standby->execute("CHECKPOINT");
    standby->stop();
    const auto control = readControlFile(standby->dataDirectory());
    ASSERT_TRUE(control.ok()) << control.error().message;
    EXPECT_EQ(control->state, ClusterState::ShutDownInRecovery);
    EXPECT_NE(value(control->minRecoveryPoint), 0U);
    auto fields = controlData(*standby);
    expectSame(*control, fields);
}

INSTANTIATE_TEST_SUITE_P(Majors, ControlFileOracle, ::testing::Values(13, 15, 17, 18),
                         [](const auto& one) { return "Postgres" + std::to_string(one.param); });

} // namespace
} // namespace salvor::postgres
