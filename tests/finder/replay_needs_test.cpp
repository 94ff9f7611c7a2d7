#include "core/finder/replay_needs.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::finder;

namespace {

/// A backup, and WAL after it up to a target, in which anything may stand.
class ReplayNeedsTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        start = archive.wal.checkpoint(800).start;
        stop = archive.wal.filler(100).end;
    }
    /// To be called when the WAL is written; what comes after it is behind the target.
    void targetHere() { resolution.target.replayEnd = archive.wal.position(); }
    Result<ReplayNeeds> needs()
    {
        archive.wal.switchSegment();
        archive.push(archive.wal);
        resolution.backup = archive.addBackup(start, stop, *parseMoment("2026-11-20T20:00:00Z"), 1);
        resolution.target.timeline = model::TimelineId{1};
        return replayNeeds(*archive.repository, resolution, archive.job);
    }

    test::MadeArchive archive;
    model::Lsn start{};
    model::Lsn stop{};
    Resolution resolution;
};

} // namespace

TEST_F(ReplayNeedsTest, TheLargestSettingsOnTheWayAreNeeded)
{
    archive.wal.parameterChange({200, 8, 10, 5, 64});
    archive.wal.parameterChange({150, 9, 10, 0, 128});
    targetHere();

    const auto found = needs();

    ASSERT_OK(found);
    EXPECT_EQ(found->sizes, (model::ReplaySizes{200, 9, 10, 5, 128}));
    EXPECT_TRUE(found->blockers.empty());
}

TEST_F(ReplayNeedsTest, WhatComesAfterTheTargetIsNotNeeded)
{
    archive.wal.filler(100);
    targetHere();
    archive.wal.parameterChange({200, 8, 10, 5, 64}, 0);
    archive.wal.createTablespace(16400, "/srv/space");

    const auto found = needs();

    ASSERT_OK(found);
    EXPECT_EQ(found->sizes, model::ReplaySizes{});
    EXPECT_TRUE(found->blockers.empty());
}

TEST_F(ReplayNeedsTest, ATablespaceMadeElsewhereIsABlocker)
{
    archive.wal.createTablespace(16400, "/srv/space");
    targetHere();

    const auto found = needs();

    ASSERT_OK(found);
    ASSERT_EQ(found->blockers.size(), 1U);
    EXPECT_EQ(found->blockers[0].level, model::Check::Level::Blocker);
    EXPECT_NE(found->blockers[0].found.find("'/srv/space'"), std::string::npos);
}

TEST_F(ReplayNeedsTest, ATablespaceWithinTheDataDirectoryIsNone)
{
    archive.wal.createTablespace(16400, "");
    targetHere();

    const auto found = needs();

    ASSERT_OK(found);
    EXPECT_TRUE(found->blockers.empty());
}

TEST_F(ReplayNeedsTest, WalThatDoesNotHoldEverythingIsABlocker)
{
    const auto minimal = archive.wal.parameterChange({100, 8, 0, 0, 64}, 0);
    archive.wal.parameterChange({100, 8, 10, 0, 64}, 1);
    targetHere();

    const auto found = needs();

    ASSERT_OK(found);
    ASSERT_EQ(found->blockers.size(), 1U);
    EXPECT_NE(found->blockers[0].found.find("wal_level = minimal"), std::string::npos);
    EXPECT_NE(found->blockers[0].found.find(model::formatLsn(minimal.start)), std::string::npos);
}
