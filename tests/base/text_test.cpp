#include "core/base/text.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

namespace salvor {
namespace {

TEST(Base64, KnownTextsOfTheStandardRoundTrip)
{
    const std::vector<std::pair<std::string, std::string>> rows = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};

    for (const auto& [plain, coded] : rows) {
        EXPECT_EQ(toBase64(asBytes(plain)), coded);
        const auto back = fromBase64(coded);
        ASSERT_OK(back);
        EXPECT_EQ(asText(*back), plain);
    }
}

TEST(Base64, DamagedTextIsRefused)
{
    for (const std::string text : {"Zg=", "Z===", "Zm9v!A==", "Zg==Zg==", "Zm 9v"})
        EXPECT_FAILS(fromBase64(text), InvalidInput) << text;
}

TEST(Hex, RoundTripsAndRefusesOtherCharacters)
{
    const Bytes bytes = {std::byte{0}, std::byte{0xff}, std::byte{0x1a}};

    EXPECT_EQ(toHex(bytes), "00ff1a");
    EXPECT_EQ(*fromHex("00FF1a"), bytes);
    EXPECT_FAILS(fromHex("0"), InvalidInput);
    EXPECT_FAILS(fromHex("0g"), InvalidInput);
    EXPECT_FAILS(fromHex("+1"), InvalidInput);
}

TEST(ParseUnsigned, TakesTheWholeTextOrNothing)
{
    EXPECT_EQ(parseUnsigned("18446744073709551615"), 18446744073709551615ULL);
    EXPECT_FALSE(parseUnsigned("18446744073709551616"));
    EXPECT_FALSE(parseUnsigned("12x"));
    EXPECT_FALSE(parseUnsigned(""));
    EXPECT_FALSE(parseUnsigned("-1"));
}

TEST(Duration, HasANumberAndAUnitAndComesBackInTheLargestThatFits)
{
    using namespace std::chrono_literals;
    EXPECT_EQ(*parseDuration("0s"), 0s);
    EXPECT_EQ(*parseDuration("90s"), 90s);
    EXPECT_EQ(*parseDuration("15min"), 15min);
    EXPECT_EQ(*parseDuration("36h"), 36h);
    EXPECT_EQ(*parseDuration("14d"), 336h);
    EXPECT_EQ(*parseDuration("1000y"), 8760h * 1000);
    EXPECT_EQ(formatDuration(0s), "0s");
    EXPECT_EQ(formatDuration(336h), "2w");
    EXPECT_EQ(formatDuration(36h), "36h");
    EXPECT_EQ(formatDuration(61s), "61s");
    for (const char* text : {"", "14", "d", "1 d", "-1d", "1.5h", "1m", "1001y", "1D"})
        EXPECT_EQ(parseDuration(text).error().code, ErrorCode::InvalidInput) << text;
}

TEST(Nearest, OffersTheSmallestChangeAndNothingFarAway)
{
    const std::vector<std::string> keys = {"connection", "data-directory", "repository"};

    EXPECT_EQ(nearest("conection", keys), "connection");
    EXPECT_EQ(nearest("datadirectory", keys), "data-directory");
    EXPECT_FALSE(nearest("zzzzzzzz", keys));
}

TEST(IsAllZero, OneOtherByteAnywhereIsSeen)
{
    Bytes bytes(4096);
    EXPECT_TRUE(isAllZero(bytes));
    for (const std::size_t place : {std::size_t{0}, std::size_t{1}, std::size_t{4095}}) {
        Bytes other = bytes;
        other[place] = std::byte{1};
        EXPECT_FALSE(isAllZero(other)) << place;
    }
    EXPECT_TRUE(isAllZero({}));
}

} // namespace
} // namespace salvor
