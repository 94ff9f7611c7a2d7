// What a backup refuses to call complete, because the archive lacks a part of it.
#include "core/backup/wal_arrival.h"
#include "tests/backup/backup_test.h"

using namespace salvor;
using namespace salvor::test;
using namespace std::chrono_literals;
using model::BackupMode;

namespace {

/// A backup whose WAL is in the archive, which nobody adds to any more.
class WalArrival : public ::testing::Test {
protected:
    void SetUp() override
    {
        backup = must(server.run(server.request(BackupMode::Stream)));
        server.shipper.reset();
        connection.emplace(must(postgres::Connection::open(server.cluster.conninfo())));
    }
    /// The object of the segment that the backup begins in.
    std::string firstObject()
    {
        const auto first = model::segmentOf(backup.timeline, backup.startLsn,
                                            backup.incarnation.identity.segmentSize);
        for (const auto& one : must(server.repository->segments(backup.incarnation)))
            if (one.segment == first)
                return one.object;
        throw std::runtime_error("the backup's first segment is not in the archive");
    }
    /// Stores an object as another server would that archives other bytes under the same name.
    std::string addTwinOf(const std::string& object)
    {
        std::string twin = object;
        twin.back() = twin.back() == '0' ? '1' : '0';
        must(storage::writeObject(*server.driver, twin,
                                  must(storage::readObject(*server.driver, object))));
        return twin;
    }
    Result<> wait()
    {
        return backup::waitForWal(*server.repository, backup, 0s, *connection, server.job);
    }

    BackedUpServer server;
    model::Backup backup;
    std::optional<postgres::Connection> connection;
};

} // namespace

TEST_F(WalArrival, ASegmentThatIsThereTwiceWithOtherBytesIsRefused)
{
    ASSERT_OK(wait());
    const std::string object = firstObject();
    const std::string twin = addTwinOf(object);

    const auto twice = wait();

    ASSERT_FAILS(twice, Corrupt);
    EXPECT_NE(twice.error().message.find(object), std::string::npos) << twice.error().message;
    EXPECT_NE(twice.error().message.find(twin), std::string::npos) << twice.error().message;
}

TEST_F(WalArrival, ATwinOfASegmentThatTheBackupDoesNotNeedIsNoHindrance)
{
    const ByteCount size = backup.incarnation.identity.segmentSize;
    const auto last = model::lastSegmentBefore(backup.timeline, backup.stopLsn, size);
    const model::Segment later{last.timeline, last.number + 7};
    must(server.repository->pushSegment(backup.incarnation, later, Bytes(size)));
    const auto stored = must(server.repository->segments(backup.incarnation));
    ASSERT_EQ(stored.back().segment, later);
    addTwinOf(stored.back().object);

    EXPECT_OK(wait());
}

TEST_F(WalArrival, AMissingSegmentIsNamedWhenItDoesNotArrive)
{
    const std::string object = firstObject();
    ASSERT_OK(server.driver->remove(object));
    const auto name = model::segmentName(
        model::segmentOf(backup.timeline, backup.startLsn, backup.incarnation.identity.segmentSize),
        backup.incarnation.identity.segmentSize);

    const auto missing = wait();

    ASSERT_FAILS(missing, NotReady);
    EXPECT_NE(missing.error().message.find("'" + *name + "' did not arrive"), std::string::npos)
        << missing.error().message;
}

TEST(HostBackupHistory, WithoutTheHistoryFileOfItsTimelineABackupIsRefused)
{
    BackedUpServer server;
    auto standby = server.cluster.createStandby();
    standby->waitForReplayOf(server.cluster);
    server.cluster.stop();
    standby->promote();
    const Path history = standby->dataDirectory() / "pg_wal" / "00000002.history";
    ASSERT_TRUE(std::filesystem::remove(history));
    auto request = server.request(BackupMode::Host);
    request.connection = standby->conninfo();
    request.dataDirectory = standby->dataDirectory();

    const auto backup = server.run(request);

    ASSERT_FAILS(backup, NotReady);
    EXPECT_NE(backup.error().message.find("00000002.history"), std::string::npos)
        << backup.error().message;
    EXPECT_TRUE(server.repository->backups("orders")->empty());
}
