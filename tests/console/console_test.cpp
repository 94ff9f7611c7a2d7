#include "core/console/archiving.h"
#include "core/console/console.h"
#include "tests/support/result_assertions.h"

namespace salvor::console {
namespace {

class ConsoleTest : public ::testing::Test {
protected:
    settings::RepositoryConfig& addRepository(const std::string& name)
    {
        settings::RepositoryConfig place;
        place.name = name;
        place.url = "file://" + (folder.path() / name).native();
        place.keyFile = folder.path() / (name + ".key");
        config.repositories.push_back(place);
        return config.repositories.back();
    }
    std::unique_ptr<Console> console(AskPassphrase ask = {})
    {
        return std::make_unique<Console>(
            config, Surroundings{"/usr/bin/salvorctl", folder.path() / "state"}, std::move(ask));
    }

    TemporaryDirectory folder = *TemporaryDirectory::create();
    settings::Config config;
    std::stop_source source;
    Progress progress;
    JobContext job{source.get_token(), progress, discardEvents()};
};

TEST_F(ConsoleTest, KeyFileIsMadeWithTheRepositoryAndOpensIt)
{
    addRepository("nas");
    const auto one = console();

    ASSERT_OK(one->initRepository("nas"));

    EXPECT_TRUE(std::filesystem::exists(folder.path() / "nas.key"));
    const auto keys = one->keys("nas");
    ASSERT_OK(keys);
    EXPECT_EQ(keys->size(), 1U);
    EXPECT_TRUE(one->repositoryInfo("nas")->encrypted);
}

TEST_F(ConsoleTest, InitialisingTwiceKeepsTheKey)
{
    addRepository("nas");
    const auto one = console();
    ASSERT_OK(one->initRepository("nas"));
    const auto key = readFile(folder.path() / "nas.key");

    EXPECT_FAILS(one->initRepository("nas"), AlreadyExists);

    EXPECT_EQ(*readFile(folder.path() / "nas.key"), *key);
}

TEST_F(ConsoleTest, KeyMadeForAPlaceThatIsTakenIsNotKept)
{
    addRepository("nas");
    ASSERT_OK(console()->initRepository("nas"));
    config.repositories.front().keyFile = folder.path() / "other.key";

    EXPECT_FAILS(console()->initRepository("nas"), AlreadyExists);

    EXPECT_FALSE(std::filesystem::exists(folder.path() / "other.key"));
}

TEST_F(ConsoleTest, WrongKeyOpensNothing)
{
    addRepository("nas");
    addRepository("other");
    ASSERT_OK(console()->initRepository("nas"));
    ASSERT_OK(console()->initRepository("other"));
    config.repositories.front().keyFile = folder.path() / "other.key";

    EXPECT_FAILS(console()->keys("nas"), Denied);
}

TEST_F(ConsoleTest, PassphraseIsAskedForOnlyWhenNothingElseIsAtHand)
{
    addRepository("nas").keyFile.clear();
    int asked = 0;
    const auto one = console([&](const std::string&) -> Result<Secret> {
        ++asked;
        return Secret(std::string_view("correct horse"));
    });

    ASSERT_OK(one->initRepository("nas"));
    ASSERT_OK(one->keys("nas"));
    ASSERT_OK(one->keys("nas"));

    EXPECT_EQ(asked, 2);
    EXPECT_FAILS(console()->keys("nas"), Denied);
}

TEST_F(ConsoleTest, MakingACopyAsksForEachPassphraseOnce)
{
    addRepository("nas").keyFile.clear();
    addRepository("far").keyFile.clear();
    std::map<std::string, int> asked;
    const auto ask = [&](const std::string& name) -> Result<Secret> {
        ++asked[name];
        return Secret(std::string_view("correct horse"));
    };
    ASSERT_OK(console(ask)->initRepository("nas"));
    asked.clear();

    ASSERT_OK(console(ask)->initRepository("far", "nas"));

    EXPECT_EQ(asked, (std::map<std::string, int>{{"far", 1}, {"nas", 1}}));
}

TEST_F(ConsoleTest, KeyCommandPrintsThePassphrase)
{
    auto& place = addRepository("nas");
    place.keyFile.clear();
    place.keyCommand = "echo correct-horse";
    ASSERT_OK(console()->initRepository("nas"));

    EXPECT_OK(console()->keys("nas"));
    config.repositories.front().keyCommand = "echo wrong";
    EXPECT_FAILS(console()->keys("nas"), Denied);
    config.repositories.front().keyCommand = "true";
    EXPECT_FAILS(console()->keys("nas"), NotReady);
}

TEST_F(ConsoleTest, UnreachableRepositoryIsAWarningInTheSummary)
{
    addRepository("nas");
    settings::ClusterConfig cluster;
    cluster.name = "prod";
    cluster.repository = "nas";
    config.clusters.push_back(cluster);

    const auto list = console()->clusters(job);

    ASSERT_OK(list);
    ASSERT_EQ(list->size(), 1U);
    EXPECT_EQ(list->front().name, "prod");
    EXPECT_FALSE(list->front().warnings.empty());
}

TEST_F(ConsoleTest, ConnectionTestSaysWhetherThereIsARepository)
{
    const auto place = addRepository("nas");
    ASSERT_OK(console()->initRepository("nas"));

    const auto test = Console::testConnection(place, job);

    ASSERT_OK(test);
    EXPECT_TRUE(test->good);
    EXPECT_TRUE(test->isRepository);
    EXPECT_FALSE(test->passed.empty());
}

TEST_F(ConsoleTest, UnknownNamesAreInvalidInputAndNeverTheEndOfTheArchive)
{
    addRepository("nas");
    ASSERT_OK(console()->initRepository("nas"));

    EXPECT_FAILS(console()->keys("nax"), InvalidInput);
    const auto got = Archiving(*console()).get("prod", "000000010000000000000001", "x");
    ASSERT_FALSE(got.ok());
    EXPECT_NE(got.error().code, ErrorCode::NotFound);
    EXPECT_FAILS(console()->findBackup("2026"), NotFound);
}

TEST_F(ConsoleTest, ClusterCheckWithoutServerSaysSo)
{
    addRepository("nas");
    settings::ClusterConfig cluster;
    cluster.name = "prod";
    cluster.repository = "nas";
    cluster.connection = "host=" + folder.path().native() + " port=1";
    config.clusters.push_back(cluster);
    ASSERT_OK(console()->initRepository("nas"));

    const auto report = console()->checkCluster("prod", job);

    ASSERT_OK(report);
    EXPECT_FALSE(report->isProtected());
}

} // namespace
} // namespace salvor::console
