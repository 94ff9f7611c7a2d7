#include "core/storage/limited_driver.h"
#include "core/storage/memory_driver.h"
#include "tests/storage/storage_test.h"

namespace salvor::storage {
namespace {

using std::chrono::milliseconds;

/// A time in which nothing passes but what is slept.
class LimitedDriverTest : public testing::Test {
protected:
    ByteRate::Time time()
    {
        return {.now = [this] { return now; },
                .sleep =
                    [this](ByteRate::Clock::duration wait, const std::stop_token&) {
                        waits.push_back(std::chrono::duration_cast<milliseconds>(wait).count());
                        now += wait;
                        if (stopWhileWaiting)
                            source.request_stop();
                    }};
    }
    std::unique_ptr<LimitedDriver> driver(const Rates& rates)
    {
        return std::make_unique<LimitedDriver>(memory, rates, source.get_token(), time());
    }

    std::shared_ptr<MemoryDriver> memory = std::make_shared<MemoryDriver>();
    std::stop_source source;
    bool stopWhileWaiting = false;
    ByteRate::Clock::time_point now{std::chrono::hours(1)};
    std::vector<std::int64_t> waits;
};

const Bytes mebibyte(std::size_t{1} << 20U, std::byte{7});

TEST_F(LimitedDriverTest, WhatIsWrittenWaitsUntilWhatWasWrittenBeforeIsThrough)
{
    const auto limited = driver({.upload = ByteCount{4} << 20U});
    const auto stream = limited->openWrite("k", {});
    ASSERT_TRUE(stream.ok());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE((*stream)->write(mebibyte).ok());
    ASSERT_TRUE((*stream)->commit().ok());

    EXPECT_EQ(waits, (std::vector<std::int64_t>{250, 250}));
    EXPECT_EQ(limited->stat("k")->size, std::size_t{3} << 20U);
}

TEST_F(LimitedDriverTest, StreamsShareOneRate)
{
    const auto limited = driver({.upload = ByteCount{4} << 20U});

    EXPECT_TRUE(writeObject(*limited, "a", mebibyte).ok());
    EXPECT_TRUE(writeObject(*limited, "b", mebibyte).ok());

    EXPECT_EQ(waits, (std::vector<std::int64_t>{250}));
}

TEST_F(LimitedDriverTest, AnIdleLineHasNothingSavedUp)
{
    const auto limited = driver({.upload = ByteCount{4} << 20U});
    ASSERT_TRUE(writeObject(*limited, "a", mebibyte).ok());
    now += std::chrono::hours(1);

    ASSERT_TRUE(writeObject(*limited, "b", mebibyte).ok());
    ASSERT_TRUE(writeObject(*limited, "c", mebibyte).ok());

    EXPECT_EQ(waits, (std::vector<std::int64_t>{250}));
}

TEST_F(LimitedDriverTest, ALeaseIsRenewedPastALongQueue)
{
    const auto limited = driver({.upload = ByteCount{64} << 10U});
    ASSERT_TRUE(writeObject(*limited, "pack", mebibyte).ok());

    EXPECT_TRUE(writeObject(*limited, "lease", ByteView(mebibyte).first(300)).ok());

    EXPECT_EQ(waits, std::vector<std::int64_t>{});
}

TEST_F(LimitedDriverTest, WhatIsReadComesInPiecesThatWaitForEachOther)
{
    ASSERT_TRUE(writeObject(*memory, "k", mebibyte).ok());
    const auto limited = driver({.download = ByteCount{1} << 20U});

    const auto bytes = readObject(*limited, "k");

    EXPECT_EQ(*bytes, mebibyte);
    // The last wait is before the read that finds the end.
    EXPECT_EQ(waits, (std::vector<std::int64_t>{250, 250, 250}));
}

TEST_F(LimitedDriverTest, OneDirectionDoesNotHoldUpTheOther)
{
    const auto limited = driver({.download = ByteCount{64} << 10U});

    EXPECT_TRUE(writeObject(*limited, "a", mebibyte).ok());
    EXPECT_TRUE(writeObject(*limited, "b", mebibyte).ok());

    EXPECT_EQ(waits, std::vector<std::int64_t>{});
}

TEST_F(LimitedDriverTest, WhoWaitsCanBeStopped)
{
    const auto limited = driver({.upload = ByteCount{64} << 10U});
    ASSERT_TRUE(writeObject(*limited, "a", mebibyte).ok());
    stopWhileWaiting = true;

    const auto outcome = writeObject(*limited, "b", mebibyte);

    EXPECT_EQ(codeOf(outcome), "Cancelled");
    EXPECT_EQ(codeOf(memory->stat("b")), "NotFound");
}

TEST_F(LimitedDriverTest, TheRestIsPassedOn)
{
    ASSERT_TRUE(writeObject(*memory, "k", asBytes("x")).ok());
    const auto limited = driver({.upload = 65536, .download = 65536});

    EXPECT_EQ(limited->location(), memory->location());
    EXPECT_EQ(limited->capabilities().exclusiveCreate, memory->capabilities().exclusiveCreate);
    EXPECT_EQ(listObjects(*limited, "")->size(), 1U);
    EXPECT_TRUE(limited->makeDurable("k").ok());
    EXPECT_TRUE(limited->remove("k").ok());
    EXPECT_EQ(codeOf(limited->openRead("k", {})), "NotFound");
    EXPECT_EQ(limited->advisedPause(), milliseconds(0));
}

} // namespace
} // namespace salvor::storage
