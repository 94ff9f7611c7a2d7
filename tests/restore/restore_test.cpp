#include "core/restore/places.h"
#include "tests/restore/restore_scene.h"

#include <sys/stat.h>

namespace salvor::restore {
namespace {

TEST_F(RestoreTest, FilesAreWhatWasBackedUp)
{
    store();
    const auto made = plan();

    const auto outcome = carryOut(*made);

    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->state, model::RestoreState::Files);
    for (const char* name : {"base/5/1259", "base/5/holes", "base/5/empty", "global/pg_control"})
        EXPECT_EQ(content("copy/" + std::string(name)), asText(files[name])) << name;
    struct stat about {};
    ASSERT_EQ(::stat((folder.path() / "copy/base/5/holes").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777U, 0640U);
    EXPECT_EQ(about.st_mtim.tv_sec, 1700000000);
    EXPECT_EQ(about.st_mtim.tv_nsec, 123456000);
    EXPECT_LT(about.st_blocks * 512, 400000);
    ASSERT_EQ(::stat((folder.path() / "copy").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777U, 0700U);
    EXPECT_EQ(findUser(about.st_uid)->name, owner());
}

TEST_F(RestoreTest, NothingOfTheRestoreItselfStaysBehind)
{
    store();

    ASSERT_OK(carryOut(*plan()));

    EXPECT_FALSE(exists("copy/.salvor-restore"));
    EXPECT_FALSE(exists("copy/global/.pg_control.salvor"));
    EXPECT_FALSE(exists("copy.config/.salvor-restore"));
    EXPECT_TRUE(exists("copy/recovery.signal"));
}

TEST_F(RestoreTest, CopyIsQuietAndSaysHowItIsStarted)
{
    store();

    const auto outcome = carryOut(*plan());

    ASSERT_OK(outcome);
    const std::string conf = content("copy/postgresql.auto.conf");
    EXPECT_NE(conf.find("archive_mode = 'off'"), std::string::npos);
    EXPECT_NE(conf.find("primary_conninfo = ''"), std::string::npos);
    EXPECT_NE(conf.find("restore_command = 'salvorctl archive-get prod %f %p'"), std::string::npos);
    EXPECT_NE(outcome->startCommand.find("-c data_directory="), std::string::npos);
    EXPECT_FALSE(outcome->warnings.empty());
}

TEST_F(RestoreTest, WhatTheOriginalRaisedAfterTheBackupIsRaisedInTheCopy)
{
    files["postgresql.conf"] = text("max_connections = 100\n");
    store();
    auto wanted = request();
    wanted.replaySizes.maxConnections = 4321;
    wanted.replaySizes.maxWalSenders = 1;

    const auto outcome = carryOut(*plan(wanted));

    ASSERT_OK(outcome);
    const std::string conf = content("copy/postgresql.auto.conf");
    EXPECT_NE(conf.find("max_connections = '4321'"), std::string::npos);
    EXPECT_EQ(conf.find("max_wal_senders"), std::string::npos);
    EXPECT_NE(std::find_if(outcome->warnings.begin(), outcome->warnings.end(),
                           [](const std::string& warning) {
                               return warning.find("raised 'max_connections'") != std::string::npos;
                           }),
              outcome->warnings.end());
}

TEST_F(RestoreTest, ConfigurationFromOutsideComesBackBesideTheDirectory)
{
    files["/etc/postgresql/15/main/postgresql.conf"] = text("include_dir = 'conf.d'\n");
    files["/etc/postgresql/15/main/pg_hba.conf"] = text("local all all peer\n");
    store();

    const auto outcome = carryOut(*plan());

    ASSERT_OK(outcome);
    EXPECT_TRUE(exists("copy.config/etc/postgresql/15/main/conf.d"));
    EXPECT_FALSE(exists("copy/postgresql.conf"));
    EXPECT_NE(outcome->startCommand.find("hba_file="), std::string::npos);
}

TEST_F(RestoreTest, FileThatSeveralWorkersShareIsWhole)
{
    Bytes large(ByteCount{140} << 20U);
    const Bytes some = noise(100000, 4);
    for (const std::size_t at : {std::size_t{5}, large.size() / 2, large.size() - some.size()})
        std::copy(some.begin(), some.end(), large.begin() + static_cast<std::ptrdiff_t>(at));
    files["base/5/large"] = large;
    store();

    ASSERT_OK(carryOut(*plan()));

    const auto read = readFile(folder.path() / "copy/base/5/large", ByteCount{1} << 30U);
    ASSERT_OK(read);
    EXPECT_TRUE(*read == large);
}

TEST_F(RestoreTest, TablespaceGoesToItsNewPlace)
{
    backup.tablespaces = {{16400, "/srv/space"}};
    files["pg_tblspc/16400/PG_15_202209061/5/16401"] = text("rows");
    repository::TreeEntry link;
    link.path = "pg_tblspc/16400";
    link.kind = repository::TreeKind::Link;
    link.linkTarget = "/srv/space";
    moreEntries.push_back(link);
    store();
    auto wanted = request();
    wanted.tablespaces[16400] = folder.path() / "space";

    ASSERT_OK(carryOut(*plan(wanted)));

    EXPECT_EQ(content("space/PG_15_202209061/5/16401"), "rows");
    EXPECT_EQ(std::filesystem::read_symlink(folder.path() / "copy/pg_tblspc/16400"),
              folder.path() / "space");
    EXPECT_FALSE(exists("space/.salvor-restore"));
}

TEST_F(RestoreTest, LinksOutOfTheDirectoryAreNotMade)
{
    repository::TreeEntry link;
    link.path = "pg_log";
    link.kind = repository::TreeKind::Link;
    link.linkTarget = "/var/log";
    moreEntries.push_back(link);
    store();

    ASSERT_OK(carryOut(*plan()));

    EXPECT_FALSE(exists("copy/pg_log"));
}

TEST_F(RestoreTest, FlippedBitLeavesNothingThatLooksLikeADataDirectory)
{
    store();
    const auto made = plan();
    flipBitIn(contentPack());

    const auto outcome = carryOut(*made);

    ASSERT_FAILS(outcome, Corrupt);
    EXPECT_FALSE(exists("copy/global/pg_control"));
}

TEST_F(RestoreTest, WhoGaveFilesIsToldOfARestoreThatFailsToo)
{
    store();
    const auto made = plan();
    std::vector<std::vector<std::string>> told;
    const ApplyOptions options{
        .restoreCommand = "salvorctl archive-get prod %f %p",
        .instancesFolder = folder.path() / "instances",
        .tellSources = [&](const std::vector<std::string>& names) { told.push_back(names); }};
    flipBitIn(contentPack());
    ASSERT_FAILS(apply(*made, *repository, options, job), Corrupt);
    EXPECT_EQ(told.size(), 1U);
    flipBitIn(contentPack()); // Back.

    ASSERT_OK(apply(*made, *repository, options, job));

    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told.back(), std::vector<std::string>{made->repository});
}

TEST_F(RestoreTest, UnfinishedRestoreIsSetAsideAndTheNextOneSucceeds)
{
    store();
    const auto made = plan();
    std::filesystem::create_directories(folder.path() / "copy/global");
    ASSERT_OK(writeFileDurably(folder.path() / "copy" / markerName, asBytes("earlier\n")));
    ASSERT_OK(writeFileDurably(folder.path() / "copy/base", asBytes("half")));

    const auto outcome = carryOut(*made);

    ASSERT_OK(outcome);
    EXPECT_TRUE(exists("copy/global/pg_control"));
    std::size_t aside = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        aside += entry.path().native().find("copy.unfinished-") != std::string::npos ? 1U : 0U;
    EXPECT_EQ(aside, 1U);
}

TEST_F(RestoreTest, UnfinishedRestoreIsANoteInThePlan)
{
    store();
    std::filesystem::create_directories(folder.path() / "copy");
    ASSERT_OK(writeFileDurably(folder.path() / "copy" / markerName, asBytes("earlier\n")));

    const auto made = plan();

    ASSERT_OK(made);
    EXPECT_EQ(blocker(made), "");
    EXPECT_NE(made->creates.front().find("is renamed"), std::string::npos);
}

TEST_F(RestoreTest, MarkedDirectoryWithAControlFileIsNeverSetAside)
{
    store();
    std::filesystem::create_directories(folder.path() / "copy/global");
    ASSERT_OK(writeFileDurably(folder.path() / "copy" / markerName, asBytes("earlier\n")));
    ASSERT_OK(writeFileDurably(folder.path() / "copy/global/pg_control", asBytes("x")));

    EXPECT_NE(blocker(plan()).find("is not empty"), std::string::npos);
}

TEST_F(RestoreTest, PlanIsStaleOnceTheDirectoryHoldsSomething)
{
    store();
    const auto made = plan();
    std::filesystem::create_directory(folder.path() / "copy");
    ASSERT_OK(writeFileDurably(folder.path() / "copy/mine", asBytes("keep")));

    const auto outcome = carryOut(*made);

    ASSERT_FAILS(outcome, NotReady);
    EXPECT_NE(outcome.error().message.find("no longer holds"), std::string::npos);
    EXPECT_EQ(content("copy/mine"), "keep");
}

TEST_F(RestoreTest, PlanIsStaleOnceTheBackupIsGone)
{
    store();
    const auto made = plan();
    ASSERT_OK(driver->remove(firstKey("backups/")));

    EXPECT_FAILS(carryOut(*made), NotReady);
}

TEST_F(RestoreTest, PlanOfAnotherRepositoryIsRefused)
{
    store();
    auto made = plan();
    made->repositoryId = "another";

    EXPECT_FAILS(carryOut(*made), NotReady);
}

TEST_F(RestoreTest, StoppedRestoreIsCancelledAndLeavesNoDataDirectory)
{
    store();
    const auto made = plan();
    source.request_stop();

    EXPECT_FAILS(carryOut(*made), Cancelled);
    EXPECT_FALSE(exists("copy/global/pg_control"));
}

TEST_F(RestoreTest, RestoreCommandThatFailsIsFoundBeforeAnythingIsWritten)
{
    store();
    auto wanted = request();
    wanted.startOptions.start = true;
    const auto made = plan(wanted);

    const auto outcome = apply(*made, *repository,
                               {.restoreCommand = "echo no key >&2; exit 126",
                                .instancesFolder = folder.path() / "instances"},
                               job);

    ASSERT_FAILS(outcome, NotReady);
    EXPECT_NE(outcome.error().message.find("no key"), std::string::npos);
    EXPECT_FALSE(exists("copy"));
}

} // namespace
} // namespace salvor::restore
