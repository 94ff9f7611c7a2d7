#include "core/postgres/instance.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sys/stat.h>

using namespace salvor;
using namespace salvor::postgres;

namespace {

Instance example(const std::string& name)
{
    Instance instance;
    instance.name = name;
    instance.cluster = "orders";
    instance.repository = "main";
    instance.dataDirectory = "/srv/copy";
    instance.configDirectory = "/srv/copy.run";
    instance.socketDirectory = "/run/copy";
    instance.port = 5999;
    instance.majorVersion = 17;
    instance.systemIdentifier = 7446744073709551616U + 5;
    instance.owner = "postgres";
    instance.role = "admin";
    instance.programs = "/usr/lib/postgresql/17/bin";
    instance.tablespaces = {"/srv/ts1", "/srv/ts2"};
    instance.startedAt = *parseMoment("2026-11-20T21:05:06.123456Z");
    instance.targetEnd = model::Lsn{0x3000148};
    instance.targetCommitAt = instance.startedAt - std::chrono::hours(2);
    return instance;
}

} // namespace

TEST(InstanceRegistry, WithoutAFolderHasNoCopies)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    const InstanceRegistry registry(folder->path() / "not" / "there");
    const auto all = registry.list();
    ASSERT_TRUE(all.ok()) << all.error().message;
    EXPECT_TRUE(all->empty());
    EXPECT_EQ(registry.find("x").error().code, ErrorCode::NotFound);
    EXPECT_TRUE(registry.forget("x").ok());
}

TEST(InstanceRegistry, GivesBackWhatWasAddedInTheOrderOfTheStart)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    const InstanceRegistry registry(folder->path() / "instances");
    Instance later = example("a-later");
    later.startedAt += std::chrono::hours(1);
    ASSERT_TRUE(registry.add(later).ok());
    ASSERT_TRUE(registry.add(example("z-earlier")).ok());
    const auto all = registry.list();
    ASSERT_TRUE(all.ok()) << all.error().message;
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[0].name, "z-earlier");
    const auto found = registry.find("a-later");
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->cluster, "orders");
    EXPECT_EQ(found->repository, "main");
    EXPECT_EQ(found->dataDirectory, "/srv/copy");
    EXPECT_EQ(found->configDirectory, "/srv/copy.run");
    EXPECT_EQ(found->socketDirectory, "/run/copy");
    EXPECT_EQ(found->port, 5999);
    EXPECT_EQ(found->majorVersion, 17);
    EXPECT_EQ(found->systemIdentifier, later.systemIdentifier);
    EXPECT_EQ(found->owner, "postgres");
    EXPECT_EQ(found->role, "admin");
    EXPECT_EQ(found->programs, later.programs);
    EXPECT_EQ(found->tablespaces, later.tablespaces);
    EXPECT_EQ(found->startedAt, later.startedAt);
    EXPECT_EQ(found->targetEnd, later.targetEnd);
    EXPECT_EQ(found->targetCommitAt, later.targetCommitAt);
    ASSERT_TRUE(registry.forget("a-later").ok());
    EXPECT_EQ(registry.find("a-later").error().code, ErrorCode::NotFound);
}

TEST(InstanceRegistry, FilesAreForTheirOwnerOnly)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    const InstanceRegistry registry(folder->path() / "instances");
    ASSERT_TRUE(registry.add(example("one")).ok());
    struct stat status {};
    ASSERT_EQ(::stat((folder->path() / "instances" / "one.json").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(InstanceRegistry, NamesThatLeadElsewhereAreRefused)
{
    const InstanceRegistry registry("/nowhere");
    for (const char* name : {"../up", "", "a/b", ".hidden"}) {
        EXPECT_EQ(registry.add(example(name)).error().code, ErrorCode::InvalidInput);
        EXPECT_EQ(registry.find(name).error().code, ErrorCode::InvalidInput);
        EXPECT_EQ(registry.forget(name).error().code, ErrorCode::InvalidInput);
    }
}

TEST(InstanceRegistry, ADamagedFileIsCorruptAndNamed)
{
    for (const char* text : {"{", "{}", R"({"name":"one","cluster":5})"}) {
        const auto folder = TemporaryDirectory::create();
        ASSERT_TRUE(folder.ok());
        std::ofstream(folder->path() / "one.json") << text;
        const auto all = InstanceRegistry(folder->path()).list();
        ASSERT_FALSE(all.ok());
        EXPECT_EQ(all.error().code, ErrorCode::Corrupt);
        EXPECT_NE(all.error().message.find("one.json"), std::string::npos);
    }
}
