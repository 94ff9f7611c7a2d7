// WAL that was received: on its way into the repository, and read back before a segment is whole.
#include "core/repository/wal_pieces.h"
#include "core/storage/faulty_driver.h"
#include "core/wal/archive.h"
#include "core/wal/receiver.h"
#include "core/wal/wal_keeper.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::wal;
using namespace std::chrono_literals;

namespace {

Moment at(int second)
{
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::seconds(second);
}

class ReceivedWal : public ::testing::Test {
protected:
    /// Bytes of the archive's WAL from a position on.
    static ByteView slice(const test::WalWriter& wal, model::Lsn from, model::Lsn to)
    {
        const ByteCount size = wal.segmentSize();
        const Bytes& segment = wal.segments().at(value(from) / size);
        return ByteView(segment).subspan(value(from) % size, value(to) - value(from));
    }
    [[nodiscard]] model::Lsn start(std::uint64_t number) const
    {
        return model::Lsn{number * archive.identity.segmentSize};
    }
    void pushPiece(const test::WalWriter& wal, model::Lsn from, model::Lsn to)
    {
        const model::Segment segment{wal.timeline(), value(from) / wal.segmentSize()};
        ASSERT_OK(repository::pushPiece(*archive.repository, archive.incarnation, segment,
                                        value(from) % wal.segmentSize(), slice(wal, from, to)));
    }
    void pushWhole(const test::WalWriter& wal, std::uint64_t number)
    {
        ASSERT_OK(archive.repository->pushSegment(archive.incarnation, {wal.timeline(), number},
                                                  wal.segments().at(number)));
    }
    std::unique_ptr<WalKeeper> keeper(std::chrono::milliseconds interval, model::Lsn beyond = {},
                                      std::uint32_t timeline = 1)
    {
        return std::make_unique<WalKeeper>(
            WalKeeper::Keeping{*archive.repository, archive.incarnation, archive.events, interval},
            model::Segment{model::TimelineId{timeline}, 1}, beyond);
    }
    repository::Pieces pieces()
    {
        return *repository::pieces(*archive.repository, archive.incarnation);
    }
    Result<PathSegments> listPath(std::uint32_t timeline)
    {
        SALVOR_TRY(auto path, timelinePath(*archive.repository, archive.incarnation,
                                           model::TimelineId{timeline}));
        return PathSegments::list(*archive.repository, archive.incarnation, std::move(path));
    }
    std::vector<std::uint64_t> commitsFrom(model::Lsn from, ScanEnd& end)
    {
        const auto segments = listPath(1);
        EXPECT_OK(segments);
        std::vector<std::uint64_t> xids;
        const EventVisitor visit = [&](const model::WalEvent& event) -> Result<bool> {
            xids.push_back(event.xid);
            return true;
        };
        auto scanned = scanEvents({*archive.repository, archive.incarnation, *segments, from, {}},
                                  visit, archive.job);
        EXPECT_OK(scanned);
        end = *scanned;
        return xids;
    }

    test::MadeArchive archive;
};

} // namespace

TEST_F(ReceivedWal, IsScannedUpToTheEndOfItsPieces)
{
    archive.wal.checkpoint(100);
    archive.wal.commit(110, at(1));
    archive.wal.switchSegment();
    const auto second = archive.wal.commit(111, at(2));
    const auto third = archive.wal.commit(112, at(3));
    archive.wal.commit(113, at(4));
    pushWhole(archive.wal, 1);
    pushPiece(archive.wal, start(2), second.end);
    pushPiece(archive.wal, second.end, third.end);

    ScanEnd end;
    EXPECT_EQ(commitsFrom(start(1), end), (std::vector<std::uint64_t>{110, 111, 112}));
    EXPECT_EQ(end.at, third.end);
    EXPECT_NE(end.because.find("it has what came until " + formatLsn(third.end)), std::string::npos)
        << end.because;
}

TEST_F(ReceivedWal, EndsBeforeARecordOfWhichOnlyAPartCame)
{
    archive.wal.checkpoint(100);
    archive.wal.switchSegment();
    const auto whole = archive.wal.commit(110, at(1));
    const auto cut = archive.wal.filler(30'000);
    pushWhole(archive.wal, 1);
    pushPiece(archive.wal, start(2), model::Lsn{value(cut.end) - 9000});

    ScanEnd end;
    EXPECT_EQ(commitsFrom(start(1), end), (std::vector<std::uint64_t>{110}));
    EXPECT_EQ(end.at, whole.end);
}

TEST_F(ReceivedWal, IsGivenToARestoredServerAndNotToAStandby)
{
    const auto last = archive.wal.commit(110, at(1));
    pushPiece(archive.wal, start(1), last.end);
    const auto directory = test::must(TemporaryDirectory::create());
    const Path before = std::filesystem::current_path();
    std::filesystem::current_path(directory.path());
    const auto get = [&] {
        return archiveGet(*archive.repository, archive.incarnation, "000000010000000000000001",
                          directory.path() / "RECOVERYXLOG", Take::Begun);
    };
    EXPECT_FAILS(archiveGet(*archive.repository, archive.incarnation, "000000010000000000000001",
                            directory.path() / "RECOVERYXLOG"),
                 NotFound);

    const auto given = get();
    const auto bytes = readFile(directory.path() / "RECOVERYXLOG");
    EXPECT_OK(writeFileDurably(directory.path() / "standby.signal", {}));
    const auto refused = get();
    std::filesystem::current_path(before);

    EXPECT_OK(given);
    ASSERT_OK(bytes);
    EXPECT_EQ(*bytes, archive.wal.segments().at(1));
    EXPECT_FAILS(refused, NotFound);
}

TEST_F(ReceivedWal, IsToldWithTheArchive)
{
    archive.wal.switchSegment();
    const auto last = archive.wal.commit(110, at(1));
    pushWhole(archive.wal, 1);
    pushPiece(archive.wal, start(2), last.end);

    const auto state = archiveState(*archive.repository, archive.incarnation);

    ASSERT_OK(state);
    EXPECT_EQ(state->tails, (std::vector<model::WalTail>{{{model::TimelineId{1}, 2}, last.end}}));
    EXPECT_TRUE(state->gaps.empty());
}

TEST_F(ReceivedWal, OfTwoTimelinesTheNewOnesIsReadAndTheOldOnesUntilItIsThere)
{
    archive.wal.switchSegment();
    const auto parent = archive.wal.commit(110, at(1));
    pushWhole(archive.wal, 1);
    pushPiece(archive.wal, start(2), parent.end);
    test::WalWriter child = archive.wal.fork(2);
    ASSERT_OK(archive.repository->pushWalFile(archive.incarnation, "00000002.history",
                                              asBytes(child.history())));
    EXPECT_EQ(listPath(2)->find(2), (model::Segment{model::TimelineId{1}, 2}));
    EXPECT_EQ(listPath(2)->continuousEnd(1), parent.end);

    const auto own = child.commit(120, at(2));
    pushPiece(child, start(2), own.end);

    EXPECT_EQ(listPath(2)->find(2), (model::Segment{model::TimelineId{2}, 2}));
    EXPECT_EQ(listPath(2)->continuousEnd(1), own.end);
    EXPECT_EQ(listPath(1)->continuousEnd(1), parent.end);
}

TEST_F(ReceivedWal, AWholeSegmentIsStoredAsArchivePushDoes)
{
    archive.wal.commit(110, at(1));
    archive.wal.switchSegment();
    const auto kept = keeper(1h);
    kept->add(archive.wal.segments().at(1));

    EXPECT_TRUE(kept->drain(1min));

    EXPECT_EQ(kept->stored(), start(2));
    EXPECT_EQ(*archive.repository->readSegment(archive.incarnation, {model::TimelineId{1}, 1}),
              archive.wal.segments().at(1));
    EXPECT_TRUE(pieces().empty());
}

TEST_F(ReceivedWal, WhatIsStoredIsToldAndNeverMore)
{
    const auto last = archive.wal.commit(110, at(1));
    const auto kept = keeper(0ms);
    EXPECT_EQ(kept->stored(), start(1));
    kept->add(slice(archive.wal, start(1), last.end));

    EXPECT_TRUE(kept->drain(1min));

    EXPECT_EQ(kept->stored(), last.end);
    EXPECT_EQ(repository::coveredBytes(pieces()), value(last.end) - value(start(1)));
}

TEST_F(ReceivedWal, ManyPiecesAreReadFromFew)
{
    archive.wal.filler(200'000);
    const auto kept = keeper(0ms);
    for (std::uint64_t i = 0; i < 40; ++i) {
        kept->add(slice(archive.wal, model::Lsn{value(start(1)) + i * 4000},
                        model::Lsn{value(start(1)) + (i + 1) * 4000}));
        ASSERT_TRUE(kept->drain(1min));
    }

    EXPECT_EQ(pieces().size(), 40U);
    EXPECT_EQ(repository::coveredBytes(pieces()), 160'000U);
    EXPECT_LE(repository::coverOf(pieces()).size(), 10U);
    EXPECT_OK(repository::readPieces(*archive.repository, archive.incarnation,
                                     {model::TimelineId{1}, 1}));
}

TEST_F(ReceivedWal, AnotherRunGoesOnWhereTheFirstOneEnded)
{
    const auto first = archive.wal.commit(110, at(1));
    const auto second = archive.wal.commit(111, at(2));
    pushPiece(archive.wal, start(1), first.end);
    const auto kept = keeper(0ms);
    kept->add(slice(archive.wal, start(1), second.end));

    EXPECT_TRUE(kept->drain(1min));

    ASSERT_EQ(pieces().size(), 2U);
    EXPECT_EQ(pieces().back().from, value(first.end) - value(start(1)));
}

TEST_F(ReceivedWal, OtherBytesThanAnEarlierRunStoredEndIt)
{
    const auto last = archive.wal.commit(110, at(1));
    pushPiece(archive.wal, start(1), last.end);
    Bytes other(slice(archive.wal, start(1), last.end).begin(),
                slice(archive.wal, start(1), last.end).end());
    other.back() ^= std::byte{1};
    const auto kept = keeper(0ms);
    kept->add(other);

    EXPECT_FALSE(kept->drain(1min));

    ASSERT_TRUE(kept->failure().has_value());
    EXPECT_EQ(kept->failure()->code, ErrorCode::AlreadyExists);
    EXPECT_EQ(kept->stored(), start(1));
    EXPECT_EQ(pieces().size(), 1U);
}

TEST_F(ReceivedWal, AnotherClustersIsNeverStored)
{
    model::ClusterIdentity other = archive.identity;
    other.systemIdentifier += 1;
    test::WalWriter foreign(other);
    const auto last = foreign.commit(110, at(1));
    const auto kept = keeper(0ms);
    kept->add(slice(foreign, start(1), last.end));

    EXPECT_FALSE(kept->drain(1min));

    EXPECT_EQ(kept->failure()->code, ErrorCode::Corrupt);
    EXPECT_TRUE(pieces().empty());
}

TEST_F(ReceivedWal, OfANewTimelineNothingIsStoredThatTheOldOneHas)
{
    archive.wal.commit(110, at(1));
    test::WalWriter child = archive.wal.fork(2);
    const model::Lsn fork = child.position();
    const auto kept = keeper(0ms, fork, 2);
    kept->add(slice(child, start(1), fork));
    EXPECT_TRUE(kept->drain(1min));
    EXPECT_TRUE(pieces().empty());
    EXPECT_EQ(kept->stored(), start(1));

    const auto own = child.commit(120, at(2));
    kept->add(slice(child, fork, own.end));
    EXPECT_TRUE(kept->drain(1min));

    EXPECT_EQ(kept->stored(), own.end);
    ASSERT_EQ(pieces().size(), 1U);
    EXPECT_EQ(pieces().front().from, 0U);
}

TEST(ReceivedWalElsewhere, ARepositoryThatIsAwayIsWaitedForAndNothingIsToldUntilItIsBack)
{
    test::MadeArchive archive;
    auto faulty = std::make_shared<storage::FaultyDriver>(*archive.driver);
    faulty->add({.call = storage::Call::Commit, .times = 3, .below = "pieces/"});
    const auto opened = test::must(repository::Repository::open(faulty, {}));
    const auto last = archive.wal.commit(110, at(1));
    WalKeeper kept({*opened, archive.incarnation, archive.events, 0ms}, {model::TimelineId{1}, 1},
                   {});
    const ByteCount size = value(last.end) - archive.identity.segmentSize;
    kept.add(ByteView(archive.wal.segments().at(1)).first(size));

    EXPECT_TRUE(kept.drain(1min));

    EXPECT_EQ(kept.stored(), last.end);
    EXPECT_EQ(faulty->failures(), 3);
    ASSERT_EQ(archive.events.warnings.size(), 1U);
    EXPECT_NE(archive.events.warnings[0].find("cannot be stored"), std::string::npos);
    EXPECT_EQ(archive.events.noteCount(), 1U);
}

TEST(ReceivedWalElsewhere, AnotherRepositoryInItsPlaceGetsNothing)
{
    test::MadeArchive archive;
    const auto last = archive.wal.commit(110, at(1));
    ASSERT_OK(archive.driver->remove("salvor.json"));
    ASSERT_OK(archive.driver->remove("clusters/orders/1"));
    ASSERT_OK(repository::Repository::init(*archive.driver, {.encrypted = false}));
    WalKeeper kept({*archive.repository, archive.incarnation, archive.events, 0ms},
                   {model::TimelineId{1}, 1}, {});
    const ByteCount size = value(last.end) - archive.identity.segmentSize;
    kept.add(ByteView(archive.wal.segments().at(1)).first(size));

    EXPECT_FALSE(kept.drain(1min));

    ASSERT_TRUE(kept.failure().has_value());
    EXPECT_EQ(kept.failure()->code, ErrorCode::Incompatible);
}

TEST(ReceiveSlot, HasANameThatPostgresqlTakes)
{
    EXPECT_EQ(usualSlot("orders"), "salvor_orders");
    EXPECT_EQ(usualSlot("Orders-EU.1"), "salvor_orders_eu_1");
    EXPECT_LT(usualSlot(std::string(63, 'x')).size(), 64U);
}

TEST_F(ReceivedWal, IsNotAcknowledgedWhileTheRepositoryHasMoreOfTheSegment)
{
    const auto first = archive.wal.commit(110, at(1));
    const auto second = archive.wal.commit(111, at(2));
    const auto third = archive.wal.commit(112, at(3));
    pushPiece(archive.wal, start(1), second.end);
    const auto keeping = keeper(0ms);

    keeping->add(slice(archive.wal, start(1), first.end));
    EXPECT_FALSE(keeping->drain(500ms));
    EXPECT_EQ(keeping->stored(), start(1));

    keeping->add(slice(archive.wal, first.end, third.end));
    EXPECT_TRUE(keeping->drain(10s));
    EXPECT_EQ(keeping->stored(), third.end);
}

TEST_F(ReceivedWal, OfASegmentThatIsThereWholeIsAcknowledgedWhenAllOfItCame)
{
    const auto first = archive.wal.commit(110, at(1));
    archive.wal.switchSegment();
    pushWhole(archive.wal, 1);
    const auto keeping = keeper(0ms);

    keeping->add(slice(archive.wal, start(1), first.end));
    EXPECT_FALSE(keeping->drain(500ms));
    EXPECT_EQ(keeping->stored(), start(1));
    EXPECT_TRUE(pieces().empty());

    keeping->add(
        ByteView(archive.wal.segments().at(1)).subspan(value(first.end) - value(start(1))));
    EXPECT_TRUE(keeping->drain(10s));
    EXPECT_EQ(keeping->stored(), start(2));
}

TEST_F(ReceivedWal, APieceThatContradictsTheWiderOneIsNeverPassedOver)
{
    archive.wal.filler(2000);
    const auto last = archive.wal.commit(110, at(1));
    pushPiece(archive.wal, start(1), last.end);
    const model::Segment segment{model::TimelineId{1}, 1};
    ASSERT_OK(repository::pushPiece(*archive.repository, archive.incarnation, segment, 64,
                                    Bytes(100, std::byte{'x'})));

    const auto read = repository::readPieces(*archive.repository, archive.incarnation, segment);

    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::Corrupt);
    EXPECT_NE(read.error().message.find("contradicts"), std::string::npos);
}

TEST_F(ReceivedWal, PiecesOfASecondReceiverAreComparedWhenTheSegmentIsWhole)
{
    const auto first = archive.wal.commit(110, at(1));
    archive.wal.switchSegment();
    const auto keeping = keeper(0ms);
    keeping->add(slice(archive.wal, start(1), first.end));
    ASSERT_TRUE(keeping->drain(10s));

    ASSERT_OK(repository::pushPiece(*archive.repository, archive.incarnation,
                                    {model::TimelineId{1}, 1}, 200'000,
                                    Bytes(100, std::byte{'x'})));
    keeping->add(
        ByteView(archive.wal.segments().at(1)).subspan(value(first.end) - value(start(1))));

    EXPECT_FALSE(keeping->drain(10s));
    ASSERT_TRUE(keeping->failure());
    EXPECT_EQ(keeping->failure()->code, ErrorCode::AlreadyExists);
    EXPECT_TRUE(archive.repository->segments(archive.incarnation)->empty());
}

TEST(ReceivedWalOfAWriter, IsComparedWithWhatIsThereByAKeyThatCannotReadIt)
{
    const auto key = [](char fill) {
        return repository::Unlock{repository::Unlock::Kind::KeyFile, Secret(std::string(32, fill))};
    };
    test::MadeArchive archive;
    const auto driver = std::make_shared<storage::MemoryDriver>();
    ASSERT_OK(repository::Repository::init(*driver, {.encrypted = true, .firstKey = key('r')}));
    const auto reader = test::must(repository::Repository::open(driver, key('r')));
    ASSERT_OK(reader->addSlot(key('w'), repository::SlotAccess::Writer, "host"));
    const auto writer = test::must(repository::Repository::open(driver, key('w')));
    const auto incarnation = test::must(writer->pin("orders", archive.identity));
    archive.wal.commit(110, at(1));
    archive.wal.switchSegment();
    const ByteView whole(archive.wal.segments().at(1));
    ASSERT_OK(writer->pushSegment(incarnation, {model::TimelineId{1}, 1}, whole));
    WalKeeper kept({*writer, incarnation, archive.events, 0ms}, {model::TimelineId{1}, 1}, {});

    kept.add(whole.first(100));
    EXPECT_FALSE(kept.drain(500ms));
    kept.add(whole.subspan(100));

    EXPECT_TRUE(kept.drain(10s));
    EXPECT_FALSE(kept.failure());
    EXPECT_TRUE(archive.events.warnings.empty());
}
