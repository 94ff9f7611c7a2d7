#include "core/base/file.h"
#include "core/console/wal_places.h"
#include "core/storage/faulty_driver.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

namespace salvor::console {
namespace {

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
        return [this](const std::string& name) -> Result<std::shared_ptr<Repository>> {
            if (name == unopened)
                return fail(ErrorCode::NotReady, "no repository there");
            return name == "first" ? first.repository : second.repository;
        };
    }
    [[nodiscard]] std::vector<WalSource> sources() const
    {
        return {{"first", first.repository, archive.incarnation},
                {"second", second.repository, other.incarnation}};
    }
    [[nodiscard]] bool isIn(const test::MadeArchive& one) const
    {
        return *one.repository->hasSegment(one.incarnation, segment());
    }

    test::MadeArchive archive;
    test::MadeArchive other;
    FaultyPlace first{archive};
    FaultyPlace second{other};
    settings::ClusterConfig cluster;
    std::string unopened;
    TemporaryDirectory folder = test::must(TemporaryDirectory::create());
};

TEST_F(WalPlacesTest, WalGoesToAll)
{
    WalTargets targets(cluster, opener());

    EXPECT_EQ(*targets.push(path()), Pushed::Stored);

    EXPECT_TRUE(isIn(archive));
    EXPECT_TRUE(isIn(other));
    EXPECT_EQ(*targets.push(path()), Pushed::AlreadyThere);
    EXPECT_EQ(*targets.segmentSize(), archive.identity.segmentSize);
    EXPECT_TRUE(*targets.areSame());
}

TEST_F(WalPlacesTest, WithAllRequiredOneThatIsAwayFailsThePush)
{
    WalTargets targets(cluster, opener());
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
    WalTargets targets(cluster, opener());
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
    WalTargets all(cluster, opener());
    EXPECT_TRUE(failsWith(all.push(path()), ErrorCode::NotReady));
    EXPECT_OK(all.segmentSize());
    cluster.walRequired = 1;
    WalTargets any(cluster, opener());

    EXPECT_OK(any.push(path()));

    EXPECT_TRUE(isIn(other));
    cluster.copies.clear();
    EXPECT_TRUE(failsWith(WalTargets(cluster, opener()).segmentSize(), ErrorCode::NotReady));
}

TEST_F(WalPlacesTest, OtherBytesInOneAreRefusedWhateverIsRequired)
{
    cluster.walRequired = 1;
    Bytes changed = bytes();
    changed.back() ^= std::byte{1};
    ASSERT_OK(other.repository->pushSegment(other.incarnation, segment(), changed));
    WalTargets targets(cluster, opener());

    const auto pushed = targets.push(path());

    ASSERT_TRUE(failsWith(pushed, ErrorCode::AlreadyExists));
    EXPECT_NE(pushed.error().message.find("repository 'second'"), std::string::npos);
}

TEST_F(WalPlacesTest, AReplacedRepositoryIsNoticed)
{
    WalTargets targets(cluster, opener());
    ASSERT_OK(targets.push(path()));
    ASSERT_OK(other.driver->remove("salvor.json"));
    EXPECT_TRUE(*targets.areSame()); // It is away.

    const auto objects = *storage::listObjects(*other.driver, "");
    for (const auto& object : objects)
        ASSERT_OK(other.driver->remove(object.key));
    ASSERT_OK(Repository::init(*other.driver, {.encrypted = false}));

    EXPECT_FALSE(*targets.areSame());
}

TEST_F(WalPlacesTest, NothingIsWrittenWhereARepositoryWas)
{
    WalTargets targets(cluster, opener());
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
    std::atomic<std::size_t> inTurn{0};

    EXPECT_EQ(*readFromAny(sources(), inTurn, segment()), bytes());

    EXPECT_EQ(inTurn, 0U); // The first only lacks it.
    first.failWith(ErrorCode::Unavailable);
    EXPECT_EQ(*readFromAny(sources(), inTurn, segment()), bytes());
    EXPECT_EQ(inTurn, 1U);
}

TEST_F(WalPlacesTest, OnlyWhenAllLackItASegmentIsNotThere)
{
    std::atomic<std::size_t> inTurn{0};
    EXPECT_TRUE(failsWith(readFromAny(sources(), inTurn, segment()), ErrorCode::NotFound));
    second.failWith(ErrorCode::Unavailable);
    EXPECT_TRUE(failsWith(readFromAny(sources(), inTurn, segment()), ErrorCode::Unavailable));
    second.mend();
    first.failWith(ErrorCode::Timeout);
    EXPECT_TRUE(failsWith(readFromAny(sources(), inTurn, segment()), ErrorCode::Timeout));
}

} // namespace
} // namespace salvor::console
