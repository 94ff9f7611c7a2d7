#include "core/base/text.h"
#include "tests/repository/repository_test.h"

namespace salvor::repository {

namespace {

class RoundTrip : public RepositoryTest {
protected:
    void SetUp() override { open(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Encryption, RoundTrip, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Encrypted" : "Plain"; });

Files someFiles()
{
    Files files;
    files["PG_VERSION"] = textData(3, 1);
    files["base/5/1259"] = textData(500000, 2);
    files["base/5/16384"] = randomData(12U << 20U, 3);
    files["base/5/16385"] = Bytes(1U << 20U);
    files["empty"] = {};
    for (unsigned i = 0; i < 600; ++i)
        files["base/5/small" + std::to_string(i)] = textData(100, 1000U + i);
    return files;
}

TEST_P(RoundTrip, ABackupComesBackByteForByte)
{
    const Files files = someFiles();

    const auto backup = store(files, "b1");

    ASSERT_TRUE(backup.ok()) << backup.error().message;
    const auto loaded = load(*backup);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(*loaded, files);
    EXPECT_EQ(backup->fileCount, files.size());
    EXPECT_EQ(repository->backups("prod")->at(0), *backup);
}

TEST_P(RoundTrip, ASecondBackupStoresOnlyWhatIsNew)
{
    Files files = someFiles();
    const auto first = store(files, "b1");
    files["base/5/16384"][100] ^= std::byte{1};

    const auto second = store(files, "b2");

    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_LT(second->newSize, 120000U);
    EXPECT_GT(second->storedSize, 12U << 20U);
    EXPECT_EQ(*load(*second), files);
}

TEST_P(RoundTrip, ASegmentComesBackByteForByte)
{
    const model::Incarnation incarnation = pinned();
    const Bytes bytes = textData(identity.segmentSize, 9);
    const model::Segment segment{model::TimelineId{1}, 7};

    const auto pushed = repository->pushSegment(incarnation, segment, bytes);

    ASSERT_TRUE(pushed.ok()) << pushed.error().message;
    EXPECT_EQ(*pushed, Repository::Pushed::Stored);
    const auto read = repository->readSegment(incarnation, segment);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(*read, bytes);
}

class WorkedExample : public RepositoryTest {};

// The worked example of docs/repository-format.md, section 10.
TEST_F(WorkedExample, ThePackIsTheOneInTheDocument)
{
    const std::string info = R"({"created":"2026-11-20T21:05:06.123456Z","encryption":"none",)"
                             R"("format":1,"id":"00","idKey":")"
                             + std::string(64, '0') + R"("})";
    ASSERT_TRUE(storage::writeObject(*driver, "salvor.json", asBytes(info)).ok());
    reopen({});

    ASSERT_TRUE(
        store({{"PG_VERSION", Bytes{std::byte{'1'}, std::byte{'5'}, std::byte{'\n'}}}}, "b1").ok());

    const auto pack =
        storage::readObject(*driver, "packs/prod/1/03/0329de37b12dfc3aea12d6bb6b77948a71618ec7");
    ASSERT_TRUE(pack.ok()) << pack.error().message;
    EXPECT_EQ(toHex(*pack),
              "534c56525041434b01010000000031350a0100000003000000030000000001005f741838"
              "95048b906d90946b3201fdb0d4471ff2030000000a48f7e7ed14629caa45cae9935ee52e"
              "1f22f6dfc4e0e438eacc2ea83897ad5411000000000000004700000000000000534c5652"
              "50454e44");
}

} // namespace

} // namespace salvor::repository
