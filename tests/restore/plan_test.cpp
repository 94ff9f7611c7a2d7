#include "core/restore/checks.h"
#include "tests/restore/restore_scene.h"

namespace salvor::restore {
namespace {

using Level = model::Check::Level;

TEST_F(RestoreTest, PlanSaysWhatItWritesAndFindsNoBlocker)
{
    store();

    const auto made = plan();

    ASSERT_OK(made);
    EXPECT_EQ(blocker(made), "");
    EXPECT_EQ(made->bytesToWrite, totalSize());
    EXPECT_GT(made->bytesToFetch, 0U);
    EXPECT_EQ(made->owner, owner());
    EXPECT_FALSE(exists("copy"));
}

TEST_F(RestoreTest, PlanKeepsItsHashThroughJson)
{
    store();
    const auto made = plan();
    ASSERT_OK(made);

    const auto again = model::RestorePlan::fromJson(*Json::parse(made->toJson().text()));

    ASSERT_OK(again);
    EXPECT_EQ(planHash(*again), planHash(*made));
    auto other = *made;
    other.destination += "2";
    EXPECT_NE(planHash(other), planHash(*made));
}

TEST_F(RestoreTest, DirectoryThatHoldsSomethingIsRefusedAndNotTouched)
{
    store();
    std::filesystem::create_directory(folder.path() / "copy");
    ASSERT_OK(writeFileDurably(folder.path() / "copy" / "mine", asBytes("keep")));

    const auto made = plan();

    EXPECT_NE(blocker(made).find("is not empty"), std::string::npos) << blocker(made);
    EXPECT_FAILS(carryOut(*made), NotReady);
    EXPECT_EQ(content("copy/mine"), "keep");
}

TEST_F(RestoreTest, FileAtTheDestinationIsRefused)
{
    store();
    ASSERT_OK(writeFileDurably(folder.path() / "copy", asBytes("keep")));

    EXPECT_NE(blocker(plan()).find("is no directory"), std::string::npos);
}

TEST_F(RestoreTest, PlaceInsideAnotherDataDirectoryIsRefused)
{
    store();
    const test::TestCluster cluster;
    auto wanted = request();
    wanted.destination = cluster.dataDirectory() / "copy";

    EXPECT_NE(blocker(plan(wanted)).find("inside the data directory"), std::string::npos);
}

TEST_F(RestoreTest, RunningServersDirectoryIsRefusedByThatName)
{
    store();
    test::TestCluster cluster;
    cluster.start();
    auto wanted = request();
    wanted.destination = cluster.dataDirectory();

    EXPECT_NE(blocker(plan(wanted)).find("running server"), std::string::npos);
}

TEST_F(RestoreTest, RelativePlaceIsRefused)
{
    store();
    auto wanted = request();
    wanted.destination = "copy";

    EXPECT_NE(blocker(plan(wanted)).find("whole path"), std::string::npos);
}

TEST_F(RestoreTest, UnknownOwnerAndRootAreRefused)
{
    store();
    auto wanted = request();
    wanted.owner = "nobody-of-that-name";
    EXPECT_NE(blocker(plan(wanted)).find("no user"), std::string::npos);
    wanted.owner = "root";
    EXPECT_NE(blocker(plan(wanted)).find("root"), std::string::npos);
}

TEST_F(RestoreTest, MissingPackIsRefusedBeforeAnythingIsWritten)
{
    store();
    const auto good = plan();
    ASSERT_OK(driver->remove(contentPack()));

    EXPECT_NE(blocker(plan()).find("cannot be read"), std::string::npos);
    EXPECT_FAILS(carryOut(*good), Corrupt);
    EXPECT_FALSE(exists("copy"));
}

TEST_F(RestoreTest, MissingWalIsRefusedBeforeAnythingIsWritten)
{
    store();
    const auto good = plan();
    ASSERT_OK(driver->remove(firstKey("wal/")));

    EXPECT_NE(blocker(plan()).find("is not in the archive"), std::string::npos);
    EXPECT_FAILS(carryOut(*good), NotReady);
    EXPECT_FALSE(exists("copy"));
}

TEST_F(RestoreTest, TargetOnALaterTimelineNeedsItsHistoryFile)
{
    store();
    auto wanted = request();
    wanted.target.timeline = model::TimelineId{2};

    EXPECT_NE(blocker(plan(wanted)).find("00000002.history"), std::string::npos);
}

TEST_F(RestoreTest, TablespaceNeedsAPlaceOfItsOwn)
{
    backup.tablespaces = {{16400, "/srv/space"}};
    moreEntries.push_back(folderEntry("pg_tblspc/16400/PG_15_202209061"));
    store();
    auto wanted = request();
    EXPECT_NE(blocker(plan(wanted)).find("has no new place"), std::string::npos);
    wanted.tablespaces[16400] = folder.path() / "copy" / "space";
    EXPECT_NE(blocker(plan(wanted)).find("overlap"), std::string::npos);
    wanted.tablespaces[16400] = folder.path() / "space";
    EXPECT_EQ(blocker(plan(wanted)), "");
    wanted.tablespaces[16401] = folder.path() / "other";
    EXPECT_NE(blocker(plan(wanted)).find("has no tablespace 16401"), std::string::npos);
}

TEST_F(RestoreTest, DamageThatTheBackupRecordedIsAWarning)
{
    backup.damaged = {{"base/5/1259", {3}}};
    store();

    const auto made = plan();

    ASSERT_OK(made);
    EXPECT_EQ(made->checks.front().level, Level::Warning);
    EXPECT_NE(made->checks.front().found.find("base/5/1259"), std::string::npos);
}

TEST_F(RestoreTest, FilesThatDoNotFitAreABlocker)
{
    model::RestorePlan made;
    Contents contents;
    contents.bytesByPlace[folder.path() / "copy"] = ByteCount{1} << 60U;

    const auto checks = checkSpace(contents, made);

    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().level, Level::Blocker);
}

TEST_F(RestoreTest, BackupWithoutALabelIsRefused)
{
    files.erase("backup_label");
    store();

    EXPECT_NE(blocker(plan()).find("backup_label"), std::string::npos);
}

} // namespace
} // namespace salvor::restore
