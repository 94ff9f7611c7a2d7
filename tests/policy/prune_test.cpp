#include "core/policy/prune.h"
#include "core/repository/lease.h"
#include "core/repository/retired.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::policy;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::string>;

/// Four backups a day apart, the newest an hour old, with commits and WAL between them.
class PruneTest : public ::testing::Test {
protected:
    PruneTest()
    {
        for (int day = 3; day >= 0; --day) {
            const Moment at = now - day * 24h - 1h;
            const auto from = archive.wal.checkpoint(100).start;
            const auto to = archive.wal.filler(50).end;
            backups.push_back(
                archive.addBackup(from, to, at, static_cast<std::uint16_t>(10 - day)));
            archive.wal.commit(static_cast<std::uint32_t>(200 - day), at + 1min);
            archive.wal.switchSegment();
            archive.wal.filler(50);
            archive.wal.switchSegment();
        }
        archive.push(archive.wal);
        rules.last = 2;
    }
    PrunePlan plan()
    {
        return test::must(planPrune(*archive.repository, "orders", rules, archive.job));
    }
    Ids stillThere()
    {
        Ids ids;
        for (const auto& each : test::must(archive.repository->backups("orders")))
            ids.push_back(each.id);
        return ids;
    }

    const Moment now = systemClock().now();
    test::MadeArchive archive;
    std::vector<model::Backup> backups;
    model::RetentionRules rules;
};

TEST_F(PruneTest, ThePlanShowsWhatCanBeRestoredBeforeAndAfterAndChangesNothing)
{
    const PrunePlan made = plan();

    ASSERT_EQ(made.retiring().size(), 2U);
    EXPECT_EQ(made.retiring()[0]->backup.id, backups[0].id);
    ASSERT_EQ(made.before.size(), 4U);
    ASSERT_EQ(made.after.size(), 2U);
    EXPECT_EQ(made.after[0].backupId, backups[2].id);
    EXPECT_EQ(made.after[0].toTime, made.before[2].toTime);
    EXPECT_EQ(made.frees.segments, 4U);
    EXPECT_EQ(stillThere().size(), 4U);
}

TEST_F(PruneTest, AnOldBackupThatAPeriodKeepsCanBeRestoredToItsEndOnly)
{
    rules.last = 1;
    rules.daily = 2;

    const PrunePlan made = plan();

    ASSERT_EQ(made.after.size(), 2U);
    EXPECT_EQ(made.after[0].toTime, made.after[0].fromTime);
    EXPECT_LT(made.before[2].fromTime, made.before[2].toTime);
    EXPECT_LT(made.after[1].fromTime, made.after[1].toTime);

    ASSERT_OK(applyPrune(*archive.repository, made, 0s, archive.job));

    const PrunePlan then = plan();
    ASSERT_EQ(then.before.size(), 2U);
    // The segment that it ends in holds a little more than was promised.
    EXPECT_GE(then.before[0].toTime, made.after[0].toTime);
    EXPECT_LT(then.before[0].toTime, made.before[2].toTime);
    EXPECT_NE(then.before[0].endsBecause.find("pruned"), std::string::npos);
    EXPECT_EQ(then.before[1].toTime, made.after[1].toTime);
    // What was removed on purpose is no gap.
    EXPECT_TRUE(
        test::must(wal::archiveState(*archive.repository, archive.incarnation)).gaps.empty());
}

TEST_F(PruneTest, WhatItSaysIsWhatIsLeft)
{
    const PrunePlan made = plan();

    const auto outcome = applyPrune(*archive.repository, made, 0s, archive.job);

    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->retired, (Ids{backups[0].id, backups[1].id}));
    EXPECT_EQ(outcome->removed.forgotten.size(), 2U);
    EXPECT_EQ(outcome->removed.segments, made.frees.segments);
    EXPECT_EQ(stillThere(), (Ids{backups[2].id, backups[3].id}));
    const PrunePlan then = plan();
    EXPECT_EQ(then.retiring().size(), 0U);
    ASSERT_EQ(then.before.size(), made.after.size());
    for (std::size_t i = 0; i < then.before.size(); ++i) {
        EXPECT_EQ(then.before[i].fromTime, made.after[i].fromTime);
        EXPECT_EQ(then.before[i].toTime, made.after[i].toTime);
    }
}

TEST_F(PruneTest, InTheGraceNothingIsLost)
{
    const auto before = plan().before;

    const auto outcome = applyPrune(*archive.repository, plan(), 24h, archive.job);

    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->removed.segments, 0U);
    ASSERT_OK(repository::bringBack(*archive.repository, backups[0], archive.job));
    ASSERT_OK(repository::bringBack(*archive.repository, backups[1], archive.job));
    const auto after = plan().before;
    ASSERT_EQ(after.size(), before.size());
    EXPECT_EQ(after.front().toTime, before.front().toTime);
}

TEST_F(PruneTest, WhatWasHeldAfterThePlanStays)
{
    const PrunePlan made = plan();
    ASSERT_OK(repository::hold(*archive.repository, backups[0],
                               {backups[0].id, "audit", "dba", now, {}}));

    const auto outcome = applyPrune(*archive.repository, made, 0s, archive.job);

    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->retired, Ids{backups[1].id});
    EXPECT_EQ(stillThere().front(), backups[0].id);
}

TEST_F(PruneTest, WhileABackupRunsItRetiresAndRemovesNothingAndSaysWhy)
{
    const auto user = repository::Lease::take(*archive.repository, archive.incarnation,
                                              repository::Lease::Kind::Use, archive.job);
    ASSERT_OK(user);

    const auto outcome = applyPrune(*archive.repository, plan(), 0s, archive.job);

    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->retired.size(), 2U);
    EXPECT_TRUE(outcome->removed.forgotten.empty());
    EXPECT_NE(outcome->postponedBecause.find("adding a backup"), std::string::npos);
}

TEST_F(PruneTest, AHoldThatCannotBeReadStopsIt)
{
    ASSERT_OK(
        storage::writeObject(*archive.driver, "holds/orders/" + backups[0].id, asBytes("no hold")));

    EXPECT_FAILS(planPrune(*archive.repository, "orders", rules, archive.job), Corrupt);
}

TEST_F(PruneTest, ADamagedNoteOfWhatWasSweptKeepsNobodyFromRestoring)
{
    ASSERT_OK(applyPrune(*archive.repository, plan(), 0s, archive.job));
    const auto before = plan().before;
    ASSERT_OK(storage::writeObject(*archive.driver, "marks/orders/1/swept", asBytes("no note")));

    const PrunePlan then = plan();

    ASSERT_EQ(then.before.size(), before.size());
    EXPECT_EQ(then.before.front().toTime, before.front().toTime);
    EXPECT_OK(wal::archiveState(*archive.repository, archive.incarnation));
}

TEST_F(PruneTest, WithAClockThatIsFarOffNothingIsRetired)
{
    // The store's own clock is years away.
    static const test::SetClock clock;
    const auto driver = std::make_shared<storage::MemoryDriver>(clock);
    const auto objects = test::must(storage::listObjects(*archive.driver, ""));
    for (const auto& object : objects)
        ASSERT_OK(storage::writeObject(
            *driver, object.key, test::must(storage::readObject(*archive.driver, object.key))));
    const auto repository = test::must(repository::Repository::open(driver, {}));

    const auto outcome = applyPrune(*repository, plan(), 0s, archive.job);

    ASSERT_FAILS(outcome, NotReady);
    EXPECT_NE(outcome.error().message.find("clocks"), std::string::npos);
    EXPECT_EQ(test::must(repository->backups("orders")).size(), 4U);
}

TEST_F(PruneTest, AnUnknownClusterIsNotFound)
{
    EXPECT_FAILS(planPrune(*archive.repository, "other", rules, archive.job), NotFound);
}

} // namespace
