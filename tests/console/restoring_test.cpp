#include "core/console/restoring.h"

#include <gtest/gtest.h>

namespace salvor::console {
namespace {

model::RestorePlan planTo(std::uint32_t timeline, std::uint64_t end, bool blocked = false)
{
    model::RestorePlan plan;
    plan.target.timeline = model::TimelineId{timeline};
    plan.target.replayEnd = model::Lsn{end};
    if (blocked)
        plan.checks.push_back({model::Check::Level::Blocker, "WAL", "It is not there.", "", ""});
    return plan;
}

TEST(IsBetter, TheNewerTimelineThenTheLaterEnd)
{
    EXPECT_TRUE(isBetter(planTo(2, 100), planTo(1, 900)));
    EXPECT_FALSE(isBetter(planTo(1, 900), planTo(2, 100)));
    EXPECT_TRUE(isBetter(planTo(2, 101), planTo(2, 100)));
    EXPECT_FALSE(isBetter(planTo(2, 100), planTo(2, 100)));
}

TEST(IsBetter, OneThatCanBeDoneBeforeOneThatCannot)
{
    EXPECT_TRUE(isBetter(planTo(1, 100), planTo(2, 900, true)));
    EXPECT_FALSE(isBetter(planTo(2, 900, true), planTo(1, 100)));
    EXPECT_TRUE(isBetter(planTo(2, 100, true), planTo(1, 900, true)));
}

class MayPassOn : public ::testing::Test {
protected:
    static bool of(ErrorCode code, bool hasWritten, bool isReachable, bool isFinished = false)
    {
        const Error error = fail(code, "it failed");
        return mayPassOn({error, isFinished, hasWritten, isReachable});
    }
};

TEST_F(MayPassOn, WhatTheRepositoryDid)
{
    for (const bool hasWritten : {false, true}) {
        EXPECT_TRUE(of(ErrorCode::Corrupt, hasWritten, true));
        EXPECT_TRUE(of(ErrorCode::Unavailable, hasWritten, false));
        EXPECT_TRUE(of(ErrorCode::NotReady, hasWritten, false));
    }
    EXPECT_TRUE(of(ErrorCode::Unavailable, false, true));
    EXPECT_TRUE(of(ErrorCode::Timeout, false, true));
}

TEST_F(MayPassOn, NotWhatTheDestinationDid)
{
    EXPECT_FALSE(of(ErrorCode::Unavailable, true, true)); // EIO of a disk is that, too.
    EXPECT_FALSE(of(ErrorCode::NoSpace, true, true));
    EXPECT_FALSE(of(ErrorCode::Denied, false, true));
    EXPECT_FALSE(of(ErrorCode::NotReady, false, true));
}

TEST_F(MayPassOn, NeitherAStopNorWhatCameAfterAllFilesWereThere)
{
    EXPECT_FALSE(of(ErrorCode::Cancelled, false, false));
    EXPECT_FALSE(of(ErrorCode::Corrupt, true, false, true));
}

} // namespace
} // namespace salvor::console
