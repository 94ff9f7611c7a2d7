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

} // namespace

} // namespace salvor::repository
