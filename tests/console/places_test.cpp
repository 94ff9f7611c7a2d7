// Several repositories of one cluster, as the programs see them.
#include "core/console/archiving.h"
#include "core/console/console.h"
#include "core/console/copies_checks.h"
#include "core/repository/wal_pieces.h"
#include "core/storage/posix_driver.h"
#include "tests/support/must.h"
#include "tests/support/result_assertions.h"
#include "tests/support/wal_writer.h"

namespace salvor::console {
namespace {

using Level = model::Check::Level;

/// A cluster "orders" in the repositories "main" and "second", a copy of it.
class PlacesTest : public ::testing::Test {
protected:
    PlacesTest()
    {
        for (const char* name : {"main", "second", "foreign"})
            addRepository(name);
        test::must(console()->initRepository("main"));
        pinned = test::must(open("main")->pin("orders", identity));
        test::must(console()->initRepository("second", "main"));
        test::must(console()->initRepository("foreign"));
        configure("main", {"second"});
        wal.commit(7, Moment{});
        wal.switchSegment();
    }
    void addRepository(const std::string& name)
    {
        settings::RepositoryConfig place;
        place.name = name;
        place.url = "file://" + placeOf(name).native();
        place.encrypted = false;
        config.repositories.push_back(place);
    }
    void configure(const std::string& first, const std::vector<std::string>& copies)
    {
        settings::ClusterConfig cluster;
        cluster.name = "orders";
        cluster.repository = first;
        cluster.copies = copies;
        config.clusters = {cluster};
    }
    [[nodiscard]] Path placeOf(const std::string& name) const { return folder.path() / name; }
    [[nodiscard]] std::unique_ptr<repository::Repository> open(const std::string& name) const
    {
        return test::must(repository::Repository::open(
            std::make_shared<storage::PosixDriver>(placeOf(name)), {}));
    }
    [[nodiscard]] std::unique_ptr<Console> console() const
    {
        return std::make_unique<Console>(
            config, Surroundings{"/usr/bin/salvorctl", folder.path() / "state"}, nullptr);
    }
    void takeAway(const std::string& name) const
    {
        std::filesystem::rename(placeOf(name), placeOf(name + ".away"));
    }
    void bringBack(const std::string& name) const
    {
        std::filesystem::rename(placeOf(name + ".away"), placeOf(name));
    }
    [[nodiscard]] Path destination() const { return folder.path() / "RECOVERYXLOG"; }
    [[nodiscard]] Result<> get(const std::string& name, wal::Take take = wal::Take::WholeOnly) const
    {
        return Archiving(*console()).get("orders", name, destination(), take);
    }
    void push(const std::string& name, std::uint64_t number)
    {
        test::must(open(name)->pushSegment(pinned, {model::TimelineId{1}, number},
                                           wal.segments().begin()->second));
    }
    static Checks withName(const Checks& all, const std::string& name)
    {
        Checks found;
        std::copy_if(all.begin(), all.end(), std::back_inserter(found),
                     [&](const model::Check& check) { return check.name == name; });
        return found;
    }
    [[nodiscard]] Checks checked(const std::vector<std::string>& names) const
    {
        std::vector<NamedPlace> places;
        for (const std::string& name : names) {
            auto opened = repository::Repository::open(
                std::make_shared<storage::PosixDriver>(placeOf(name)), {});
            if (opened.ok())
                places.push_back(
                    {name, std::shared_ptr<repository::Repository>(*std::move(opened))});
            else
                places.push_back({name, opened.error()});
        }
        Checks checks;
        checkCopies(config.clusters.front(), places, checks);
        return checks;
    }

    const std::string whole = "000000010000000000000001";
    const std::string missing = "00000001000000000000000F";
    TemporaryDirectory folder = test::must(TemporaryDirectory::create());
    model::ClusterIdentity identity{7000000000000000001, 15, ByteCount{1} << 20U};
    model::Incarnation pinned;
    test::WalWriter wal{identity};
    settings::Config config;
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
};

TEST_F(PlacesTest, ACopyHasTheClusterFromTheStart)
{
    EXPECT_EQ(open("second")->incarnation("orders")->identity, identity);
}

TEST_F(PlacesTest, WithoutASectionTheArchiveEndsOnlyWhereAllWereAsked)
{
    config.clusters.clear();
    push("second", 1);
    EXPECT_OK(get(whole));
    EXPECT_FAILS(get(missing), NotFound);

    takeAway("second");
    EXPECT_FAILS(get(whole), NotReady);
    EXPECT_FAILS(get(missing), NotReady);
    bringBack("second");
    takeAway("main");
    EXPECT_OK(get(whole));
    EXPECT_FAILS(get(missing), NotReady);
    takeAway("second");
    takeAway("foreign");
    EXPECT_FAILS(get(missing), NotReady);
}

TEST_F(PlacesTest, WithoutASectionAnotherClusterOfThatNameSaysNothing)
{
    config.clusters.clear();
    auto other = identity;
    ++other.systemIdentifier;
    test::must(open("foreign")->pin("orders", other));

    EXPECT_FAILS(get(missing), NotFound);
    push("main", 1);
    EXPECT_OK(get(whole));
}

TEST_F(PlacesTest, PiecesAreNotTheEndWhileARepositoryCannotBeAsked)
{
    const auto pieces = open("second");
    test::must(repository::pushPiece(*pieces, pinned, {model::TimelineId{1}, 15}, 0,
                                     ByteView(wal.segments().begin()->second).first(8192)));
    EXPECT_FAILS(get(missing), NotFound);
    EXPECT_OK(get(missing, wal::Take::Begun));

    takeAway("main");
    EXPECT_FAILS(get(missing, wal::Take::Begun), NotReady);
    config.clusters.clear();
    EXPECT_FAILS(get(missing, wal::Take::Begun), NotReady);
    configure("second", {});
    EXPECT_OK(get(missing, wal::Take::Begun));
}

TEST_F(PlacesTest, WhatIsNoCopyIsNotAskedAndNotTheEnd)
{
    test::must(open("foreign")->pin("orders", identity));
    configure("main", {"foreign"});
    push("main", 1);
    EXPECT_OK(get(whole));

    const auto got = get(missing);

    ASSERT_FAILS(got, InvalidInput);
    EXPECT_NE(got.error().message.find("'foreign' is not a copy of 'main'"), std::string::npos);
}

TEST_F(PlacesTest, ADestinationThatCannotBeWrittenIsNoFaultOfARepository)
{
    push("main", 1);
    const auto got = Archiving(*console()).get("orders", whole, folder.path() / "none" / "x");

    ASSERT_FAILS(got, NotReady);
    EXPECT_NE(got.error().message.find("cannot write"), std::string::npos);
    EXPECT_EQ(got.error().message.find("repository"), std::string::npos);
}

TEST_F(PlacesTest, CheckSaysWhetherTheyAreCopiesAndCanBeAsked)
{
    auto checks = checked({"main", "second"});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Passed);

    checks = checked({"main", "foreign"});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Blocker);
    EXPECT_NE(checks.front().found.find("is not a copy"), std::string::npos);

    checks = checked({"main", "main"});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Blocker);
    EXPECT_NE(checks.front().found.find("one and the same"), std::string::npos);
}

TEST_F(PlacesTest, CheckSaysWhatOneOutOfReachMeans)
{
    takeAway("second");
    auto checks = checked({"main", "second"});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Blocker);

    config.clusters.front().walRequired = 1;
    checks = checked({"main", "second"});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Warning);

    config.clusters.front().copies.clear();
    EXPECT_TRUE(checked({"main"}).empty());
    config.clusters.front().walRequired = 2;
    checks = checked({"main"});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Warning);
}

} // namespace
} // namespace salvor::console
