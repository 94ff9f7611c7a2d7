#include "core/repository/tree_codec.h"

#include <gtest/gtest.h>

namespace salvor::repository {

namespace {

ChunkId idWith(unsigned char fill)
{
    ChunkId id;
    id.fill(std::byte{fill});
    return id;
}

TreeEntry sampleEntry()
{
    TreeEntry entry;
    entry.path = "base/5/odd \xff name";
    entry.kind = TreeKind::File;
    entry.mode = 0640;
    entry.owner = "postgres";
    entry.group = "dba";
    entry.modifiedAt = Moment(std::chrono::microseconds(-5));
    entry.size = 40000;
    entry.crc32c = 0xdeadbeef;
    entry.linkTarget = "";
    return entry;
}

Bytes sampleSegment()
{
    const Bytes entry = *encodeEntry(sampleEntry(), 2, {idWith(1), idWith(2)});
    return encodeSegment({entry, entry});
}

TEST(TreeCodec, ASegmentComesBackAsItWas)
{
    const auto parsed = parseSegment(sampleSegment());

    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    ASSERT_EQ(parsed->size(), 2U);
    EXPECT_EQ(parsed->at(0).entry, sampleEntry());
    EXPECT_EQ(parsed->at(0).ids, (std::vector<ChunkId>{idWith(1), idWith(2)}));
}

TEST(TreeCodec, ALongFileNamesLists)
{
    const Bytes entry = *encodeEntry(sampleEntry(), 257, {idWith(1), idWith(2)});

    const auto parsed = parseSegment(encodeSegment({entry}));

    EXPECT_TRUE(parsed->at(0).hasLists());
    EXPECT_EQ(parsed->at(0).ids.size(), 2U);
}

TEST(TreeCodec, EveryCutSegmentIsCorrupt)
{
    const Bytes segment = sampleSegment();
    for (std::size_t i = 0; i < segment.size(); ++i)
        EXPECT_EQ(parseSegment(ByteView(segment).first(i)).error().code, ErrorCode::Corrupt) << i;
}

TEST(TreeCodec, NoFlippedBitCrashes)
{
    const Bytes segment = sampleSegment();
    for (std::size_t i = 0; i < segment.size() * 8; ++i) {
        Bytes flipped = segment;
        flipped[i / 8] ^= std::byte{1} << (i % 8);
        (void)parseSegment(flipped);
    }
}

TEST(TreeCodec, AnotherVersionIsIncompatible)
{
    Bytes segment = sampleSegment();
    segment[0] = std::byte{9};

    EXPECT_EQ(parseSegment(segment).error().code, ErrorCode::Incompatible);
}

TEST(TreeCodec, AListOfAnotherLengthIsCorrupt)
{
    const ChunkId id = idWith(3);
    const Bytes list = encodeList(&id, 1);

    EXPECT_EQ(parseList(list, 1)->at(0), id);
    EXPECT_EQ(parseList(list, 2).error().code, ErrorCode::Corrupt);
}

TEST(TreeCodec, ANameThatIsTooLongIsInvalid)
{
    TreeEntry entry = sampleEntry();
    entry.path = std::string(70000, 'x');

    EXPECT_EQ(encodeEntry(entry, 0, {}).error().code, ErrorCode::InvalidInput);
}

} // namespace

} // namespace salvor::repository
