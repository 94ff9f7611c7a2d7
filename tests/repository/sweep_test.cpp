#include "core/repository/check.h"
#include "core/repository/index.h"
#include "core/repository/lease.h"
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/storage/faulty_driver.h"
#include "tests/repository/repository_test.h"
#include "tests/support/forwarding_driver.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

namespace salvor::repository {
namespace {

using namespace std::chrono_literals;

/// Does something else before one object is removed, as another program might.
class Interrupted final : public test::ForwardingDriver {
public:
    using ForwardingDriver::ForwardingDriver;
    Result<> remove(const storage::ObjectKey& key) override
    {
        if (key == before)
            std::exchange(act, [] {})();
        return ForwardingDriver::remove(key);
    }

    storage::ObjectKey before;
    std::function<void()> act = [] {};
};

class SweepTest : public RepositoryTest {
protected:
    SweepTest()
    {
        driver = std::make_shared<storage::MemoryDriver>(clock);
        open(true);
        old = *store({{"base/1", randomData(1'300'000, 1)}, {"base/2", shared}}, "b1");
        kept = *store(files, "b2");
    }
    Result<SweepReport> sweepNow(std::chrono::seconds grace = 0s,
                                 std::optional<model::Lsn> keepFrom = {})
    {
        return sweep(*repository, pinned(), {grace, keepFrom}, job.context);
    }
    void expectSound(const model::Backup& backup)
    {
        EXPECT_EQ(*load(backup), files);
        const auto damage = checkPacks(*repository, pinned(), {100, 1, {}}, job.context);
        ASSERT_OK(damage);
        EXPECT_TRUE(damage->empty());
        const auto index = repository->loadIndex(pinned());
        ASSERT_OK(index);
        EXPECT_TRUE((*index)->damages().empty());
    }

    test::SetClock clock;
    TestJob job;
    const Bytes shared = textData(900'000, 2);
    const Files files{{"base/2", shared}, {"base/3", randomData(1'100'000, 3)}};
    model::Backup old;
    model::Backup kept;
};

TEST_F(SweepTest, ARetiredBackupIsInNoListAndComesBackWhole)
{
    ASSERT_OK(retire(*repository, old, "a test", job.context));

    EXPECT_EQ(repository->backups("prod")->size(), 1U);
    EXPECT_FAILS(repository->backup("b1"), NotFound);
    const auto retired = retiredBackups(*repository, "prod");
    ASSERT_OK(retired);
    ASSERT_EQ(retired->size(), 1U);
    EXPECT_EQ(retired->front().backup, old);
    EXPECT_EQ(retired->front().because, "a test");

    ASSERT_OK(bringBack(*repository, old, job.context));

    EXPECT_EQ(*repository->backup("b1"), old);
    EXPECT_OK(load(old));
    EXPECT_TRUE(retiredBackups(*repository, "prod")->empty());
}

TEST_F(SweepTest, WhatOnlyARetiredBackupNeedsGoesAndTheOthersStayWhole)
{
    const auto before = keysBelow(*driver, "packs/").size();
    ASSERT_OK(retire(*repository, old, "a test", job.context));

    const auto report = sweepNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->forgotten, std::vector<std::string>{"b1"});
    EXPECT_GT(report->packs, 0U);
    EXPECT_GT(report->packBytes, ByteCount{1'000'000});
    EXPECT_EQ(keysBelow(*driver, "packs/").size(), before - report->packs);
    expectSound(kept);
    EXPECT_FAILS(bringBack(*repository, old, job.context), NotFound);
    EXPECT_TRUE(keysBelow(*driver, "leases/").empty());
}

TEST_F(SweepTest, TheMeasureSaysWhatWillGoAndChangesNothing)
{
    const auto before = snapshot(*driver);

    const auto frees = measureSweep(*repository, pinned(), {"b1"}, {});

    ASSERT_OK(frees);
    EXPECT_EQ(snapshot(*driver), before);
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    const auto report = sweepNow();
    EXPECT_EQ(frees->packs, report->packs);
    EXPECT_EQ(frees->packBytes, report->packBytes);
}

TEST_F(SweepTest, UntilTheGraceIsOverItCanComeBack)
{
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    clock.advance(59min);
    const auto early = sweepNow(1h);
    ASSERT_OK(early);
    EXPECT_EQ(early->packs, 0U);
    ASSERT_OK(bringBack(*repository, old, job.context));
    EXPECT_OK(load(old));
    ASSERT_OK(retire(*repository, old, "again", job.context));
    clock.advance(1h);

    const auto late = sweepNow(1h);

    ASSERT_OK(late);
    EXPECT_EQ(late->forgotten.size(), 1U);
    EXPECT_GT(late->packs, 0U);
    expectSound(kept);
}

TEST_F(SweepTest, PacksOfAKilledBackupAreKeptForTheGraceSoThatTheNextReusesThem)
{
    const Bytes data = randomData(1'200'000, 9);
    {
        const auto builder = newBuilder();
        const auto worker = builder->worker();
        for (std::size_t at = 0; at < data.size(); at += chunkSize)
            ASSERT_OK(worker->add(
                ByteView(data).subspan(at, std::min<std::size_t>(chunkSize, data.size() - at))));
        ASSERT_OK(worker->flush());
    }
    const auto before = keysBelow(*driver, "packs/").size();

    EXPECT_EQ(sweepNow(1h)->packs, 0U);
    clock.advance(1h);
    EXPECT_GT(sweepNow(1h)->packs, 0U);

    EXPECT_LT(keysBelow(*driver, "packs/").size(), before);
    expectSound(kept);
}

TEST_F(SweepTest, WithABackupThatCannotBeReadNothingGoes)
{
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    overwrite(*driver, "backups/prod/b2", textData(500, 1));
    const auto before = keysBelow(*driver, "");

    const auto report = sweepNow();

    ASSERT_FAILS(report, Corrupt);
    EXPECT_NE(report.error().message.find("nothing was removed"), std::string::npos);
    EXPECT_EQ(keysBelow(*driver, ""), before);
}

TEST_F(SweepTest, WhileABackupIsAddedNothingGoes)
{
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    const auto builder = newBuilder();

    EXPECT_FAILS(sweepNow(), NotReady);
    EXPECT_EQ(retiredBackups(*repository, "prod")->size(), 1U);
}

TEST_F(SweepTest, ABackupWhosePackWentMeanwhileIsNotKept)
{
    auto builder = newBuilder();
    const auto worker = builder->worker();
    TreeEntry entry;
    entry.path = "base/2";
    entry.size = shared.size();
    for (std::size_t at = 0; at < shared.size(); at += chunkSize)
        entry.chunks.push_back(*worker->add(
            ByteView(shared).subspan(at, std::min<std::size_t>(chunkSize, shared.size() - at))));
    ASSERT_OK(builder->addEntry(entry));
    ASSERT_OK(worker->flush());
    for (const auto& key : keysBelow(*driver, "packs/"))
        ASSERT_OK(driver->remove(key));
    model::Backup backup;
    backup.id = "b3";

    const auto made = builder->finish(backup, job.context);

    EXPECT_FAILS(made, NotReady);
    EXPECT_EQ(repository->backups("prod")->size(), 2U);
}

TEST_F(SweepTest, AHoldIsKeptWithItsReasonAndASecondReplacesIt)
{
    model::Hold first{"b1", "audit", "dba@here", clock.now(), {}};
    ASSERT_OK(hold(*repository, old, first));
    EXPECT_EQ(holds(*repository, "prod")->front(), first);
    model::Hold second{"b1", "longer", "dba@here", clock.now(), clock.now() + 24h};

    ASSERT_OK(hold(*repository, old, second));

    EXPECT_EQ(*holds(*repository, "prod"), std::vector<model::Hold>{second});
    ASSERT_OK(unhold(*repository, old));
    EXPECT_TRUE(holds(*repository, "prod")->empty());
}

TEST_F(SweepTest, WhoHoldsABackupWhileItIsRetiredWasToldTheTruth)
{
    const auto interrupted = std::make_shared<Interrupted>(driver);
    driver = interrupted;
    reopen(keyFile('k'));
    interrupted->before = "backups/prod/b1";
    interrupted->act = [&] {
        EXPECT_OK(hold(*repository, old, {"b1", "needed", "dba", clock.now(), {}}));
    };
    ASSERT_OK(retire(*repository, old, "a test", job.context));

    const auto report = sweepNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->packs, 0U);
    ASSERT_OK(bringBack(*repository, old, job.context));
    EXPECT_OK(load(old));
}

TEST_F(SweepTest, RetiredAndBroughtBackAtOnceABackupIsSomewhere)
{
    const auto interrupted = std::make_shared<Interrupted>(driver);
    driver = interrupted;
    reopen(keyFile('k'));
    interrupted->before = "backups/prod/b1";
    interrupted->act = [&] { EXPECT_OK(bringBack(*repository, old, job.context)); };

    ASSERT_OK(retire(*repository, old, "a test", job.context));

    EXPECT_OK(repository->backup("b1"));
    interrupted->before = "retired/prod/b1";
    interrupted->act = [&] { EXPECT_OK(retire(*repository, old, "again", job.context)); };
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    ASSERT_OK(bringBack(*repository, old, job.context));
    EXPECT_TRUE(repository->backup("b1").ok() || retiredBackups(*repository, "prod")->size() == 1);
}

TEST_F(SweepTest, WithANeededPackLostNoPackGoesSinceAnotherMayHoldItsContents)
{
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    // All are old enough, and every one is needed by a backup or the retired one.
    for (const auto& key : keysBelow(*driver, "packs/")) {
        const Bytes content = *storage::readObject(*driver, key);
        ASSERT_OK(driver->remove(key));
        const auto without = keysBelow(*driver, "packs/");
        ASSERT_OK(sweepNow(1h));
        EXPECT_EQ(keysBelow(*driver, "packs/"), without);
        ASSERT_OK(storage::writeObject(*driver, key, content));
    }
}

/// WAL segments 1 to 9; b1 needs 2 and 3, b2 needs 6.
class SweepWalTest : public SweepTest {
protected:
    SweepWalTest()
    {
        for (std::uint64_t number = 1; number <= 9; ++number)
            EXPECT_OK(repository->pushSegment(pinned(), {model::TimelineId{1}, number},
                                              textData(identity.segmentSize, number)));
        addBackup("c1", 2, 3);
        addBackup("c2", 6, 6);
    }
    void addBackup(const std::string& id, std::uint64_t first, std::uint64_t last)
    {
        const auto builder = newBuilder();
        model::Backup backup;
        backup.id = id;
        backup.timeline = model::TimelineId{1};
        backup.startLsn = model::Lsn{first * identity.segmentSize + 100};
        backup.stopLsn = model::Lsn{last * identity.segmentSize + 200};
        EXPECT_OK(builder->finish(backup, job.context));
    }
    [[nodiscard]] model::Lsn startOf(std::uint64_t number) const
    {
        return model::Lsn{number * identity.segmentSize};
    }
    [[nodiscard]] std::vector<std::uint64_t> left() const
    {
        std::vector<std::uint64_t> numbers;
        const auto stored = *repository->segments(pinned());
        for (const auto& each : stored)
            numbers.push_back(each.segment.number);
        return numbers;
    }
    using Numbers = std::vector<std::uint64_t>;
};

TEST_F(SweepWalTest, WalGoesTheGraceAfterItWasFirstNotWantedButForWhatBackupsNeed)
{
    ASSERT_OK(sweepNow(1h, startOf(6)));
    EXPECT_EQ(left().size(), 9U);
    EXPECT_EQ(*sweptBefore(*repository, pinned()), std::nullopt);
    clock.advance(1h);

    const auto report = sweepNow(1h, startOf(7));

    ASSERT_OK(report);
    EXPECT_EQ(left(), (Numbers{2, 3, 6, 7, 8, 9}));
    EXPECT_EQ(report->segments, 3U);
    EXPECT_GT(report->walBytes, 0U);
    EXPECT_EQ(*sweptBefore(*repository, pinned()), std::optional(startOf(6)));
}

TEST_F(SweepWalTest, RulesThatWantMoreAgainWithdrawWhatWasSaid)
{
    ASSERT_OK(sweepNow(1h, startOf(8)));
    clock.advance(30min);
    ASSERT_OK(sweepNow(1h, startOf(4)));
    clock.advance(30min);
    ASSERT_OK(sweepNow(1h, startOf(8)));
    EXPECT_EQ(left().size(), 9U);
    clock.advance(30min);

    ASSERT_OK(sweepNow(1h, startOf(8)));

    EXPECT_EQ(left(), (Numbers{2, 3, 4, 5, 6, 7, 8, 9}));
    clock.advance(30min);
    ASSERT_OK(sweepNow(1h, std::nullopt));
    EXPECT_EQ(left().size(), 8U);
    clock.advance(1h);
    ASSERT_OK(sweepNow(1h, startOf(8)));
    EXPECT_EQ(left().size(), 8U);
}

TEST_F(SweepWalTest, WalThatCameAfterTheNoteIsOfATimelineThatWentBackAndStays)
{
    ASSERT_OK(sweepNow(1h, startOf(8)));
    clock.advance(1h);
    ASSERT_OK(repository->pushSegment(pinned(), {model::TimelineId{2}, 4},
                                      textData(identity.segmentSize, 44)));

    ASSERT_OK(sweepNow(1h, startOf(8)));

    EXPECT_EQ(left(), (Numbers{2, 3, 6, 8, 9, 4}));
}

TEST_F(SweepWalTest, WhatWasSweptIsNeverSaidToBeLess)
{
    ASSERT_OK(sweepNow(0s, startOf(8)));
    ASSERT_OK(retire(*repository, *repository->backup("c2"), "a test", job.context));

    ASSERT_OK(sweepNow(0s, startOf(7)));

    EXPECT_EQ(left(), (Numbers{2, 3, 8, 9}));
    EXPECT_EQ(*sweptBefore(*repository, pinned()), std::optional(startOf(8)));
}

TEST_F(SweepWalTest, WhatWasSweptIsDatedByTheCutAndNotByTheRemoval)
{
    EXPECT_FALSE(*hasMarks(*repository, pinned()));
    ASSERT_OK(sweepNow(1h, startOf(8)));
    EXPECT_TRUE(*hasMarks(*repository, pinned()));
    const Moment said = clock.now();
    clock.advance(2h);

    ASSERT_OK(sweepNow(1h, startOf(8)));

    const auto swept = sweptMark(*repository, pinned());
    ASSERT_OK(swept);
    EXPECT_EQ((*swept)->before, startOf(8));
    EXPECT_LE((*swept)->at, said);
}

TEST_F(SweepWalTest, ARetiredBackupKeepsItsWalUntilItGoes)
{
    ASSERT_OK(sweepNow(1h, startOf(9)));
    clock.advance(30min);
    ASSERT_OK(retire(*repository, *repository->backup("c1"), "a test", job.context));
    clock.advance(30min);
    ASSERT_OK(sweepNow(1h, startOf(9)));
    EXPECT_EQ(left(), (Numbers{2, 3, 6, 9}));
    clock.advance(30min);

    ASSERT_OK(sweepNow(1h, startOf(9)));

    EXPECT_EQ(left(), (Numbers{6, 9}));
}

class SweepCrash : public SweepTest {};

TEST_F(SweepCrash, WhereverItDiesTheRestIsWholeAndTheNextOneFinishes)
{
    ASSERT_OK(retire(*repository, old, "a test", job.context));
    const auto whole = snapshot(*driver);
    bool finished = false;
    for (int nth = 1; !finished && nth < 100; ++nth) {
        SCOPED_TRACE(nth);
        const auto inner = std::make_shared<storage::MemoryDriver>(clock);
        for (const auto& [key, bytes] : whole)
            ASSERT_OK(storage::writeObject(*inner, key, bytes));
        const auto faulty = std::make_shared<storage::FaultyDriver>(*inner);
        faulty->failChangesFrom(nth);
        driver = faulty;
        reopen(keyFile('k'));
        finished = sweepNow().ok() && faulty->failures() == 0;
        driver = inner;
        reopen(keyFile('k'));
        expectSound(kept);
        // What the dead one left in leases/ ends by itself.
        clock.advance(10min);

        ASSERT_OK(sweepNow());

        expectSound(kept);
        ASSERT_EQ(repository->backups("prod")->size(), 1U);
        ASSERT_TRUE(retiredBackups(*repository, "prod")->empty());
    }
    EXPECT_TRUE(finished);
}

} // namespace
} // namespace salvor::repository
