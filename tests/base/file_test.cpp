#include "core/base/file.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

namespace salvor {
namespace {

class FileTest : public ::testing::Test {
protected:
    TemporaryDirectory folder = *TemporaryDirectory::create();
    Path path = folder.path() / "file";
};

std::size_t entries(const Path& folder)
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder))
        ++count;
    return count;
}

TEST_F(FileTest, DurableWriteReplacesTheWholeContentAndSetsTheMode)
{
    ASSERT_OK(writeFileDurably(path, asBytes("first, longer")));
    ASSERT_OK(writeFileDurably(path, asBytes("second"), IfExists::Replace, 0640));

    EXPECT_EQ(*readTextFile(path), "second");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST_F(FileTest, ExclusiveWriteLeavesAnExistingFileAlone)
{
    ASSERT_OK(writeFileDurably(path, asBytes("mine"), IfExists::Fail));

    EXPECT_FAILS(writeFileDurably(path, asBytes("other"), IfExists::Fail), AlreadyExists);
    EXPECT_EQ(*readTextFile(path), "mine");
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST_F(FileTest, WriteThatRunsOutOfRoomLeavesNothingBehind)
{
    ASSERT_OK(writeFileDurably(path, asBytes("old")));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);

    const auto outcome = writeFileDurably(path, Bytes(8192));

    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(*readTextFile(path), "old");
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST_F(FileTest, ReadingPastTheLimitIsRefused)
{
    ASSERT_OK(writeFileDurably(path, Bytes(100)));

    EXPECT_FAILS(readFile(path, 99), InvalidInput);
    EXPECT_EQ(readFile(path, 100)->size(), 100U);
}

TEST_F(FileTest, MissingFileIsNotFoundAndNamed)
{
    const auto content = readFile(path);

    ASSERT_FAILS(content, NotFound);
    EXPECT_NE(content.error().message.find(path.native()), std::string::npos);
}

TEST_F(FileTest, FoldersAreMadeWithTheirParentsAndAFileInTheWayIsAnError)
{
    ASSERT_OK(createDirectories(folder.path() / "a/b/c"));
    ASSERT_OK(createDirectories(folder.path() / "a/b/c"));
    ASSERT_OK(writeFileDurably(path, asBytes("x")));

    EXPECT_TRUE(std::filesystem::is_directory(folder.path() / "a/b/c"));
    EXPECT_FAILS(createDirectories(path), AlreadyExists);
    EXPECT_FALSE(createDirectories(path / "below").ok());
}

TEST_F(FileTest, PositionedReadsAndWritesMeetAtTheirOffset)
{
    const auto file = openFile(path, O_RDWR | O_CREAT);
    ASSERT_OK(file);
    ASSERT_OK(writeAllAt(*file, asBytes("world"), 6));
    ASSERT_OK(writeAllAt(*file, asBytes("hello "), 0));
    Bytes buffer(16);

    const auto got = readFullAt(*file, buffer, 6);

    ASSERT_OK(got);
    EXPECT_EQ(asText(ByteView(buffer).first(*got)), "world");
    EXPECT_OK(syncFileSystem(path));
}

TEST(TemporaryDirectory, GoesWithAllItHolds)
{
    Path place;
    {
        const auto folder = TemporaryDirectory::create();
        ASSERT_OK(folder);
        place = folder->path();
        ASSERT_OK(createDirectories(place / "x/y"));
    }
    EXPECT_FALSE(std::filesystem::exists(place));
}

} // namespace
} // namespace salvor
