#include "core/finder/reach.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::finder;

namespace {

Moment at(int second)
{
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::seconds(second);
}

model::Backup addBackup(test::MadeArchive& archive, int second, std::uint16_t number)
{
    const auto from = archive.wal.checkpoint(100).start;
    const auto to = archive.wal.filler(50).end;
    return archive.addBackup(from, to, at(second), number);
}

} // namespace

TEST(RecoverableRanges, EachBackupReachesToTheLastCommitBeforeAGap)
{
    test::MadeArchive archive;
    const auto first = addBackup(archive, 1, 1);
    const auto early = archive.wal.commit(110, at(10));
    archive.wal.switchSegment();
    archive.wal.switchSegment();
    const auto second = addBackup(archive, 20, 2);
    const auto third = addBackup(archive, 25, 3);
    const auto late = archive.wal.commit(130, at(30));
    archive.wal.switchSegment();
    archive.push(archive.wal, {2});

    const auto ranges = recoverableRanges(*archive.repository, archive.incarnation, archive.job);

    ASSERT_OK(ranges);
    ASSERT_EQ(ranges->size(), 3U);
    EXPECT_EQ(ranges->at(0).backupId, first.id);
    EXPECT_EQ(ranges->at(0).to, early.start);
    EXPECT_EQ(ranges->at(0).toTime, at(10));
    EXPECT_NE(ranges->at(0).endsBecause.find("000000010000000000000002"), std::string::npos);
    EXPECT_EQ(ranges->at(1).backupId, second.id);
    EXPECT_EQ(ranges->at(1).to, late.start);
    EXPECT_EQ(ranges->at(2).from, third.stopLsn);
    EXPECT_EQ(ranges->at(2).toTime, at(30));
}

TEST(RecoverableRanges, WithoutACommitARangeIsAPoint)
{
    test::MadeArchive archive;
    const auto backup = addBackup(archive, 1, 1);
    archive.wal.switchSegment();
    archive.push(archive.wal);

    const auto ranges = recoverableRanges(*archive.repository, archive.incarnation, archive.job);

    ASSERT_OK(ranges);
    EXPECT_EQ(ranges->at(0).to, backup.stopLsn);
    EXPECT_EQ(ranges->at(0).toTime, ranges->at(0).fromTime);
}

TEST(RecoverableRanges, ABackupGoesOnOnTheNewestTimelineThatLeadsBackToIt)
{
    test::MadeArchive archive;
    addBackup(archive, 1, 1);
    test::WalWriter child = archive.wal.fork(2);
    const auto last = child.commit(200, at(20));
    child.switchSegment();
    archive.push(archive.wal);
    archive.push(child);

    const auto ranges = recoverableRanges(*archive.repository, archive.incarnation, archive.job);

    ASSERT_OK(ranges);
    EXPECT_EQ(ranges->at(0).timeline, model::TimelineId{2});
    EXPECT_EQ(ranges->at(0).to, last.start);
}
