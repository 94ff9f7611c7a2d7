#include "core/policy/retention.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::policy;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::string>;

/// Noon of the 20 November 2026, a Friday.
const Moment now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + 12h;

class RetentionTest : public ::testing::Test {
protected:
    RetentionTest() { addIncarnation(1); }
    void addIncarnation(std::uint32_t number)
    {
        IncarnationHistory history;
        history.incarnation.cluster = "orders";
        history.incarnation.number = number;
        history.branches.push_back({{{{model::TimelineId{1}, model::Lsn{0}, std::nullopt}}}, now});
        input.histories.push_back(history);
        input.now = now;
    }
    /// Finished that long ago; its WAL begins at the number that its name is, and each is newer.
    model::Backup& add(Moment::duration ago)
    {
        model::Backup backup;
        const std::uint64_t number = input.backups.size() + 1;
        backup.id = "b" + std::to_string(number);
        backup.incarnation = input.histories.back().incarnation;
        input.histories.back().hadBackups = true;
        backup.finishedAt = now - ago;
        backup.timeline = model::TimelineId{1};
        backup.startLsn = model::Lsn{number * 100};
        backup.stopLsn = model::Lsn{number * 100 + 50};
        return input.backups.emplace_back(backup);
    }
    /// One a day at noon, the newest today.
    void addDays(int count)
    {
        for (int day = count - 1; day >= 0; --day)
            add(day * 24h);
    }
    Ids kept()
    {
        result = decideRetention(input);
        Ids ids;
        for (const Verdict& verdict : result.verdicts)
            if (verdict.isKept())
                ids.push_back(verdict.backup.id);
        return ids;
    }
    void verified(const std::string& id, bool good)
    {
        const model::Verification note{id, model::AssuranceLevel::Contents, good, "", "", now};
        input.assurances.merge(model::assurancesOf({note}));
    }
    [[nodiscard]] std::uint64_t keepFrom(std::uint32_t incarnation = 1) const
    {
        return value(result.keepFrom.at(incarnation));
    }

    RetentionInput input;
    Retention result;
};

TEST_F(RetentionTest, WithoutRulesEverythingStaysAndSaysSo)
{
    addDays(3);

    EXPECT_EQ(kept(), (Ids{"b1", "b2", "b3"}));
    EXPECT_TRUE(result.keepFrom.empty());
    EXPECT_EQ(result.verdicts[0].keptBecause, Ids{"the cluster has no rules for what may go"});
}

TEST_F(RetentionTest, TheNewestSoManyStayWithTheWalSinceTheOldestOfThem)
{
    addDays(10);
    input.rules.last = 3;

    EXPECT_EQ(kept(), (Ids{"b8", "b9", "b10"}));
    EXPECT_EQ(keepFrom(), 800U);
}

TEST_F(RetentionTest, MoreThanThereAreKeepsAll)
{
    addDays(2);
    input.rules.last = 10;

    EXPECT_EQ(kept(), (Ids{"b1", "b2"}));
}

TEST_F(RetentionTest, AWindowKeepsTheBackupThatItsOldestMomentIsReplayedFrom)
{
    addDays(10);
    // Before 07:00 of the 17: replay begins with the backup of the 16.
    input.rules.window = std::chrono::hours(77);

    EXPECT_EQ(kept(), (Ids{"b6", "b7", "b8", "b9", "b10"}));
    EXPECT_EQ(keepFrom(), 600U);
}

TEST_F(RetentionTest, ABackupExactlyAtTheBeginningOfTheWindowIsEnough)
{
    addDays(10);
    input.rules.window = std::chrono::hours(72);

    EXPECT_EQ(kept(), (Ids{"b7", "b8", "b9", "b10"}));
}

TEST_F(RetentionTest, ReplayOfTheWindowBeginsWithASoundBackup)
{
    addDays(10);
    input.backups[5].damaged = {{"base/1", {7}}};
    input.rules.window = std::chrono::hours(77);

    EXPECT_EQ(kept(), (Ids{"b5", "b7", "b8", "b9", "b10"}));
    EXPECT_EQ(keepFrom(), 500U);
}

TEST_F(RetentionTest, TheNewestThatWasVerifiedStaysButNotAllWalSinceThen)
{
    addDays(10);
    input.rules.last = 2;
    verified("b1", true);
    verified("b4", true);

    EXPECT_EQ(kept(), (Ids{"b4", "b9", "b10"}));
    EXPECT_EQ(result.verdicts[3].keptBecause, Ids{"it is the newest that was verified"});
    EXPECT_EQ(keepFrom(), 900U);
}

TEST_F(RetentionTest, WhatAVerificationFoundDamagedIsNotTheSoundOne)
{
    addDays(10);
    input.rules.last = 1;
    verified("b9", false);
    verified("b10", false);

    EXPECT_EQ(kept(), (Ids{"b8", "b10"}));
    EXPECT_EQ(result.verdicts[7].keptBecause, Ids{"it is the newest without known damage"});
}

TEST_F(RetentionTest, OfEachPeriodTheLastStaysAndOnlyItsEndOnceTheWindowIsPast)
{
    addDays(70);
    input.rules.last = 1;
    input.rules.daily = 2;
    input.rules.weekly = 3;
    input.rules.monthly = 3;

    // 19 and 20 November; the Sundays 15 and 8; the last of October and September.
    EXPECT_EQ(kept(), (Ids{"b19", "b50", "b58", "b65", "b69", "b70"}));
    EXPECT_EQ(keepFrom(), 7000U);
    EXPECT_TRUE(result.verdicts[69].continuous);
    EXPECT_FALSE(result.verdicts[68].continuous);
}

TEST_F(RetentionTest, HoursAndYearsAreCountedOnlyWhereThereIsABackup)
{
    add(24h * 800);
    add(24h * 400);
    add(90min);
    add(80min);
    add(10min);
    input.rules.last = 1;
    input.rules.hourly = 2;
    input.rules.yearly = 3;

    EXPECT_EQ(kept(), (Ids{"b1", "b2", "b4", "b5"}));
}

TEST_F(RetentionTest, TheNewestAlwaysStaysAndTheNewestWithoutDamage)
{
    addDays(4);
    input.rules.last = 1;
    input.backups[2].damaged = {{"base/1", {7}}};
    input.backups[3].damaged = {{"base/1", {7}}};

    EXPECT_EQ(kept(), (Ids{"b2", "b4"}));
    EXPECT_EQ(keepFrom(), 200U);
}

TEST_F(RetentionTest, AHoldKeepsWhatItIsOfUntilItEnds)
{
    addDays(5);
    input.rules.last = 1;
    input.holds = {{"b1", "audit", "dba", now, {}},
                   {"b2", "migration", "dba", now, now + 1s},
                   {"b3", "over", "dba", now, now}};

    EXPECT_EQ(kept(), (Ids{"b1", "b2", "b5"}));
    EXPECT_EQ(result.verdicts[0].keptBecause, Ids{"it is held: audit"});
    EXPECT_TRUE(result.verdicts[0].held);
    EXPECT_EQ(keepFrom(), 500U);
}

TEST_F(RetentionTest, ATimelineThatIsStillWrittenToKeepsItsOwnBeginning)
{
    // Timeline 2 left 1 at 250; b3 and b4 of timeline 1 are not on its way.
    addDays(4);
    auto& branches = input.histories[0].branches;
    branches.push_back({{{{model::TimelineId{1}, model::Lsn{0}, model::Lsn{270}},
                          {model::TimelineId{2}, model::Lsn{270}, std::nullopt}}},
                        now});
    input.rules.window = 12h;

    EXPECT_EQ(kept(), (Ids{"b2", "b3", "b4"}));
    EXPECT_EQ(keepFrom(), 200U);

    // Nothing came to timeline 1 for long: only the newest backup and timeline 2 count.
    branches[0].lastActive = now - 48h;
    EXPECT_EQ(kept(), (Ids{"b2", "b4"}));
}

TEST_F(RetentionTest, TheNewestOfTheTimelineThatIsWrittenToStaysWhateverLiesOnADeadOne)
{
    // A standby was promoted: timeline 2 left 1 at 290, before b3, the newest.
    addDays(3);
    auto& branches = input.histories[0].branches;
    branches[0].lastActive = now - 1h;
    branches.push_back({{{{model::TimelineId{1}, model::Lsn{0}, model::Lsn{290}},
                          {model::TimelineId{2}, model::Lsn{290}, std::nullopt}}},
                        now});
    input.rules.last = 1;

    EXPECT_EQ(kept(), (Ids{"b2", "b3"}));
    EXPECT_EQ(keepFrom(), 200U);
}

TEST_F(RetentionTest, AnOlderIncarnationStaysUntilTheNewOneReachesBackThatFar)
{
    addDays(5);
    addIncarnation(2);
    add(1h);
    input.rules.window = 48h;

    // The new one knows nothing of the time before its first backup.
    EXPECT_EQ(kept(), (Ids{"b3", "b4", "b5", "b6"}));
    EXPECT_EQ(keepFrom(1), 300U);
    EXPECT_EQ(keepFrom(2), 600U);

    input.rules.window = 1h;
    EXPECT_EQ(kept(), (Ids{"b5", "b6"}));

    input.backups.back().finishedAt = now - 2h;
    input.backups[4].finishedAt = now - 3h;
    EXPECT_EQ(kept(), Ids{"b6"});
    EXPECT_EQ(keepFrom(1), std::numeric_limits<std::uint64_t>::max());
}

TEST_F(RetentionTest, WalOfAnOlderIncarnationThatNeverHadABackupHereWaitsForThem)
{
    // A copy gets WAL as it is archived, and backups by and by.
    addIncarnation(2);
    add(1h);
    input.rules.last = 1;

    EXPECT_EQ(kept(), Ids{"b1"});
    EXPECT_EQ(result.keepFrom.count(1), 0U);
}

TEST_F(RetentionTest, WithoutABackupNothingIsKnownOfWhatWalIsFor)
{
    input.rules.last = 1;

    EXPECT_TRUE(kept().empty());
    EXPECT_TRUE(result.keepFrom.empty());
}

} // namespace
