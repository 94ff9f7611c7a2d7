#include "core/postgres/base_backup.h"
#include "tests/support/must.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace salvor;
using namespace salvor::postgres;
namespace fs = std::filesystem;

namespace {

/// Writes what comes into a folder; tablespaces go to folders beside it.
class FolderReceiver final : public BaseBackupReceiver {
public:
    explicit FolderReceiver(Path folder)
        : m_folder(std::move(folder))
    {
        fs::create_directory(m_folder);
    }

    Result<> begin(const DataEntry& entry) override
    {
        entries.push_back(entry);
        if (entry.path.find("pg_tblspc/") == 0)
            prepareTablespace(entry.path);
        const Path path = m_folder / entry.path;
        if (entry.kind == EntryKind::Directory)
            fs::create_directories(path);
        else if (entry.kind == EntryKind::File)
            m_file.open(path, std::ios::binary);
        return {};
    }
    Result<> data(ByteView bytes) override
    {
        m_file.write(asText(bytes).data(), static_cast<std::streamsize>(bytes.size()));
        return failAfter-- == 0 ? Result<>(fail(ErrorCode::NoSpace, "no space")) : Result<>();
    }
    Result<> end() override
    {
        m_file.close();
        return {};
    }
    Result<> manifest(std::string_view text) override
    {
        std::ofstream(m_folder / "backup_manifest", std::ios::binary) << text;
        return {};
    }

    std::vector<DataEntry> entries;
    int failAfter = -1;

private:
    void prepareTablespace(const std::string& path)
    {
        const std::string oid = path.substr(10, path.find('/', 10) - 10);
        const Path place = m_folder.native() + "-" + oid;
        fs::create_directories(place);
        fs::create_directories(m_folder / "pg_tblspc");
        if (!fs::is_symlink(m_folder / "pg_tblspc" / oid))
            fs::create_directory_symlink(place, m_folder / "pg_tblspc" / oid);
    }

    Path m_folder;
    std::ofstream m_file;
};

struct Job {
    Progress progress;
    std::stop_source source;
    JobContext context{source.get_token(), progress, discardEvents()};
};

Connection replicationTo(const test::TestCluster& cluster)
{
    auto connection = Connection::open(cluster.conninfo(), Connection::Kind::Replication);
    if (!connection.ok())
        throw std::runtime_error(connection.error().message);
    return *std::move(connection);
}

/// What the second connection of a backup does: takes the WAL from start to stop.
class WalThread {
public:
    WalThread(const test::TestCluster& cluster, Path into, ByteCount segmentSize)
        : m_connection(replicationTo(cluster))
        , m_into(std::move(into))
        , m_segmentSize(segmentSize)
    {
        const auto slot = createTemporarySlot(m_connection, "salvor_test");
        if (!slot.ok())
            throw std::runtime_error(slot.error().message);
    }
    void start(const BackupStart& at)
    {
        m_thread = std::jthread([this, at](const std::stop_token& stop) {
            outcome = streamWal(
                m_connection, {at.timeline, at.lsn, m_segmentSize},
                [this]() -> std::optional<model::Lsn> {
                    const std::uint64_t end = until;
                    return end == 0 ? std::nullopt : std::optional(model::Lsn{end});
                },
                [this](model::Segment segment, ByteView bytes) { return keep(segment, bytes); },
                stop);
        });
    }
    void wait() { m_thread.join(); }

    std::atomic<std::uint64_t> until = 0;
    Result<> outcome;
    std::vector<model::Segment> segments;

private:
    Result<> keep(model::Segment segment, ByteView bytes)
    {
        segments.push_back(segment);
        EXPECT_EQ(bytes.size(), m_segmentSize);
        SALVOR_TRY(const std::string name, model::segmentName(segment, m_segmentSize));
        return writeFileDurably(m_into / name, bytes);
    }

    Connection m_connection;
    Path m_into;
    ByteCount m_segmentSize;
    std::jthread m_thread;
};

void giveToServer(const Path& folder)
{
    if (const auto user = test::serverUser()) {
        const auto given = runChecked({.argv = {"chown", "-R", user->name, folder.native()},
                                       .environment = {},
                                       .input = {},
                                       .directory = {},
                                       .user = {}});
        ASSERT_TRUE(given.ok());
    }
    fs::permissions(folder, fs::perms::owner_all);
}

BaseBackupResult backUp(test::TestCluster& cluster, FolderReceiver& receiver, WalThread& wal)
{
    Connection connection = replicationTo(cluster);
    Job job;
    const auto started = [&](const BackupStart& start) {
        wal.start(start);
        return Result<>();
    };
    const auto result = test::must(runBaseBackup(
        connection, {"it's a \\label", Checkpoint::Fast, started}, receiver, job.context));
    wal.until = model::value(result.stopLsn);
    wal.wait();
    EXPECT_TRUE(wal.outcome.ok()) << wal.outcome.error().message;
    EXPECT_GT(job.progress.done(), ByteCount{1} << 20U);
    EXPECT_GT(job.progress.total(), ByteCount{1} << 20U);
    EXPECT_TRUE(connection.query("IDENTIFY_SYSTEM").ok());
    return result;
}

/// Stops the cluster and puts the copy into its place, so that its own methods reach the copy.
void replaceBy(test::TestCluster& cluster, const Path& copy)
{
    cluster.stop();
    fs::rename(cluster.dataDirectory(), cluster.folder() / "old");
    fs::rename(copy, cluster.dataDirectory());
    cluster.start();
}

class BaseBackupOnMajor : public ::testing::TestWithParam<int> {};

} // namespace

TEST_P(BaseBackupOnMajor, UnderLoadItVerifiesAndStartsWithTheStreamedWal)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster cluster({.major = GetParam(), .walSegmentMegabytes = 1});
    cluster.start();
    cluster.createTablespace("extra");
    cluster.execute("CREATE TABLE elsewhere TABLESPACE extra AS SELECT generate_series(1, 1000)");
    cluster.pgbench({"-i", "-s", "1", "-q"});
    const Path copy = cluster.folder() / "copy";
    FolderReceiver receiver(copy);
    WalThread wal(cluster, cluster.folder(), ByteCount{1} << 20U);
    std::jthread load([&] { cluster.pgbench({"-n", "-T", "3", "-c", "2"}); });
    const BaseBackupResult result = backUp(cluster, receiver, wal);
    load.join();
    EXPECT_FALSE(result.start.inRecovery);
    EXPECT_GT(result.stopLsn, result.start.lsn);
    EXPECT_EQ(result.tablespaces.size(), 1U);
    EXPECT_FALSE(fs::exists(copy / "tablespace_map"));
    for (const model::Segment segment : wal.segments) {
        const auto name = model::segmentName(segment, ByteCount{1} << 20U);
        ASSERT_TRUE(name.ok());
        fs::rename(cluster.folder() / *name, copy / "pg_wal" / *name);
    }
    giveToServer(cluster.folder());
    fs::permissions(cluster.folder(), fs::perms(0755));
    fs::permissions(copy, fs::perms::owner_all);
    const auto verified = cluster.run("pg_verifybackup", {"-n", copy.native()});
    EXPECT_EQ(verified.status, 0) << verified.errors;
    replaceBy(cluster, copy);
    EXPECT_TRUE(cluster.pgbenchIsConsistent());
    EXPECT_EQ(cluster.value("SELECT count(*) FROM elsewhere"), "1000");
}

TEST_P(BaseBackupOnMajor, FromAStandbySaysSoAndPadsTheLastSegment)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster primary({.major = GetParam(), .walSegmentMegabytes = 1});
    primary.start();
    const auto standby = primary.createStandby();
    standby->waitForReplayOf(primary);
    FolderReceiver receiver(standby->folder() / "copy");
    WalThread wal(*standby, standby->folder(), ByteCount{1} << 20U);
    const BaseBackupResult result = backUp(*standby, receiver, wal);
    EXPECT_TRUE(result.start.inRecovery);
    EXPECT_EQ(wal.segments.back(),
              model::lastSegmentBefore(result.stopTimeline, result.stopLsn, ByteCount{1} << 20U));
}

TEST_P(BaseBackupOnMajor, AWrongChecksumIsCorruptAndTheMessageNamesTheFile)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster cluster({.major = GetParam()});
    cluster.start();
    cluster.execute("CREATE TABLE t AS SELECT generate_series(1, 1000)");
    const std::string file = cluster.value("SELECT pg_relation_filepath('t')");
    cluster.stop();
    {
        std::fstream damaged(cluster.dataDirectory() / file,
                             std::ios::in | std::ios::out | std::ios::binary);
        damaged.seekp(8192 + 4000);
        damaged << "damage";
    }
    cluster.start();
    Connection connection = replicationTo(cluster);
    FolderReceiver receiver(cluster.folder() / "copy");
    Job job;
    const auto result =
        runBaseBackup(connection, {.label = "b", .started = {}}, receiver, job.context);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::Corrupt) << result.error().message;
    EXPECT_NE(result.error().message.find(file), std::string::npos) << result.error().message;
}

INSTANTIATE_TEST_SUITE_P(Majors, BaseBackupOnMajor, ::testing::Values(13, 15, 17, 18));

TEST(BaseBackup, WithoutTheReplicationAttributeIsDenied)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    cluster.execute("CREATE ROLE small LOGIN");
    const auto connection =
        Connection::open(cluster.conninfo("postgres", "small"), Connection::Kind::Replication);
    ASSERT_FALSE(connection.ok());
    EXPECT_EQ(connection.error().code, ErrorCode::Denied);
}

TEST(BaseBackup, AReceiverThatFailsEndsItWithItsError)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    Connection connection = replicationTo(cluster);
    FolderReceiver receiver(cluster.folder() / "copy");
    receiver.failAfter = 20;
    Job job;
    const auto result =
        runBaseBackup(connection, {.label = "b", .started = {}}, receiver, job.context);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::NoSpace);
    EXPECT_EQ(connection.query("IDENTIFY_SYSTEM").error().code, ErrorCode::Unavailable);
}

TEST(BaseBackup, AStopRequestAndALostServerEndIt)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    Connection connection = replicationTo(cluster);
    FolderReceiver receiver(cluster.folder() / "copy");
    Job job;
    const auto stopped = runBaseBackup(connection,
                                       {"b", Checkpoint::Fast,
                                        [&](const BackupStart&) {
                                            job.source.request_stop();
                                            return Result<>();
                                        }},
                                       receiver, job.context);
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
    Connection another = replicationTo(cluster);
    FolderReceiver receiver2(cluster.folder() / "copy2");
    Job job2;
    const auto lost = runBaseBackup(another,
                                    {"b", Checkpoint::Fast,
                                     [&](const BackupStart&) {
                                         cluster.crash();
                                         return Result<>();
                                     }},
                                    receiver2, job2.context);
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().code, ErrorCode::Unavailable) << lost.error().message;
}

TEST(WalStream, WithoutASlotOrWithABadNameIsRefused)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster;
    cluster.start();
    Connection connection = replicationTo(cluster);
    EXPECT_EQ(createTemporarySlot(connection, "Bad; name").error().code, ErrorCode::InvalidInput);
    const auto streamed = streamWal(
        connection, {model::TimelineId{1}, model::Lsn{0x1000000}, ByteCount{16} << 20U},
        [] { return std::optional(model::Lsn{0x1000001}); },
        [](model::Segment, ByteView) { return Result<>(); }, {});
    EXPECT_EQ(streamed.error().code, ErrorCode::Bug);
}

TEST(WalStream, OfWalThatIsGoneIsNotFound)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster cluster({.major = 15, .walSegmentMegabytes = 1});
    cluster.start();
    for (int i = 0; i < 5; ++i)
        cluster.execute("SELECT pg_switch_wal() FROM (SELECT txid_current()) x; CHECKPOINT");
    Connection connection = replicationTo(cluster);
    ASSERT_TRUE(createTemporarySlot(connection, "salvor_test").ok());
    const auto streamed = streamWal(
        connection, {model::TimelineId{1}, model::Lsn{0x100000}, ByteCount{1} << 20U},
        [] { return std::optional(model::Lsn{0x100001}); },
        [](model::Segment, ByteView) { return Result<>(); }, {});
    ASSERT_FALSE(streamed.ok());
    EXPECT_EQ(streamed.error().code, ErrorCode::NotFound) << streamed.error().message;
}

TEST(TimelineHistory, OfAPromotedServerIsGivenAndOfTheFirstTimelineThereIsNone)
{
    SALVOR_NEED_POSTGRES(15);
    test::TestCluster primary;
    primary.start();
    const auto standby = primary.createStandby();
    standby->waitForReplayOf(primary);
    standby->promote();
    Connection connection = replicationTo(*standby);
    const auto history = timelineHistory(connection, model::TimelineId{2});
    ASSERT_TRUE(history.ok()) << history.error().message;
    EXPECT_EQ(history->find("1\t"), 0U) << *history;
    EXPECT_EQ(timelineHistory(connection, model::TimelineId{1}).error().code, ErrorCode::NotFound);
}
