// What acts on one of several repositories of a cluster, and what on all.
#include "core/console/console.h"
#include "core/console/copy_lag.h"
#include "core/repository/backup_object.h"
#include "core/repository/ledger.h"
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/storage/open_driver.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

namespace salvor::console {
namespace {

using namespace std::chrono_literals;
using repository::Repository;
using Level = model::Check::Level;
using Names = std::vector<std::string>;

/// A cluster with two plain repositories in folders, the second a copy of the first.
class CopiesTest : public ::testing::Test {
protected:
    CopiesTest()
    {
        for (const char* name : {"main", "second"}) {
            settings::RepositoryConfig place;
            place.name = name;
            place.url = "file://" + (folder.path() / name).native();
            place.encrypted = false;
            config.repositories.push_back(place);
        }
        settings::ClusterConfig cluster;
        cluster.name = "prod";
        cluster.repository = "main";
        cluster.copies = {"second"};
        cluster.connection = "host=" + folder.path().native() + " port=1";
        cluster.retention.last = 5;
        config.clusters.push_back(cluster);
        EXPECT_OK(console()->initRepository("main"));
        EXPECT_OK(console()->initRepository("second", "main"));
        main = opened("main");
        second = opened("second");
    }
    std::unique_ptr<Console> console()
    {
        return std::make_unique<Console>(
            config, Surroundings{"/usr/bin/salvorctl", folder.path() / "state", {}},
            AskPassphrase());
    }
    std::shared_ptr<Repository> opened(const std::string& name)
    {
        storage::PlaceOptions options;
        options.url = "file://" + (folder.path() / name).native();
        return test::must(
            Repository::open(test::must(storage::openDriver(options)), repository::Unlock{}));
    }
    /// Without files: only its object is there.
    model::Backup add(const Repository& repository, const std::string& id, std::uint64_t number = 1)
    {
        model::Backup backup;
        backup.id = id;
        backup.incarnation = test::must(repository.pin("prod", identity));
        backup.startedAt = backup.finishedAt =
            systemClock().now() - 1h * (100 - std::min<std::uint64_t>(number, 99));
        backup.timeline = model::TimelineId{1};
        backup.startLsn = model::Lsn{number * 100};
        backup.stopLsn = model::Lsn{number * 100 + 50};
        EXPECT_OK(repository::writeBackupObject(repository.driver(), repository.keys(),
                                                {backup, {}, {}, ""}));
        return backup;
    }
    model::Backup addToBoth(const std::string& id, std::uint64_t number = 1)
    {
        add(*main, id, number);
        return add(*second, id, number);
    }
    void push(const Repository& repository, std::uint64_t number, char fill = 'w')
    {
        const auto incarnation = test::must(repository.pin("prod", identity));
        ASSERT_OK(repository.pushSegment(incarnation, {model::TimelineId{1}, number},
                                         Bytes(identity.segmentSize, std::byte(fill))));
    }
    static model::Hold hold(const std::string& reason)
    {
        return {"", reason, "somebody@here", systemClock().now(), std::nullopt};
    }
    static std::size_t holdsIn(const Repository& repository)
    {
        return test::must(repository::holds(repository, "prod")).size();
    }
    static Names listed(const Repository& repository)
    {
        Names ids;
        for (const model::Backup& each : test::must(repository.backups("prod")))
            ids.push_back(each.id);
        return ids;
    }
    /// What the check of the copies says at a level, as one text.
    std::string found(Level level)
    {
        Checks checks;
        checkCopyLag({"main", *main}, {"second", *second}, "prod", checks);
        std::string text;
        for (const model::Check& check : checks)
            if (check.level == level)
                text += check.found + " " + check.fix + "\n";
        return text;
    }
    static void expectSays(const std::string& text, const std::string& part)
    {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }

    TemporaryDirectory folder = test::must(TemporaryDirectory::create());
    settings::Config config;
    model::ClusterIdentity identity{7370000000000000001ULL, 15, ByteCount{1} << 20U};
    std::shared_ptr<Repository> main;
    std::shared_ptr<Repository> second;
    Progress progress;
    test::KeptEvents events;
    JobContext job{{}, progress, events};
};

TEST_F(CopiesTest, AHoldIsPutOnABackupWhereverItIs)
{
    const auto backup = addToBoth("b1");
    addToBoth("b2", 2);
    ASSERT_OK(repository::retire(*main, backup, "by mistake", job));

    const auto held = console()->holdBackup("b1", "", hold("needed"), job);

    ASSERT_OK(held);
    EXPECT_EQ(held->repositories, (Names{"main", "second"}));
    EXPECT_EQ(holdsIn(*main), 1U);
    EXPECT_EQ(holdsIn(*second), 1U);
    EXPECT_EQ(listed(*main), (Names{"b1", "b2"})); // Brought back.
}

TEST_F(CopiesTest, WithANameOnlyThatRepositoryIsActedOn)
{
    addToBoth("b1");
    addToBoth("b2", 2);

    EXPECT_EQ(console()->holdBackup("b1", "second", hold("x"), job)->repositories, Names{"second"});
    EXPECT_EQ(holdsIn(*main), 0U);
    EXPECT_EQ(console()->unholdBackup("b1", "second", job)->repositories, Names{"second"});
    EXPECT_EQ(console()->retireBackup("b1", "second", "x", job)->repositories, Names{"second"});
    EXPECT_EQ(listed(*second), Names{"b2"});
    EXPECT_EQ(listed(*main), (Names{"b1", "b2"}));
    EXPECT_FAILS(console()->retireBackup("b1", "second", "x", job), NotFound);
    EXPECT_FAILS(console()->holdBackup("b1", "third", hold("x"), job), InvalidInput);
}

TEST_F(CopiesTest, RetiringWhatSeveralHaveNeedsAName)
{
    addToBoth("b1");
    addToBoth("b2", 2);

    const auto refused = console()->retireBackup("b1", "", "x", job);

    EXPECT_FAILS(refused, InvalidInput);
    expectSays(refused.error().hint, "--repository main");
    EXPECT_EQ(listed(*main).size() + listed(*second).size(), 4U);
    add(*second, "b0", 0);
    EXPECT_EQ(console()->retireBackup("b0", "", "x", job)->repositories, Names{"second"});
}

TEST_F(CopiesTest, WhatMustStayStaysInEachRepositoryByItself)
{
    addToBoth("b1");
    add(*main, "b2", 2);

    EXPECT_FAILS(console()->retireBackup("b1", "second", "x", job), NotReady); // The newest there.
    EXPECT_OK(console()->retireBackup("b1", "main", "x", job));
}

TEST_F(CopiesTest, OneHoldInSeveralPlacesEndsInAllAndDifferentOnesOnlyByName)
{
    addToBoth("b1");
    ASSERT_OK(console()->holdBackup("b1", "", hold("one reason"), job));
    EXPECT_EQ(console()->unholdBackup("b1", "", job)->repositories, (Names{"main", "second"}));
    EXPECT_EQ(holdsIn(*main) + holdsIn(*second), 0U);
    EXPECT_TRUE(console()->unholdBackup("b1", "", job)->repositories.empty());

    ASSERT_OK(console()->holdBackup("b1", "main", hold("one reason"), job));
    ASSERT_OK(console()->holdBackup("b1", "second", hold("another"), job));
    EXPECT_FAILS(console()->unholdBackup("b1", "", job), InvalidInput);
    EXPECT_EQ(holdsIn(*main) + holdsIn(*second), 2U);
    EXPECT_OK(console()->unholdBackup("b1", "second", job));
    EXPECT_EQ(holdsIn(*main), 1U);
    EXPECT_EQ(console()->unholdBackup("b1", "", job)->repositories, Names{"main"});
}

TEST_F(CopiesTest, ALongerHoldAnywhereKeepsAllFromBeingChanged)
{
    addToBoth("b1");
    ASSERT_OK(console()->holdBackup("b1", "second", hold("for ever"), job));
    auto shorter = hold("for a day");
    shorter.until = shorter.at + 24h;

    EXPECT_FAILS(console()->holdBackup("b1", "", shorter, job), NotReady);

    EXPECT_EQ(holdsIn(*main), 0U);
}

TEST_F(CopiesTest, ABeginningThatFitsDifferentBackupsIsRefused)
{
    add(*main, "b1");
    add(*second, "b2");

    EXPECT_FAILS(console()->holdBackup("b", "", hold("x"), job), InvalidInput);
    EXPECT_FAILS(console()->unholdBackup("b", "", job), InvalidInput);

    EXPECT_EQ(console()->holdBackup("b2", "", hold("x"), job)->repositories, Names{"second"});
}

TEST_F(CopiesTest, ARepositoryThatCannotBeReadIsAWarning)
{
    addToBoth("b1");
    std::filesystem::rename(folder.path() / "second", folder.path() / "away");

    const auto held = console()->holdBackup("b1", "", hold("x"), job);

    ASSERT_OK(held);
    EXPECT_EQ(held->repositories, Names{"main"});
    ASSERT_EQ(events.warnings.size(), 1U);
    expectSays(events.warnings.front(), "'second' could not be read");
    EXPECT_FAILS(console()->holdBackup("b7", "", hold("x"), job), NotReady);
}

TEST_F(CopiesTest, WhatWasVerifiedInOneSaysNothingOfTheOther)
{
    const auto backup = addToBoth("b1");
    model::Verification outcome;
    outcome.backupId = "b1";
    outcome.level = model::AssuranceLevel::Contents;
    outcome.good = true;
    ASSERT_OK(repository::noteVerification(*second, backup, outcome));

    EXPECT_TRUE(console()->verifications("prod")->empty());
    EXPECT_EQ(console()->verifications("prod", "second")->size(), 1U);
    EXPECT_EQ(console()->findBackup("b1")->repository, "main");
    EXPECT_EQ(console()->findBackup("b1", "second")->repository, "second");
    const auto summaries = console()->clusters(job, "second");
    ASSERT_OK(summaries);
    ASSERT_EQ(summaries->size(), 1U);
    EXPECT_EQ(summaries->front().repository, "second");
    EXPECT_FAILS(console()->clusters(job, "third"), InvalidInput);
}

TEST_F(CopiesTest, APruneGoesByTheRulesOfItsRepository)
{
    for (std::uint64_t i = 1; i <= 3; ++i)
        addToBoth("b" + std::to_string(i), i);
    config.repositories[1].retention.last = 1;

    const auto first = console()->planPrune("prod", job);
    const auto copy = console()->planPrune("prod", job, "second");

    ASSERT_OK(first);
    EXPECT_EQ(first->repository, "main");
    EXPECT_FALSE(first->byOwnRules);
    EXPECT_TRUE(first->plan.retiring().empty());
    ASSERT_OK(copy);
    EXPECT_EQ(copy->repository, "second");
    EXPECT_TRUE(copy->byOwnRules);
    EXPECT_EQ(copy->plan.retiring().size(), 2U);
    ASSERT_OK(console()->prune(*copy, 24h, job));
    EXPECT_EQ(listed(*main).size(), 3U);
    EXPECT_EQ(listed(*second), Names{"b3"});
    EXPECT_EQ(console()->retired("prod", "second")->size(), 2U);
    EXPECT_TRUE(console()->retired("prod")->empty());
    EXPECT_FAILS(console()->planPrune("prod", job, "third"), InvalidInput);
}

TEST_F(CopiesTest, ABackupAndACheckGoOnlyWhereTheClusterDoes)
{
    settings::RepositoryConfig other = config.repositories.front();
    other.name = "other";
    config.repositories.push_back(other);
    BackupChoice choice;
    choice.repository = "other";

    EXPECT_FAILS(console()->backup("prod", choice, job), InvalidInput);
    EXPECT_FAILS(console()->checkCluster("prod", job, "other"), InvalidInput);
}

TEST_F(CopiesTest, TheCheckNamesACopyThatIsUpToDate)
{
    addToBoth("b1");
    push(*main, 0);
    push(*second, 0);

    expectSays(found(Level::Passed), "'second' is a copy; its newest backup is 'b1'; its newest "
                                     "WAL is '000000010000000000000000'.");
}

TEST_F(CopiesTest, TheCheckSaysWhatEitherLacksAndWhatMendsIt)
{
    addToBoth("b1", 50);
    add(*main, "b2", 60);
    add(*main, "b3", 70);
    push(*main, 0);
    push(*second, 0);
    push(*main, 1);
    push(*second, 2);

    const std::string warnings = found(Level::Warning);
    const std::string notes = found(Level::Note);
    EXPECT_EQ(warnings, "");
    expectSays(notes, "'second' lacks 2 backups");
    expectSays(notes, "'second' lacks 1 WAL segment");
    expectSays(notes, "'main' lacks 1 WAL segment");
    expectSays(notes, "salvorctl repo copy main second");
    expectSays(notes, "salvorctl repo copy second main");
    expectSays(notes,
               "'second' is a copy; its newest backup is 'b1', that of 'main' 'b3'; its newest "
               "WAL is '000000010000000000000002', that of 'main' "
               "'000000010000000000000001'.");
    add(*main, "b0", 10);
    expectSays(found(Level::Warning), "'second' lacks 3 backups");
}

TEST_F(CopiesTest, WhatTheCopyTookOutItselfIsNotMissed)
{
    const auto backup = addToBoth("b1");
    addToBoth("b2", 3 * identity.segmentSize / 100); // After the place of the cut.
    ASSERT_OK(repository::retire(*second, backup, "by its rules", job));
    for (std::uint64_t i = 0; i < 3; ++i) {
        push(*main, i);
        push(*second, i);
    }
    const auto incarnation = test::must(second->incarnation("prod"));
    ASSERT_OK(
        repository::sweep(*second, incarnation, {0s, model::Lsn{2 * identity.segmentSize}}, job));
    ASSERT_OK(
        repository::sweep(*second, incarnation, {0s, model::Lsn{2 * identity.segmentSize}}, job));
    ASSERT_EQ(second->segments(incarnation)->size(), 1U); // Number 2.

    expectSays(found(Level::Passed), "'second' is a copy");
}

TEST_F(CopiesTest, TheCheckSaysThatACopyIsStillEmpty)
{
    add(*main, "b1");

    expectSays(found(Level::Warning),
               "'second' has nothing of 'prod' yet. Run 'salvorctl repo copy "
               "main second'.");
}

TEST_F(CopiesTest, WhatCannotBeReadInACopyIsSaid)
{
    addToBoth("b1");
    std::filesystem::rename(folder.path() / "second", folder.path() / "away");

    expectSays(found(Level::Warning), "This could not be checked");
}

TEST_F(CopiesTest, TheCheckFindsAnotherClusterUnderTheNumber)
{
    add(*main, "b1");
    auto other = identity;
    other.systemIdentifier += 1;
    ASSERT_OK(second->pin("prod", other));

    expectSays(found(Level::Blocker), "incarnation 1 of 'prod' is another cluster in the copy");
}

TEST_F(CopiesTest, TheCheckOfAClusterHoldsTheCopiesAgainstTheFirst)
{
    add(*main, "b1");
    const auto says = [&](const std::string& asked, const std::string& part) {
        const auto report = console()->checkCluster("prod", job, asked);
        EXPECT_OK(report);
        return report.ok()
               && std::any_of(report->checks.begin(), report->checks.end(),
                              [&](const model::Check& each) {
                                  return each.found.find(part) != std::string::npos;
                              });
    };

    EXPECT_TRUE(says("", "'second' has nothing of 'prod' yet"));
    EXPECT_TRUE(says("second", "'second' has nothing of 'prod' yet"));
    EXPECT_TRUE(says("second", "There is no backup of 'prod'"));
    std::filesystem::rename(folder.path() / "second", folder.path() / "away");
    EXPECT_TRUE(says("", "Repository 'second' cannot be asked"));
}

} // namespace
} // namespace salvor::console
