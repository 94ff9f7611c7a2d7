#include "core/repository/sweep.h"
#include "core/repository/wal_pieces.h"
#include "core/storage/faulty_driver.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

namespace salvor::repository {
namespace {

using namespace std::chrono_literals;

class WalPieces : public RepositoryTest {
protected:
    WalPieces()
    {
        driver = std::make_shared<storage::MemoryDriver>(clock);
        open(true);
        incarnation = pinned();
        bytes = textData(incarnation.identity.segmentSize, 1);
    }
    void push(ByteCount from, ByteCount to)
    {
        ASSERT_OK(pushPiece(*repository, incarnation, segment, from,
                            ByteView(bytes).subspan(from, to - from)));
    }
    Bytes filledUp(ByteCount to)
    {
        Bytes all = bytes;
        std::fill(all.begin() + static_cast<std::ptrdiff_t>(to), all.end(), std::byte{0});
        return all;
    }
    std::vector<std::string> names() { return keysBelow(*driver, "pieces/"); }

    test::SetClock clock;
    TestJob job;
    model::Incarnation incarnation;
    const model::Segment segment{model::TimelineId{1}, 7};
    Bytes bytes;
};

TEST_F(WalPieces, GiveTheBegunSegmentFilledUpWithZeros)
{
    push(0, 1000);
    push(1000, 5000);
    push(0, 300'000);
    push(300'000, 300'001);

    const auto read = readPieces(*repository, incarnation, segment);

    ASSERT_OK(read);
    EXPECT_EQ(*read, filledUp(300'001));
    EXPECT_EQ(coveredBytes(*piecesOf(*repository, incarnation, segment)), 300'001U);
    EXPECT_EQ(coverOf(*piecesOf(*repository, incarnation, segment)).size(), 2U);
}

TEST_F(WalPieces, TellWhatTheyHoldByTheirNames)
{
    push(16, 256);

    const auto all = pieces(*repository, incarnation);

    ASSERT_OK(all);
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ(all->front().segment, segment);
    EXPECT_EQ(all->front().from, 16U);
    EXPECT_EQ(all->front().to, 256U);
    EXPECT_NE(all->front().object.find(".partial.00000010-00000100-"), std::string::npos);
    const ByteView same = ByteView(bytes).subspan(16, 240);
    EXPECT_TRUE(isPiece(*repository, incarnation, all->front(), same));
    EXPECT_FALSE(isPiece(*repository, incarnation, all->front(), same.first(239)));
    EXPECT_TRUE(repository->segments(incarnation)->empty());
}

TEST_F(WalPieces, TheSameTwiceSucceedsAndWhatIsNoPartOfASegmentIsRefused)
{
    push(0, 1000);

    EXPECT_EQ(*pushPiece(*repository, incarnation, segment, 0, ByteView(bytes).first(1000)),
              Repository::Pushed::AlreadyThere);
    EXPECT_FAILS(pushPiece(*repository, incarnation, segment, 1, bytes), InvalidInput);
    EXPECT_FAILS(pushPiece(*repository, incarnation, segment, 1, {}), InvalidInput);
}

TEST_F(WalPieces, TheWholeSegmentIsPreferredAndNothingIsNotFound)
{
    EXPECT_FAILS(readSegmentOrPieces(*repository, incarnation, segment), NotFound);
    push(0, 1000);
    EXPECT_EQ(*readSegmentOrPieces(*repository, incarnation, segment), filledUp(1000));
    ASSERT_OK(repository->pushSegment(incarnation, segment, bytes));

    EXPECT_EQ(*readSegmentOrPieces(*repository, incarnation, segment), bytes);
}

TEST_F(WalPieces, OneThatIsMissingBetweenTwoIsDamageAndNotTheEnd)
{
    push(0, 1000);
    push(2000, 3000);

    EXPECT_FAILS(readSegmentOrPieces(*repository, incarnation, segment), Corrupt);
}

TEST_F(WalPieces, OnesThatContradictOneAnotherAreDamage)
{
    push(0, 1000);
    bytes[500] ^= std::byte{1};
    push(0, 1000);
    EXPECT_FAILS(readPieces(*repository, incarnation, segment), Corrupt);

    const model::Segment other{model::TimelineId{1}, 8};
    ASSERT_OK(pushPiece(*repository, incarnation, other, 0, ByteView(bytes).first(1000)));
    bytes[500] ^= std::byte{1};
    ASSERT_OK(pushPiece(*repository, incarnation, other, 400, ByteView(bytes).subspan(400, 900)));
    EXPECT_FAILS(readPieces(*repository, incarnation, other), Corrupt);
}

TEST_F(WalPieces, AFlippedBitIsDamage)
{
    push(0, 1000);
    Bytes object = *storage::readObject(*driver, names().front());
    object.back() ^= std::byte{1};
    overwrite(*driver, names().front(), object);

    EXPECT_FAILS(readPieces(*repository, incarnation, segment), Corrupt);
}

TEST_F(WalPieces, TheTailOfATimelineFollowsItsLastWholeSegment)
{
    push(0, 1000);
    const model::TimelineId one{1};

    EXPECT_EQ(*tailOf(*repository, incarnation, one, std::nullopt),
              (model::WalTail{segment, model::Lsn{7 * incarnation.identity.segmentSize + 1000}}));
    EXPECT_TRUE(tailOf(*repository, incarnation, one, 6)->has_value());
    EXPECT_FALSE(tailOf(*repository, incarnation, one, 7)->has_value());
    EXPECT_FALSE(tailOf(*repository, incarnation, model::TimelineId{2}, std::nullopt)->has_value());
}

TEST_F(WalPieces, ASweepTakesThoseThatNobodyNeedsOnceTheGraceIsOver)
{
    push(0, 1000);
    push(1000, 2000);
    push(0, 3000);
    push(3000, 4000);
    const auto sweepNow = [&] {
        return sweep(*repository, incarnation, {24h, std::nullopt}, job.context);
    };
    ASSERT_OK(sweepNow());
    EXPECT_EQ(names().size(), 4U);
    clock.advance(25h);

    const auto report = sweepNow();
    ASSERT_OK(report);
    EXPECT_EQ(report->pieces, 2U);
    EXPECT_EQ(*readPieces(*repository, incarnation, segment), filledUp(4000));

    ASSERT_OK(repository->pushSegment(incarnation, segment, bytes));
    ASSERT_OK(sweepNow());
    EXPECT_EQ(names().size(), 2U);
    clock.advance(25h);
    ASSERT_OK(sweepNow());
    EXPECT_TRUE(names().empty());
    EXPECT_EQ(*repository->readSegment(incarnation, segment), bytes);
}

TEST_F(WalPieces, ASweepTakesThoseOfWalThatIsNotWantedAnyMore)
{
    push(0, 1000);
    const model::Lsn later{8 * incarnation.identity.segmentSize};
    ASSERT_OK(sweep(*repository, incarnation, {24h, later}, job.context));
    EXPECT_EQ(names().size(), 1U);
    clock.advance(25h);

    const auto report = sweep(*repository, incarnation, {24h, later}, job.context);

    ASSERT_OK(report);
    EXPECT_EQ(report->pieces, 1U);
    EXPECT_TRUE(names().empty());
    EXPECT_EQ(*sweptBefore(*repository, incarnation), later);
}

} // namespace
} // namespace salvor::repository
