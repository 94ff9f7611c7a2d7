#include "tests/repository/repository_test.h"
#include "tests/support/forwarding_driver.h"

namespace salvor::repository {

namespace {

class WalArchive : public RepositoryTest {
protected:
    void SetUp() override
    {
        open(GetParam());
        incarnation = pinned();
    }
    [[nodiscard]] static model::Segment segment(std::uint64_t number, std::uint32_t timeline = 1)
    {
        return {model::TimelineId{timeline}, number};
    }
    [[nodiscard]] Bytes data(std::uint64_t seed) const
    {
        return textData(identity.segmentSize, seed);
    }
    model::Incarnation incarnation;
};
INSTANTIATE_TEST_SUITE_P(Encryption, WalArchive, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Encrypted" : "Plain"; });

/// Notes what was asked to be made durable.
class DurabilitySpy final : public test::ForwardingDriver {
public:
    using ForwardingDriver::ForwardingDriver;
    Result<> makeDurable(const storage::ObjectKey& key) override
    {
        asked.push_back(key);
        return fail(ErrorCode::Unavailable, "the disk does not answer");
    }

    std::vector<storage::ObjectKey> asked;
};

TEST_P(WalArchive, WhatIsThereAlreadyIsMadeDurableBeforeItIsAcknowledged)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), data(1)).ok());
    const auto spy = std::make_shared<DurabilitySpy>(driver);
    const auto other = Repository::open(spy, GetParam() ? keyFile('k') : Unlock{});
    ASSERT_TRUE(other.ok());

    const auto again = (*other)->pushSegment(incarnation, segment(7), data(1));

    EXPECT_EQ(again.error().code, ErrorCode::Unavailable);
    EXPECT_EQ(spy->asked.size(), 1U);
}

TEST_P(WalArchive, TheSameBytesTwiceSucceed)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), data(1)).ok());

    const auto again = repository->pushSegment(incarnation, segment(7), data(1));

    EXPECT_EQ(*again, Repository::Pushed::AlreadyThere);
}

TEST_P(WalArchive, OtherBytesUnderOneNameAreRefusedAndNothingIsWritten)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), data(1)).ok());
    const auto before = snapshot(*driver);

    const auto other = repository->pushSegment(incarnation, segment(7), data(2));

    EXPECT_EQ(other.error().code, ErrorCode::AlreadyExists);
    EXPECT_EQ(snapshot(*driver), before);
}

TEST_P(WalArchive, WhatIsNotThereIsNotFound)
{
    EXPECT_EQ(repository->readSegment(incarnation, segment(8)).error().code, ErrorCode::NotFound);
    EXPECT_EQ(repository->readWalFile(incarnation, "00000002.history").error().code,
              ErrorCode::NotFound);
}

TEST_P(WalArchive, ASegmentOfTheWrongSizeIsInvalid)
{
    EXPECT_EQ(repository->pushSegment(incarnation, segment(7), textData(100, 1)).error().code,
              ErrorCode::InvalidInput);
}

TEST_P(WalArchive, SegmentsAreListedInOrder)
{
    for (const model::Segment each : {segment(0x101), segment(3, 2), segment(2), segment(1, 2)})
        ASSERT_TRUE(repository->pushSegment(incarnation, each, data(each.number)).ok());

    const auto all = repository->segments(incarnation);
    const auto second = repository->segments(incarnation, model::TimelineId{2});

    ASSERT_EQ(all->size(), 4U);
    EXPECT_EQ(all->at(0).segment, segment(2));
    EXPECT_EQ(all->at(1).segment, segment(0x101));
    EXPECT_EQ(all->at(2).segment, segment(1, 2));
    EXPECT_EQ(second->size(), 2U);
}

TEST_P(WalArchive, TwoDifferentCopiesAreAConflictThatNobodyReads)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), data(1)).ok());
    const std::string key = repository->segments(incarnation)->front().object;
    const Bytes object = *storage::readObject(*driver, key);
    const std::string twin = key.substr(0, key.size() - 16) + "0123456789abcdef";
    ASSERT_TRUE(storage::writeObject(*driver, twin, object).ok());

    EXPECT_EQ(repository->readSegment(incarnation, segment(7)).error().code, ErrorCode::Corrupt);
    EXPECT_EQ(repository->segments(incarnation)->size(), 2U);
}

TEST_P(WalArchive, AnObjectUnderAnotherSegmentsNameIsCorrupt)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), data(1)).ok());
    std::string key = repository->segments(incarnation)->front().object;
    const Bytes object = *storage::readObject(*driver, key);
    key[key.size() - 18] = '8';
    ASSERT_TRUE(storage::writeObject(*driver, key, object).ok());

    EXPECT_EQ(repository->readSegment(incarnation, segment(8)).error().code, ErrorCode::Corrupt);
}

TEST_P(WalArchive, SmallFilesComeBackAndAreListed)
{
    const std::vector<std::string> names{"000000010000000000000004.00000028.backup",
                                         "000000010000000000000008.partial", "00000002.history"};
    for (const std::string& name : names)
        ASSERT_TRUE(repository->pushWalFile(incarnation, name, asBytes("about " + name)).ok());

    EXPECT_EQ(*repository->walFiles(incarnation), names);
    for (const std::string& name : names)
        EXPECT_EQ(asText(*repository->readWalFile(incarnation, name)), "about " + name);
    EXPECT_TRUE(repository->segments(incarnation)->empty());
}

TEST_P(WalArchive, AnEmptySmallFileComesBackEmpty)
{
    const std::string name = "000000010000000000000008.partial";
    ASSERT_TRUE(repository->pushWalFile(incarnation, name, {}).ok());

    const auto read = repository->readWalFile(incarnation, name);

    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_TRUE(read->empty());
}

TEST_P(WalArchive, AHistoryFileWithOtherBytesIsRefused)
{
    ASSERT_TRUE(repository->pushWalFile(incarnation, "00000002.history", asBytes("a")).ok());

    EXPECT_EQ(*repository->pushWalFile(incarnation, "00000002.history", asBytes("a")),
              Repository::Pushed::AlreadyThere);
    EXPECT_EQ(repository->pushWalFile(incarnation, "00000002.history", asBytes("b")).error().code,
              ErrorCode::AlreadyExists);
}

TEST_P(WalArchive, AFileOfAnotherKindIsInvalid)
{
    for (const std::string name : {"../passwd", "000000010000000000000008", "x", ""}) {
        EXPECT_EQ(repository->pushWalFile(incarnation, name, {}).error().code,
                  ErrorCode::InvalidInput)
            << name;
        EXPECT_EQ(repository->readWalFile(incarnation, name).error().code, ErrorCode::InvalidInput)
            << name;
    }
}

TEST_P(WalArchive, AnyCutOrFlippedByteOfASegmentIsCorrupt)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), Bytes(identity.segmentSize)).ok());
    const std::string key = repository->segments(incarnation)->front().object;
    const Bytes object = *storage::readObject(*driver, key);
    const auto isRefused = [&](const Bytes& bytes) {
        overwrite(*driver, key, bytes);
        const auto read = repository->readSegment(incarnation, segment(7));
        return !read.ok()
               && (read.error().code == ErrorCode::Corrupt
                   || read.error().code == ErrorCode::Incompatible);
    };
    for (std::size_t i = 0; i < object.size(); ++i) {
        EXPECT_TRUE(isRefused(Bytes(object.begin(), object.begin() + static_cast<long>(i)))) << i;
        Bytes flipped = object;
        flipped[i] ^= std::byte{1};
        // Bits of zstd's own header may not matter; then the plain bytes are the right ones.
        overwrite(*driver, key, flipped);
        const auto read = repository->readSegment(incarnation, segment(7));
        EXPECT_TRUE(!read.ok() || (!GetParam() && *read == Bytes(identity.segmentSize))) << i;
    }
}

TEST_P(WalArchive, AnotherFormatVersionIsIncompatible)
{
    ASSERT_TRUE(repository->pushSegment(incarnation, segment(7), data(1)).ok());
    const std::string key = repository->segments(incarnation)->front().object;
    Bytes object = *storage::readObject(*driver, key);
    object[8] = std::byte{2};
    overwrite(*driver, key, object);

    const auto read = repository->readSegment(incarnation, segment(7));

    EXPECT_EQ(read.error().code, ErrorCode::Incompatible);
    EXPECT_NE(read.error().message.find("has format version 2, this program reads version 1"),
              std::string::npos);
}

} // namespace

} // namespace salvor::repository
