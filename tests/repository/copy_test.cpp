#include "core/repository/check.h"
#include "core/repository/chunk_places.h"
#include "core/repository/copy.h"
#include "core/repository/index.h"
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/repository/wal_pieces.h"
#include "core/storage/faulty_driver.h"
#include "tests/repository/copy_fixture.h"
#include "tests/support/forwarding_driver.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

namespace salvor::repository {
namespace {

using namespace std::chrono_literals;

/// Does something else before a backup becomes visible.
class Watching final : public test::ForwardingDriver {
public:
    Watching(std::shared_ptr<storage::Driver> inner, std::function<void()> act)
        : ForwardingDriver(std::move(inner))
        , m_act(std::move(act))
    {}
    Result<std::unique_ptr<storage::WriteStream>>
    openWrite(const storage::ObjectKey& key, const storage::WriteOptions& how) override
    {
        if (key.starts_with("backups/"))
            m_act();
        return ForwardingDriver::openWrite(key, how);
    }

private:
    std::function<void()> m_act;
};

class CopyBoth : public CopyTest {
protected:
    void SetUp() override { make(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Encryption, CopyBoth, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Encrypted" : "Plain"; });

TEST_P(CopyBoth, ACopyHoldsAllThatTheOtherHoldsByteForByte)
{
    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->backups, (std::vector<std::string>{"b2", "b1"}));
    EXPECT_EQ(report->walObjects, 4U);
    EXPECT_TRUE(report->findings.empty());
    for (const char* folder : {"packs/", "wal/", "backups/", "clusters/"})
        for (const std::string& key : keysBelow(*driver, folder))
            EXPECT_EQ(*storage::readObject(*copyDriver, key), *storage::readObject(*driver, key));
    expectWhole(2);
    const auto index = copy->loadIndex(pinned());
    ASSERT_OK(index);
    for (const auto& pack : (*index)->packs())
        EXPECT_TRUE(pack.indexed);
    EXPECT_TRUE(keysBelow(*copyDriver, "leases/").empty());
    EXPECT_TRUE(keysBelow(*driver, "leases/").empty());
}

TEST_P(CopyBoth, WhatIsThereIsNotCopiedAgain)
{
    ASSERT_OK(copyNow());
    pushWal(3);
    const auto before = snapshot(*copyDriver);

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->objects, 1U);
    expectKept(before);
    EXPECT_EQ(copyNow()->objects, 0U);
}

TEST_P(CopyBoth, WhereverItDiesTheCopyIsWholeAndTheNextOneFinishes)
{
    bool finished = false;
    int nth = 1;
    for (; !finished && nth < 200; ++nth) {
        SCOPED_TRACE(nth);
        const auto place = std::make_shared<storage::MemoryDriver>(clock);
        openCopy(place);
        const auto faulty = std::make_shared<storage::FaultyDriver>(*place);
        faulty->failChangesFrom(nth);
        openCopy(faulty);
        finished = copyNow().ok();
        openCopy(place);
        expectWhole(copy->backups("prod")->size());
        clock.advance(1h); // The dead one's lease.

        ASSERT_OK(copyNow());
        expectWhole(2);
    }
    EXPECT_TRUE(finished);
    EXPECT_GT(nth, 10);
}

TEST_P(CopyBoth, ADryRunChangesNothingAndSaysWhatWouldBeCopied)
{
    const auto before = snapshot(*copyDriver);

    const auto told = copyNow(true);

    ASSERT_OK(told);
    EXPECT_EQ(snapshot(*copyDriver), before);
    const auto done = copyNow();
    ASSERT_OK(done);
    EXPECT_EQ(told->backups, done->backups);
    EXPECT_EQ(told->packs, done->packs);
    EXPECT_EQ(told->walObjects, done->walObjects);
    EXPECT_EQ(told->objects, done->objects);
}

TEST_F(CopyOne, ADamagedPackIsNotCopiedNorTheBackupThatNeedsItButTheRestIs)
{
    const std::string key = packOnlyOf("b1");
    ASSERT_FALSE(key.empty());
    damage(key);

    const auto report = copyNow();

    ASSERT_OK(report);
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(report->findings.front().object, key);
    EXPECT_EQ(report->incomplete, std::vector<std::string>{"b1"});
    EXPECT_EQ(report->backups, std::vector<std::string>{"b2"});
    EXPECT_FAILS(copyDriver->stat(key), NotFound);
    expectWhole(1);
}

TEST_F(CopyOne, AMissingPackKeepsItsBackupBack)
{
    const std::string key = packOnlyOf("b2");
    ASSERT_FALSE(key.empty());
    ASSERT_OK(driver->remove(key));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.front().what, "is missing");
    EXPECT_EQ(report->backups, std::vector<std::string>{"b1"});
    EXPECT_EQ(copyNow(true)->incomplete, std::vector<std::string>{"b2"});
}

TEST_F(CopyOne, DamagedWalIsNotCopiedNorABackupThatNeedsIt)
{
    damage(segmentKey(0));
    damage(segmentKey(1));
    damage(keysBelow(*driver, "wal/prod/1/files/").front());

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->walObjects, 1U);
    EXPECT_EQ(report->findings.size(), 5U); // Three objects, and two backups that need segment 0.
    EXPECT_TRUE(report->backups.empty());
    EXPECT_EQ(copy->segments(pinned())->size(), 1U);
    expectWhole(0);
}

TEST_F(CopyOne, ADamagedBackupObjectIsAFinding)
{
    damage("backups/prod/b1");

    const auto report = copyNow();

    ASSERT_OK(report);
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(report->findings.front().object, "backups/prod/b1");
    expectWhole(1);
}

TEST_F(CopyOne, WalWithOtherBytesInTheCopyStaysAndIsReported)
{
    ASSERT_OK(
        copy->pushSegment(pinned(), {model::TimelineId{1}, 2}, textData(identity.segmentSize, 99)));
    const auto before = snapshot(*copyDriver);

    const auto report = copyNow();

    ASSERT_OK(report);
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(report->findings.front().object, segmentKey(2));
    expectKept(before);
    EXPECT_OK(copy->readSegment(pinned(), {model::TimelineId{1}, 2}));
    expectWhole(2);
}

TEST_F(CopyOne, WalThatIsThereTwiceIsNotSpread)
{
    const Bytes object = *storage::readObject(*driver, segmentKey(2));
    std::string other = segmentKey(2);
    other.back() = other.back() == '0' ? '1' : '0';
    ASSERT_OK(storage::writeObject(*driver, other, object));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.size(), 1U);
    EXPECT_FALSE(*copy->hasSegment(pinned(), {model::TimelineId{1}, 2}));
}

TEST_F(CopyOne, APackOfAnotherSizeInTheCopyStaysAndKeepsItsBackupsBack)
{
    const std::string key = packOnlyOf("b2");
    ASSERT_OK(storage::writeObject(*copyDriver, key, asBytes("cut short")));
    const auto before = snapshot(*copyDriver);

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.front().object, key);
    EXPECT_EQ(report->incomplete, std::vector<std::string>{"b2"});
    expectKept(before);
    EXPECT_EQ(copy->backups("prod")->size(), 1U);
}

TEST_F(CopyOne, WhatTheCopyRetiredOrSweptDoesNotComeBack)
{
    ASSERT_OK(copyNow());
    ASSERT_OK(retire(*copy, old, "its own rules", job.context));
    const auto retired = copyNow();
    EXPECT_EQ(retired->objects, 0U);
    ASSERT_EQ(retired->leftOut.size(), 1U);
    EXPECT_EQ(retired->leftOut.front().because, "it was retired there");
    const model::Lsn second{2 * identity.segmentSize};
    ASSERT_OK(sweep(*copy, pinned(), {0s, second}, job.context));
    clock.advance(1s);
    ASSERT_OK(sweep(*copy, pinned(), {0s, second}, job.context));
    EXPECT_EQ(copy->segments(pinned())->size(), 2U); // What b2 needs, and number 2.

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->objects, 0U);
    ASSERT_EQ(report->leftOut.size(), 1U);
    EXPECT_EQ(report->leftOut.front().id, "b1");
    EXPECT_EQ(report->leftOut.front().because, "it is older than what is kept there");
    expectWhole(1);
}

TEST_F(CopyOne, ABackupInFrontOfTheCutThatIsYoungerThanAllThereIsCopied)
{
    ASSERT_OK(copyNow());
    const model::Lsn second{2 * identity.segmentSize};
    for (int i = 0; i < 2; ++i) {
        ASSERT_OK(sweep(*copy, pinned(), {0s, second}, job.context));
        clock.advance(1s);
    }
    ASSERT_OK(store({{"base/1", randomData(1000, 9)}}, "b3")); // Of a timeline that went back.

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_TRUE(report->leftOut.empty());
    EXPECT_EQ(report->backups, std::vector<std::string>{"b3"});
}

TEST_F(CopyOne, ASegmentThatTheCopyHasTwiceIsAFinding)
{
    ASSERT_OK(copyNow());
    const auto segments = *copy->segments(pinned());
    const std::string one = segments.back().object;
    const std::string other = one.substr(0, one.size() - 1) + (one.back() == '0' ? '1' : '0');
    ASSERT_OK(storage::writeObject(*copyDriver, other, asBytes("other bytes")));

    const auto report = copyNow();

    ASSERT_OK(report);
    ASSERT_FALSE(report->findings.empty());
    EXPECT_EQ(report->findings.front().object, one);
}

TEST_F(CopyOne, PiecesOfABegunSegmentComeInOrderAndOnlyUntilItIsWhole)
{
    const model::Segment begun{model::TimelineId{1}, 3};
    const Bytes bytes = textData(identity.segmentSize, 3);
    const auto push = [&](ByteCount from, ByteCount to) {
        ASSERT_OK(pushPiece(*repository, pinned(), begun, from,
                            ByteView(bytes).subspan(from, to - from)));
    };
    push(0, 1000);
    push(1000, 5000);
    ASSERT_OK(copyNow());
    EXPECT_EQ(*readPieces(*copy, pinned(), begun), *readPieces(*repository, pinned(), begun));
    push(0, 9000); // Supersedes both.
    const Pieces both = *piecesOf(*repository, pinned(), begun);
    for (const StoredPiece& piece : both)
        if (piece.to < 9000) {
            ASSERT_OK(driver->remove(piece.object));
        }

    EXPECT_EQ(copyNow()->walObjects, 1U);
    EXPECT_EQ(*readPieces(*copy, pinned(), begun), *readPieces(*repository, pinned(), begun));

    ASSERT_OK(pushPiece(*copy, pinned(), begun, 9000, ByteView(bytes).subspan(9000, 1)));
    EXPECT_EQ(copyNow()->walObjects, 0U); // It knows more.
    pushWal(3);
    EXPECT_EQ(copyNow()->walObjects, 1U);
    EXPECT_TRUE(*copy->hasSegment(pinned(), begun));
    EXPECT_EQ(copyNow()->walObjects, 0U);
}

TEST_F(CopyOne, PiecesThatContradictOrLackOneAreReported)
{
    const Bytes bytes = textData(identity.segmentSize, 3);
    const model::Segment begun{model::TimelineId{1}, 3};
    const model::Segment torn{model::TimelineId{1}, 4};
    ASSERT_OK(pushPiece(*repository, pinned(), begun, 0, ByteView(bytes).first(5000)));
    ASSERT_OK(pushPiece(*copy, pinned(), begun, 0, ByteView(bytes).subspan(7, 1000)));
    ASSERT_OK(pushPiece(*repository, pinned(), torn, 0, ByteView(bytes).first(100)));
    ASSERT_OK(pushPiece(*repository, pinned(), torn, 200, ByteView(bytes).subspan(200, 100)));

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.size(), 2U);
    EXPECT_EQ(pieces(*copy, pinned())->size(), 1U);
}

TEST_F(CopyOne, OnlyACopyIsCopiedInto)
{
    driver = std::make_shared<storage::MemoryDriver>(clock);
    const auto original = std::move(repository);
    open(true);
    const auto before = snapshot(*driver);

    EXPECT_FAILS(copyRepository(*original, *repository, {}, job.context), InvalidInput);
    EXPECT_FAILS(copyRepository(*original, *original, {}, job.context), InvalidInput);
    EXPECT_FAILS(copyRepository(*original, *copy, {{"nobody"}, false}, job.context), InvalidInput);

    EXPECT_EQ(snapshot(*driver), before);
    ASSERT_OK(original->addSlot(keyFile('w'), SlotAccess::Writer, "host"));
    const std::shared_ptr<storage::Driver> place(&original->driver(), [](auto*) {});
    const auto writer = Repository::open(place, keyFile('w'));
    ASSERT_OK(writer);
    EXPECT_FAILS(copyRepository(**writer, *copy, {}, job.context), Denied);
    storage::MemoryDriver empty;
    InitOptions options;
    options.firstKey = keyFile('c');
    options.copyOf = writer->get();
    EXPECT_FAILS(Repository::init(empty, options), Denied);
    options.copyOf = original.get();
    options.encrypted = false;
    EXPECT_FAILS(Repository::init(empty, options), InvalidInput);
    EXPECT_TRUE(keysBelow(empty, "").empty());
}

TEST_F(CopyOne, AnotherClusterUnderTheNameIsLeftAlone)
{
    auto other = identity;
    other.systemIdentifier += 1;
    ASSERT_OK(copy->pin("prod", other));
    const auto before = snapshot(*copyDriver);

    const auto report = copyNow();

    ASSERT_OK(report);
    EXPECT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(snapshot(*copyDriver), before);
}

TEST_F(CopyOne, ClustersAreKnownUnderTheirNumbersInANewCopy)
{
    auto next = identity;
    next.systemIdentifier += 1;
    ASSERT_OK(repository->adopt("prod", next));

    ASSERT_OK(copyIncarnations(*repository, *copy));

    EXPECT_EQ(*copy->incarnations("prod"), *repository->incarnations("prod"));
    EXPECT_EQ(copy->pin("prod", next)->number, 2U);
}

/// Reads every chunk of a backup's files.
class PlacesTest : public CopyOne {
protected:
    void SetUp() override
    {
        CopyOne::SetUp();
        ASSERT_OK(copyNow());
        inner = driver;
        faulty = std::make_shared<storage::FaultyDriver>(*inner);
        driver = faulty;
        reopen(keyFile('k'));
    }
    [[nodiscard]] static ChunkPlaces::Place place(const std::string& name, const Repository& one)
    {
        return {name, [&one]() -> Result<std::shared_ptr<const Repository>> {
                    return std::shared_ptr<const Repository>(std::shared_ptr<void>(), &one);
                }};
    }
    Result<> readAll(ChunkPlaces& places, const std::function<void()>& inTheMiddle)
    {
        std::vector<TreeEntry> entries;
        SALVOR_CHECK(copy->readTree(kept, [&](const TreeEntry& entry) -> Result<> {
            entries.push_back(entry);
            return {};
        }));
        SALVOR_TRY(const auto reader, places.reader());
        for (const TreeEntry& entry : entries) {
            reader->willRead(entry.chunks);
            Bytes content;
            for (const ChunkId& id : entry.chunks) {
                SALVOR_TRY(const ByteView bytes,
                           reader->read(
                               id, std::min<std::size_t>(chunkSize, entry.size - content.size())));
                append(content, bytes);
            }
            EXPECT_EQ(content, files.at(entry.path));
            inTheMiddle();
        }
        return {};
    }
    using Names = std::vector<std::string>;

    std::shared_ptr<storage::Driver> inner;
    std::shared_ptr<storage::FaultyDriver> faulty;
    test::KeptEvents events;
};

TEST_F(PlacesTest, AnotherPlaceIsReadFromWhereTheFirstWentAway)
{
    ChunkPlaces places({place("main", *repository), place("second", *copy)},
                       *repository->loadIndex(pinned()), events);

    ASSERT_OK(readAll(places, [&] { faulty->failAllFrom(1); }));

    EXPECT_EQ(places.used(), (Names{"main", "second"}));
    ASSERT_EQ(events.warnings.size(), 1U);
    EXPECT_NE(events.warnings.front().find("'main' went away"), std::string::npos);
}

TEST_F(PlacesTest, ADamagedPackIsReadFromAnotherPlaceAndTheRestFromTheFirst)
{
    for (const std::string& pack : packsOnlyOf("b2")) // Contents, and what lists them.
        damage(pack);
    ChunkPlaces places({place("main", *repository), place("second", *copy)},
                       *repository->loadIndex(pinned()), events);

    ASSERT_OK(readAll(places, [] {}));

    EXPECT_EQ(places.used(), (Names{"main", "second"}));
    ASSERT_EQ(events.warnings.size(), 1U);
    EXPECT_NE(events.warnings.front().find("does not give everything"), std::string::npos);
}

TEST_F(PlacesTest, WhatNoPlaceGivesIsTheErrorOfTheFirst)
{
    const auto gone = [](const std::string& name) {
        return ChunkPlaces::Place{name, []() -> Result<std::shared_ptr<const Repository>> {
                                      return fail(ErrorCode::NotReady, "is not there");
                                  }};
    };
    ChunkPlaces places({place("main", *repository), gone("second")},
                       *repository->loadIndex(pinned()), events);

    EXPECT_FAILS(readAll(places, [&] { faulty->failAllFrom(1); }), Unavailable);

    EXPECT_EQ(events.warnings.size(), 2U);
    EXPECT_EQ(places.used(), Names{"main"});
}

TEST_F(CopyOne, APruneOfEitherWaitsForIt)
{
    const auto inTheMiddle = [&](const Repository& swept) {
        return sweep(swept, pinned(), {0s, {}}, job.context);
    };
    const auto inner = copyDriver;
    int tried = 0;
    openCopy(std::make_shared<Watching>(inner, [&] {
        ++tried;
        EXPECT_FAILS(inTheMiddle(*repository), NotReady);
        EXPECT_FAILS(inTheMiddle(*copy), NotReady);
    }));

    ASSERT_OK(copyNow());

    EXPECT_EQ(tried, 2);
    openCopy(inner);
    expectWhole(2);
}

} // namespace
} // namespace salvor::repository
