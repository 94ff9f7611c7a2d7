#include "core/postgres/backup_label.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::postgres {
namespace {

const std::string label = "START WAL LOCATION: 1A/2000028 (file 000000030000001A00000002)\n"
                          "CHECKPOINT LOCATION: 1A/2000060\n"
                          "BACKUP METHOD: streamed\n"
                          "BACKUP FROM: standby\n"
                          "START TIME: 2026-11-20 21:05:06 UTC\n"
                          "LABEL: START WAL LOCATION: nonsense\n"
                          "START TIMELINE: 3\n";

TEST(BackupLabel, SaysWhereReplayBegins)
{
    const auto parsed = parseBackupLabel(label);
    ASSERT_OK(parsed);
    EXPECT_EQ(formatLsn(parsed->startLsn), "1A/2000028");
    EXPECT_EQ(value(parsed->timeline), 3U);
    EXPECT_TRUE(parsed->fromStandby);
}

TEST(BackupLabel, OneFromAPrimaryIsNotFromAStandby)
{
    std::string text = label;
    text.replace(text.find("standby"), 7, "primary");
    EXPECT_FALSE(parseBackupLabel(text)->fromStandby);
}

TEST(BackupLabel, WithoutStartOrTimelineItIsCorrupt)
{
    EXPECT_FAILS(parseBackupLabel(""), Corrupt);
    EXPECT_FAILS(parseBackupLabel("START TIMELINE: 3\n"), Corrupt);
    EXPECT_FAILS(parseBackupLabel("START WAL LOCATION: 0/28 (file x)\n"), Corrupt);
    EXPECT_FAILS(parseBackupLabel("START WAL LOCATION: x\nSTART TIMELINE: 3\n"), Corrupt);
    EXPECT_FAILS(parseBackupLabel("START WAL LOCATION: 0/28\nSTART TIMELINE: 0\n"), Corrupt);
    EXPECT_FAILS(parseBackupLabel("START WAL LOCATION: 0/28\nSTART TIMELINE: 4294967296\n"),
                 Corrupt);
}

TEST(BackupLabel, CutAnywhereItNeverCrashes)
{
    for (std::size_t size = 0; size < label.size(); ++size)
        static_cast<void>(parseBackupLabel(label.substr(0, size)));
}

// As a server that was promoted twice wrote it.
TEST(HistoryFile, NamesTheAncestorsOldestFirst)
{
    const auto entries = parseHistoryFile("1\t0/3018098\tno recovery target specified\n"
                                          "\n"
                                          "# a remark\n"
                                          "2\t1A/5000000\tbefore 2026-11-20 21:05:06+00\n");
    ASSERT_OK(entries);
    ASSERT_EQ(entries->size(), 2U);
    EXPECT_EQ(value(entries->at(0).timeline), 1U);
    EXPECT_EQ(formatLsn(entries->at(0).switchedAt), "0/3018098");
    EXPECT_EQ(entries->at(0).reason, "no recovery target specified");
    EXPECT_EQ(formatLsn(entries->at(1).switchedAt), "1A/5000000");
    EXPECT_TRUE(parseHistoryFile("")->empty());
}

TEST(HistoryFile, ALineThatIsNoneAndTimelinesOutOfOrderAreCorrupt)
{
    for (const std::string text : {"x\t0/1\ty\n", "1\n", "1\t0\n", "0\t0/1\n", "1\tz/1\tr\n",
                                   "2\t0/1\ta\n1\t0/2\tb\n", "1\t0/1\ta\n1\t0/2\tb\n"})
        EXPECT_FAILS(parseHistoryFile(text), Corrupt) << text;
}

} // namespace
} // namespace salvor::postgres
