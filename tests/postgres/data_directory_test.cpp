#include "core/postgres/data_directory.h"
#include "tests/support/as_nobody.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sys/stat.h>

namespace salvor::postgres {
namespace {

namespace fs = std::filesystem;

/// Keeps what is warned of.
class Warnings final : public EventSink {
public:
    void phase(std::string_view /*name*/, ByteCount /*total*/) override {}
    void note(std::string_view /*sentence*/) override {}
    void warning(std::string_view sentence) override { sentences.emplace_back(sentence); }

    std::vector<std::string> sentences;
};

class DataDirectoryTest : public ::testing::Test {
protected:
    Path put(const std::string& path)
    {
        const Path file = root() / path;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << "x";
        return file;
    }
    Path root() const { return folder->path() / "data"; }
    Result<DataDirectoryContents> scan(int major = 15)
    {
        JobContext job{stop.get_token(), progress, warnings};
        return scanDataDirectory(root(), major, job);
    }
    std::vector<std::string> paths(int major = 15)
    {
        const auto contents = scan(major);
        EXPECT_TRUE(isOk(contents));
        std::vector<std::string> result;
        for (const DataEntry& entry : contents->entries)
            result.push_back(entry.path);
        return result;
    }

    Result<TemporaryDirectory> folder = TemporaryDirectory::create();
    std::stop_source stop;
    Progress progress;
    Warnings warnings;
};

TEST_F(DataDirectoryTest, FilesOfRelationsKnowTheirFirstBlock)
{
    for (const std::string path :
         {"base/5/1259", "base/5/1259.1", "base/5/1259_fsm", "base/5/1259_vm", "base/5/1260_init",
          "global/1262", "global/pg_filenode.map", "base/5/PG_VERSION", "base/5/1259_xyz",
          "pg_xact/0000", "pg_multixact/offsets/0000", "base/5/1259.x"})
        put(path);
    const auto contents = scan();
    ASSERT_OK(contents);
    std::map<std::string, std::uint32_t> blocks;
    for (const DataEntry& entry : contents->entries)
        if (entry.hasPages)
            blocks[entry.path] = entry.firstBlock;
    EXPECT_EQ(blocks, (std::map<std::string, std::uint32_t>{{"base/5/1259", 0},
                                                            {"base/5/1259.1", 131072},
                                                            {"base/5/1259_fsm", 0},
                                                            {"base/5/1259_vm", 0},
                                                            {"base/5/1260_init", 0},
                                                            {"global/1262", 0}}));
}

TEST_F(DataDirectoryTest, OfAnUnloggedRelationOnlyTheInitForkIsListed)
{
    for (const std::string path : {"base/5/77", "base/5/77.1", "base/5/77_fsm", "base/5/77_init",
                                   "base/5/7", "base/6/77", "global/77"})
        put(path);
    EXPECT_EQ(paths(), (std::vector<std::string>{"base", "base/5", "base/5/7", "base/5/77_init",
                                                 "base/6", "base/6/77", "global", "global/77"}));
}

TEST_F(DataDirectoryTest, SignalsAndWhatTheServerMakesAnewAreLeftOut)
{
    for (const std::string path :
         {"standby.signal", "recovery.signal", "postmaster.pid", "backup_label", "base/5/t1_2",
          "pg_wal/000000010000000000000001", "pg_wal/archive_status/x", "pg_wal/summaries/y",
          "pg_replslot/slot/state", "PG_VERSION"})
        put(path);
    EXPECT_EQ(paths(16), (std::vector<std::string>{"PG_VERSION", "base", "base/5", "pg_replslot",
                                                   "pg_wal", "pg_wal/archive_status"}));
    EXPECT_EQ(paths(17).back(), "pg_wal/summaries");
}

TEST_F(DataDirectoryTest, ATablespaceIsALinkAndItsFolderOfThisMajorBehindIt)
{
    const Path far = folder->path() / "far";
    for (const std::string path : {"PG_15_202209061/5/16384", "PG_14_202107181/5/1", "stray"}) {
        fs::create_directories((far / path).parent_path());
        std::ofstream(far / path) << "x";
    }
    put("pg_tblspc/.keep");
    fs::create_symlink(far, root() / "pg_tblspc/16400");
    const auto contents = scan();
    ASSERT_OK(contents);
    std::vector<std::string> found;
    for (const DataEntry& entry : contents->entries)
        found.push_back(entry.path);
    EXPECT_EQ(found, (std::vector<std::string>{"pg_tblspc", "pg_tblspc/.keep", "pg_tblspc/16400",
                                               "pg_tblspc/16400/PG_15_202209061",
                                               "pg_tblspc/16400/PG_15_202209061/5",
                                               "pg_tblspc/16400/PG_15_202209061/5/16384"}));
    EXPECT_EQ(contents->entries[2].kind, EntryKind::Link);
    EXPECT_EQ(contents->entries[2].linkTarget, far.native());
    EXPECT_TRUE(contents->entries[5].hasPages);
    ASSERT_EQ(contents->tablespaces.size(), 1U);
    EXPECT_EQ(contents->tablespaces[0], (model::Tablespace{16400, far.native()}));
}

TEST_F(DataDirectoryTest, ATablespaceWithinTheDirectoryIsListedOnce)
{
    put("inside/PG_15_202209061/5/16384");
    put("pg_tblspc/.keep");
    fs::create_symlink(root() / "inside", root() / "pg_tblspc/16400");
    const auto found = paths();
    EXPECT_EQ(std::count(found.begin(), found.end(), "inside"), 1);
    EXPECT_EQ(std::count(found.begin(), found.end(), "inside/PG_15_202209061"), 0);
    EXPECT_EQ(std::count(found.begin(), found.end(), "pg_tblspc/16400/PG_15_202209061/5/16384"), 1);
}

TEST_F(DataDirectoryTest, ALinkedWalFolderBecomesAFolder)
{
    put("PG_VERSION");
    fs::create_directories(folder->path() / "wal/archive_status");
    std::ofstream(folder->path() / "wal/000000010000000000000001") << "x";
    fs::create_directory_symlink(folder->path() / "wal", root() / "pg_wal");
    ::chmod(root().c_str(), 0750);
    const auto contents = scan();
    ASSERT_OK(contents);
    ASSERT_EQ(contents->entries.size(), 3U);
    EXPECT_EQ(contents->entries[1].path, "pg_wal");
    EXPECT_EQ(contents->entries[1].kind, EntryKind::Directory);
    EXPECT_EQ(contents->entries[1].mode, 0750U);
    EXPECT_EQ(contents->entries[2].path, "pg_wal/archive_status");
}

TEST_F(DataDirectoryTest, OtherLinksAndSpecialFilesAreLeftOutWithAWarning)
{
    put("PG_VERSION");
    fs::create_symlink("/etc/hostname", root() / "own.conf");
    ASSERT_EQ(::mkfifo((root() / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(paths(), std::vector<std::string>{"PG_VERSION"});
    ASSERT_EQ(warnings.sentences.size(), 2U);
}

TEST_F(DataDirectoryTest, ALinkAmongTheDatabasesIsNotReady)
{
    put("base/5/1259");
    fs::create_symlink("/srv/elsewhere", root() / "base/6");
    const auto contents = scan();
    ASSERT_FAILS(contents, NotReady);
    EXPECT_NE(contents.error().message.find("base/6'"), std::string::npos);
    EXPECT_FALSE(contents.error().hint.empty());
}

TEST_F(DataDirectoryTest, NamesAreBytesInByteOrder)
{
    for (const std::string path : {"caf\xe9", "cafz", "Zebra", "new\nline"})
        put(path);
    EXPECT_EQ(paths(), (std::vector<std::string>{"Zebra", "cafz", "caf\xe9", "new\nline"}));
}

TEST_F(DataDirectoryTest, EntriesCarryOwnerModeSizeAndTime)
{
    const Path file = put("PG_VERSION");
    ::chmod(file.c_str(), 0640);
    const auto contents = scan();
    ASSERT_OK(contents);
    const DataEntry& entry = contents->entries.at(0);
    EXPECT_EQ(entry.mode, 0640U);
    EXPECT_EQ(entry.size, 1U);
    EXPECT_EQ(entry.source, file);
    EXPECT_FALSE(entry.owner.empty());
    EXPECT_FALSE(entry.group.empty());
    EXPECT_LT(Moment(), entry.modifiedAt);
}

TEST_F(DataDirectoryTest, WhatCannotBeReadIsDeniedAndNamed)
{
    put("base/5/1259");
    ::chmod(put("base/5/1260").c_str(), 0);
    ::chmod(folder->path().c_str(), 0755);
    EXPECT_TRUE(test::asNobody([&] {
        const auto contents = scan();
        return !contents.ok() && contents.error().code == ErrorCode::Denied
               && contents.error().message.find("base/5/1260'") != std::string::npos;
    }));
    ::chmod((root() / "base/5").c_str(), 0);
    EXPECT_TRUE(test::asNobody([&] {
        const auto contents = scan();
        return !contents.ok() && contents.error().code == ErrorCode::Denied
               && contents.error().message.find("base/5'") != std::string::npos;
    }));
    ::chmod((root() / "base/5").c_str(), 0700);
}

TEST_F(DataDirectoryTest, AMissingDirectoryAndARequestToStopAreErrors)
{
    EXPECT_FAILS(scan(), NotFound);
    put("PG_VERSION");
    stop.request_stop();
    EXPECT_FAILS(scan(), Cancelled);
}

TEST_F(DataDirectoryTest, APathAloneTellsWhatIsExcluded)
{
    for (const std::string path :
         {"postmaster.pid", "pg_wal/000000010000000000000001", "pg_wal/archive_status/x",
          "base/pgsql_tmp", "base/pgsql_tmp/pgsql_tmp1.0", "base/5/t3_17000_vm.2",
          "pg_tblspc/16400/PG_15_202209061/5/t3_17000", "pg_subtrans/0000", "pg_replslot/a",
          "base/5/pg_internal.init.12", "standby.signal", "pg_wal/summaries", "./backup_label"})
        EXPECT_TRUE(isExcluded(path, 15)) << path;
    for (const std::string path :
         {"", "PG_VERSION", "pg_wal", "pg_wal/archive_status", "pg_subtrans", "pg_replslot",
          "global/pg_control", "base/5/t3_x", "base/t3_17000", "extra/standby.signal",
          "backup_label.old", "base/5/1259", "postmaster.pid.old"})
        EXPECT_FALSE(isExcluded(path, 15)) << path;
    EXPECT_FALSE(isExcluded("pg_wal/summaries", 17));
    EXPECT_TRUE(isExcluded("pg_wal/summaries/x", 17));
}

TEST_F(DataDirectoryTest, APidFileThatNamesNoProcessIsCorrupt)
{
    fs::create_directories(root());
    auto running = isServerRunning(root());
    ASSERT_OK(running);
    EXPECT_FALSE(*running);
    for (const std::string text : {"", "x\n", "0\n", "99999999999\n"}) {
        std::ofstream(root() / "postmaster.pid") << text;
        const auto answer = isServerRunning(root());
        ASSERT_FAILS(answer, Corrupt) << text;
        EXPECT_NE(answer.error().hint.find("remove the file"), std::string::npos);
    }
    // This very process does not work in that folder.
    std::ofstream(root() / "postmaster.pid") << ::getpid() << "\n";
    EXPECT_FALSE(*isServerRunning(root()));
}

} // namespace
} // namespace salvor::postgres
