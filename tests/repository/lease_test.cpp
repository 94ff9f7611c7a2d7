#include "core/repository/lease.h"
#include "core/storage/read_only_driver.h"
#include "tests/repository/repository_test.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

#include <thread>

namespace salvor::repository {
namespace {

using namespace std::chrono_literals;

class LeaseTest : public RepositoryTest {
protected:
    LeaseTest()
    {
        driver = std::make_shared<storage::MemoryDriver>(clock);
        open(true);
        incarnation = pinned();
    }
    [[nodiscard]] Result<std::unique_ptr<Lease>> take(Lease::Kind kind)
    {
        return Lease::take(*repository, incarnation, kind, job, timings);
    }

    test::SetClock clock;
    model::Incarnation incarnation;
    // Nobody renews by himself here.
    Lease::Timings timings{{1h, 5min, 10min}, {1h, 30s, 10min}, 5ms};
    std::stop_source source;
    Progress progress;
    test::KeptEvents events;
    JobContext job{source.get_token(), progress, events};
};

TEST_F(LeaseTest, UsersShareAndLeaveNothingBehind)
{
    {
        const auto first = take(Lease::Kind::Use);
        ASSERT_OK(first);
        ASSERT_OK(take(Lease::Kind::Use));
        EXPECT_EQ(keysBelow(*driver, "leases/prod/1/use-").size(), 1U);
    }
    EXPECT_TRUE(keysBelow(*driver, "leases/").empty());
}

TEST_F(LeaseTest, ASweepIsRefusedWhileSomebodyUsesTheIncarnationAndSaysWho)
{
    const auto user = take(Lease::Kind::Use);
    ASSERT_OK(user);

    const auto sweep = take(Lease::Kind::Sweep);

    ASSERT_FAILS(sweep, NotReady);
    EXPECT_NE(sweep.error().message.find("process " + std::to_string(::getpid())),
              std::string::npos)
        << sweep.error().message;
    EXPECT_EQ(keysBelow(*driver, "leases/").size(), 1U);
}

TEST_F(LeaseTest, TwoSweepsDoNotShare)
{
    const auto first = take(Lease::Kind::Sweep);
    ASSERT_OK(first);

    EXPECT_FAILS(take(Lease::Kind::Sweep), NotReady);
}

TEST_F(LeaseTest, AUserWaitsForASweepToEnd)
{
    auto sweep = take(Lease::Kind::Sweep);
    ASSERT_OK(sweep);
    std::atomic<bool> has{false};
    std::jthread user([&] { has = take(Lease::Kind::Use).ok(); });
    while (events.noteCount() == 0)
        std::this_thread::sleep_for(1ms);
    EXPECT_FALSE(has);

    sweep->reset();
    user.join();

    EXPECT_TRUE(has);
}

TEST_F(LeaseTest, AWaitCanBeStopped)
{
    const auto sweep = take(Lease::Kind::Sweep);
    ASSERT_OK(sweep);
    source.request_stop();

    EXPECT_FAILS(take(Lease::Kind::Use), Cancelled);
    EXPECT_EQ(keysBelow(*driver, "leases/prod/1/use-").size(), 0U);
}

TEST_F(LeaseTest, WhatADeadHolderLeftEndsByTheClockOfTheStore)
{
    const auto user = take(Lease::Kind::Use);
    ASSERT_OK(user);
    clock.advance(10min);
    auto sweep = take(Lease::Kind::Sweep);
    ASSERT_OK(sweep);
    clock.advance(10min);

    EXPECT_OK(take(Lease::Kind::Use));
}

TEST_F(LeaseTest, OneWithADateToComeEndsWhenNobodyRenewsIt)
{
    timings.sweep.term = 30ms;
    const auto sweep = take(Lease::Kind::Sweep);
    ASSERT_OK(sweep);
    clock.advance(-24h * 365);

    EXPECT_OK(take(Lease::Kind::Use));
}

TEST_F(LeaseTest, OneThatRanOutIsNotFreshAndASweepMustNotGoOn)
{
    timings = {{1h, 20ms, 20ms}, {1h, 20ms, 20ms}, 5ms};
    const auto user = take(Lease::Kind::Use);
    ASSERT_OK(user);
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE((*user)->isFresh());
    clock.advance(1h);
    const auto sweep = take(Lease::Kind::Sweep);
    ASSERT_OK(sweep);
    std::this_thread::sleep_for(20ms);

    EXPECT_FAILS((*sweep)->confirm(job), NotReady);
    clock.advance(1h);
    EXPECT_OK((*user)->confirm(job));
}

TEST_F(LeaseTest, ItIsRenewedAllTheTime)
{
    timings.use.renewal = 1ms;
    const auto user = take(Lease::Kind::Use);
    ASSERT_OK(user);
    const auto key = keysBelow(*driver, "leases/").front();
    const Moment first = driver->stat(key)->modifiedAt;
    clock.advance(1s);

    while (driver->stat(key)->modifiedAt == first)
        std::this_thread::sleep_for(1ms);
    EXPECT_OK((*user)->confirm(job));
}

TEST_F(LeaseTest, WhoOnlyReadsGoesOnWithoutOne)
{
    driver = std::make_shared<storage::ReadOnlyDriver>(driver);
    reopen(keyFile('k'));

    const auto lease = Lease::takeForReading(*repository, incarnation, job);

    ASSERT_OK(lease);
    EXPECT_EQ(*lease, nullptr);
    EXPECT_EQ(events.notes.size(), 1U);
    source.request_stop();
}

} // namespace
} // namespace salvor::repository
