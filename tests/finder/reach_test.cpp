#include "core/finder/reach.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::finder;
using model::Lsn;

namespace {

Moment at(int second)
{
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(12)
           + std::chrono::seconds(second);
}

/// One backup, then commits every ten seconds; the transaction committed at 10 s is 110, and so on.
class Reach : public ::testing::Test {
protected:
    using Place = test::WalWriter::Place;

    void SetUp() override
    {
        start = archive.wal.checkpoint(100).start;
        during = archive.wal.commit(100, at(0));
        stop = archive.wal.filler(50).end;
        first = addBackup(start, stop, 1, 1);
        archive.wal.switchSegment();
    }
    model::Backup addBackup(Lsn from, Lsn to, int second, std::uint16_t number,
                            std::uint32_t timeline = 1)
    {
        return archive.addBackup(from, to, at(second), number, timeline);
    }
    Place commitAt(int second) { return archive.wal.commit(xidAt(second), at(second)); }
    static std::uint32_t xidAt(int second) { return 100U + static_cast<std::uint32_t>(second); }
    void finishWal()
    {
        archive.wal.switchSegment();
        archive.push(archive.wal);
    }

    Result<Resolution> find(decltype(model::RecoveryTarget::point) point)
    {
        request.cluster = "orders";
        request.target.point = std::move(point);
        return resolve(*archive.repository, request, archive.job, &nearest);
    }
    Result<Resolution> findTime(int second) { return find(model::TimeTarget{at(second)}); }

    test::MadeArchive archive;
    Lsn start{};
    Place during; ///< A commit while the backup ran.
    Lsn stop{};
    model::Backup first;
    ResolveRequest request;
    Nearest nearest;
};

} // namespace

TEST_F(Reach, LatestIsTheLastCommitOfTheArchive)
{
    commitAt(10);
    const Place last = commitAt(20);
    archive.wal.abort(121, at(21));
    finishWal();

    const auto found = find(model::LatestTarget{});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, last.start);
    EXPECT_EQ(found->target.replayEnd, last.end);
    EXPECT_TRUE(found->target.inclusive);
    EXPECT_EQ(found->target.lastCommitAt, at(20));
    EXPECT_EQ(found->target.timeline, model::TimelineId{1});
    EXPECT_EQ(found->backup.id, first.id);
    EXPECT_EQ(found->commitsLost, 0U);
    EXPECT_EQ(found->walNeeded, (std::vector<model::WalRange>{{model::TimelineId{1}, 1, 2}}));
}

TEST_F(Reach, LatestIsFoundBehindSegmentsWithoutACommit)
{
    const Place last = commitAt(10);
    for (int i = 0; i < 3; ++i)
        archive.wal.switchSegment();
    finishWal();

    const auto found = find(model::LatestTarget{});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, last.start);
}

TEST_F(Reach, LatestWithoutACommitAfterTheBackupIsItsEnd)
{
    finishWal();

    const auto found = find(model::LatestTarget{});

    ASSERT_OK(found);
    EXPECT_FALSE(found->target.lsn.has_value());
    EXPECT_NE(found->target.words.find("no commit"), std::string::npos) << found->target.words;
}

TEST_F(Reach, LatestStopsBeforeAGap)
{
    const Place last = commitAt(10);
    archive.wal.switchSegment();
    commitAt(20);
    archive.wal.switchSegment();
    commitAt(30);
    archive.wal.switchSegment();
    archive.push(archive.wal, {3});

    const auto found = find(model::LatestTarget{});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, last.start);
    EXPECT_NE(found->target.words.find("000000010000000000000003"), std::string::npos);
}

TEST_F(Reach, ImmediateIsTheEndOfTheNewestBackupAndCountsWhatIsLost)
{
    const Place lost = commitAt(10);
    const Place last = commitAt(20);
    finishWal();

    const auto found = find(model::ImmediateTarget{});

    ASSERT_OK(found);
    EXPECT_FALSE(found->target.lsn.has_value());
    EXPECT_EQ(found->commitsLost, 2U);
    EXPECT_EQ(found->firstLost->start, lost.start);
    EXPECT_EQ(found->lastArchived->start, last.start);
}

TEST_F(Reach, ATimeIsTheLastCommitNotLaterThanIt)
{
    commitAt(10);
    const Place kept = commitAt(20);
    const Place lost = commitAt(30);
    commitAt(40);
    finishWal();

    const auto found = findTime(20);

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, kept.start);
    EXPECT_TRUE(found->target.inclusive);
    EXPECT_EQ(found->firstLost->start, lost.start);
    EXPECT_EQ(found->commitsLost, 2U);
    EXPECT_EQ(found->lastArchived->at, at(40));
}

TEST_F(Reach, AnExclusiveTimeLeavesACommitOfThatTimeOut)
{
    const Place kept = commitAt(10);
    commitAt(20);
    finishWal();
    request.target.exclusive = true;

    const auto found = findTime(20);

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, kept.start);
    EXPECT_EQ(found->commitsLost, 1U);
}

TEST_F(Reach, TimesAreTakenInWalOrderNotSorted)
{
    const Place kept = commitAt(10);
    commitAt(30);
    commitAt(15); // Later in the WAL: PostgreSQL stopped before.
    finishWal();

    const auto found = findTime(20);

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, kept.start);
    EXPECT_EQ(found->commitsLost, 2U);
}

TEST_F(Reach, ARollbackAfterTheTimeEndsItToo)
{
    const Place kept = commitAt(10);
    archive.wal.abort(115, at(30));
    finishWal();

    const auto found = findTime(20);

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, kept.start);
    EXPECT_EQ(found->commitsLost, 0U);
    EXPECT_FALSE(found->firstLost.has_value());
}

TEST_F(Reach, ATimeRightAfterTheBackupIsItsEndWhenNothingLiesBetween)
{
    commitAt(30);
    finishWal();

    const auto found = findTime(10);

    ASSERT_OK(found);
    EXPECT_FALSE(found->target.lsn.has_value());
    EXPECT_NE(found->target.words.find("no transaction ended"), std::string::npos);
    EXPECT_EQ(found->commitsLost, 1U);
}

TEST_F(Reach, ATimeAfterTheLastCommitIsOutOfReachAndNamesIt)
{
    const Place last = commitAt(10);
    finishWal();

    const auto found = findTime(20);

    ASSERT_FAILS(found, NotReady);
    EXPECT_NE(found.error().message.find("is after the last commit in the archive (2026-11-20T12:"
                                         "00:10.000000Z at "
                                         + formatLsn(last.start)),
              std::string::npos)
        << found.error().message;
    EXPECT_FALSE(found.error().hint.empty());
    ASSERT_TRUE(nearest.before.has_value());
    EXPECT_EQ(nearest.before->start, last.start);
}

TEST_F(Reach, ATimeBeforeTheEndOfTheOldestBackupIsRefused)
{
    commitAt(10);
    finishWal();

    const auto found = findTime(-5);

    ASSERT_FAILS(found, NotReady);
    EXPECT_NE(found.error().message.find(first.id), std::string::npos);
}

TEST_F(Reach, ATimeBetweenStartAndStopOfTheOnlyBackupIsRefused)
{
    archive.push(archive.wal);
    test::MadeArchive other;
    const Lsn from = other.wal.checkpoint(100).start;
    other.wal.commit(100, at(0));
    other.wal.commit(101, at(5));
    const Lsn to = other.wal.filler(50).end;
    other.addBackup(from, to, at(6), 1);
    other.wal.switchSegment();
    other.push(other.wal);
    request.cluster = "orders";
    request.target.point = model::TimeTarget{at(2)};

    const auto found = resolve(*other.repository, request, other.job, &nearest);

    EXPECT_FAILS(found, NotReady);
}

TEST_F(Reach, ATimeInAGapIsOutOfReachWithBothNeighbours)
{
    const Place before = commitAt(10);
    archive.wal.switchSegment();
    commitAt(20);
    archive.wal.switchSegment();
    const Lsn from = archive.wal.checkpoint(140).start;
    const Lsn to = archive.wal.filler(50).end;
    addBackup(from, to, 30, 2);
    const Place after = commitAt(40);
    archive.wal.switchSegment();
    archive.push(archive.wal, {3});

    const auto found = findTime(25);

    ASSERT_FAILS(found, NotReady);
    EXPECT_EQ(nearest.before->start, before.start);
    ASSERT_TRUE(nearest.after.has_value());
    EXPECT_EQ(nearest.after->start, after.start);
}

TEST_F(Reach, TheNewestBackupBeforeTheTargetIsChosen)
{
    commitAt(10);
    archive.wal.switchSegment();
    const Lsn from = archive.wal.checkpoint(120).start;
    const Lsn to = archive.wal.filler(50).end;
    const auto second = addBackup(from, to, 15, 2);
    commitAt(20);
    commitAt(30);
    finishWal();

    EXPECT_EQ(findTime(5)->backup.id, first.id);
    EXPECT_EQ(findTime(25)->backup.id, second.id);
    EXPECT_EQ(find(model::XidTarget{xidAt(10)})->backup.id, first.id);
    EXPECT_EQ(find(model::XidTarget{xidAt(20)})->backup.id, second.id);
    EXPECT_EQ(find(model::LatestTarget{})->backup.id, second.id);
}

TEST_F(Reach, ABackupWhoseMachineClockWasBehindIsNotUsedForATimeBeforeItsEnd)
{
    const Place kept = commitAt(10);
    commitAt(20);
    const Lsn from = archive.wal.checkpoint(130).start;
    const Lsn to = archive.wal.filler(50).end;
    addBackup(from, to, 12, 2);
    commitAt(30);
    finishWal();

    const auto found = findTime(15);

    ASSERT_OK(found);
    EXPECT_EQ(found->backup.id, first.id);
    EXPECT_EQ(found->target.lsn, kept.start);
}

TEST(ReachOfOneBackup, ATimeBeforeItIsRefusedThoughNothingWasCommittedMeanwhile)
{
    test::MadeArchive quiet;
    const Lsn from = quiet.wal.checkpoint(100).start;
    const Lsn to = quiet.wal.filler(50).end;
    quiet.addBackup(from, to, at(10), 1);
    quiet.wal.commit(100, at(20));
    quiet.wal.switchSegment();
    quiet.push(quiet.wal);
    const auto find = [&](int second) {
        ResolveRequest request;
        request.cluster = "orders";
        request.target.point = model::TimeTarget{at(second)};
        return resolve(*quiet.repository, request, quiet.job);
    };

    EXPECT_FAILS(find(5), NotReady);
    EXPECT_OK(find(15));
}

TEST_F(Reach, ABackupThatWasAskedForIsUsedOrRefused)
{
    const Place early = commitAt(10);
    const Lsn from = archive.wal.checkpoint(120).start;
    const Lsn to = archive.wal.filler(50).end;
    const auto second = addBackup(from, to, 15, 2);
    const Place late = commitAt(20);
    finishWal();

    request.backupId = first.id;
    EXPECT_EQ(find(model::XidTarget{xidAt(20)})->backup.id, first.id);
    request.backupId = second.id;
    EXPECT_FAILS(find(model::XidTarget{xidAt(10)}), NotReady);
    EXPECT_FAILS(find(model::LsnTarget{early.start}), NotReady);
    EXPECT_FAILS(findTime(12), NotReady);
    EXPECT_OK(find(model::LsnTarget{late.start}));
}

TEST_F(Reach, AnLsnBecomesTheRecordItFallsOn)
{
    const Place before = commitAt(10);
    const Place record = archive.wal.filler(100);
    const Place after = commitAt(20);
    finishWal();

    const auto found = find(model::LsnTarget{Lsn{value(record.start) - 3}});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, record.start);
    EXPECT_EQ(found->target.replayEnd, record.end);
    EXPECT_EQ(found->target.lastCommitLsn, before.start);
    EXPECT_EQ(found->firstLost->start, after.start);
    EXPECT_EQ(found->commitsLost, 1U);
}

TEST_F(Reach, AnExclusiveLsnStopsBeforeTheRecord)
{
    const Place before = commitAt(10);
    const Place record = commitAt(20);
    finishWal();
    request.target.exclusive = true;

    const auto found = find(model::LsnTarget{record.start});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, record.start);
    EXPECT_FALSE(found->target.inclusive);
    EXPECT_EQ(found->target.replayEnd, before.end);
    EXPECT_EQ(found->firstLost->start, record.start);
    EXPECT_EQ(found->commitsLost, 1U);
}

TEST_F(Reach, AnLsnOutsideTheWalIsOutOfReach)
{
    const Place last = commitAt(10);
    finishWal();

    EXPECT_FAILS(find(model::LsnTarget{Lsn{value(start) - 100}}), NotReady);
    EXPECT_FAILS(find(model::LsnTarget{during.start}), NotReady);
    const auto late = find(model::LsnTarget{Lsn{value(archive.wal.position()) + 5}});
    ASSERT_FAILS(late, NotReady);
    EXPECT_EQ(nearest.before->start, last.start);
}

TEST_F(Reach, AnXidIsItsCommitOrTheEndOfTheTransactionBeforeIt)
{
    const Place before = commitAt(10);
    const Place commit = commitAt(20);
    commitAt(30);
    finishWal();

    const auto with = find(model::XidTarget{xidAt(20)});
    request.target.exclusive = true;
    const auto without = find(model::XidTarget{xidAt(20)});

    ASSERT_OK(with);
    EXPECT_EQ(with->target.lsn, commit.start);
    EXPECT_EQ(with->target.replayEnd, commit.end);
    EXPECT_EQ(with->commitsLost, 1U);
    ASSERT_OK(without);
    EXPECT_TRUE(without->target.inclusive);
    EXPECT_EQ(without->target.lsn, before.start);
    EXPECT_EQ(without->target.replayEnd, before.end);
    EXPECT_EQ(without->commitsLost, 2U);
    EXPECT_EQ(without->target.lastCommitAt, at(10));
    EXPECT_NE(without->target.words.find("(transaction " + std::to_string(xidAt(20)) + ")"),
              std::string::npos);
}

TEST_F(Reach, AnExclusiveXidThatNothingEndedBeforeStopsAtItsCommit)
{
    const Place commit = commitAt(20);
    commitAt(30);
    finishWal();
    request.target.exclusive = true;

    const auto without = find(model::XidTarget{xidAt(20)});

    ASSERT_OK(without);
    EXPECT_FALSE(without->target.inclusive);
    EXPECT_EQ(without->target.lsn, commit.start);
    EXPECT_EQ(without->target.replayEnd, commit.start);
    EXPECT_EQ(without->commitsLost, 2U);
}

TEST_F(Reach, APreparedTransactionIsFoundByItsOwnXid)
{
    const Place commit = archive.wal.commitPrepared(110, at(10));
    finishWal();

    const auto found = find(model::XidTarget{110});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, commit.start);
}

TEST_F(Reach, XidsThatDidNotCommitAreRefusedEachWithItsReason)
{
    archive.wal.commit(110, at(10), {111});
    archive.wal.abort(112, at(12), {113});
    finishWal();

    const auto sub = find(model::XidTarget{111});
    const auto aborted = find(model::XidTarget{112});
    const auto unknown = find(model::XidTarget{999});
    const auto early = find(model::XidTarget{100});

    ASSERT_FAILS(sub, NotReady);
    EXPECT_NE(sub.error().message.find("subtransaction of transaction 110"), std::string::npos);
    EXPECT_EQ(sub.error().hint, "Choose --xid 110.");
    ASSERT_FAILS(aborted, NotReady);
    EXPECT_NE(aborted.error().message.find("rolled back"), std::string::npos);
    ASSERT_FAILS(unknown, NotReady);
    EXPECT_NE(unknown.error().message.find("no commit of it"), std::string::npos);
    ASSERT_FAILS(early, NotReady);
    EXPECT_NE(early.error().message.find("before the end of"), std::string::npos);
}

TEST_F(Reach, AnXidThatFitsTwoEpochsIsRefusedUnlessWhole)
{
    const std::uint64_t epoch = std::uint64_t{1} << 32U;
    archive.wal.commit(200, at(10));
    archive.wal.checkpoint(0x70000000);
    archive.wal.checkpoint(0xe0000000);
    archive.wal.checkpoint(epoch + 10);
    const Place second = archive.wal.commit(200, at(20));
    finishWal();

    const auto ambiguous = find(model::XidTarget{200});
    const auto whole = find(model::XidTarget{epoch + 200});
    const auto none = find(model::XidTarget{2 * epoch + 200});

    ASSERT_FAILS(ambiguous, NotReady);
    EXPECT_NE(ambiguous.error().message.find(std::to_string(epoch + 200)), std::string::npos);
    ASSERT_OK(whole);
    EXPECT_EQ(whole->target.lsn, second.start);
    EXPECT_FAILS(none, NotReady);
}

TEST_F(Reach, ARestorePointIsTheFirstOfItsNameAndOthersAreMentioned)
{
    commitAt(10);
    const Place point = archive.wal.restorePoint("before upgrade", at(15));
    commitAt(20);
    archive.wal.restorePoint("before upgrade", at(25));
    finishWal();

    const auto found = find(model::RestorePointTarget{"before upgrade"});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.lsn, point.start);
    EXPECT_EQ(found->target.replayEnd, point.end);
    EXPECT_EQ(found->target.lastCommitAt, at(10));
    EXPECT_EQ(found->commitsLost, 1U);
    EXPECT_NE(found->target.words.find("another one of this name"), std::string::npos);
}

TEST_F(Reach, AnUnknownRestorePointNamesTheNearest)
{
    archive.wal.restorePoint("before upgrade", at(15));
    finishWal();

    const auto found = find(model::RestorePointTarget{"before upgrde"});

    ASSERT_FAILS(found, NotReady);
    EXPECT_EQ(found.error().hint, "Did you mean 'before upgrade'?");
}

TEST_F(Reach, TheNewestTimelineIsTakenAndItsCommitsFound)
{
    commitAt(10);
    test::WalWriter child = archive.wal.fork(2);
    commitAt(20); // Of the old primary, lost by the promotion.
    finishWal();
    const Place kept = child.commit(500, at(30));
    child.switchSegment();
    archive.push(child);

    const auto newest = find(model::LatestTarget{});
    request.target.timeline = model::TimelineId{1};
    const auto old = find(model::LatestTarget{});

    ASSERT_OK(newest);
    EXPECT_EQ(newest->target.timeline, model::TimelineId{2});
    EXPECT_EQ(newest->target.lsn, kept.start);
    EXPECT_EQ(newest->walNeeded, (std::vector<model::WalRange>{{model::TimelineId{1}, 1, 1},
                                                               {model::TimelineId{2}, 2, 2}}));
    ASSERT_OK(old);
    EXPECT_EQ(old->target.timeline, model::TimelineId{1});
    EXPECT_EQ(old->target.lastCommitAt, at(20));
}

TEST_F(Reach, ABackupAfterTheForkIsNotUsedForTheOtherTimeline)
{
    commitAt(10);
    test::WalWriter child = archive.wal.fork(2);
    const Lsn from = archive.wal.checkpoint(120).start;
    const Lsn to = archive.wal.filler(50).end;
    const auto second = addBackup(from, to, 15, 2);
    finishWal();
    child.commit(500, at(30));
    child.switchSegment();
    archive.push(child);

    const auto chosen = find(model::LatestTarget{});
    request.backupId = second.id;
    request.target.timeline = model::TimelineId{2};
    const auto asked = find(model::LatestTarget{});

    ASSERT_OK(chosen);
    EXPECT_EQ(chosen->backup.id, first.id);
    ASSERT_FAILS(asked, NotReady);
    EXPECT_NE(asked.error().message.find("forked off"), std::string::npos);
}

TEST_F(Reach, CurrentIsTheTimelineOfTheBackup)
{
    const Place last = commitAt(10);
    test::WalWriter child = archive.wal.fork(2);
    child.commit(500, at(30));
    child.switchSegment();
    finishWal();
    archive.push(child);
    request.target.currentTimeline = true;

    const auto found = find(model::LatestTarget{});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.timeline, model::TimelineId{1});
    EXPECT_EQ(found->target.lsn, last.start);
}

TEST_F(Reach, ATimelineWithoutItsHistoryIsLeftOutAndSaid)
{
    commitAt(10);
    test::WalWriter child = archive.wal.fork(2);
    child.commit(500, at(30));
    child.switchSegment();
    finishWal();
    test::must(archive.repository->pushSegment(archive.incarnation, {model::TimelineId{2}, 2},
                                               child.segments().at(2)));

    const auto found = find(model::LatestTarget{});
    request.target.timeline = model::TimelineId{2};
    const auto asked = find(model::LatestTarget{});

    ASSERT_OK(found);
    EXPECT_EQ(found->target.timeline, model::TimelineId{1});
    EXPECT_FALSE(archive.events.warnings.empty());
    EXPECT_FAILS(asked, NotReady);
}

TEST_F(Reach, ABackupWithoutItsOwnWalIsNotUsed)
{
    archive.push(archive.wal, {1});
    commitAt(10);
    archive.wal.switchSegment();

    const auto found = find(model::LatestTarget{});

    ASSERT_FAILS(found, NotReady);
    EXPECT_NE(found.error().message.find(first.id), std::string::npos);
}

TEST_F(Reach, WithoutABackupNothingCanBeReached)
{
    test::MadeArchive empty;
    empty.wal.commit(7, at(1));
    empty.push(empty.wal);
    request.cluster = "orders";

    EXPECT_FAILS(resolve(*empty.repository, request, empty.job), NotReady);
    request.cluster = "unknown";
    EXPECT_FAILS(resolve(*empty.repository, request, empty.job), NotFound);
}
