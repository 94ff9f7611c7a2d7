#include "core/restore/checks.h"
#include "core/restore/file_writer.h"
#include "core/restore/old_files.h"
#include "tests/rescue/in_place_scene.h"
#include "tests/support/forwarding_driver.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace salvor::rescue {
namespace {

namespace fs = std::filesystem;

std::string warning(const Result<model::RestorePlan>& made, const std::string& name)
{
    for (const model::Check& check : made->checks)
        if (check.name == name && check.level == model::Check::Level::Warning)
            return check.found;
    return {};
}

TEST_F(InPlaceTest, TheClusterIsRestoredAndTheOldOneStaysWhole)
{
    const auto made = planInPlace();
    ASSERT_OK(made);
    EXPECT_EQ(blocker(made), "");

    ASSERT_OK(carryOutInPlace(*made));

    expectRestored();
    const auto old = beside("copy.before-");
    ASSERT_EQ(old.size(), 1U);
    EXPECT_TRUE(fs::exists(old.front() / "base/5/99999"));
    EXPECT_TRUE(fs::exists(old.front() / "base/5/holes"));
    EXPECT_EQ(beside("space.before-").size(), 1U);
}

TEST_F(InPlaceTest, WhatWasSetAsideCannotBeStartedByMistake)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    const Path old = beside("copy.before-").front();

    EXPECT_FALSE(restore::isDataDirectory(old));
    EXPECT_TRUE(fs::exists(old / restore::asideControlName));
}

TEST_F(InPlaceTest, RollbackGivesTheOldOneAndKeepsWhatWasRestored)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    const auto done = takeBack();

    ASSERT_OK(done);
    expectOldIsBack();
    ASSERT_EQ(done->restored.size(), 2U);
    EXPECT_TRUE(fs::exists(done->restored.front() / "base/5/empty"));
}

TEST_F(InPlaceTest, BytesThatOnlyLookUnchangedAreNotTaken)
{
    const Path file = data() / "base/5/holes";
    const auto time = fs::last_write_time(file);
    const auto opened = openFile(file, O_RDWR);
    ASSERT_OK(opened);
    ASSERT_OK(writeAllAt(*opened, asBytes("?"), 399000));
    fs::last_write_time(file, time);

    ASSERT_OK(carryOutInPlace(*planInPlace()));

    expectRestored();
}

TEST_F(InPlaceTest, ChunksThatAreThereAreNotFetched)
{
    const auto index = repository->loadIndex(backup.incarnation);
    const auto reader = repository::ChunkReader::create(*repository, *index);
    ASSERT_OK(reader);
    const Bytes content = noise(100000, 77); // In no pack.
    ASSERT_OK(writeFileDurably(folder.path() / "old", content));
    restore::FileToWrite file;
    file.name = "base/5/1";
    file.path = folder.path() / "new";
    file.old = folder.path() / "old";
    file.size = content.size();
    file.crc32c = crypto::crc32c(content);
    for (std::size_t at = 0; at < content.size(); at += repository::chunkSize)
        file.chunks.push_back((*reader)->idOf(ByteView(content).subspan(
            at, std::min<std::size_t>(repository::chunkSize, content.size() - at))));

    auto places = onePlace(*repository, *index, job);
    ASSERT_OK(restore::writeFiles({file}, places, {}, job));

    EXPECT_EQ(*readFile(file.path), content);
    fs::remove(file.path);
    file.old.clear();
    EXPECT_FAILS(restore::writeFiles({file}, places, {}, job), Corrupt);
}

/// Cuts a file when the first pack is read.
class CuttingDriver final : public test::ForwardingDriver {
public:
    CuttingDriver(std::shared_ptr<storage::Driver> inner, Path file)
        : ForwardingDriver(std::move(inner))
        , m_file(std::move(file))
    {}
    Result<std::unique_ptr<storage::ReadStream>> openRead(const storage::ObjectKey& key,
                                                          storage::ByteRange range) override
    {
        if (armed && key.starts_with("packs/"))
            fs::resize_file(m_file, 100000);
        return ForwardingDriver::openRead(key, range);
    }
    bool armed = false;

private:
    Path m_file;
};

TEST_F(InPlaceTest, WhatCannotBeReadASecondTimeIsFetched)
{
    Bytes old = files["base/5/large"];
    old[0] ^= std::byte{1}; // So that something is fetched, in the middle of it all.
    ASSERT_OK(writeFileDurably(folder.path() / "old", old));
    const auto cutting = std::make_shared<CuttingDriver>(driver, folder.path() / "old");
    const auto opened = repository::Repository::open(cutting, {});
    ASSERT_OK(opened);
    restore::FileToWrite file;
    ASSERT_OK((*opened)->readTree(backup, [&](const repository::TreeEntry& entry) -> Result<> {
        if (entry.path == "base/5/large")
            file = {entry.path,   folder.path() / "new", 0600,  entry.modifiedAt,     entry.size,
                    entry.crc32c, entry.chunks,          false, folder.path() / "old"};
        return {};
    }));
    const auto index = (*opened)->loadIndex(backup.incarnation);
    ASSERT_OK(index);
    cutting->armed = true;

    auto places = onePlace(**opened, *index, job);
    ASSERT_OK(restore::writeFiles({file}, places, {}, job));

    EXPECT_EQ(*readFile(file.path), files["base/5/large"]);
    EXPECT_EQ(fs::file_size(file.old), 100000U);
}

TEST_F(InPlaceTest, ThePlanSaysWhatIsSetAsideAndKeepsItsHashThroughJson)
{
    const auto made = planInPlace({"unknown"});
    ASSERT_OK(made);

    const auto read = model::RestorePlan::fromJson(made->toJson());

    ASSERT_OK(read);
    EXPECT_EQ(restore::planHash(*read), restore::planHash(*made));
    EXPECT_EQ(read->inPlace, made->inPlace);
    EXPECT_TRUE(std::any_of(made->inPlace->words.begin(), made->inPlace->words.end(),
                            [](const std::string& sentence) {
                                return sentence.find("is renamed to") != std::string::npos;
                            }));
}

TEST_F(InPlaceTest, ConfigurationOutsideOfTheDirectoryIsLeftAsItIs)
{
    fs::rename(data() / "postgresql.conf", folder.path() / "postgresql.conf");
    files.erase("postgresql.conf");
    files[(folder.path() / "postgresql.conf").native()] = text("work_mem = 9MB\n");
    store("20261121T205651Z-3f9b");

    const auto outcome = carryOutInPlace(*planInPlace());

    ASSERT_OK(outcome);
    EXPECT_EQ(content("postgresql.conf"), "work_mem = 1MB\n");
    EXPECT_TRUE(beside("copy.config").empty());
    EXPECT_NE(outcome->startCommand.find("config_file=" + folder.path().native()),
              std::string::npos);
}

TEST_F(InPlaceTest, TheRestoredOneKeepsItsWalAndArchivesNothingYet)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    const std::string conf = content("copy/postgresql.auto.conf");

    EXPECT_NE(conf.find("archive_command = ''"), std::string::npos);
    EXPECT_EQ(conf.find("archive_mode"), std::string::npos);
}

TEST_F(InPlaceTest, ARunningServerIsRefused)
{
    test::TestCluster cluster;
    cluster.start();
    auto wanted = request();
    wanted.destination = cluster.dataDirectory();
    wanted.tablespaces[16400] = folder.path() / "other";
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));

    EXPECT_NE(blocker(plan(wanted)).find("A server runs on"), std::string::npos);
}

TEST_F(InPlaceTest, AServerStartedAfterThePlanIsRefusedAndNothingIsRenamed)
{
    test::TestCluster cluster;
    auto wanted = request();
    wanted.destination = cluster.dataDirectory();
    wanted.tablespaces[16400] = folder.path() / "other";
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));
    const auto made = plan(wanted);
    ASSERT_EQ(blocker(made), "");
    cluster.start();

    EXPECT_FAILS(carryOutInPlace(*made), NotReady);

    EXPECT_TRUE(cluster.isRunning());
    EXPECT_FALSE(fs::exists(journalFile(cluster.dataDirectory())));
}

TEST_F(InPlaceTest, AnotherClusterIsRefusedUnlessItIsNamed)
{
    const test::TestCluster other({.ownIdentity = true});
    const auto control = postgres::readControlFile(other.dataDirectory());
    ASSERT_OK(control);
    auto wanted = request();
    wanted.destination = other.dataDirectory();
    wanted.tablespaces[16400] = folder.path() / "other";
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));
    EXPECT_NE(blocker(plan(wanted)).find("holds cluster"), std::string::npos);

    const std::string name = std::to_string(control->identity.systemIdentifier);
    ASSERT_OK(aimInPlace(wanted, {name}, systemClock().now()));

    EXPECT_EQ(blocker(plan(wanted)), "");
}

TEST_F(InPlaceTest, AClusterThatCannotBeRecognisedTakesAWord)
{
    fs::remove(data() / restore::controlName);
    EXPECT_NE(blocker(planInPlace()).find("is not known to be the cluster"), std::string::npos);

    ASSERT_OK(carryOutInPlace(*planInPlace({"unknown"})));

    expectRestored();
}

TEST_F(InPlaceTest, ADirectoryThatIsNoClusterIsRefusedWhateverIsSaid)
{
    auto wanted = request();
    wanted.destination = folder.path() / "papers";
    wanted.tablespaces[16400] = folder.path() / "other";
    fs::create_directories(wanted.destination / "letters");
    ASSERT_OK(aimInPlace(wanted, {"unknown"}, systemClock().now()));

    EXPECT_NE(blocker(plan(wanted)).find("is not known to be the cluster"), std::string::npos);
}

TEST_F(InPlaceTest, ATablespaceThatIsSharedIsNotSetAside)
{
    fs::create_directories(space() / "PG_12_201909212");

    EXPECT_NE(blocker(planInPlace()).find("which is not this cluster's"), std::string::npos);
}

TEST_F(InPlaceTest, WalThatIsNotArchivedIsNamed)
{
    const test::TestCluster cluster;
    const Path first = cluster.dataDirectory() / "pg_wal/000000010000000000000001";
    fs::copy_file(first, data() / "pg_wal/000000010000000000000001");
    // The server keeps old segments under the names of later ones.
    fs::remove(data() / "pg_wal/00000001000000000000000A");
    fs::copy_file(first, data() / "pg_wal/00000001000000000000000A");

    const auto made = planInPlace();

    ASSERT_OK(made);
    EXPECT_NE(warning(made, "WAL not archived").find("1 segment in"), std::string::npos);
    EXPECT_EQ(warning(made, "WAL not archived").find("0000000A"), std::string::npos);
}

TEST_F(InPlaceTest, TheNextOneWaitsForTheWordAboutTheFirst)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    const auto made = planInPlace();

    EXPECT_FAILS(made, NotReady);
    EXPECT_NE(blocker(made).find("waits for commit or rollback"), std::string::npos);
}

TEST_F(InPlaceTest, AnInterruptedOneGoesOnAsItBegan)
{
    const auto early = planInPlace();
    Journal journal;
    journal.directory = data();
    journal.backup = backup.id;
    journal.repositoryId = repository->info().id;
    journal.setsAside = early->inPlace->setsAside;
    journal.tablespaces = early->tablespaces;
    ASSERT_OK(saveJournal(journal));
    const auto made = planInPlace();
    ASSERT_OK(made);
    EXPECT_TRUE(made->inPlace->goesOn);

    store("20261121T205651Z-3f9b");

    EXPECT_FAILS(planInPlace(), NotReady);
}

TEST_F(InPlaceTest, TheSpaceOfASecondClusterIsNeeded)
{
    const auto needs = [](const Result<model::RestorePlan>& made) {
        for (const model::Check& check : made->checks)
            if (check.name == "space")
                return check.found.substr(0, check.found.find(" are needed"));
        return std::string("no check");
    };
    auto elsewhere = request();
    elsewhere.destination = folder.path() / "elsewhere";
    elsewhere.tablespaces[16400] = folder.path() / "far";

    EXPECT_EQ(needs(planInPlace()), needs(plan(elsewhere)));
}
TEST_F(InPlaceTest, CommitSaysHowArchivingIsTurnedOnAgain)
{
    write("postgresql.auto.conf", "archive_command = 'cp %p /it''s/%f'\n");
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();

    const auto done = makeFinal();

    ASSERT_OK(done);
    EXPECT_EQ(done->statements.front(), "ALTER SYSTEM SET archive_command = 'cp %p /it''s/%f'");
    EXPECT_EQ(done->statements.back(), "SELECT pg_reload_conf()");
    EXPECT_NE(std::find(done->statements.begin(), done->statements.end(),
                        "ALTER SYSTEM RESET synchronous_standby_names"),
              done->statements.end());
}

TEST_F(InPlaceTest, CommitRemovesNothing)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();

    const auto done = makeFinal();

    ASSERT_OK(done);
    EXPECT_TRUE(fs::exists(done->old.front() / "base/5/99999"));
    EXPECT_EQ(beside(".before-").size(), 2U);
    EXPECT_FALSE(waitingIn(data())->has_value());
    EXPECT_FAILS(takeBack(), NotFound);
    EXPECT_TRUE(beside(".in-place").empty());
}

TEST_F(InPlaceTest, APlanFromBeforeAnotherRestoreIsStale)
{
    const auto early = planInPlace();
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    EXPECT_FAILS(carryOutInPlace(*early), NotReady);

    expectRestored();
}

TEST_F(InPlaceTest, ALinkToTheDirectoryIsFollowed)
{
    fs::create_symlink(data(), folder.path() / "link");
    auto wanted = request();
    wanted.destination = folder.path() / "link";

    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));

    EXPECT_EQ(wanted.destination, data());
}

TEST_F(InPlaceTest, AJournalThatCannotBeReadStopsEverything)
{
    ASSERT_OK(writeFileDurably(journalFile(data()), asBytes("{")));

    EXPECT_FAILS(planInPlace(), Corrupt);
    EXPECT_FAILS(takeBack(), Corrupt);
    EXPECT_FAILS(makeFinal(), Corrupt);
}

TEST_F(InPlaceTest, AJournalOfAnotherDirectoryIsNotFollowed)
{
    Journal journal;
    journal.directory = folder.path() / "elsewhere";
    ASSERT_OK(saveJournal(journal));
    fs::rename(journalFile(journal.directory), journalFile(data()));

    EXPECT_FAILS(takeBack(), Corrupt);
}

TEST_F(InPlaceTest, NothingIsTakenBackWhereNothingWaits)
{
    EXPECT_FAILS(takeBack(), NotFound);
    EXPECT_FAILS(makeFinal(), NotFound);
}

TEST_F(InPlaceTest, AStopLeavesAWayBack)
{
    const auto made = planInPlace();
    std::stop_source asked;
    JobContext stopped{asked.get_token(), progress, job.events};
    restore::ApplyOptions options{.restoreCommand = "true", .workers = 1};
    asked.request_stop();

    EXPECT_FAILS(restoreInPlace(*made, *repository, options, stopped), Cancelled);

    if (waitingIn(data())->has_value()) {
        ASSERT_OK(takeBack());
    }
    expectOldIsBack();
}

} // namespace
} // namespace salvor::rescue
