#include "core/repository/ledger.h"
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/storage/faulty_driver.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

namespace salvor::repository {
namespace {

using namespace std::chrono_literals;
using model::AssuranceLevel;

class LedgerTest : public RepositoryTest {
protected:
    LedgerTest()
    {
        driver = std::make_shared<storage::MemoryDriver>(clock);
        open(true);
        backup = *store({{"base/1", randomData(50'000, 1)}}, "b1");
    }
    void note(AssuranceLevel level, bool good)
    {
        ASSERT_OK(noteVerification(*repository, backup,
                                   {"b1", level, good, good ? "" : "damage", "dba@host", {}}));
    }
    std::vector<model::Verification> noted()
    {
        auto all = verifications(*repository, "prod");
        EXPECT_OK(all);
        return all.ok() ? *std::move(all) : std::vector<model::Verification>();
    }

    test::SetClock clock;
    TestJob job;
    model::Backup backup;
};

TEST_F(LedgerTest, WhatIsNotedIsReadBackWithTheTimeOfTheStore)
{
    note(AssuranceLevel::Contents, false);

    const auto all = noted();

    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0], (model::Verification{"b1", AssuranceLevel::Contents, false, "damage",
                                           "dba@host", clock.now()}));
}

TEST_F(LedgerTest, OfEachLevelTheLastOneCounts)
{
    note(AssuranceLevel::Contents, false);
    note(AssuranceLevel::Restored, true);
    clock.advance(1h);
    note(AssuranceLevel::Contents, true);

    const auto all = noted();

    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].good);
    EXPECT_EQ(all[0].at, clock.now());
    EXPECT_EQ(all[1].level, AssuranceLevel::Restored);
}

TEST_F(LedgerTest, ANoteThatCannotBeReadStandsForDamage)
{
    note(AssuranceLevel::Contents, true);
    ASSERT_OK(storage::writeObject(*driver, "verified/prod/b1/contents", asBytes("noise")));

    const auto all = noted();

    ASSERT_EQ(all.size(), 1U);
    EXPECT_FALSE(all[0].good);
    EXPECT_EQ(all[0].backupId, "b1");
    EXPECT_EQ(all[0].level, AssuranceLevel::Contents);
    EXPECT_NE(all[0].finding.find("cannot be read"), std::string::npos);
}

TEST_F(LedgerTest, NotesOfAnotherClusterAndOfOtherProgramsAreNotRead)
{
    ASSERT_OK(storage::writeObject(*driver, "verified/prod/b1/note", asBytes("by hand")));
    note(AssuranceLevel::Contents, true);

    EXPECT_EQ(noted().size(), 1U);
    EXPECT_TRUE(verifications(*repository, "pro")->empty());
}

TEST_F(LedgerTest, WhatCannotBeFetchedNowIsAnErrorAndNoFinding)
{
    note(AssuranceLevel::Contents, true);
    storage::FaultyDriver faulty(*driver);
    faulty.add({.call = storage::Call::OpenRead, .below = "verified/"});
    const auto opened = Repository::open(
        std::shared_ptr<storage::Driver>(&faulty, [](storage::Driver* /*kept*/) {}), keyFile('k'));
    ASSERT_OK(opened);

    EXPECT_FAILS(verifications(**opened, "prod"), Unavailable);
    EXPECT_EQ(verifications(**opened, "prod")->size(), 1U);
}

TEST_F(LedgerTest, TheyGoWithTheirBackup)
{
    ASSERT_OK(store({{"base/1", randomData(50'000, 2)}}, "b2"));
    note(AssuranceLevel::Contents, true);
    ASSERT_OK(retire(*repository, backup, "a test", job.context));
    ASSERT_EQ(noted().size(), 1U);

    ASSERT_OK(sweep(*repository, pinned(), {0s, {}}, job.context));

    EXPECT_TRUE(noted().empty());
}

} // namespace
} // namespace salvor::repository
