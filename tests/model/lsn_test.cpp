#include "core/model/lsn.h"

#include <gtest/gtest.h>

namespace salvor::model {
namespace {

constexpr ByteCount mebibyte = ByteCount{1} << 20U;
constexpr TimelineId first{1};

std::string nameOf(std::uint64_t number, ByteCount size)
{
    const auto name = segmentName({first, number}, size);
    return name.ok() ? *name : name.error().message;
}

TEST(LsnText, IsWhatPostgreSqlPrints)
{
    EXPECT_EQ(formatLsn(Lsn{0x3018098}), "0/3018098");
    EXPECT_EQ(formatLsn(Lsn{0x1a2b3c4d00000010}), "1A2B3C4D/10");
    EXPECT_EQ(formatLsn(Lsn{0}), "0/0");
}

TEST(LsnText, ComesBackFromItsTextAlsoWithLeadingZerosAndLowerCase)
{
    for (const std::uint64_t number : {0ULL, 0x3018098ULL, 0xffffffffffffffffULL, 1ULL << 32U})
        EXPECT_EQ(value(*parseLsn(formatLsn(Lsn{number}))), number);
    EXPECT_EQ(value(*parseLsn("0/00000a28")), 0xa28U);
}

TEST(LsnText, AnythingElseIsRefusedWithAnExample)
{
    for (const std::string text :
         {"", "/", "0/", "/0", "0", "0/1/2", "0/123456789", "123456789/0", "x/1", "0/1 ", "-1/0"}) {
        const auto lsn = parseLsn(text);
        ASSERT_FALSE(lsn.ok()) << text;
        EXPECT_EQ(lsn.error().code, ErrorCode::InvalidInput);
        EXPECT_FALSE(lsn.error().hint.empty());
    }
}

// Values from pg_walfile_name() of servers with these segment sizes.
TEST(SegmentName, CountsInPiecesOfFourGibibytes)
{
    EXPECT_EQ(nameOf(3, 16 * mebibyte), "000000010000000000000003");
    EXPECT_EQ(nameOf(255, 16 * mebibyte), "0000000100000000000000FF");
    EXPECT_EQ(nameOf(256, 16 * mebibyte), "000000010000000100000000");
    EXPECT_EQ(nameOf(4096, mebibyte), "000000010000000100000000");
    EXPECT_EQ(nameOf(7, 1024 * mebibyte), "000000010000000100000003");
}

TEST(SegmentName, ComesBackFromItsNameForEverySize)
{
    for (ByteCount size = mebibyte; size <= 1024 * mebibyte; size *= 2) {
        for (const std::uint64_t number :
             {0ULL, 1ULL, 255ULL, 256ULL, 4095ULL, 4096ULL, 99999ULL}) {
            const Segment segment{TimelineId{0xabc}, number};
            const auto name = segmentName(segment, size);
            ASSERT_TRUE(name.ok());
            const auto back = parseSegmentName(*name, size);
            ASSERT_TRUE(back.ok()) << *name;
            EXPECT_EQ(*back, segment);
        }
    }
}

TEST(SegmentName, OtherSizesAndNumbersBeyondTheLastAreRefused)
{
    for (const ByteCount size : {ByteCount{0}, mebibyte / 2, mebibyte * 3, mebibyte * 2048})
        EXPECT_EQ(segmentName({first, 1}, size).error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(segmentName({first, 1ULL << 40U}, 16 * mebibyte).error().code,
              ErrorCode::InvalidInput);
}

TEST(SegmentName, WhatIsNoSegmentIsRefused)
{
    for (const std::string name :
         {"", "00000001000000000000000", "00000001000000000000000g", "00000001000000000000000a",
          "000000010000000000000100", "000000010000000000000003.partial"})
        EXPECT_EQ(parseSegmentName(name, 16 * mebibyte).error().code, ErrorCode::InvalidInput)
            << name;
    EXPECT_EQ(parseSegmentName("000000010000000000000003", 3).error().code,
              ErrorCode::InvalidInput);
}

TEST(SegmentOfLsn, ABoundaryBelongsToTheSegmentItStarts)
{
    const ByteCount size = 16 * mebibyte;
    EXPECT_EQ(segmentOf(first, Lsn{size}, size).number, 1U);
    EXPECT_EQ(segmentOf(first, Lsn{size - 1}, size).number, 0U);
    EXPECT_EQ(value(segmentStart({first, 5}, size)), 5 * size);
}

TEST(SegmentOfLsn, TheLastNeededOneEndsBeforeTheBoundary)
{
    const ByteCount size = 16 * mebibyte;
    EXPECT_EQ(lastSegmentBefore(first, Lsn{size}, size).number, 0U);
    EXPECT_EQ(lastSegmentBefore(first, Lsn{size + 1}, size).number, 1U);
    EXPECT_EQ(lastSegmentBefore(first, Lsn{0}, size).number, 0U);
}

TEST(WalFiles, AreToldApartByTheirNames)
{
    EXPECT_EQ(walFileKind("000000010000000000000003"), WalFileKind::Segment);
    EXPECT_EQ(walFileKind("000000010000000000000003.partial"), WalFileKind::PartialSegment);
    EXPECT_EQ(walFileKind("000000010000000000000003.00000028.backup"), WalFileKind::BackupLabel);
    EXPECT_EQ(walFileKind("00000002.history"), WalFileKind::History);
    EXPECT_EQ(historyFileName(TimelineId{0x1a}), "0000001A.history");
    for (const std::string name : {"", "archive_status", "00000002.history.tmp", "0000002.history",
                                   "xlogtemp.12", "000000010000000000000003.0000028.backup",
                                   "000000010000000000000003.bak", "00000001000000000000000a"})
        EXPECT_EQ(walFileKind(name), WalFileKind::Other) << name;
}

} // namespace
} // namespace salvor::model
