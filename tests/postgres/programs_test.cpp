#include "core/postgres/programs.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace salvor;
using namespace salvor::postgres;

namespace {

void writeProgram(const Path& path, const std::string& text)
{
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

} // namespace

TEST(Programs, AreFoundInTheConfiguredFolder)
{
    const Path folder = test::programsOf(15);
    if (folder.empty())
        GTEST_SKIP() << "no PostgreSQL 15 here";
    const auto found = findPrograms(15, folder);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->folder, folder);
    EXPECT_EQ(found->program("pg_ctl"), (folder / "pg_ctl").native());
}

TEST(Programs, OfAnotherMajorAreNotTakenAndTheMessageSaysWhatWasFound)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    writeProgram(folder->path() / "postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 16.4'\n");
    const auto found = findPrograms(15, folder->path());
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::NotReady);
    EXPECT_NE(found.error().message.find("16.4"), std::string::npos);
    EXPECT_NE(found.error().message.find(folder->path().native()), std::string::npos);
    EXPECT_NE(found.error().hint.find("postgresql-15"), std::string::npos);
}

TEST(Programs, OfABetaAreOfItsMajor)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    writeProgram(folder->path() / "postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 18beta1'\n");
    EXPECT_TRUE(findPrograms(18, folder->path()).ok());
}

TEST(Programs, AreNotThereWhenThePlaceIsEmptyOrTheProgramFails)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    EXPECT_EQ(findPrograms(15, folder->path()).error().code, ErrorCode::NotReady);
    writeProgram(folder->path() / "postgres", "#!/bin/sh\nexit 3\n");
    EXPECT_EQ(findPrograms(15, folder->path()).error().code, ErrorCode::NotReady);
    writeProgram(folder->path() / "postgres", "#!/bin/sh\necho nonsense\n");
    EXPECT_EQ(findPrograms(15, folder->path()).error().code, ErrorCode::NotReady);
}
