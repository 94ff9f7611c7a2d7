#include "core/crypto/crc32c.h"
#include "core/wal/archive.h"
#include "core/wal/prefetch.h"
#include "core/wal/prefetch_files.h"
#include "tests/support/result_assertions.h"
#include "tests/wal/worker_scene.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace salvor;
using namespace salvor::wal;
using namespace std::chrono_literals;

namespace {

const Moment noon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(12);

class PrefetchTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        for (int i = 0; i < 6; ++i) {
            archive.wal.commit(7, noon);
            archive.wal.switchSegment();
        }
        archive.push(archive.wal);
    }

    [[nodiscard]] std::string nameOf(std::uint64_t number, std::uint32_t timeline = 1) const
    {
        return test::must(model::segmentName({model::TimelineId{timeline}, number},
                                             archive.identity.segmentSize));
    }
    /// What lies in the spool of a segment's name.
    [[nodiscard]] std::vector<std::string> fetched() const
    {
        std::vector<std::string> found;
        for (const std::string& name : spool.names())
            if (const auto file = PrefetchedFile::parse(name))
                found.push_back(file->segment);
        return found;
    }
    [[nodiscard]] Prefetch foreground(std::chrono::milliseconds timeout = 20s)
    {
        return {
            .spool = spool,
            .segmentSize = archive.identity.segmentSize,
            .timeout = timeout,
            .startWorker = workers.starting([this] {
                const auto read = [this](const model::Segment& segment) {
                    return archive.repository->readSegment(archive.incarnation, segment);
                };
                ended = prefetchSegments(spool, {read, archive.identity.segmentSize, 3, 2, idle});
            })};
    }
    void store(std::uint64_t number, ByteView bytes, std::uint32_t crc)
    {
        const PrefetchedFile file{nameOf(number), archive.identity.segmentSize, crc};
        ASSERT_OK(spool.put(file.name(), asText(bytes)));
    }
    void loseTheArchive()
    {
        const auto objects = test::must(storage::listObjects(*archive.driver, "wal/"));
        for (const auto& object : objects)
            ASSERT_OK(archive.driver->remove(object.key));
    }

    test::MadeArchive archive;
    TemporaryDirectory directory = test::must(TemporaryDirectory::create());
    const Path destination = directory.path() / "RECOVERYXLOG";
    const Spool spool = test::must(Spool::open(directory.path() / "spool"));
    static constexpr auto idle = 1500ms;
    Result<> ended;
    test::Workers workers; // Last: joined first.
};

} // namespace

TEST_F(PrefetchTest, WithoutAWorkerOnlyTheArchiveCanTell)
{
    EXPECT_FALSE(takePrefetched(foreground(), nameOf(1), destination));
    EXPECT_EQ(workers.starts, 0);
}

TEST_F(PrefetchTest, TheNextSegmentsAreFetchedAheadAndGivenOutAsTheyAre)
{
    const Prefetch prefetch = foreground();
    prefetchAfter(prefetch, nameOf(1));
    const std::vector<std::string> ahead{nameOf(2), nameOf(3), nameOf(4)};
    test::waitUntil([&] { return fetched() == ahead; });
    ASSERT_EQ(fetched(), ahead);
    EXPECT_FALSE(std::filesystem::exists(destination));
    loseTheArchive();

    for (std::uint64_t number = 2; number <= 4; ++number) {
        ASSERT_TRUE(takePrefetched(prefetch, nameOf(number), destination));
        EXPECT_EQ(*readFile(destination), archive.wal.segments().at(number));
    }
    // The archive has no more: that is for the archive itself to say.
    EXPECT_FALSE(takePrefetched(prefetch, nameOf(5), destination));
    EXPECT_FAILS(archiveGet(*archive.repository, archive.incarnation, nameOf(5), destination),
                 NotFound);
    EXPECT_EQ(workers.starts, 1);
}

TEST_F(PrefetchTest, WhatIsMissingIsNeverAnsweredFromMemory)
{
    const Prefetch prefetch = foreground();
    prefetchAfter(prefetch, nameOf(6));
    EXPECT_FALSE(takePrefetched(prefetch, nameOf(7), destination));

    archive.wal.commit(7, noon);
    archive.wal.switchSegment();
    archive.push(archive.wal);

    EXPECT_TRUE(takePrefetched(prefetch, nameOf(7), destination));
}

TEST_F(PrefetchTest, ASegmentAskedForAgainIsFetchedAgain)
{
    const Prefetch prefetch = foreground();
    prefetchAfter(prefetch, nameOf(1));

    EXPECT_TRUE(takePrefetched(prefetch, nameOf(2), destination));
    EXPECT_TRUE(takePrefetched(prefetch, nameOf(2), destination));
    EXPECT_TRUE(takePrefetched(prefetch, nameOf(1), destination));

    EXPECT_EQ(*readFile(destination), archive.wal.segments().at(1));
}

TEST_F(PrefetchTest, WhatTheReplayHasPassedIsRemovedAndSoIsEverythingAtTheEnd)
{
    const Prefetch prefetch = foreground();
    prefetchAfter(prefetch, nameOf(1));
    test::waitUntil([&] { return fetched().size() == 3; });

    prefetchAfter(prefetch, nameOf(3));
    const std::vector<std::string> ahead{nameOf(4), nameOf(5), nameOf(6)};
    test::waitUntil([&] { return fetched() == ahead; });
    EXPECT_EQ(fetched(), ahead);
    prefetchAfter(prefetch, nameOf(3, 2)); // Another timeline.
    test::waitUntil([&] { return fetched().empty(); });
    EXPECT_TRUE(fetched().empty());

    workers.join();
    EXPECT_OK(ended);
    EXPECT_TRUE(spool.names().empty());
    EXPECT_FALSE(spool.hasWorker());
}

TEST_F(PrefetchTest, ADamagedObjectIsLeftToTheArchiveToTell)
{
    const auto object = archive.repository->segments(archive.incarnation)->at(1).object;
    Bytes stored = *storage::readObject(*archive.driver, object);
    stored[stored.size() / 2] ^= std::byte{4};
    ASSERT_OK(storage::writeObject(*archive.driver, object, stored));
    const Prefetch prefetch = foreground();
    prefetchAfter(prefetch, nameOf(1));

    EXPECT_FALSE(takePrefetched(prefetch, nameOf(2), destination));

    EXPECT_FALSE(std::filesystem::exists(destination));
    EXPECT_FAILS(archiveGet(*archive.repository, archive.incarnation, nameOf(2), destination),
                 Corrupt);
}

TEST_F(PrefetchTest, AFileThatChangedInTheSpoolIsNotGivenOut)
{
    const auto lock = spool.tryLock();
    ASSERT_OK(lock);
    const Bytes& bytes = archive.wal.segments().at(2);
    Bytes other = bytes;
    other[other.size() / 2] ^= std::byte{1};
    const std::uint32_t crc = crypto::crc32c(bytes);

    store(2, other, crc);
    EXPECT_FALSE(takePrefetched(foreground(50ms), nameOf(2), destination));
    store(2, ByteView(bytes).first(bytes.size() - 1), crc);
    EXPECT_FALSE(takePrefetched(foreground(50ms), nameOf(2), destination));
    EXPECT_FALSE(std::filesystem::exists(destination));
    EXPECT_TRUE(fetched().empty()); // It is not looked at twice.
    store(2, bytes, crc);
    EXPECT_TRUE(takePrefetched(foreground(50ms), nameOf(2), destination));
    EXPECT_EQ(*readFile(destination), bytes);
}

TEST_F(PrefetchTest, WhatADeadWorkerLeftIsNotGivenOutAndClearedByTheNext)
{
    const Bytes& bytes = archive.wal.segments().at(6);
    store(6, bytes, crypto::crc32c(bytes));

    EXPECT_FALSE(takePrefetched(foreground(), nameOf(6), destination));

    EXPECT_FALSE(std::filesystem::exists(destination));
    prefetchAfter(foreground(), nameOf(1));
    const std::vector<std::string> ahead{nameOf(2), nameOf(3), nameOf(4)};
    test::waitUntil([&] { return fetched() == ahead; });
    EXPECT_EQ(fetched(), ahead);
}

TEST_F(PrefetchTest, AcrossFileSystemsItIsCopied)
{
    struct stat here {};
    struct stat there {};
    if (::stat(directory.path().c_str(), &here) != 0 || ::stat("/dev/shm", &there) != 0
        || here.st_dev == there.st_dev)
        GTEST_SKIP() << "there is only one file system";
    const TemporaryDirectory elsewhere = test::must(TemporaryDirectory::create("/dev/shm"));
    const auto lock = spool.tryLock();
    ASSERT_OK(lock);
    const Bytes& bytes = archive.wal.segments().at(2);
    store(2, bytes, crypto::crc32c(bytes));

    ASSERT_TRUE(takePrefetched(foreground(50ms), nameOf(2), elsewhere.path() / "RECOVERYXLOG"));

    EXPECT_EQ(*readFile(elsewhere.path() / "RECOVERYXLOG"), bytes);
    EXPECT_TRUE(fetched().empty());
    store(3, bytes, crypto::crc32c(bytes));
    EXPECT_FALSE(
        takePrefetched(foreground(50ms), nameOf(3), elsewhere.path() / "nowhere" / "RECOVERYXLOG"));
}

TEST_F(PrefetchTest, AWorkerThatCannotBeStartedIsNoHarm)
{
    const Prefetch prefetch{.spool = spool,
                            .segmentSize = archive.identity.segmentSize,
                            .startWorker = [](const FileDescriptor& /*lock*/) -> Result<> {
                                return fail(ErrorCode::NotFound, "cannot start it");
                            }};

    prefetchAfter(prefetch, nameOf(1));

    EXPECT_FALSE(spool.hasWorker());
    EXPECT_FALSE(takePrefetched(prefetch, nameOf(2), destination));
}

TEST(PrefetchedFile, CarriesItsCheckInItsName)
{
    const PrefetchedFile file{"000000010000000000000003", 16777216, 0x00ab12cdU};
    EXPECT_EQ(file.name(), "000000010000000000000003.16777216.00ab12cd");
    const auto read = PrefetchedFile::parse(file.name());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->segment, file.segment);
    EXPECT_EQ(read->size, file.size);
    EXPECT_EQ(read->crc, file.crc);
    for (const char* name : {"position", "000000010000000000000003", "x.1.2",
                             "000000010000000000000003.x.00ab12cd", "00000001.history.1"})
        EXPECT_FALSE(PrefetchedFile::parse(name)) << name;
}
