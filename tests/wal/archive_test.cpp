#include "core/wal/archive.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::wal;
using repository::Repository;

namespace {

const Moment noon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(12);

class WalArchive : public ::testing::Test {
protected:
    /// A file in a folder as pg_wal.
    Path file(const std::string& called, ByteView bytes)
    {
        const Path folder = directory.path() / "pg_wal";
        EXPECT_OK(createDirectories(folder));
        EXPECT_OK(writeFileDurably(folder / called, bytes));
        return folder / called;
    }
    Bytes fullSegment()
    {
        archive.wal.commit(7, noon);
        archive.wal.switchSegment();
        return archive.wal.segments().begin()->second;
    }

    test::MadeArchive archive;
    TemporaryDirectory directory = test::must(TemporaryDirectory::create());
    const std::string name = "000000010000000000000001";
};

} // namespace

TEST_F(WalArchive, APushedSegmentComesBackAsItWas)
{
    const Bytes bytes = fullSegment();

    const auto pushed = archivePush(*archive.repository, "orders", file(name, bytes));

    ASSERT_OK(pushed);
    EXPECT_EQ(*pushed, Repository::Pushed::Stored);
    const Path back = directory.path() / "RECOVERYXLOG";
    ASSERT_OK(archiveGet(*archive.repository, archive.incarnation, name, back));
    EXPECT_EQ(*readFile(back), bytes);
}

TEST_F(WalArchive, TheSameBytesTwiceSucceed)
{
    const Path path = file(name, fullSegment());
    ASSERT_OK(archivePush(*archive.repository, "orders", path));

    const auto again = archivePush(*archive.repository, "orders", path);

    ASSERT_OK(again);
    EXPECT_EQ(*again, Repository::Pushed::AlreadyThere);
}

TEST_F(WalArchive, OtherBytesUnderTheSameNameAreRefused)
{
    Bytes bytes = fullSegment();
    ASSERT_OK(archivePush(*archive.repository, "orders", file(name, bytes)));
    bytes.back() ^= std::byte{1};

    const auto again = archivePush(*archive.repository, "orders", file(name, bytes));

    EXPECT_FAILS(again, AlreadyExists);
    EXPECT_EQ(archive.repository->segments(archive.incarnation)->size(), 1U);
}

TEST_F(WalArchive, AnotherClustersSegmentIsRefused)
{
    model::ClusterIdentity other = archive.identity;
    other.systemIdentifier += 1;
    test::WalWriter foreign(other);
    foreign.commit(7, noon);

    const auto pushed =
        archivePush(*archive.repository, "orders", file(name, foreign.segments().begin()->second));

    EXPECT_FAILS(pushed, NotReady);
    EXPECT_TRUE(archive.repository->segments(archive.incarnation)->empty());
}

TEST_F(WalArchive, TheFirstPushPinsTheCluster)
{
    const auto pushed = archivePush(*archive.repository, "new", file(name, fullSegment()));

    ASSERT_OK(pushed);
    EXPECT_EQ(archive.repository->incarnation("new")->identity, archive.identity);
}

TEST_F(WalArchive, WhatIsNoWholeSegmentOfThatNameIsRefused)
{
    const Bytes bytes = fullSegment();
    const ByteView half = ByteView(bytes).first(bytes.size() / 2);
    const Bytes zeros(bytes.size());
    const auto push = [&](const std::string& as, ByteView content) {
        return archivePush(*archive.repository, "orders", file(as, content));
    };

    EXPECT_FAILS(push(name, half), Corrupt);
    EXPECT_FAILS(push(name, zeros), Corrupt);
    EXPECT_FAILS(push("000000010000000000000002", bytes), Corrupt);
    EXPECT_FAILS(push("postgresql.conf", bytes), InvalidInput);
}

TEST_F(WalArchive, TheFirstSegmentOfANewTimelineBeginsWithTheParentsPages)
{
    archive.wal.commit(7, noon);
    test::WalWriter child = archive.wal.fork(2);
    child.commit(8, noon);
    child.switchSegment();

    const auto pushed =
        archivePush(*archive.repository, "orders",
                    file("000000020000000000000001", child.segments().begin()->second));

    EXPECT_OK(pushed);
}

TEST_F(WalArchive, AHistoryFileWithoutAControlFileIsNotAcknowledged)
{
    const auto pushed = archivePush(*archive.repository, "orders",
                                    file("00000002.history", asBytes("1\t0/1000000\tx\n")));

    EXPECT_FAILS(pushed, NotReady);
    EXPECT_TRUE(archive.repository->walFiles(archive.incarnation)->empty());
}

TEST_F(WalArchive, WhatIsNotThereIsNotFoundAndNothingIsWritten)
{
    const Path back = directory.path() / "RECOVERYXLOG";

    EXPECT_FAILS(archiveGet(*archive.repository, archive.incarnation, name, back), NotFound);
    EXPECT_FAILS(archiveGet(*archive.repository, archive.incarnation, "00000002.history", back),
                 NotFound);
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST_F(WalArchive, AFolderThatIsNotThereIsNotMistakenForAMissingSegment)
{
    ASSERT_OK(archivePush(*archive.repository, "orders", file(name, fullSegment())));

    const auto got = archiveGet(*archive.repository, archive.incarnation, name,
                                directory.path() / "nowhere" / "RECOVERYXLOG");

    EXPECT_FAILS(got, NotReady);
}

TEST_F(WalArchive, ADamagedSegmentIsCorruptAndNothingIsWritten)
{
    ASSERT_OK(archivePush(*archive.repository, "orders", file(name, fullSegment())));
    const auto object = archive.repository->segments(archive.incarnation)->front().object;
    Bytes stored = *storage::readObject(*archive.driver, object);
    stored[stored.size() / 2] ^= std::byte{4};
    ASSERT_OK(storage::writeObject(*archive.driver, object, stored));
    const Path back = directory.path() / "RECOVERYXLOG";

    EXPECT_FAILS(archiveGet(*archive.repository, archive.incarnation, name, back), Corrupt);
    EXPECT_FALSE(std::filesystem::exists(back));
}

TEST_F(WalArchive, OneMissingSegmentIsOneGap)
{
    for (int i = 0; i < 5; ++i) {
        archive.wal.commit(7, noon);
        archive.wal.switchSegment();
    }
    archive.push(archive.wal, {3});

    const auto state = archiveState(*archive.repository, archive.incarnation);

    ASSERT_OK(state);
    const model::TimelineId first{1};
    EXPECT_EQ(state->ranges, (std::vector<model::WalRange>{{first, 1, 2}, {first, 4, 5}}));
    EXPECT_EQ(state->gaps, (std::vector<model::WalGap>{{first, 3, 3}}));
    EXPECT_TRUE(state->forks.empty());
}

TEST_F(WalArchive, AForkIsNamedAndWhatLacksBesideItIsAGap)
{
    for (int i = 0; i < 3; ++i) {
        archive.wal.commit(7, noon);
        archive.wal.switchSegment();
    }
    archive.wal.commit(8, noon);
    test::WalWriter child = archive.wal.fork(2);
    for (int i = 0; i < 3; ++i) {
        child.commit(9, noon);
        child.switchSegment();
    }
    archive.push(archive.wal, {3, 4});
    archive.push(child, {4});

    const auto state = archiveState(*archive.repository, archive.incarnation);

    ASSERT_OK(state);
    const model::TimelineId first{1};
    const model::TimelineId second{2};
    EXPECT_EQ(state->forks,
              (std::vector<model::TimelineFork>{{first, second, archive.wal.position()}}));
    EXPECT_EQ(state->gaps, (std::vector<model::WalGap>{{first, 3, 3}, {second, 4, 4}}));
}

TEST_F(WalArchive, ThePathToATimelineComesFromItsHistory)
{
    archive.wal.commit(7, noon);
    test::WalWriter second = archive.wal.fork(2);
    second.commit(8, noon);
    test::WalWriter third = second.fork(3);
    third.commit(9, noon);
    archive.push(third);

    const auto path = timelinePath(*archive.repository, archive.incarnation, model::TimelineId{3});

    ASSERT_OK(path);
    ASSERT_EQ(path->legs.size(), 3U);
    const model::Lsn fork = archive.wal.position();
    EXPECT_EQ(path->timelineAt(model::Lsn{value(fork) - 1}), model::TimelineId{1});
    EXPECT_EQ(path->timelineAt(fork), model::TimelineId{2});
    EXPECT_EQ(path->timelineAt(second.position()), model::TimelineId{3});
    EXPECT_FALSE(path->contains(model::TimelineId{1}, fork));
    EXPECT_TRUE(path->contains(model::TimelineId{2}, fork));
}

TEST_F(WalArchive, ATimelineWithoutItsHistoryIsNotReady)
{
    const auto path = timelinePath(*archive.repository, archive.incarnation, model::TimelineId{2});

    EXPECT_FAILS(path, NotReady);
}
