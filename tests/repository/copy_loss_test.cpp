// What a copy lost, what goes away while it is made, and what must not be put together.
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/repository/wal_pieces.h"
#include "tests/repository/copy_fixture.h"
#include "tests/support/forwarding_driver.h"

namespace salvor::repository {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

/// A folder that can be unmounted, and does something else when an object is read or written.
class Unsteady final : public test::ForwardingDriver {
public:
    using Act = std::function<void(const std::string& key)>;
    explicit Unsteady(std::shared_ptr<storage::Driver> inner)
        : ForwardingDriver(std::move(inner))
    {}
    Act beforeRead = [](const std::string&) {};
    Act beforeWrite = [](const std::string&) {};
    bool mounted = true;
    bool keeps = true;

    Result<storage::ObjectInfo> stat(const storage::ObjectKey& key) override
    {
        return mounted ? ForwardingDriver::stat(key) : Result<storage::ObjectInfo>(gone(key));
    }
    Result<> list(const storage::ObjectKey& prefix, const storage::ObjectVisitor& visit) override
    {
        return mounted ? ForwardingDriver::list(prefix, visit) : Result<>();
    }
    Result<std::unique_ptr<storage::ReadStream>> openRead(const storage::ObjectKey& key,
                                                          storage::ByteRange range) override
    {
        beforeRead(key);
        if (!mounted)
            return gone(key);
        return ForwardingDriver::openRead(key, range);
    }
    Result<std::unique_ptr<storage::WriteStream>>
    openWrite(const storage::ObjectKey& key, const storage::WriteOptions& how) override
    {
        beforeWrite(key);
        return ForwardingDriver::openWrite(key, how);
    }
    Result<> makeDurable(const storage::ObjectKey& key) override
    {
        return keeps ? ForwardingDriver::makeDurable(key) : Result<>(gone(key));
    }

private:
    static Error gone(const std::string& key)
    {
        return fail(ErrorCode::NotFound, "no object '" + key + "'");
    }
};

class CopyLoss : public CopyOne {
protected:
    /// The source, over a place that is not to be relied on.
    std::shared_ptr<Unsteady> unsteadySource()
    {
        const auto unsteady = std::make_shared<Unsteady>(driver);
        repository = *Repository::open(unsteady, keyFile('k'));
        return unsteady;
    }
    std::shared_ptr<Unsteady> unsteadyCopy()
    {
        const auto unsteady = std::make_shared<Unsteady>(copyDriver);
        copy = *Repository::open(unsteady, keyFile('c'));
        return unsteady;
    }
    void sweepCopy(std::uint64_t firstSegment)
    {
        const model::Lsn keepFrom{firstSegment * identity.segmentSize};
        ASSERT_OK(sweep(*copy, pinned(), {0s, keepFrom}, job.context));
        clock.advance(1s);
        ASSERT_OK(sweep(*copy, pinned(), {0s, keepFrom}, job.context));
    }
};

TEST_F(CopyLoss, PacksThatTheCopyLostComeBack)
{
    ASSERT_OK(copyNow());
    const std::string key = packOnlyOf("b1");
    ASSERT_OK(copyDriver->remove(key));

    const auto told = copyNow(true);
    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->mended, Ids{"b1"});
    EXPECT_EQ(report->packs, 1U);
    EXPECT_TRUE(report->isComplete());
    EXPECT_EQ(told->mended, report->mended);
    EXPECT_EQ(told->packs, report->packs);
    expectWhole(2);
    EXPECT_TRUE(copyNow()->mended.empty());
}

TEST_F(CopyLoss, PacksThatNeitherHasAreFindingsAndTheBackupIsNamed)
{
    ASSERT_OK(copyNow());
    const std::string key = packOnlyOf("b1");
    ASSERT_OK(copyDriver->remove(key));
    ASSERT_OK(driver->remove(key));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->broken, Ids{"b1"});
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(report->findings.front().object, key);
    EXPECT_FALSE(report->isComplete());
    EXPECT_EQ(copyNow(true)->broken, Ids{"b1"});
}

TEST_F(CopyLoss, ADamagedPackMendsNothing)
{
    ASSERT_OK(copyNow());
    const std::string key = packOnlyOf("b1");
    ASSERT_OK(copyDriver->remove(key));
    damage(key);

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->broken, Ids{"b1"});
    EXPECT_EQ(report->findings.size(), 1U);
    EXPECT_FAILS(copyDriver->stat(key), NotFound);
}

TEST_F(CopyLoss, WalThatAListedBackupNeedsComesBackAlsoFromBeforeTheCut)
{
    ASSERT_OK(copyNow());
    sweepCopy(2);
    ASSERT_OK(copyDriver->remove(segmentKey(0)));

    const auto told = copyNow(true);
    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->mended, (Ids{"b2", "b1"}));
    EXPECT_EQ(report->walObjects, 1U);
    EXPECT_TRUE(report->isComplete());
    EXPECT_EQ(told->mended, report->mended);
    EXPECT_TRUE(copy->readSegment(pinned(), {model::TimelineId{1}, 0}).ok());
}

TEST_F(CopyLoss, WalThatNeitherHasIsAFindingOfEachBackupThatNeedsIt)
{
    ASSERT_OK(copyNow());
    ASSERT_OK(copyDriver->remove(segmentKey(0)));
    ASSERT_OK(driver->remove(segmentKey(0)));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->broken, (Ids{"b2", "b1"}));
    EXPECT_EQ(report->findings.size(), 2U);
}

TEST_F(CopyLoss, ABackupThatCannotBeReadInTheCopyIsAFinding)
{
    ASSERT_OK(copyNow());
    Bytes bytes = *storage::readObject(*copyDriver, "backups/prod/b1");
    bytes[bytes.size() / 2] ^= std::byte{1};
    overwrite(*copyDriver, "backups/prod/b1", bytes);

    const auto report = copyNow();

    ASSERT_OK(report);
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(report->findings.front().object, "backups/prod/b1");
}

TEST_F(CopyLoss, WalThatIsLeftOutIsCounted)
{
    const Bytes bytes = textData(1000, 3);
    ASSERT_OK(copyNow());
    ASSERT_OK(pushPiece(*repository, pinned(), {model::TimelineId{1}, 3}, 0, bytes));
    sweepCopy(5);

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->objects, 0U);
    ASSERT_EQ(report->walLeftOut.size(), 1U);
    EXPECT_EQ(report->walLeftOut.front().cluster, "prod");
    EXPECT_EQ(report->walLeftOut.front().files, 3U); // Two segments and the piece.
    EXPECT_EQ(report->walLeftOut.front().before, model::Lsn{5 * identity.segmentSize});
    EXPECT_TRUE(report->isComplete());
}

TEST_F(CopyLoss, ASourceThatIsNotMountedIsNoEmptyOne)
{
    const auto source = unsteadySource();
    const auto before = snapshot(*copyDriver);
    source->mounted = false;

    EXPECT_FAILS(copyNow(), NotReady);
    EXPECT_FAILS(copyNow(true), NotReady);

    EXPECT_EQ(snapshot(*copyDriver), before);
}

TEST_F(CopyLoss, ASourceThatIsUnmountedInTheMiddleIsAnError)
{
    for (const char* folder : {"backups/", "wal/", "packs/"}) {
        SCOPED_TRACE(folder);
        openCopy(std::make_shared<storage::MemoryDriver>(clock));
        const auto source = unsteadySource();
        source->beforeRead = [&](const std::string& key) {
            source->mounted = source->mounted && !key.starts_with(folder);
        };

        EXPECT_FAILS(copyNow(), NotReady);

        expectWhole(0);
    }
}

TEST_F(CopyLoss, NothingIsWrittenWhereTheCopyWas)
{
    const auto target = unsteadyCopy();
    const auto before = snapshot(*copyDriver);
    target->mounted = false;

    EXPECT_FAILS(copyNow(), NotReady);

    EXPECT_EQ(snapshot(*copyDriver), before);
}

TEST_F(CopyLoss, AnotherRepositoryAtThePlaceIsNotTakenForTheOne)
{
    const auto own = *storage::readObject(*copyDriver, "salvor.json");
    overwrite(*copyDriver, "salvor.json", *storage::readObject(*driver, "salvor.json"));
    const auto before = snapshot(*copyDriver);

    EXPECT_FAILS(copyNow(), NotReady);

    EXPECT_EQ(snapshot(*copyDriver), before);
    overwrite(*copyDriver, "salvor.json", own);
    EXPECT_OK(copyNow());
}

TEST_F(CopyLoss, WhatGoesAwayInTheMiddleIsAFinding)
{
    const std::string pack = packOnlyOf("b1");
    const std::string wal = segmentKey(2);
    const auto source = unsteadySource();
    source->beforeRead = [&](const std::string& key) {
        if (key == pack || key == wal) {
            EXPECT_OK(driver->remove(key));
        }
    };

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.size(), 2U);
    EXPECT_EQ(report->incomplete, Ids{"b1"});
    EXPECT_EQ(report->backups, Ids{"b2"});
    EXPECT_FALSE(report->isComplete());
    expectWhole(1);
}

TEST_F(CopyLoss, ABackupThatIsRetiredInTheMiddleIsNoFindingAndOneThatVanishesIs)
{
    const auto source = unsteadySource();
    int reads = 0;
    source->beforeRead = [&](const std::string& key) {
        if (key != "backups/prod/b1" || ++reads != 2) // First it is looked at, then copied.
            return;
        const auto other = *Repository::open(driver, keyFile('k'));
        EXPECT_OK(retire(*other, old, "meanwhile", job.context));
    };
    const auto report = copyNow();
    ASSERT_OK(report);
    EXPECT_TRUE(report->isComplete());
    EXPECT_EQ(report->backups, Ids{"b2"});

    ASSERT_OK(bringBack(*repository, old, job.context));
    source->beforeRead = [&](const std::string& key) {
        if (key == "backups/prod/b1") {
            EXPECT_OK(driver->remove(key));
        }
    };
    const auto again = copyNow();
    ASSERT_OK(again);
    ASSERT_EQ(again->findings.size(), 1U);
    EXPECT_EQ(again->findings.front().object, "backups/prod/b1");
}

TEST_F(CopyLoss, ABackupThatVanishesBeforeItIsShownIsIncomplete)
{
    const auto source = unsteadySource();
    int reads = 0;
    source->beforeRead = [&](const std::string& key) {
        if (key == "backups/prod/b1" && ++reads == 2) {
            EXPECT_OK(driver->remove(key));
        }
    };

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->incomplete, Ids{"b1"});
    EXPECT_EQ(report->findings.size(), 1U);
}

TEST_F(CopyLoss, WalThatIsRemovedFromTheCopyMeanwhileKeepsABackupBack)
{
    const auto inner = copyDriver;
    const auto target = unsteadyCopy();
    target->beforeWrite = [&](const std::string& key) {
        if (key.starts_with("index/")) {
            EXPECT_OK(inner->remove(segmentKey(0)));
        }
    };

    EXPECT_FAILS(copyNow(), NotReady);

    EXPECT_TRUE(keysBelow(*inner, "backups/").empty());
    target->beforeWrite = [](const std::string&) {};
    ASSERT_OK(copyNow());
    expectWhole(2);
}

TEST_F(CopyLoss, WhatAnotherCopyStoredAndSomebodyRemovedIsAnError)
{
    for (const char* folder : {"packs/", "wal/"}) {
        SCOPED_TRACE(folder);
        openCopy(std::make_shared<storage::MemoryDriver>(clock));
        const auto place = copyDriver;
        const auto target = unsteadyCopy();
        target->keeps = false;
        target->beforeWrite = [&](const std::string& key) {
            if (key.starts_with(folder)) {
                EXPECT_OK(storage::writeObject(*place, key, *storage::readObject(*driver, key)));
            }
        };

        EXPECT_FAILS(copyNow(), NotReady);

        EXPECT_TRUE(keysBelow(*place, "backups/").empty());
    }
}

TEST_F(CopyLoss, WhatOnlyLooksLikeWalIsNotTakenForIt)
{
    const std::string stem = segmentKey(2).substr(0, segmentKey(2).size() - 17);
    const Bytes object = *storage::readObject(*driver, segmentKey(2));
    const std::string hash = "0123456789abcdef";
    const std::string segment = stem.substr(stem.rfind('/') + 1);
    for (const std::string& key : Ids{
             stem + "x" + hash,                    // Another character before the hash.
             stem + "-" + "0123456789ABCDEF",      // No hash.
             stem + "-more-" + hash,               // A longer name.
             "wal/prod/1/" + segment + "-" + hash, // Another folder.
             "wal/prod/1/files/" + segment + "-" + hash,
             "wal/prod/1/00000001/0000000100000000/0000000100000000FFFFFFFF-" + hash,
         })
        ASSERT_OK(storage::writeObject(*driver, key, object));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_TRUE(report->findings.empty());
    EXPECT_EQ(report->walObjects, 4U);
    EXPECT_EQ(keysBelow(*copyDriver, "wal/").size(), 4U);
    expectWhole(2);
}

TEST_F(CopyLoss, WhatOnlyLooksLikeWalInTheCopyDoesNotStandForIt)
{
    const std::string stem = segmentKey(0).substr(0, segmentKey(0).size() - 17);
    ASSERT_OK(storage::writeObject(*copyDriver, stem + "x0123456789abcdef", asBytes("junk")));

    ASSERT_OK(copyNow());

    expectWhole(2);
}

/// Incarnations of one name that the two know under different numbers.
class CopyNumbers : public CopyLoss {
protected:
    [[nodiscard]] model::ClusterIdentity other(std::uint64_t by) const
    {
        auto one = identity;
        one.systemIdentifier += by;
        return one;
    }
    void expectUntouched(std::size_t findings)
    {
        const auto before = snapshot(*copyDriver);
        const auto report = copyNow();
        ASSERT_OK(report);
        EXPECT_EQ(report->findings.size(), findings);
        EXPECT_TRUE(report->backups.empty());
        EXPECT_FALSE(report->isComplete());
        EXPECT_EQ(snapshot(*copyDriver), before);
    }
};

TEST_F(CopyNumbers, AClusterThatHasAnotherNumberInTheCopyIsNotCopiedUnderBoth)
{
    ASSERT_OK(repository->adopt("prod", other(1)));
    ASSERT_OK(copy->pin("prod", other(1))); // There it is the first.

    expectUntouched(2);
}

TEST_F(CopyNumbers, ALaterIncarnationThatIsAnotherClusterIsNotCopied)
{
    ASSERT_OK(copyNow());
    ASSERT_OK(repository->adopt("prod", other(1)));
    ASSERT_OK(copy->adopt("prod", other(2)));
    ASSERT_OK(copy->adopt("prod", other(1)));

    expectUntouched(1);
}

TEST_F(CopyNumbers, AClusterThatCameBackHasTwoNumbersInBoth)
{
    ASSERT_OK(copyNow());
    ASSERT_OK(repository->adopt("prod", other(1)));
    ASSERT_OK(repository->adopt("prod", identity));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_TRUE(report->isComplete());
    EXPECT_EQ(*copy->incarnations("prod"), *repository->incarnations("prod"));
}

TEST_F(CopyNumbers, AServerThatIsFasterIsNotMixedWithTheOne)
{
    const auto inner = copyDriver;
    const auto target = unsteadyCopy();
    bool once = true;
    target->beforeWrite = [&](const std::string& key) {
        if (!key.starts_with("clusters/") || !std::exchange(once, false))
            return;
        EXPECT_OK((*Repository::open(inner, keyFile('c')))->pin("prod", other(1)));
    };

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.size(), 1U);
    EXPECT_TRUE(keysBelow(*inner, "wal/").empty());
    EXPECT_TRUE(keysBelow(*inner, "packs/").empty());
}

} // namespace
} // namespace salvor::repository
