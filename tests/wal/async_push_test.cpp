#include "core/wal/archive.h"
#include "core/wal/async_push.h"
#include "core/wal/push_answer.h"
#include "tests/support/result_assertions.h"
#include "tests/wal/worker_scene.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace salvor;
using namespace salvor::wal;
using namespace std::chrono_literals;
using repository::Repository;

namespace {

const Moment noon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(12);

class AsyncPushTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_OK(createDirectories(walFolder / "archive_status"));
        for (int i = 0; i < 4; ++i) {
            archive.wal.commit(7, noon);
            archive.wal.switchSegment();
        }
    }

    [[nodiscard]] std::string nameOf(std::uint64_t number) const
    {
        return test::must(
            model::segmentName({model::TimelineId{1}, number}, archive.identity.segmentSize));
    }
    /// A segment in pg_wal, marked as ready.
    Path ready(std::uint64_t number)
    {
        const Path path = walFolder / nameOf(number);
        EXPECT_OK(writeFileDurably(path, archive.wal.segments().at(number)));
        EXPECT_OK(writeFileDurably(walFolder / "archive_status" / (nameOf(number) + ".ready"), {}));
        return path;
    }
    Result<std::optional<Repository::Pushed>> push(const Path& path, const StartWorker& start,
                                                   std::chrono::milliseconds timeout = 20s)
    {
        return pushThroughWorker(spool, path, {timeout, start});
    }
    [[nodiscard]] PushWork work() const
    {
        return {
            [this](const Path& path) { return archivePush(*archive.repository, "orders", path); },
            [this] { return isSameRepository(*archive.repository); }, walFolder, 2, 300ms};
    }
    /// The real worker.
    StartWorker worker()
    {
        return workers.starting([this] {
            ended = pushReadyFiles(spool, work());
            if (!ended.ok()) // As its program does.
                reportWorkerError(spool, ended.error());
        });
    }
    [[nodiscard]] std::size_t stored() const
    {
        return archive.repository->segments(archive.incarnation)->size();
    }

    test::MadeArchive archive;
    TemporaryDirectory directory = test::must(TemporaryDirectory::create());
    const Path walFolder = directory.path() / "pg_wal";
    const Spool spool = test::must(Spool::open(directory.path() / "spool"));
    Result<> ended;
    test::Workers workers; // Last: joined first.
};

} // namespace

TEST_F(AsyncPushTest, AWorkerPushesWhatIsReadyAndEndsWhenNothingChanges)
{
    const Path first = ready(1);
    ready(2);
    ready(3);

    const auto pushed = push(first, worker());

    ASSERT_OK(pushed);
    EXPECT_EQ(*pushed, Repository::Pushed::Stored);
    workers.join();
    EXPECT_OK(ended);
    EXPECT_EQ(stored(), 3U);
    EXPECT_EQ(workers.starts, 1);
    EXPECT_FALSE(spool.hasWorker());
}

TEST_F(AsyncPushTest, WhatTheServerHasHeardIsTidiedAway)
{
    const Path first = ready(1);
    ASSERT_OK(push(first, worker()));
    ASSERT_TRUE(spool.get(acknowledgementName(nameOf(1))));

    std::filesystem::remove(walFolder / "archive_status" / (nameOf(1) + ".ready"));

    test::waitUntil([&] { return spool.names().empty(); });
    EXPECT_TRUE(spool.names().empty());
}

TEST_F(AsyncPushTest, AskedTwiceAtOnceOneWorkerAnswersBoth)
{
    const Path path = ready(1);
    const auto start = worker();
    std::optional<Result<std::optional<Repository::Pushed>>> other;
    std::jthread second([&] { other = push(path, start); });

    const auto one = push(path, start);
    second.join();

    EXPECT_OK(one);
    EXPECT_OK(*other);
    EXPECT_EQ(stored(), 1U);
}

TEST_F(AsyncPushTest, ADeadWorkersAcknowledgementIsNotBelieved)
{
    const Path path = ready(1);
    const std::string subject = *walFileSubject(path);
    ASSERT_OK(acknowledge(spool, nameOf(1), subject, Repository::Pushed::Stored));

    const auto pushed = push(path, workers.starting([] {}));

    ASSERT_OK(pushed);
    EXPECT_FALSE(pushed->has_value()); // The caller pushes it itself.
    EXPECT_EQ(workers.starts, 2);
}

TEST_F(AsyncPushTest, AnAcknowledgementOfAnotherFileIsNotBelieved)
{
    const Path path = ready(1);
    const auto lock = spool.tryLock();
    ASSERT_OK(lock);
    ASSERT_OK(acknowledge(spool, nameOf(1), *walFileSubject(ready(2)), Repository::Pushed::Stored));

    EXPECT_FAILS(push(path, {}, 50ms), Timeout);
    EXPECT_FALSE(spool.get(acknowledgementName(nameOf(1)))); // So that the worker tries again.
    ASSERT_OK(acknowledge(spool, nameOf(1), *walFileSubject(path), Repository::Pushed::Stored));
    EXPECT_OK(push(path, {}, 50ms));
    ASSERT_OK(spool.put(acknowledgementName(nameOf(1)), "{cut sho"));
    EXPECT_FAILS(push(path, {}, 50ms), Timeout);
}

TEST_F(AsyncPushTest, AFileThatWasWrittenAgainOrIsAnotherClustersHasAnotherSubject)
{
    const Path path = ready(1);
    const std::string before = *walFileSubject(path);
    EXPECT_EQ(*walFileSubject(path), before);

    std::this_thread::sleep_for(20ms);
    ready(1);
    const std::string after = *walFileSubject(path);
    model::ClusterIdentity other = archive.identity;
    other.systemIdentifier += 1;
    test::WalWriter foreign(other);
    foreign.commit(7, noon);
    ASSERT_OK(writeFileDurably(path, foreign.segments().begin()->second));

    EXPECT_NE(after, before);
    EXPECT_NE(walFileSubject(path)->substr(0, 30), after.substr(0, 30));
    EXPECT_FAILS(walFileSubject(walFolder / nameOf(9)), NotFound);
}

TEST_F(AsyncPushTest, TheErrorOfOneFileIsToldForThatFileOnly)
{
    Bytes other = archive.wal.segments().at(1);
    other.back() ^= std::byte{1};
    ASSERT_OK(
        archive.repository->pushSegment(archive.incarnation, {model::TimelineId{1}, 1}, other));
    const Path conflict = ready(1);
    const Path good = ready(2);
    const auto start = worker();

    EXPECT_FAILS(push(conflict, start), AlreadyExists);
    EXPECT_OK(push(good, start));

    EXPECT_EQ(stored(), 2U);
}

TEST_F(AsyncPushTest, AfterAnErrorTheNextAttemptIsANewOne)
{
    const Path path = ready(1);
    ASSERT_OK(
        refuse(spool, nameOf(1), *walFileSubject(path), fail(ErrorCode::Unavailable, "no answer")));

    EXPECT_OK(push(path, worker()));
}

TEST_F(AsyncPushTest, AWorkerThatCannotBeginSaysWhy)
{
    const Path path = ready(1);

    const auto pushed = push(path, workers.starting([this] {
        reportWorkerError(spool, fail(ErrorCode::Denied, "the key opens nothing", "Look."));
    }));

    EXPECT_FAILS(pushed, Denied);
    EXPECT_EQ(pushed.error().message, "the key opens nothing");
    EXPECT_EQ(pushed.error().hint, "Look.");
    EXPECT_OK(push(path, worker())); // And the next one is asked anew.
}

TEST_F(AsyncPushTest, WithoutAWorkerTheCallerPushesItself)
{
    const auto pushed = push(ready(1), [](const FileDescriptor& /*lock*/) -> Result<> {
        return fail(ErrorCode::NotFound, "cannot start 'salvorctl'");
    });

    ASSERT_OK(pushed);
    EXPECT_EQ(*pushed, std::nullopt);
}

TEST_F(AsyncPushTest, AnErrorOfAWorkerThatCouldNotLookAtTheFileIsHeard)
{
    const Path path = ready(1);

    const auto pushed = push(path, workers.starting([this] {
        ASSERT_OK(refuse(spool, nameOf(1), "", fail(ErrorCode::Denied, "cannot read it")));
        test::waitUntil([this] { return !spool.get(nameOf(1) + ".error"); });
    }));

    EXPECT_FAILS(pushed, Denied);
}

TEST_F(AsyncPushTest, NothingIsPushedIntoARepositoryThatWasReplaced)
{
    const Path first = ready(1);
    const auto start = worker();
    ASSERT_OK(push(first, start));
    const auto objects = test::must(storage::listObjects(*archive.driver, ""));
    for (const auto& object : objects)
        ASSERT_OK(archive.driver->remove(object.key));
    test::must(Repository::init(*archive.driver, {.encrypted = false}));

    EXPECT_FAILS(push(ready(2), start), NotReady);

    workers.join();
    EXPECT_FAILS(ended, NotReady);
    EXPECT_TRUE(storage::listObjects(*archive.driver, "wal/")->empty());
    EXPECT_TRUE(storage::listObjects(*archive.driver, "clusters/")->empty());
}

TEST_F(AsyncPushTest, AWorkerWhoseServerIsGoneEnds)
{
    const Path path = ready(1);
    ASSERT_OK(push(path, worker()));

    std::filesystem::remove_all(walFolder);

    workers.join();
    EXPECT_FAILS(ended, NotFound);
    EXPECT_FALSE(isReadyToArchive(path));
}

TEST_F(AsyncPushTest, AWorkerThatCannotAnswerEnds)
{
    ready(1);
    std::filesystem::remove_all(spool.folder());

    EXPECT_FAILS(pushReadyFiles(spool, work()), NotFound);

    EXPECT_EQ(stored(), 1U);
}

TEST(Spool, IsTheOwnersAlone)
{
    const TemporaryDirectory directory = test::must(TemporaryDirectory::create());
    const Path folder = directory.path() / "spool";
    ASSERT_OK(Spool::open(folder));

    ASSERT_EQ(::chmod(folder.c_str(), 0750), 0);
    EXPECT_FAILS(Spool::open(folder), Denied);
    std::filesystem::rename(folder, directory.path() / "moved");
    std::filesystem::create_directory_symlink("moved", folder);
    EXPECT_FAILS(Spool::open(folder), Denied);
    EXPECT_FAILS(Spool::open("/proc/spool"), NotFound);
}

TEST(Spool, HasOneWorkerWhoseLockEndsWithIt)
{
    const TemporaryDirectory directory = test::must(TemporaryDirectory::create());
    const Spool spool = test::must(Spool::open(directory.path() / "spool"));
    const Spool same = test::must(Spool::open(directory.path() / "spool"));
    EXPECT_FALSE(same.hasWorker());
    {
        const auto lock = spool.tryLock();
        ASSERT_OK(lock);
        ASSERT_TRUE(lock->has_value());
        EXPECT_TRUE(same.hasWorker());
        EXPECT_FALSE(same.tryLock()->has_value());
        EXPECT_TRUE(same.isHeldBy((*lock)->get()));
        const FileDescriptor other = test::must(openFile("/dev/null", O_RDONLY));
        EXPECT_FALSE(same.isHeldBy(other.get()));
    }
    EXPECT_FALSE(same.hasWorker());
}

TEST(Spool, LiesApartForEveryClusterFolderAndPlace)
{
    const SpoolSubject subject{"push", "orders", "/data", "main"};
    const Path folder = spoolFolder("/spool", subject);
    EXPECT_EQ(folder, spoolFolder("/spool", subject));
    EXPECT_TRUE(folder.filename().native().starts_with("push-orders-"));
    EXPECT_NE(folder, spoolFolder("/spool", {"get", "orders", "/data", "main"}));
    EXPECT_NE(folder, spoolFolder("/spool", {"push", "others", "/data", "main"}));
    EXPECT_NE(folder, spoolFolder("/spool", {"push", "orders", "/data2", "main"}));
    EXPECT_NE(folder, spoolFolder("/spool", {"push", "orders", "/data", "other"}));
}

TEST(Spool, OldOnesThatNobodyWorksForAreRemoved)
{
    const TemporaryDirectory directory = test::must(TemporaryDirectory::create());
    const auto made = [&](const std::string& name) {
        Spool spool = test::must(Spool::open(directory.path() / name));
        EXPECT_OK(spool.put("left", "over"));
        return spool;
    };
    const auto age = [&](const std::string& name) {
        std::filesystem::last_write_time(directory.path() / name,
                                         std::filesystem::file_time_type::clock::now() - 48h);
    };
    made("push-young");
    made("push-old");
    made("others");
    const Spool used = made("get-used");
    const auto lock = used.tryLock();
    std::filesystem::create_directory(directory.path() / "get-foreign");
    for (const char* name : {"push-old", "get-used", "get-foreign", "others"})
        age(name);

    removeOldSpools(directory.path());

    EXPECT_TRUE(std::filesystem::exists(directory.path() / "push-young" / "left"));
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "push-old"));
    EXPECT_TRUE(std::filesystem::exists(directory.path() / "get-used" / "left"));
    EXPECT_TRUE(std::filesystem::exists(directory.path() / "get-foreign"));
    EXPECT_TRUE(std::filesystem::exists(directory.path() / "others" / "left"));
}
