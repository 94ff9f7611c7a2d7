#include "core/repository/check.h"
#include "core/storage/faulty_driver.h"
#include "tests/repository/repository_test.h"

#include <thread>

namespace salvor::repository {

namespace {

class CrashMatrix : public RepositoryTest {
protected:
    void SetUp() override
    {
        open(GetParam());
        files["base/1"] = randomData(1200000, 1);
        files["base/2"] = textData(50000, 2);
        ASSERT_TRUE(store(files, "b0").ok());
        sound = snapshot(*driver);
        files["base/3"] = randomData(2500000, 3);
    }
    /// A place as it was before, behind a driver that dies at the nth change.
    void restart(int nth)
    {
        inner = std::make_shared<storage::MemoryDriver>();
        for (const auto& [key, bytes] : sound)
            ASSERT_TRUE(storage::writeObject(*inner, key, bytes).ok());
        const auto faulty = std::make_shared<storage::FaultyDriver>(*inner);
        faulty->failChangesFrom(nth);
        driver = faulty;
        reopen(GetParam() ? keyFile('k') : Unlock{});
    }
    void survive()
    {
        driver = inner;
        reopen(GetParam() ? keyFile('k') : Unlock{});
    }

    Files files;
    std::map<std::string, Bytes> sound;
    std::shared_ptr<storage::Driver> inner;
};
INSTANTIATE_TEST_SUITE_P(Encryption, CrashMatrix, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Encrypted" : "Plain"; });

TEST_P(CrashMatrix, WhereverABackupDiesOnlyWholeOnesAreSeenAndTheNextSucceeds)
{
    bool finished = false;
    for (int nth = 1; !finished && nth < 100; ++nth) {
        SCOPED_TRACE(nth);
        restart(nth);
        finished = store(files, "b1").ok();
        survive();
        const auto seen = repository->backups("prod");
        ASSERT_TRUE(seen.ok()) << seen.error().message;
        ASSERT_EQ(seen->size(), finished ? 2U : 1U);

        const auto next = store(files, "b2");

        ASSERT_TRUE(next.ok()) << next.error().message;
        ASSERT_EQ(*load(*next), files);
        ASSERT_TRUE(load(seen->front()).ok());
        TestJob job;
        const auto damage = checkPacks(*repository, next->incarnation, {100, 1, {}}, job.context);
        ASSERT_TRUE(damage.ok() && damage->empty());
    }
    EXPECT_TRUE(finished);
}

TEST_P(CrashMatrix, ADeadPushLeavesNothingOrTheWholeSegment)
{
    const Bytes bytes = textData(identity.segmentSize, 5);
    const model::Segment segment{model::TimelineId{1}, 9};
    bool finished = false;
    for (int nth = 1; !finished && nth < 100; ++nth) {
        SCOPED_TRACE(nth);
        restart(nth);
        finished = repository->pushSegment(pinned(), segment, bytes).ok();
        survive();
        const auto read = repository->readSegment(pinned(), segment);
        ASSERT_EQ(read.ok(), finished);

        ASSERT_TRUE(repository->pushSegment(pinned(), segment, bytes).ok());
        ASSERT_EQ(*repository->readSegment(pinned(), segment), bytes);
    }
    EXPECT_TRUE(finished);
}

TEST_P(CrashMatrix, AnInitThatDiesCanBeRepeated)
{
    bool finished = false;
    for (int nth = 1; !finished && nth < 100; ++nth) {
        SCOPED_TRACE(nth);
        const auto place = std::make_shared<storage::MemoryDriver>();
        storage::FaultyDriver faulty(*place);
        faulty.failChangesFrom(nth);
        InitOptions options;
        options.encrypted = GetParam();
        options.firstKey = keyFile('k');
        finished = Repository::init(faulty, options).ok();

        const auto again = Repository::init(*place, options);

        ASSERT_EQ(again.ok(), !finished);
        ASSERT_TRUE(Repository::open(place, GetParam() ? keyFile('k') : Unlock{}).ok());
    }
    EXPECT_TRUE(finished);
}

class ManyWriters : public RepositoryTest {};

TEST_F(ManyWriters, TheSameChunkFromManyWorkersIsStoredOnce)
{
    open(true);
    const auto builder = newBuilder();
    const Bytes content = randomData(4U << 20U, 1);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                const auto worker = builder->worker();
                TreeEntry entry;
                entry.path = "copy" + std::to_string(i);
                entry.size = content.size();
                for (std::size_t at = 0; at < content.size(); at += chunkSize)
                    entry.chunks.push_back(*worker->add(ByteView(content).subspan(at, chunkSize)));
                ASSERT_TRUE(builder->addEntry(std::move(entry)).ok());
                ASSERT_TRUE(worker->flush().ok());
            });
    }
    TestJob job;

    const auto backup =
        builder->finish({.id = "b1", .startedAt = {}, .finishedAt = {}}, job.context);

    ASSERT_TRUE(backup.ok()) << backup.error().message;
    EXPECT_LT(backup->newSize, content.size() + content.size() / 10);
    const auto loaded = load(*backup);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->at("copy3"), content);
}

TEST_F(ManyWriters, AFullStoreFailsTheBackupWithItsReason)
{
    open(true);
    const auto place = driver;
    const auto faulty = std::make_shared<storage::FaultyDriver>(*place);
    faulty->add({.call = storage::Call::Commit,
                 .nth = 2,
                 .times = 1000,
                 .below = "packs/",
                 .code = ErrorCode::NoSpace});
    driver = faulty;
    reopen(keyFile('k'));

    const auto backup = store({{"a", randomData(20U << 20U, 1)}}, "b1");

    ASSERT_FALSE(backup.ok());
    EXPECT_EQ(backup.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(repository->backups("prod")->empty());
}

TEST_F(ManyWriters, AWorkerThatWasNotFlushedFailsTheBackup)
{
    open(true);
    const auto builder = newBuilder();
    const auto worker = builder->worker();
    ASSERT_TRUE(worker->add(randomData(1000, 1)).ok());
    TestJob job;

    EXPECT_EQ(builder->finish({}, job.context).error().code, ErrorCode::Bug);
}

TEST_F(ManyWriters, AStoppedBackupIsCancelledAndNotSeen)
{
    open(true);
    const auto builder = newBuilder();
    TestJob job;
    job.source.request_stop();
    model::Backup backup;
    backup.id = "b1";

    EXPECT_EQ(builder->finish(backup, job.context).error().code, ErrorCode::Cancelled);
    EXPECT_TRUE(repository->backups("prod")->empty());
}

TEST_F(ManyWriters, APathThatIsAddedTwiceFailsTheBackup)
{
    open(true);
    const auto builder = newBuilder();
    TreeEntry entry;
    entry.path = "same";
    ASSERT_TRUE(builder->addEntry(entry).ok());
    ASSERT_TRUE(builder->addEntry(entry).ok());
    TestJob job;

    EXPECT_EQ(builder->finish({}, job.context).error().code, ErrorCode::Bug);
}

} // namespace

} // namespace salvor::repository
