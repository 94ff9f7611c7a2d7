#include "core/base/file.h"
#include "core/console/outages.h"
#include "core/console/wal_places.h"
#include "core/storage/faulty_driver.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

namespace salvor::console {
namespace {

using namespace std::chrono_literals;
using repository::Repository;
using Pushed = Repository::Pushed;

/// A repository behind a driver that can be made to fail for good.
struct FaultyPlace {
    explicit FaultyPlace(const test::MadeArchive& archive)
        : faulty(std::make_shared<storage::FaultyDriver>(*archive.driver))
        , repository(test::must(Repository::open(faulty, {})))
    {}
    void failWith(ErrorCode code) const { faulty->failAllFrom(1, code); }
    void mend() const { faulty->failAllFrom(1'000'000'000); }

    std::shared_ptr<storage::FaultyDriver> faulty;
    std::shared_ptr<Repository> repository;
};

class WalPlacesTest : public ::testing::Test {
protected:
    WalPlacesTest()
    {
        archive.wal.commit(7, Moment{});
        archive.wal.switchSegment();
        cluster.name = "orders";
        cluster.repository = "first";
        cluster.copies = {"second"};
        EXPECT_OK(writeFileDurably(path(), bytes()));
    }
    [[nodiscard]] const Bytes& bytes() const { return archive.wal.segments().begin()->second; }
    [[nodiscard]] Path path() const
    {
        return folder.path()
               / test::must(model::segmentName(segment(), archive.identity.segmentSize));
    }
    [[nodiscard]] model::Segment segment() const
    {
        return {model::TimelineId{1}, archive.wal.segments().begin()->first};
    }
    [[nodiscard]] WalTargets::Open opener()
    {
        return [this](const std::string& name,
                      Patience patience) -> Result<std::shared_ptr<Repository>> {
            const bool isLonger = patience == Patience::Full && cluster.walRequired != 0;
            asked.push_back(isLonger ? name + " patiently" : name);
            if (name == unopened || (name == slow && patience == Patience::Short)) {
                clock.advance(wait);
                return fail(name == slow ? ErrorCode::Timeout : openingFails,
                            "no repository there");
            }
            if (name == sluggish)
                clock.advance(wait);
            return name == "first" ? first.repository : second.repository;
        };
    }
    /// As archive-push does for each file: nothing but `outages` is kept.
    Result<Pushed> pushAnew() { return WalTargets(cluster, opener(), outages).push(path()); }
    [[nodiscard]] WalSources sources()
    {
        return {{{"first", first.repository, archive.incarnation},
                 {"second", second.repository, other.incarnation}},
                clock};
    }
    [[nodiscard]] bool isIn(const test::MadeArchive& one) const
    {
        return *one.repository->hasSegment(one.incarnation, segment());
    }

    using Names = std::vector<std::string>;

    test::MadeArchive archive;
    test::MadeArchive other{15, archive.repository.get()};
    FaultyPlace first{archive};
    FaultyPlace second{other};
    settings::ClusterConfig cluster;
    std::string unopened;
    std::string slow;     ///< Cannot be opened within seconds.
    std::string sluggish; ///< Takes `wait` to be opened.
    ErrorCode openingFails = ErrorCode::NotReady;
    std::chrono::seconds wait{0}; ///< Until it fails.
    Names asked;                  ///< To be opened, in order.
    test::SetClock clock;
    Outages outages{clock};
    TemporaryDirectory folder = test::must(TemporaryDirectory::create());
};

TEST_F(WalPlacesTest, WalGoesToAll)
{
    WalTargets targets(cluster, opener(), outages);

    EXPECT_EQ(*targets.push(path()), Pushed::Stored);

    EXPECT_TRUE(isIn(archive));
    EXPECT_TRUE(isIn(other));
    EXPECT_EQ(*targets.push(path()), Pushed::AlreadyThere);
    EXPECT_EQ(*targets.segmentSize(), archive.identity.segmentSize);
    EXPECT_TRUE(*targets.areSame());
}

TEST_F(WalPlacesTest, WithAllRequiredOneThatIsAwayFailsThePush)
{
    WalTargets targets(cluster, opener(), outages);
    second.failWith(ErrorCode::Unavailable);

    const auto pushed = targets.push(path());

    ASSERT_TRUE(failsWith(pushed, ErrorCode::Unavailable));
    EXPECT_NE(pushed.error().hint.find("It is in repository 'first'"), std::string::npos);
    second.mend();
    EXPECT_OK(targets.push(path()));
    EXPECT_TRUE(isIn(other));
}

TEST_F(WalPlacesTest, WithAnyRequiredEitherIsEnoughAndOneThatIsAwayIsNotAskedForAWhile)
{
    cluster.walRequired = 1;
    WalTargets targets(cluster, opener(), outages);
    first.failWith(ErrorCode::Timeout);
    EXPECT_EQ(*targets.push(path()), Pushed::Stored);
    EXPECT_FALSE(isIn(archive));
    EXPECT_TRUE(isIn(other));
    first.mend();

    EXPECT_OK(targets.push(path()));

    EXPECT_FALSE(isIn(archive)); // Still not asked.
    second.failWith(ErrorCode::NoSpace);
    EXPECT_OK(targets.push(path()));
    EXPECT_TRUE(isIn(archive)); // Needed now.
    first.failWith(ErrorCode::Denied);
    EXPECT_TRUE(!targets.push(path()).ok());
}

TEST_F(WalPlacesTest, OneThatCannotBeOpenedIsAway)
{
    unopened = "first";
    EXPECT_FAILS(pushAnew(), NotReady);
    EXPECT_OK(WalTargets(cluster, opener(), outages).segmentSize());
    cluster.walRequired = 1;

    EXPECT_OK(pushAnew());

    EXPECT_TRUE(isIn(other));
    cluster.copies.clear();
    EXPECT_FAILS(WalTargets(cluster, opener(), outages).segmentSize(), NotReady);
}

TEST_F(WalPlacesTest, OneThatHangsIsAskedOnceForManyFiles)
{
    cluster.walRequired = 1;
    unopened = "first";
    wait = 20s;

    for (int file = 0; file < 20; ++file)
        ASSERT_OK(pushAnew());

    EXPECT_EQ(std::count(asked.begin(), asked.end(), "first"), 1);
    clock.advance(199s); // The pause is ten times the wait.
    ASSERT_OK(pushAnew());
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "first"), 1);
    clock.advance(2s);
    ASSERT_OK(pushAnew());
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "first"), 2);
    clock.advance(2s);
    ASSERT_OK(pushAnew());
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "first"), 2);
}

TEST_F(WalPlacesTest, AWorkerAsksOneThatHangsOnce)
{
    cluster.walRequired = 1;
    WalTargets targets(cluster, opener(), outages);
    ASSERT_OK(targets.push(path()));
    first.failWith(ErrorCode::Timeout);
    const int before = first.faulty->calls();

    for (int file = 0; file < 20; ++file) {
        EXPECT_TRUE(*targets.areSame());
        ASSERT_OK(targets.push(path()));
    }

    EXPECT_EQ(first.faulty->calls(), before + 1);
    first.mend();
    clock.advance(61s);
    ASSERT_OK(targets.push(path()));
    EXPECT_GT(first.faulty->calls(), before + 1);
    EXPECT_FALSE(outages.why("first"));
}

TEST_F(WalPlacesTest, WhoeverAnswersIsAskedBeforeOneThatFailedALastTime)
{
    cluster.walRequired = 1;
    unopened = "first";
    ASSERT_OK(pushAnew());
    EXPECT_EQ(asked, (Names{"first", "second"}));
    asked.clear();
    ASSERT_OK(pushAnew());
    EXPECT_EQ(asked, Names{"second"});
    asked.clear();
    clock.advance(61s);

    ASSERT_OK(pushAnew());

    EXPECT_EQ(asked, (Names{"second", "first"}));
    asked.clear();
    ASSERT_OK(WalTargets(cluster, opener(), outages).segmentSize());
    EXPECT_EQ(asked, Names{"second"});
}

TEST_F(WalPlacesTest, WhatIsNeededIsGivenTheTimeItTakes)
{
    cluster.walRequired = 1;
    slow = "first";
    unopened = "second";

    ASSERT_OK(pushAnew());

    EXPECT_EQ(asked, (Names{"first", "second", "first patiently"}));
    EXPECT_TRUE(isIn(archive));
    EXPECT_FALSE(outages.why("first"));
    EXPECT_TRUE(outages.why("second"));
    slow = "both";
    unopened = "first";
    openingFails = ErrorCode::Timeout;
    second.failWith(ErrorCode::Corrupt); // Time does not mend that.
    asked.clear();
    EXPECT_FAILS(pushAnew(), Timeout);
    EXPECT_EQ(asked, (Names{"first", "second", "first patiently"}));
}

TEST_F(WalPlacesTest, OneThatTakesLongForAFileDoesNotHoldTheNext)
{
    cluster.walRequired = 1;
    sluggish = "second";
    wait = 11s;
    ASSERT_OK(pushAnew());
    EXPECT_TRUE(isIn(other));
    asked.clear();
    testing::internal::CaptureStdout();

    ASSERT_OK(pushAnew());

    EXPECT_NE(testing::internal::GetCapturedStdout().find("yet: it is slow: a file took 11 s"),
              std::string::npos);
    EXPECT_EQ(asked, Names{"first"});
    clock.advance(111s);
    wait = 10s;
    ASSERT_OK(pushAnew());
    EXPECT_FALSE(outages.why("second"));
    cluster.walRequired = 0;
    wait = 60s;
    ASSERT_OK(pushAnew());
    EXPECT_FALSE(outages.why("second")); // It is needed.
}

TEST_F(WalPlacesTest, TheNextProcessKnowsWhatFailed)
{
    cluster.walRequired = 1;
    unopened = "first";
    const auto push = [&] {
        Outages kept(clock, test::must(wal::Spool::open(folder.path() / "away")));
        return WalTargets(cluster, opener(), kept).push(path());
    };
    ASSERT_OK(push());
    ASSERT_OK(push());
    EXPECT_EQ(asked, (Names{"first", "second", "second"}));

    unopened.clear();
    clock.advance(61s);
    ASSERT_OK(push());
    ASSERT_OK(push());

    EXPECT_EQ(asked, (Names{"first", "second", "second", "second", "first", "first", "second"}));
}

TEST_F(WalPlacesTest, OneThreadAtATimeTriesWhatFailed)
{
    using Standing = Outages::Standing;
    EXPECT_EQ(outages.standing("first"), Standing::Good);
    outages.failed("first", clock.now(), "no answer");
    EXPECT_EQ(outages.standing("first"), Standing::Away);
    EXPECT_EQ(outages.why("first"), "no answer");
    clock.advance(61s);
    EXPECT_EQ(outages.standing("first"), Standing::Doubtful);
    EXPECT_EQ(outages.standing("first"), Standing::Away);
    clock.advance(-1h); // Set back: nothing is away for so long.
    EXPECT_EQ(outages.standing("first"), Standing::Doubtful);
    outages.answered("first");
    EXPECT_EQ(outages.standing("first"), Standing::Good);
}

TEST_F(WalPlacesTest, ADamagedOneThatIsNotNeededIsToldLoudly)
{
    cluster.walRequired = 1;
    unopened = "second";
    for (const ErrorCode code : {ErrorCode::Corrupt, ErrorCode::Incompatible, ErrorCode::Denied}) {
        openingFails = code;
        outages.answered("second");
        testing::internal::CaptureStdout();
        EXPECT_OK(pushAnew());
        const std::string told = testing::internal::GetCapturedStdout();
        EXPECT_NE(told.find("[error]"), std::string::npos) << told;
        EXPECT_NE(told.find("is not in repository 'second' yet: "), std::string::npos) << told;
        EXPECT_NE(told.find("repo copy first second"), std::string::npos) << told;
        // Also while it is not asked.
        testing::internal::CaptureStdout();
        EXPECT_OK(pushAnew());
        EXPECT_NE(testing::internal::GetCapturedStdout().find("in repository 'second' yet"),
                  std::string::npos);
    }
    unopened.clear();
    outages.answered("second");
    second.failWith(ErrorCode::Corrupt);
    EXPECT_OK(pushAnew());
    EXPECT_TRUE(outages.why("second"));
}

TEST_F(WalPlacesTest, ADiskThatDoesNotKeepWhatItIsGivenIsMissedWhereItCanBeSpared)
{
    second.faulty->add({.call = storage::Call::Commit,
                        .times = 100,
                        .below = "wal/",
                        .code = ErrorCode::NotReady});
    EXPECT_FAILS(pushAnew(), NotReady);
    cluster.walRequired = 1;
    outages.answered("second");

    EXPECT_OK(pushAnew());

    EXPECT_TRUE(isIn(archive));
    EXPECT_FALSE(isIn(other));
    EXPECT_TRUE(outages.why("second"));
}

TEST_F(WalPlacesTest, ADiskThatSaysNothingOfTheClusterIsMissedWhereItCanBeSpared)
{
    cluster.walRequired = 1;
    second.faulty->add({.call = storage::Call::List,
                        .times = 100,
                        .below = "clusters/",
                        .code = ErrorCode::NotReady});

    EXPECT_OK(pushAnew());

    EXPECT_TRUE(isIn(archive));
    EXPECT_TRUE(outages.why("second"));
}

TEST_F(WalPlacesTest, TheSizeOfSegmentsIsWaitedForWhereNobodyAnswersAtOnce)
{
    cluster.walRequired = 1;
    slow = "first";
    unopened = "second";

    EXPECT_OK(WalTargets(cluster, opener(), outages).segmentSize());

    EXPECT_EQ(asked, (Names{"first", "second", "first patiently"}));
}

TEST_F(WalPlacesTest, WhoDoesNotAnswerWithinSecondsIsAskedAgainAtTheEnd)
{
    const auto ask = [&](ErrorCode ofFirst, bool givesAtLast) {
        asked.clear();
        return askInTurn({"first", "second"}, outages,
                         [&](const std::string& name, Patience patience) -> Result<> {
                             const bool isShort = patience == Patience::Short;
                             asked.push_back(isShort ? name : name + " patiently");
                             if (name == "second")
                                 return fail(ErrorCode::NotFound, "it is not there");
                             return !isShort && givesAtLast ? Result<>()
                                                            : fail(ofFirst, "no answer");
                         });
    };

    EXPECT_EQ(ask(ErrorCode::Timeout, false), std::nullopt);
    EXPECT_EQ(asked, (Names{"first", "second", "first patiently"}));
    EXPECT_TRUE(outages.why("first"));
    EXPECT_EQ(ask(ErrorCode::Unavailable, true), "first");
    EXPECT_EQ(asked, (Names{"second", "first", "first patiently"})); // It failed a moment ago.
    EXPECT_FALSE(outages.why("first"));
    EXPECT_EQ(ask(ErrorCode::Corrupt, true), std::nullopt); // Time does not mend that.
    EXPECT_EQ(asked, (Names{"first", "second"}));
}

TEST_F(WalPlacesTest, OneThatGivesAgainIsAskedFirstAgain)
{
    outages.failed("first", clock.now(), "no answer");
    const auto ask = [&] {
        asked.clear();
        return askInTurn({"first", "second"}, outages, [&](const std::string& name, Patience) {
            asked.push_back(name);
            return Result<>();
        });
    };
    EXPECT_EQ(ask(), "second");
    clock.advance(61s);

    EXPECT_EQ(ask(), "first");
    EXPECT_EQ(ask(), "first");

    EXPECT_EQ(asked, Names{"first"});
}

TEST_F(WalPlacesTest, AnotherClusterInOneIsRefusedWhateverIsRequired)
{
    cluster.walRequired = 1;
    model::ClusterIdentity another = other.identity;
    ++another.systemIdentifier;
    ASSERT_OK(other.repository->adopt("orders", another));

    const auto pushed = pushAnew();

    ASSERT_FAILS(pushed, NotReady);
    EXPECT_NE(pushed.error().message.find("is another one"), std::string::npos);
}

TEST_F(WalPlacesTest, AFileThatCannotBeReadIsNoFaultOfARepository)
{
    cluster.walRequired = 1;
    std::filesystem::remove(path());

    const auto pushed = pushAnew();

    ASSERT_FAILS(pushed, NotFound);
    EXPECT_EQ(pushed.error().message.find("repository"), std::string::npos);
    EXPECT_EQ(asked, Names());
    EXPECT_FALSE(outages.why("first"));
}

TEST_F(WalPlacesTest, OneRepositoryUnderTwoNamesCountsForNone)
{
    for (const unsigned required : {0U, 1U}) {
        cluster.walRequired = required;
        const auto pushed =
            WalTargets(
                cluster, [this](const std::string&, Patience) { return Result(first.repository); },
                outages)
                .push(path());

        ASSERT_FAILS(pushed, InvalidInput);
        EXPECT_NE(pushed.error().message.find("one and the same"), std::string::npos);
    }
}

TEST_F(WalPlacesTest, OneWithOtherKeysCountsForNone)
{
    const test::MadeArchive foreign;
    const FaultyPlace place{foreign};
    for (const unsigned required : {0U, 1U}) {
        cluster.walRequired = required;
        const WalTargets::Open open = [&](const std::string& name, Patience) {
            return Result(name == "first" ? first.repository : place.repository);
        };

        const auto pushed = WalTargets(cluster, open, outages).push(path());

        ASSERT_FAILS(pushed, InvalidInput);
        EXPECT_NE(pushed.error().message.find("'second' is not a copy of 'first'"),
                  std::string::npos);
        EXPECT_FALSE(isIn(foreign));
    }
}

TEST_F(WalPlacesTest, OtherBytesInOneAreRefusedWhateverIsRequired)
{
    cluster.walRequired = 1;
    Bytes changed = bytes();
    changed.back() ^= std::byte{1};
    ASSERT_OK(other.repository->pushSegment(other.incarnation, segment(), changed));
    WalTargets targets(cluster, opener(), outages);

    const auto pushed = targets.push(path());

    ASSERT_TRUE(failsWith(pushed, ErrorCode::AlreadyExists));
    EXPECT_NE(pushed.error().message.find("repository 'second'"), std::string::npos);
}

TEST_F(WalPlacesTest, AReplacedRepositoryIsNoticed)
{
    WalTargets targets(cluster, opener(), outages);
    ASSERT_OK(targets.push(path()));
    const auto objects = *storage::listObjects(*other.driver, "");
    for (const auto& object : objects)
        ASSERT_OK(other.driver->remove(object.key));
    repository::InitOptions copy;
    copy.encrypted = false;
    copy.copyOf = archive.repository.get();
    ASSERT_OK(Repository::init(*other.driver, copy));

    EXPECT_FAILS(targets.push(path()), NotReady);
    EXPECT_EQ(storage::listObjects(*other.driver, "")->size(), 1U);

    second.repository = test::must(Repository::open(second.faulty, {}));
    EXPECT_OK(targets.push(path())); // It was opened anew.
    EXPECT_GT(storage::listObjects(*other.driver, "")->size(), 1U);
}

TEST_F(WalPlacesTest, TheOnlyRepositoryIsAskedWhetherItIsStillTheSame)
{
    cluster.copies.clear();
    WalTargets targets(cluster, opener(), outages);
    EXPECT_TRUE(*targets.areSame());
    ASSERT_OK(targets.push(path()));
    EXPECT_TRUE(*targets.areSame());
    ASSERT_OK(archive.driver->remove("salvor.json"));
    EXPECT_FAILS(targets.areSame(), NotReady);
    ASSERT_OK(storage::writeObject(*archive.driver, "salvor.json",
                                   *storage::readObject(*other.driver, "salvor.json")));
    EXPECT_FALSE(*targets.areSame());
}

TEST_F(WalPlacesTest, NothingIsWrittenWhereARepositoryWas)
{
    WalTargets targets(cluster, opener(), outages);
    ASSERT_OK(targets.segmentSize());
    ASSERT_OK(other.driver->remove("salvor.json"));
    const auto before = storage::listObjects(*other.driver, "")->size();

    EXPECT_TRUE(failsWith(targets.push(path()), ErrorCode::NotReady));

    EXPECT_EQ(storage::listObjects(*other.driver, "")->size(), before);
    EXPECT_TRUE(isIn(archive));
}

TEST_F(WalPlacesTest, ASegmentComesFromTheNextThatHasItWhole)
{
    ASSERT_OK(other.repository->pushSegment(other.incarnation, segment(), bytes()));
    WalSources all = sources();
    EXPECT_EQ(*all.read(segment()), bytes());
    const int before = first.faulty->calls();
    EXPECT_EQ(*all.read(segment()), bytes());
    EXPECT_GT(first.faulty->calls(), before); // It only lacks this one.
}

TEST_F(WalPlacesTest, ASourceThatDoesNotAnswerIsLeftAndTriedAgainNowAndThen)
{
    ASSERT_OK(archive.repository->pushSegment(archive.incarnation, segment(), bytes()));
    ASSERT_OK(other.repository->pushSegment(other.incarnation, segment(), bytes()));
    WalSources all = sources();
    first.failWith(ErrorCode::Unavailable);
    EXPECT_EQ(*all.read(segment()), bytes());
    const int tried = first.faulty->calls();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(*all.read(segment()), bytes());
    EXPECT_EQ(first.faulty->calls(), tried);

    clock.advance(61s);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(*all.read(segment()), bytes());
    EXPECT_EQ(first.faulty->calls(), tried + 1);

    first.mend();
    clock.advance(61s);
    const int others = second.faulty->calls();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(*all.read(segment()), bytes());
    EXPECT_EQ(second.faulty->calls(), others);
}

TEST_F(WalPlacesTest, OneThatIsNotInTurnDoesNotChangeWhoIs)
{
    const test::MadeArchive more{15, archive.repository.get()};
    ASSERT_OK(more.repository->pushSegment(more.incarnation, segment(), bytes()));
    const FaultyPlace third{more};
    WalSources all({{"first", first.repository, archive.incarnation},
                    {"second", second.repository, other.incarnation},
                    {"third", third.repository, more.incarnation}},
                   clock);
    second.failWith(ErrorCode::Unavailable);
    EXPECT_EQ(*all.read(segment()), bytes());
    const int before = first.faulty->calls();
    EXPECT_EQ(*all.read(segment()), bytes());
    EXPECT_GT(first.faulty->calls(), before);
}

TEST_F(WalPlacesTest, OnlyWhenAllLackItASegmentIsNotThere)
{
    WalSources all = sources();
    EXPECT_FAILS(all.read(segment()), NotFound);
    second.failWith(ErrorCode::Unavailable);
    EXPECT_FAILS(all.read(segment()), Unavailable);
    second.mend();
    first.failWith(ErrorCode::Timeout);
    EXPECT_FAILS(all.read(segment()), Timeout);
}

} // namespace
} // namespace salvor::console
