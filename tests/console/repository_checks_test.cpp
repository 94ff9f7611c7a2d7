#include "core/console/repository_checks.h"
#include "core/repository/backup_object.h"
#include "core/repository/ledger.h"
#include "core/repository/retired.h"
#include "core/storage/faulty_driver.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"

namespace salvor::console {
namespace {

using namespace std::chrono_literals;
using Level = model::Check::Level;

class RepositoryChecksTest : public repository::RepositoryTest {
protected:
    RepositoryChecksTest() { open(true); }
    /// Without files: only its object is there.
    model::Backup add(const std::string& id, Moment::duration ago)
    {
        model::Backup backup;
        backup.id = id;
        backup.incarnation = pinned();
        backup.startedAt = backup.finishedAt = systemClock().now() - ago;
        backup.timeline = model::TimelineId{1};
        backup.startLsn = model::Lsn{++added * 100};
        backup.stopLsn = model::Lsn{added * 100 + 50};
        EXPECT_OK(repository::writeBackupObject(*driver, repository->keys(), {backup, {}, {}, ""}));
        return backup;
    }
    /// What was found at a level, as one text.
    [[nodiscard]] std::string found(Level level) const
    {
        std::string text;
        for (const model::Check& check : checks)
            if (check.level == level)
                text += check.found + "\n";
        return text;
    }
    [[nodiscard]] bool says(Level level, const std::string& part) const
    {
        return found(level).find(part) != std::string::npos;
    }
    void checkRules(const model::RetentionRules& rules)
    {
        checks.clear();
        checkRetention(*repository, "prod", rules, checks);
    }

    Checks checks;
    repository::TestJob job;
    std::uint64_t added = 0;
};

TEST_F(RepositoryChecksTest, WhatNoRuleWantsIsSaidOnceItIsTwoDaysOverdue)
{
    model::RetentionRules rules;
    rules.last = 1;
    add("b1", 10 * 24h);
    add("b2", 1h);
    checkRules(rules);
    EXPECT_FALSE(says(Level::Warning, "no rule wants"));

    add("b3", 50h);
    checkRules(rules);
    EXPECT_TRUE(
        says(Level::Warning, "Since two days ago no rule wants 1 backup that is still there"));
}

TEST_F(RepositoryChecksTest, AWindowThatIsReachedPassesAndOneThatIsNotSaysWhy)
{
    model::RetentionRules rules;
    rules.window = 24h * 7;
    const model::Backup old = add("b1", 24h * 8);
    add("b2", 24h * 3);
    checkRules(rules);
    EXPECT_TRUE(says(Level::Passed, "reach back the 1w"));

    ASSERT_OK(repository::retire(*repository, old, "by mistake", job.context));
    checkRules(rules);
    EXPECT_TRUE(says(Level::Warning, "the rules promise any moment of the last 1w"));
    EXPECT_TRUE(says(Level::Warning, "Backup 'b1' was retired (by mistake), although"));
}

TEST_F(RepositoryChecksTest, WithoutRulesTheRepositoryGrowsAndThatIsSaid)
{
    add("b1", 1h);
    checkRules({});
    EXPECT_TRUE(says(Level::Note, "no rules"));
}

TEST_F(RepositoryChecksTest, AVerificationOfLongAgoAndOneWithDamageAreSaid)
{
    const model::Backup first = add("b1", 24h);
    const model::Backup second = add("b2", 1h);
    checkBackups(*repository, "prod", checks);
    EXPECT_TRUE(says(Level::Note, "No backup was read back yet"));

    ASSERT_OK(repository::noteVerification(
        *repository, first, {"", model::AssuranceLevel::Contents, true, "", "dba@host", {}}));
    ASSERT_OK(repository::noteVerification(
        *repository, second,
        {"", model::AssuranceLevel::Contents, false, "a pack is missing", "dba@host", {}}));
    checks.clear();
    checkBackups(*repository, "prod", checks);
    EXPECT_TRUE(says(Level::Passed, "Backup 'b1' was verified (contents)"));
    EXPECT_TRUE(says(Level::Blocker, "Backup 'b2' was found damaged: a pack is missing"));
}

TEST_F(RepositoryChecksTest, OneKeyOnlyIsSaid)
{
    checkRepository(*repository, checks);
    EXPECT_TRUE(says(Level::Note, "One key only"));

    ASSERT_OK(repository->addSlot(repository::keyFile('x'), repository::SlotAccess::Reader, "2"));
    checks.clear();
    checkRepository(*repository, checks);
    EXPECT_FALSE(says(Level::Note, "One key only"));
}

TEST_F(RepositoryChecksTest, WhatCannotBeReadIsSaidAndTheRestIsStillLookedAt)
{
    add("b1", 1h);
    ASSERT_OK(storage::writeObject(*driver, "holds/prod/b1", asBytes("noise")));
    model::RetentionRules rules;
    rules.last = 3;

    checkRules(rules);

    EXPECT_TRUE(says(Level::Warning, "could not be checked"));
}

TEST_F(RepositoryChecksTest, AGapAndAConflictAreSaid)
{
    const auto push = [&](std::uint64_t number, char content) {
        return repository->pushSegment(pinned(), {model::TimelineId{1}, number},
                                       Bytes(identity.segmentSize, std::byte(content)));
    };
    ASSERT_OK(push(1, 'a'));
    ASSERT_OK(push(2, 'b'));
    checkArchivedWal(*repository, "prod", checks);
    EXPECT_TRUE(says(Level::Passed, "No segment is missing"));

    ASSERT_OK(push(5, 'c'));
    checks.clear();
    checkArchivedWal(*repository, "prod", checks);
    EXPECT_TRUE(says(Level::Warning, "WAL is missing: 2 segments in 1 place."));
}

} // namespace
} // namespace salvor::console
