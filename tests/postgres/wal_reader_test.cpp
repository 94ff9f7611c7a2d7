#include "core/postgres/wal_reader.h"
#include "tests/postgres/wal_builder.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::postgres {
namespace {

using test::WalBuilder;

class WalReaderTest : public ::testing::Test {
protected:
    Result<> feed(std::uint64_t number)
    {
        return reader.feed(wal.segment(number), [this](const WalRecord& record) -> Result<> {
            starts.push_back(record.start);
            lengths.push_back(record.data.size());
            ends.push_back(record.end);
            return {};
        });
    }
    /// Bytes in front of the data of a page within its segment.
    static std::size_t offsetOf(model::Lsn lsn)
    {
        return static_cast<std::size_t>(value(lsn) % WalBuilder::segmentSize);
    }

    WalBuilder wal;
    WalReader reader;
    std::vector<model::Lsn> starts;
    std::vector<model::Lsn> ends;
    std::vector<std::size_t> lengths;
};

TEST_F(WalReaderTest, RecordsWithinAPageAndAcrossPagesAreVisitedInOrder)
{
    std::vector<model::Lsn> expected;
    for (const std::size_t size : {40U, 41U, 8000U, 20000U, 30U, 100000U, 33U})
        expected.push_back(wal.addFiller(size));
    ASSERT_OK(feed(5));
    EXPECT_EQ(starts, expected);
    EXPECT_EQ(lengths, (std::vector<std::size_t>{40, 41, 8000, 20000, 30, 100000, 33}));
    EXPECT_EQ(value(ends[1]), value(expected[1]) + 48);
    EXPECT_TRUE(reader.endOfWal());
    EXPECT_EQ(reader.position(), wal.position());
}

TEST_F(WalReaderTest, ARecordMayBreakAtEveryPlaceOfItsHeader)
{
    for (std::size_t left = 8; left <= 32; left += 8) {
        while (wal.roomInPage() > 1024)
            wal.addFiller(512);
        wal.addFiller(wal.roomInPage() - left);
        ASSERT_EQ(wal.roomInPage(), left);
        wal.addFiller(700);
    }
    ASSERT_OK(feed(5));
    EXPECT_EQ(lengths.back(), 700U);
    EXPECT_EQ(reader.position(), wal.position());
}

TEST_F(WalReaderTest, ARecordThatCrossesSegmentsIsVisitedWhereItEnds)
{
    wal.addFiller(100);
    const model::Lsn big = wal.addFiller(2 * WalBuilder::segmentSize);
    const model::Lsn last = wal.addFiller(50);
    ASSERT_OK(feed(5));
    EXPECT_EQ(starts.size(), 1U);
    EXPECT_FALSE(reader.endOfWal());
    EXPECT_EQ(reader.position(), big);
    ASSERT_OK(feed(6));
    EXPECT_EQ(starts.size(), 1U);
    ASSERT_OK(feed(7));
    EXPECT_EQ(starts, (std::vector<model::Lsn>{starts[0], big, last}));
    EXPECT_EQ(lengths[1], 2 * WalBuilder::segmentSize);
    EXPECT_TRUE(reader.endOfWal());
}

TEST_F(WalReaderTest, AfterASwitchTheNextRecordIsInTheNextSegment)
{
    const model::Lsn at = wal.switchSegment();
    const model::Lsn next = wal.addFiller(64);
    ASSERT_OK(feed(5));
    EXPECT_FALSE(reader.endOfWal());
    EXPECT_EQ(value(reader.position()), 6 * WalBuilder::segmentSize);
    EXPECT_EQ(value(ends.at(0)), 6 * WalBuilder::segmentSize);
    ASSERT_OK(feed(6));
    EXPECT_EQ(starts, (std::vector<model::Lsn>{at, next}));
}

TEST_F(WalReaderTest, PagesOfAnEarlierUseOfTheFileEndTheWal)
{
    wal.addFiller(100);
    const model::Lsn end = wal.position();
    Bytes& segment = wal.segment(5);
    WalBuilder old(1);
    old.addFiller(WalBuilder::segmentSize - 20000);
    std::copy(old.segment(1).begin() + 8192, old.segment(1).end(), segment.begin() + 8192);
    ASSERT_OK(feed(5));
    EXPECT_TRUE(reader.endOfWal());
    EXPECT_EQ(reader.position(), end);
}

TEST_F(WalReaderTest, AfterTheEndOfWalASegmentIsReadAfresh)
{
    wal.addFiller(100);
    ASSERT_OK(feed(5));
    ASSERT_TRUE(reader.endOfWal());
    const model::Lsn more = wal.addFiller(100);
    starts.clear();
    ASSERT_OK(feed(5));
    EXPECT_EQ(starts.size(), 2U);
    EXPECT_EQ(starts.back(), more);
}

TEST_F(WalReaderTest, AZeroedPageInTheMiddleIsDamageAndNotTheEnd)
{
    for (int i = 0; i < 300; ++i)
        wal.addFiller(1000);
    Bytes& segment = wal.segment(5);
    std::fill(segment.begin() + 8192 * 4, segment.begin() + 8192 * 5, std::byte{0});
    EXPECT_FAILS(feed(5), Corrupt);
}

TEST_F(WalReaderTest, AFlippedByteIsCorruptAndNamesSegmentAndRecord)
{
    wal.addFiller(64);
    const model::Lsn damaged = wal.addFiller(64);
    wal.segment(5)[offsetOf(damaged) + 40] ^= std::byte{1};
    const auto fed = feed(5);
    ASSERT_FAILS(fed, Corrupt);
    EXPECT_NE(fed.error().message.find("'000000010000000000000005'"), std::string::npos);
    EXPECT_NE(fed.error().message.find(formatLsn(damaged)), std::string::npos);
    EXPECT_EQ(starts.size(), 1U);
}

TEST_F(WalReaderTest, ARecordThatDoesNotFollowTheOneBeforeIsCorrupt)
{
    const model::Lsn first = wal.addFiller(64);
    wal.addFiller(64);
    wal.setPrevious(first);
    wal.addFiller(64);
    EXPECT_FAILS(feed(5), Corrupt);
}

TEST_F(WalReaderTest, ImpossibleLengthsAreCorrupt)
{
    for (const std::uint32_t length : {1U, 23U, 0x7fffffffU, 0xffffffffU}) {
        WalBuilder builder;
        Bytes record = builder.record(10, 0, 7, Bytes(40));
        Bytes head;
        appendLittle(head, length);
        std::copy(head.begin(), head.end(), record.begin());
        builder.write(record);
        WalReader fresh;
        const auto fed =
            fresh.feed(builder.segment(5), [](const WalRecord&) -> Result<> { return {}; });
        EXPECT_FAILS(fed, Corrupt);
    }
}

TEST_F(WalReaderTest, AGapIsAnErrorUnlessToldAndThenTheFirstWholeRecordComesFirst)
{
    wal.addFiller(WalBuilder::segmentSize);
    wal.addFiller(WalBuilder::segmentSize + 30000);
    const model::Lsn next = wal.addFiller(64);
    ASSERT_OK(feed(5));
    EXPECT_FAILS(feed(7), Corrupt);
    reader.restart();
    starts.clear();
    ASSERT_OK(feed(7));
    EXPECT_EQ(starts, std::vector<model::Lsn>{next});
}

TEST_F(WalReaderTest, ARecordCutByACrashIsVoidWhenTheNextPageSaysSo)
{
    while (wal.roomInPage() > 2000)
        wal.addFiller(1000);
    const Bytes cut = wal.record(10, 0, 7, Bytes(5000, std::byte{3}));
    Bytes& segment = wal.segment(5);
    const std::size_t at = offsetOf(wal.position());
    std::copy_n(cut.begin(), wal.roomInPage(), segment.begin() + static_cast<std::ptrdiff_t>(at));
    constexpr std::uint16_t overwrite = 0x0008;
    wal.jumpToNextPage(overwrite);
    const model::Lsn after = wal.addFiller(64);
    ASSERT_OK(feed(5));
    EXPECT_EQ(starts.back(), after);
    EXPECT_EQ(reader.position(), wal.position());
}

TEST_F(WalReaderTest, ARecordThatIsNotContinuedIsCorrupt)
{
    wal.addFiller(20000);
    for (int i = 0; i < 100; ++i)
        wal.addFiller(1000);
    wal.segment(5)[8192 + 2] = std::byte{0}; // The flag of the second page.
    EXPECT_FAILS(feed(5), Corrupt);
}

TEST_F(WalReaderTest, APageThatContinuesWhatWasNotBegunIsCorrupt)
{
    wal.addFiller(wal.roomInPage());
    wal.addFiller(1000);
    wal.segment(5)[8192 + 2] = std::byte{1};
    wal.segment(5)[8192 + 16] = std::byte{8};
    EXPECT_FAILS(feed(5), Corrupt);
}

TEST_F(WalReaderTest, ATimelineMayBeginWithinASegmentButNotGoBack)
{
    wal.addFiller(5000);
    wal.timeline = 2;
    wal.addFiller(5000);
    ASSERT_OK(feed(5));
    EXPECT_EQ(starts.size(), 2U);
    wal.timeline = 1;
    wal.addFiller(8000);
    EXPECT_FAILS(feed(5), Corrupt);
}

TEST_F(WalReaderTest, WhatTheVisitorReturnsEndsTheFeeding)
{
    wal.addFiller(64);
    wal.addFiller(64);
    int visits = 0;
    const auto fed = reader.feed(wal.segment(5), [&](const WalRecord&) -> Result<> {
        ++visits;
        return fail(ErrorCode::Cancelled, "enough");
    });
    EXPECT_FAILS(fed, Cancelled);
    EXPECT_EQ(visits, 1);
}

TEST_F(WalReaderTest, TheHeaderSaysWhatTheSegmentIs)
{
    const auto header = readSegmentHeader(wal.segment(5));
    ASSERT_OK(header);
    EXPECT_EQ(header->majorVersion, 15);
    EXPECT_EQ(header->timeline, model::TimelineId{1});
    EXPECT_EQ(value(header->start), 5 * WalBuilder::segmentSize);
    EXPECT_EQ(header->systemIdentifier, 0x1122334455667788U);
    EXPECT_EQ(header->segmentSize, WalBuilder::segmentSize);
}

TEST_F(WalReaderTest, EveryMajorHasItsMagicAndOthersAreIncompatible)
{
    Bytes segment = wal.segment(5);
    for (const auto& [low, major] : std::map<int, int>{
             {0x06, 13}, {0x0d, 14}, {0x10, 15}, {0x13, 16}, {0x16, 17}, {0x18, 18}}) {
        segment[0] = static_cast<std::byte>(low);
        EXPECT_EQ(readSegmentHeader(segment)->majorVersion, major);
    }
    segment[0] = std::byte{0x21};
    EXPECT_FAILS(readSegmentHeader(segment), Incompatible);
    segment[1] = std::byte{0xff};
    EXPECT_FAILS(readSegmentHeader(segment), Corrupt);
}

TEST_F(WalReaderTest, WhatIsNoWholeSegmentIsCorrupt)
{
    const Bytes& segment = wal.segment(5);
    for (const std::size_t size : {0U, 1U, 39U})
        EXPECT_FAILS(readSegmentHeader(ByteView(segment).first(size)), Corrupt);
    const auto ignore = [](const WalRecord&) -> Result<> { return {}; };
    for (const std::size_t size : {40U, 8192U, 8200U, (1U << 20U) - 1})
        EXPECT_FAILS(WalReader().feed(ByteView(segment).first(size), ignore), Corrupt);
    for (const std::size_t at : {2U, 3U, 8U, 32U, 35U, 36U, 38U}) {
        Bytes damaged = segment;
        damaged[at] ^= std::byte{0xff};
        EXPECT_FAILS(readSegmentHeader(damaged), Corrupt) << at;
    }
}

/// Whatever is damaged, reading ends, and no record is taken for good whose bytes are not those
/// that were written.
TEST_F(WalReaderTest, FlippedBitsNeverCrashNorHangNorInventRecords)
{
    std::mt19937 random(11);
    std::map<std::uint64_t, Bytes> written;
    for (int i = 0; i < 600; ++i) {
        const std::size_t size = 30 + random() % (i % 10 == 0 ? 20000 : 300);
        const model::Lsn at = wal.addFiller(size);
        written[value(at)];
    }
    const Bytes whole = wal.segment(5);
    const std::size_t used =
        static_cast<std::size_t>(value(wal.position())) - 5 * WalBuilder::segmentSize;
    for (int round = 0; round < 1500; ++round) {
        Bytes damaged = whole;
        const std::size_t flips = 1 + random() % 3;
        for (std::size_t i = 0; i < flips; ++i) {
            // Headers of pages and records are hit more often than chance would.
            const std::size_t at = round % 2 == 0
                                       ? random() % std::min(used, WalBuilder::segmentSize)
                                       : random() % 100 * 8192 + random() % 64;
            damaged[at] ^= static_cast<std::byte>(1U << (random() % 8));
        }
        WalReader fresh;
        std::size_t unknown = 0;
        const auto fed = fresh.feed(damaged, [&](const WalRecord& record) -> Result<> {
            unknown += written.count(value(record.start)) == 0 ? 1U : 0U;
            SALVOR_TRY(const auto event, eventOf(record, model::TimelineId{1}, 15));
            return event ? fail(ErrorCode::Bug, "an event") : Result<>();
        });
        ASSERT_TRUE(fed.ok() || fed.error().code == ErrorCode::Corrupt
                    || fed.error().code == ErrorCode::Incompatible)
            << fed.error().message;
        ASSERT_EQ(unknown, 0U);
    }
}

TEST_F(WalReaderTest, RandomBytesBehindAGoodHeaderNeverCrash)
{
    std::mt19937 random(12);
    Bytes segment = wal.segment(5);
    const auto ignore = [](const WalRecord&) -> Result<> { return {}; };
    for (int round = 0; round < 60; ++round) {
        for (std::size_t at = 40; at < 8192 * 4; ++at)
            segment[at] = static_cast<std::byte>(random());
        // A length of every size, so that all branches see bytes.
        const std::uint32_t length = 1U << (round % 31);
        Bytes head;
        appendLittle(head, length);
        std::copy(head.begin(), head.end(), segment.begin() + 40);
        static_cast<void>(WalReader().feed(segment, ignore));
    }
}

} // namespace
} // namespace salvor::postgres
