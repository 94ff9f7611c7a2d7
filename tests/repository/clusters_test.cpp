#include "tests/repository/repository_test.h"

namespace salvor::repository {

namespace {

class Clusters : public RepositoryTest {
protected:
    void SetUp() override
    {
        open(true);
        other = identity;
        other.systemIdentifier = 42;
        other.majorVersion = 17;
    }
    model::ClusterIdentity other;
};

TEST_F(Clusters, TheFirstPinMakesIncarnationOne)
{
    const auto made = repository->pin("prod", identity);

    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_EQ(made->number, 1U);
    EXPECT_EQ(*repository->pin("prod", identity), *made);
    EXPECT_EQ(*repository->incarnation("prod"), *made);
    EXPECT_EQ(*repository->clusters(), std::vector<std::string>{"prod"});
}

TEST_F(Clusters, AnotherClusterUnderTheNameIsRefusedWithBothIdentities)
{
    ASSERT_TRUE(repository->pin("prod", identity).ok());

    const auto pinned = repository->pin("prod", other);

    EXPECT_EQ(pinned.error().code, ErrorCode::NotReady);
    EXPECT_NE(pinned.error().message.find("7370000000000000001, PostgreSQL 15"), std::string::npos);
    EXPECT_NE(pinned.error().message.find("42, PostgreSQL 17"), std::string::npos);
    EXPECT_NE(pinned.error().hint.find("salvorctl cluster adopt prod"), std::string::npos);
}

TEST_F(Clusters, AdoptMakesTheNextIncarnationOnce)
{
    ASSERT_TRUE(repository->pin("prod", identity).ok());

    const auto adopted = repository->adopt("prod", other);

    EXPECT_EQ(adopted->number, 2U);
    EXPECT_EQ(repository->adopt("prod", other)->number, 2U);
    EXPECT_EQ(repository->pin("prod", other)->number, 2U);
    EXPECT_EQ(repository->pin("prod", identity).error().code, ErrorCode::NotReady);
    EXPECT_EQ(repository->incarnations("prod")->size(), 2U);
}

TEST_F(Clusters, AnUnknownNameHasNoIncarnation)
{
    EXPECT_EQ(repository->incarnation("nobody").error().code, ErrorCode::NotFound);
    EXPECT_TRUE(repository->incarnations("nobody")->empty());
}

TEST_F(Clusters, ANameThatCannotBeAKeyIsInvalid)
{
    EXPECT_EQ(repository->pin("../etc", identity).error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(repository->backups("a/b").error().code, ErrorCode::InvalidInput);
}

TEST_F(Clusters, NothingIsFoundAgainAcrossIncarnations)
{
    const Files files{{"base/1", textData(3U << 20U, 1)}};
    const auto first = store(files, "b1");
    identity = other;
    ASSERT_TRUE(repository->adopt("prod", identity).ok());

    const auto second = store(files, "b2");

    EXPECT_EQ(second->newSize, first->newSize);
}

TEST_F(Clusters, ABackupIsFoundByAPrefixThatFitsOne)
{
    ASSERT_TRUE(store({}, "20261120T205651Z-3f9a").ok());
    ASSERT_TRUE(store({}, "20261121T205651Z-3f9b").ok());

    EXPECT_EQ(repository->backup("20261121")->id, "20261121T205651Z-3f9b");
    EXPECT_EQ(repository->backup("20261120T205651Z-3f9a")->id, "20261120T205651Z-3f9a");
    EXPECT_EQ(repository->backup("202611").error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(repository->backup("2025").error().code, ErrorCode::NotFound);
    EXPECT_EQ(repository->backup("").error().code, ErrorCode::NotFound);
}

TEST_F(Clusters, AnIdThatIsAPrefixOfAnotherIsFoundExactly)
{
    ASSERT_TRUE(store({}, "b1").ok());
    ASSERT_TRUE(store({}, "b10").ok());

    EXPECT_EQ(repository->backup("b1")->id, "b1");
}

TEST_F(Clusters, ASecondBackupOfOneIdIsRefused)
{
    ASSERT_TRUE(store({{"a", textData(10, 1)}}, "b1").ok());

    EXPECT_EQ(store({{"a", textData(10, 2)}}, "b1").error().code, ErrorCode::AlreadyExists);
}

} // namespace

} // namespace salvor::repository
