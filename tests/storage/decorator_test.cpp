#include "core/storage/faulty_driver.h"
#include "core/storage/memory_driver.h"
#include "core/storage/read_only_driver.h"
#include "core/storage/retry_driver.h"
#include "tests/storage/storage_test.h"

namespace salvor::storage {
namespace {

using std::chrono::milliseconds;

class RetryDriverTest : public testing::Test {
protected:
    RetryOptions options()
    {
        return {.attempts = 4,
                .base = milliseconds(100),
                .longest = milliseconds(300),
                .stop = source.get_token(),
                .sleep =
                    [this](milliseconds time, const std::stop_token&) {
                        waits.push_back(time.count());
                        if (stopWhileWaiting)
                            source.request_stop();
                    },
                .random = [] { return 0.5; }};
    }

    std::stop_source source;
    bool stopWhileWaiting = false;
    std::vector<std::int64_t> waits;
    MemoryDriver memory;
    std::shared_ptr<FaultyDriver> faulty = std::make_shared<FaultyDriver>(memory);
    RetryDriver driver{faulty, options()};
};

TEST_F(RetryDriverTest, WhatFailsForAMomentSucceeds)
{
    ASSERT_TRUE(writeObject(memory, "k", asBytes("x")).ok());
    faulty->add({.call = Call::Stat, .times = 2, .below = {}});

    const auto info = driver.stat("k");

    EXPECT_EQ(errorOf(info), "");
    EXPECT_EQ(faulty->count(Call::Stat), 3);
    EXPECT_EQ(waits, (std::vector<std::int64_t>{50, 100}));
}

TEST_F(RetryDriverTest, AttemptsAndWaitsAreLimited)
{
    faulty->add({.call = Call::Stat, .times = 100, .below = {}, .code = ErrorCode::Timeout});

    const auto info = driver.stat("k");

    EXPECT_EQ(codeOf(info), "Timeout");
    EXPECT_EQ(faulty->count(Call::Stat), 4);
    EXPECT_EQ(waits, (std::vector<std::int64_t>{50, 100, 150}));
}

TEST_F(RetryDriverTest, WhatWillNotChangeIsNotRepeated)
{
    faulty->add({.call = Call::Remove, .times = 100, .below = {}, .code = ErrorCode::Denied});

    const auto outcome = driver.remove("k");

    EXPECT_EQ(codeOf(outcome), "Denied");
    EXPECT_EQ(faulty->count(Call::Remove), 1);
    EXPECT_EQ(waits, std::vector<std::int64_t>{});
}

TEST_F(RetryDriverTest, ThePauseThatTheStoreAsksForIsKept)
{
    faulty->add({.call = Call::OpenRead, .times = 1, .below = {}});
    faulty->setAdvisedPause(milliseconds(7000));

    const auto stream = driver.openRead("k", {});

    EXPECT_EQ(codeOf(stream), "NotFound");
    EXPECT_EQ(waits, (std::vector<std::int64_t>{7000}));
    EXPECT_EQ(driver.advisedPause(), milliseconds(7000));
}

TEST_F(RetryDriverTest, APauseBeyondItsPatienceIsNotKept)
{
    faulty->add({.call = Call::Stat, .times = 1, .below = {}});
    faulty->setAdvisedPause(milliseconds(5000));
    RetryOptions hasty = options();
    hasty.patience = milliseconds(4999);

    EXPECT_EQ(codeOf(RetryDriver(faulty, hasty).stat("k")), "Unavailable");

    EXPECT_EQ(faulty->count(Call::Stat), 1);
    EXPECT_TRUE(waits.empty());
}

TEST_F(RetryDriverTest, AStopWhileWaitingEndsTheRepeating)
{
    faulty->add({.call = Call::Stat, .times = 100, .below = {}});
    stopWhileWaiting = true;

    const auto info = driver.stat("k");

    EXPECT_EQ(codeOf(info), "Cancelled");
    EXPECT_EQ(faulty->count(Call::Stat), 1);
}

TEST_F(RetryDriverTest, AStoppedDriverDoesNotCallAtAll)
{
    source.request_stop();

    EXPECT_EQ(codeOf(driver.remove("k")), "Cancelled");
    EXPECT_EQ(faulty->calls(), 0);
}

TEST_F(RetryDriverTest, ABrokenListingGoesOnBehindTheLastObject)
{
    for (const char* key : {"a", "b", "c", "d"})
        ASSERT_TRUE(writeObject(memory, key, asBytes("x")).ok());
    faulty->add({.call = Call::List, .below = {}, .visited = 2});
    faulty->add({.call = Call::List, .nth = 2, .below = {}, .visited = 3});

    EXPECT_EQ(keysBelow(driver, ""), (std::vector<ObjectKey>{"a", "b", "c", "d"}));
    EXPECT_EQ(faulty->count(Call::List), 3);
}

TEST_F(RetryDriverTest, AnErrorOfTheVisitorIsItsOwn)
{
    ASSERT_TRUE(writeObject(memory, "a", asBytes("x")).ok());

    const auto outcome = driver.list(
        "", [](const ObjectInfo&) -> Result<> { return fail(ErrorCode::Timeout, "mine"); });

    EXPECT_EQ(errorOf(outcome), "Timeout: mine");
    EXPECT_EQ(faulty->count(Call::List), 1);
}

TEST_F(RetryDriverTest, StreamsGoOnWhereTheyWere)
{
    faulty->add({.call = Call::Write, .nth = 2, .below = {}});
    faulty->add({.call = Call::Commit, .below = {}});
    faulty->add({.call = Call::Read, .nth = 2, .below = {}});
    const Bytes content(std::size_t{3} << 20U, std::byte{7});

    const auto written = writeObject(driver, "k", content);
    const auto read = readObject(driver, "k");

    EXPECT_EQ(errorOf(written), "");
    ASSERT_EQ(errorOf(read), "");
    EXPECT_EQ(*read, content);
    EXPECT_EQ(waits.size(), 3U);
}

TEST_F(RetryDriverTest, AReallySleepingDriverIsWokenByAStop)
{
    faulty->add({.call = Call::Stat, .times = 100, .below = {}});
    RetryDriver sleeping(faulty, {.base = std::chrono::hours(1),
                                  .longest = std::chrono::hours(1),
                                  .stop = source.get_token(),
                                  .sleep = {},
                                  .random = [this] {
                                      source.request_stop();
                                      return 0.9;
                                  }});

    EXPECT_EQ(codeOf(sleeping.stat("k")), "Cancelled");
}

TEST_F(RetryDriverTest, KeepsEveryPromiseOverAPlaceThatOftenFails)
{
    RetryDriver patient(faulty, {.attempts = 20,
                                 .stop = {},
                                 .sleep = [](milliseconds, const std::stop_token&) {},
                                 .random = {}});
    for (const Call call : {Call::Stat, Call::List, Call::OpenRead, Call::Read, Call::OpenWrite,
                            Call::Write, Call::Commit, Call::Remove})
        for (int nth = 2; nth < 200; nth += 3)
            faulty->add({.call = call, .nth = nth, .below = {}});

    const auto findings = checkConformance(patient, "scratch/");

    EXPECT_EQ(brokenPromises(findings), "");
    EXPECT_GT(faulty->failures(), 50);
    EXPECT_EQ(keysBelow(memory, ""), std::vector<ObjectKey>{});
}

TEST(ReadOnlyDriver, ReadsAndRefusesEveryChange)
{
    const auto memory = std::make_shared<MemoryDriver>();
    ASSERT_TRUE(writeObject(*memory, "k", asBytes("x")).ok());
    ReadOnlyDriver driver(memory);

    EXPECT_EQ(textOf(driver, "k"), "x");
    EXPECT_EQ(keysBelow(driver, ""), (std::vector<ObjectKey>{"k"}));
    EXPECT_EQ(driver.stat("k")->size, 1U);
    EXPECT_EQ(errorOf(driver.openWrite("k", {})),
              "Denied: cannot write 'k': memory:// is open for reading only");
    EXPECT_EQ(codeOf(driver.remove("k")), "Denied");
    EXPECT_FALSE(driver.capabilities().exclusiveCreate);
}

TEST(FaultyDriver, AStreamTearsAfterTheBytesItWasGiven)
{
    MemoryDriver memory;
    FaultyDriver driver(memory);
    driver.add({.call = Call::Write,
                .nth = 5,
                .below = "packs/",
                .code = ErrorCode::NoSpace,
                .tears = true});
    auto stream = driver.openWrite("packs/1", {});

    EXPECT_EQ(codeOf((*stream)->write(asBytes("12345"))), "ok");
    EXPECT_EQ(codeOf((*stream)->write(asBytes("6"))), "NoSpace");
    EXPECT_EQ(codeOf((*stream)->commit()), "NoSpace");
    EXPECT_EQ(codeOf(memory.stat("packs/1")), "NotFound");
    EXPECT_EQ(codeOf(writeObject(driver, "packs/2", asBytes("1234567"))), "ok");
}

TEST(FaultyDriver, ALostAnswerIsAnErrorOfACallThatWasDone)
{
    MemoryDriver memory;
    FaultyDriver driver(memory);
    driver.add({.call = Call::Commit,
                .below = {},
                .code = ErrorCode::Timeout,
                .when = Fault::When::AfterEffect});

    EXPECT_EQ(codeOf(writeObject(driver, "k", asBytes("x"))), "Timeout");
    EXPECT_EQ(textOf(memory, "k"), "x");
}

TEST(FaultyDriver, ADeadProcessChangesNothingMore)
{
    MemoryDriver memory;
    FaultyDriver driver(memory);
    ASSERT_TRUE(writeObject(driver, "a", asBytes("x")).ok());
    driver.failChangesFrom(driver.changes() + 2);

    EXPECT_EQ(codeOf(writeObject(driver, "b", asBytes("x"))), "Unavailable");
    EXPECT_EQ(codeOf(driver.remove("a")), "Unavailable");
    EXPECT_EQ(codeOf(driver.stat("a")), "ok");

    driver.failAllFrom(driver.calls() + 1, ErrorCode::Cancelled);

    EXPECT_EQ(codeOf(driver.stat("a")), "Cancelled");
    EXPECT_EQ(keysBelow(memory, ""), (std::vector<ObjectKey>{"a"}));
}

TEST(FaultyDriver, ConformanceNamesTheBrokenPromise)
{
    MemoryDriver memory;
    FaultyDriver driver(memory);
    driver.add({.call = Call::Commit, .nth = 2, .below = {}, .code = ErrorCode::Corrupt});

    const auto findings = checkConformance(driver, "scratch/");

    EXPECT_EQ(brokenPromises(findings), "empty-object: 'scratch/empty': a scripted fault.\n");
}

TEST(FaultyDriver, ConformanceStopsAskingWhereWritingIsDenied)
{
    const auto memory = std::make_shared<MemoryDriver>();
    ReadOnlyDriver driver(memory);

    const auto findings = checkConformance(driver, "scratch/");

    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].sentence,
              "cannot write 'scratch/small': memory:// is open for reading only. Open the "
              "repository for writing to change it.");
}

} // namespace
} // namespace salvor::storage
