#include "core/restore/left_files.h"
#include "tests/restore/restore_scene.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace salvor::restore {

/// A destination where a restore was killed just before its last step.
class LeftFiles : public RestoreTest {
protected:
    void SetUp() override
    {
        RestoreTest::SetUp();
        store();
        ASSERT_OK(carryOut(*plan()));
        const Path copy = folder.path() / "copy";
        std::filesystem::rename(copy / controlName, copy / unfinishedControlName);
        ASSERT_OK(writeFileDurably(copy / markerName, asBytes("killed\n")));
    }
    [[nodiscard]] Path at(const std::string& name) const { return folder.path() / "copy" / name; }
    [[nodiscard]] ino_t inode(const std::string& name) const
    {
        struct stat about {};
        EXPECT_EQ(::stat(at(name).c_str(), &about), 0) << name;
        return about.st_ino;
    }
    /// Changes a byte and puts the time back, as a disk that lost a write might.
    void spoil(const std::string& name)
    {
        struct stat about {};
        ASSERT_EQ(::stat(at(name).c_str(), &about), 0);
        const auto file = openFile(at(name), O_RDWR);
        ASSERT_OK(file);
        ASSERT_OK(writeAllAt(*file, asBytes("?"), 50000));
        const std::array<timespec, 2> times{about.st_atim, about.st_mtim};
        ASSERT_EQ(::futimens(file->get(), times.data()), 0);
    }
    void expectAllFiles()
    {
        for (const auto& [path, bytes] : files) {
            const auto read = readFile(at(path));
            EXPECT_TRUE(path == "postgresql.auto.conf" || (read.ok() && *read == bytes)) << path;
        }
    }
};

TEST_F(LeftFiles, WhatIsWholeIsKeptAndTheRestIsWritten)
{
    const ino_t whole = inode("base/5/holes");
    std::filesystem::remove(at("PG_VERSION"));
    std::filesystem::resize_file(at("backup_label"), 3);

    const auto outcome = carryOut(*plan());

    ASSERT_OK(outcome);
    EXPECT_EQ(inode("base/5/holes"), whole);
    expectAllFiles();
    EXPECT_TRUE(exists("copy/global/pg_control"));
    EXPECT_FALSE(exists("copy/.salvor-restore"));
}

TEST_F(LeftFiles, AFileWithOtherBytesIsWrittenAnew)
{
    const ino_t spoiled = inode("base/5/1259");
    spoil("base/5/1259");

    ASSERT_OK(carryOut(*plan()));

    EXPECT_NE(inode("base/5/1259"), spoiled);
    expectAllFiles();
}

TEST_F(LeftFiles, AFileWithASecondNameIsNotTaken)
{
    const ino_t shared = inode("base/5/1259");
    std::filesystem::create_hard_link(at("base/5/1259"), folder.path() / "elsewhere");

    ASSERT_OK(carryOut(*plan()));

    EXPECT_NE(inode("base/5/1259"), shared);
    expectAllFiles();
}

TEST_F(LeftFiles, ALinkInThePlaceOfAFileIsNotFollowed)
{
    std::filesystem::rename(at("base/5/1259"), folder.path() / "elsewhere");
    std::filesystem::create_symlink(folder.path() / "elsewhere", at("base/5/1259"));

    ASSERT_OK(carryOut(*plan()));

    EXPECT_TRUE(
        std::filesystem::is_regular_file(std::filesystem::symlink_status(at("base/5/1259"))));
    EXPECT_TRUE(exists("elsewhere"));
    expectAllFiles();
}

TEST_F(LeftFiles, OfAnotherBackupOnlyEqualFilesAreTaken)
{
    const ino_t equal = inode("base/5/holes");
    files["base/5/1259"] = noise(100000, 9);
    store("20261121T205651Z-3f9b");

    ASSERT_OK(carryOut(*plan()));

    EXPECT_EQ(inode("base/5/holes"), equal);
    expectAllFiles();
}

TEST_F(LeftFiles, ThePlanSaysWhatSeemsToBeThere)
{
    const auto made = plan();

    ASSERT_OK(made);
    EXPECT_TRUE(std::any_of(made->creates.begin(), made->creates.end(), [](const auto& sentence) {
        return sentence.find("look finished") != std::string::npos;
    }));
}

TEST_F(LeftFiles, ARestoreThatLivesIsNotSetAside)
{
    const auto made = plan();
    auto claim = claimPlace(folder.path() / "copy");
    ASSERT_OK(claim);

    EXPECT_FAILS(carryOut(*made), NotReady);

    EXPECT_TRUE(exists("copy/.salvor-restore"));
    claim->reset();
    ASSERT_OK(carryOut(*made));
    expectAllFiles();
}

TEST_F(LeftFiles, AStopIsObeyedAndTheNextRunGoesOn)
{
    const auto made = plan();
    std::stop_source asked;
    asked.request_stop();
    std::vector<FileToWrite> list(1);
    list[0].path = at("base/5/1259");
    list[0].size = 100000;
    list[0].modifiedAt = Moment(std::chrono::microseconds(1700000000123456));
    list[0].isLeft = true;
    JobContext stopped{asked.get_token(), job.progress, job.events};

    EXPECT_FAILS(
        takeLeftFiles(list, {{folder.path() / "copy", folder.path() / "copy"}}, {}, stopped),
        Cancelled);

    ASSERT_OK(carryOut(*made));
    expectAllFiles();
}

} // namespace salvor::restore
