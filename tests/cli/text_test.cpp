#include "core/cli/text.h"

#include <gtest/gtest.h>

namespace salvor::cli {
namespace {

TEST(Text, SizesHaveOneDecimalAndNeverFourDigitsTooMany)
{
    EXPECT_EQ(sizeText(0), "0 B");
    EXPECT_EQ(sizeText(1023), "1023 B");
    EXPECT_EQ(sizeText(1024), "1.0 KiB");
    EXPECT_EQ(sizeText(1048575), "1.0 MiB");
    EXPECT_EQ(sizeText(ByteCount{3} << 30U), "3.0 GiB");
    EXPECT_EQ(sizeText(~ByteCount{0}), "16.0 EiB");
}

TEST(Text, TimesCarryTheirOffsetAndCanBeGivenBack)
{
    const auto moment = parseMoment("2026-11-20T21:05:06.123456Z");
    ASSERT_TRUE(moment.ok());
    EXPECT_EQ(timeText(*moment), "2026-11-20 21:05:06+00:00");
    EXPECT_EQ(exactTimeText(*moment), "2026-11-20 21:05:06.123456+00:00");
    EXPECT_EQ(*parseMoment(exactTimeText(*moment)), *moment);
}

TEST(Text, DurationsHaveTwoUnitsAtMost)
{
    using namespace std::chrono_literals;
    EXPECT_EQ(durationText(59s), "59 s");
    EXPECT_EQ(durationText(125s), "2 min 5 s");
    EXPECT_EQ(durationText(3600s + 20min), "1 h 20 min");
}

TEST(Text, CountsHaveTheirPlural)
{
    EXPECT_EQ(countText(1, "backup", "backups"), "1 backup");
    EXPECT_EQ(countText(0, "backup", "backups"), "0 backups");
}

TEST(Text, ColumnsAreAlignedByCharactersNotBytes)
{
    Table table({{"NAME"}, {"SIZE", Table::Align::Right}, {"LAST"}});
    EXPECT_TRUE(table.empty());
    table.add({"\xc3\xa4", "9", "x"});
    table.add({"ab", "100", ""});
    EXPECT_EQ(table.text(), "NAME  SIZE  LAST\n\xc3\xa4        9  x\nab     100\n");
}

TEST(Text, FactsWithoutAValueAreLeftOut)
{
    EXPECT_EQ(factsText({{"A", "1"}, {"Long", "2"}, {"B", ""}}), "A:     1\nLong:  2\n");
}

TEST(Text, NamesCannotMoveTheCursor)
{
    EXPECT_EQ(printable("a\tb\x7f\xc3\xa4"), "a\\x09b\\x7f\xc3\xa4");
}

} // namespace
} // namespace salvor::cli
