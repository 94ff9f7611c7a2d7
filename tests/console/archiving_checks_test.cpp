#include "core/console/archiving_checks.h"

#include <gtest/gtest.h>

namespace salvor::console {
namespace {

using Level = model::Check::Level;

constexpr ByteCount gib = ByteCount{1} << 30U;
constexpr double mebibyte = 1 << 20U;

TEST(Backlog, AFewSegmentsPassAndManyThatDoNotBecomeFewerAreABlocker)
{
    EXPECT_EQ(backlogCheck({8, 8}).level, Level::Passed);
    EXPECT_EQ(backlogCheck({1, 1}).found, "Waiting to be archived: 1 segment.");
    EXPECT_EQ(backlogCheck({9, 9}).level, Level::Blocker);
    EXPECT_EQ(backlogCheck({9, 12}).level, Level::Blocker);
}

TEST(Backlog, ManyThatBecomeFewerAreAWarningWithTheTimeTheyTake)
{
    const model::Check check = backlogCheck({130, 100});

    EXPECT_EQ(check.level, Level::Warning);
    // 100 segments at 15 a second.
    EXPECT_NE(check.found.find("100 segments wait"), std::string::npos) << check.found;
    EXPECT_NE(check.found.find("6 s"), std::string::npos) << check.found;
}

TEST(WalSpace, IsShortBelowADayAndABlockerWhenArchivingIsBehind)
{
    EXPECT_EQ(walSpaceCheck(100 * gib, mebibyte, {0, 0}).level, Level::Passed);
    EXPECT_EQ(walSpaceCheck(10 * gib, mebibyte, {0, 0}).level, Level::Warning);
    EXPECT_EQ(walSpaceCheck(10 * gib, mebibyte, {100, 90}).level, Level::Warning);
    EXPECT_EQ(walSpaceCheck(10 * gib, mebibyte, {100, 100}).level, Level::Blocker);
}

TEST(WalSpace, SaysForHowLongItLastsWhereTheRateIsKnown)
{
    const std::string known = walSpaceCheck(100 * gib, mebibyte, {0, 0}).found;
    const std::string unknown = walSpaceCheck(100 * gib, 0, {0, 0}).found;

    EXPECT_NE(known.find("100.0 GiB left, about 1 d 4 h of WAL"), std::string::npos) << known;
    EXPECT_EQ(unknown, "The disk of pg_wal has 100.0 GiB left.");
}

} // namespace
} // namespace salvor::console
