#include "core/base/new_file.h"
#include "tests/support/result_assertions.h"

#include <sys/stat.h>

namespace salvor {
namespace {

class NewFileTest : public testing::Test {
protected:
    std::size_t files() const
    {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::directory_iterator(folder->path()))
            ++count;
        return count;
    }

    Result<TemporaryDirectory> folder = TemporaryDirectory::create();
    const Path path = folder->path() / "file";
};

TEST_F(NewFileTest, AppearsWholeWithItsMode)
{
    const std::string part(200'000, 'x');
    {
        auto file = NewFile::create(path);
        for (int i = 0; i < 5; ++i)
            ASSERT_TRUE(file->write(asBytes(part)).ok());
        ASSERT_TRUE(file->write(asBytes(std::string(1'000'000, 'y'))).ok());
        EXPECT_FALSE(std::filesystem::exists(path));
        ASSERT_TRUE(file->commit(IfExists::Fail, 0640).ok());
    }

    EXPECT_EQ(*readTextFile(path), std::string(1'000'000, 'x') + std::string(1'000'000, 'y'));
    struct stat status {};
    ::stat(path.c_str(), &status);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
    EXPECT_EQ(files(), 1U);
}

TEST_F(NewFileTest, LeavesNothingWhenItIsGivenUp)
{
    {
        auto file = NewFile::create(path);
        ASSERT_TRUE(file->write(asBytes(std::string(1'000'000, 'x'))).ok());
    }

    EXPECT_EQ(files(), 0U);
}

TEST_F(NewFileTest, WritesNothingOver)
{
    ASSERT_TRUE(writeFileDurably(path, asBytes("mine")).ok());
    {
        auto file = NewFile::create(path);
        ASSERT_TRUE(file->write(asBytes("yours")).ok());
        EXPECT_FAILS(file->commit(IfExists::Fail), AlreadyExists);
    }

    EXPECT_EQ(*readTextFile(path), "mine");
    EXPECT_EQ(files(), 1U);
}

TEST_F(NewFileTest, AFolderThatIsNotThereIsNotMade)
{
    EXPECT_FAILS(NewFile::create(folder->path() / "no" / "file"), NotFound);
}

} // namespace
} // namespace salvor
