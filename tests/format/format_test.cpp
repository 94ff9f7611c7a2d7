#include "core/base/text.h"
#include "core/format/pack_format.h"
#include "core/format/sealed_format.h"
#include "core/format/wal_format.h"

#include <gtest/gtest.h>

#include <functional>

namespace salvor::format {

namespace {

Id idWith(unsigned char fill)
{
    Id id;
    id.fill(std::byte{fill});
    return id;
}

std::vector<Frame> sampleFrames()
{
    return {{100, 200, Codec::Zstd, {{idWith(1), 150}, {idWith(2), 50}}},
            {66, 50, Codec::Stored, {{idWith(3), 50}}}};
}

/// Cuts everywhere, then flips every bit; `parse` says whether it took the bytes.
void fuzz(const Bytes& bytes, const std::function<bool(ByteView)>& parse)
{
    ASSERT_TRUE(parse(bytes));
    for (std::size_t i = 0; i < bytes.size(); ++i)
        EXPECT_FALSE(parse(ByteView(bytes).first(i))) << i;
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        Bytes flipped = bytes;
        flipped[i / 8] ^= std::byte{1} << (i % 8);
        (void)parse(flipped);
    }
}

TEST(PackFormat, AHeaderComesBackAsItWas)
{
    const BlobHeader header{BlobKind::Metadata, Wrap::MetadataKey, Bytes(32, std::byte{9})};

    const auto parsed = parseHeader(encodeHeader(header));

    EXPECT_EQ(parsed->kind, header.kind);
    EXPECT_EQ(parsed->wrap, header.wrap);
    EXPECT_EQ(parsed->wrapped, header.wrapped);
    EXPECT_EQ(toHex(encodeHeader({BlobKind::Contents, Wrap::None, {}})), "534c56525041434b"
                                                                         "01"
                                                                         "01"
                                                                         "00"
                                                                         "00"
                                                                         "0000");
}

TEST(PackFormat, ADirectoryComesBackAsItWas)
{
    const auto parsed = parseDirectory(encodeDirectory(sampleFrames()));

    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(*parsed, sampleFrames());
    EXPECT_EQ(framesSize(*parsed), 166U);
}

TEST(PackFormat, AFrameWhoseChunksDoNotAddUpIsCorrupt)
{
    std::vector<Frame> frames = sampleFrames();
    frames[0].plainSize = 201;

    EXPECT_EQ(parseDirectory(encodeDirectory(frames)).error().code, ErrorCode::Corrupt);
}

TEST(PackFormat, AFooterLeadsToTheDirectory)
{
    const auto footer = parseFooter(encodeFooter({1000, 50}), 1074);

    EXPECT_EQ(footer->directoryOffset, 1000U);
    EXPECT_EQ(parseFooter(encodeFooter({1000, 50}), 1073).error().code, ErrorCode::Corrupt);
    EXPECT_EQ(parseFooter(encodeFooter({~0ULL, 50}), 1074).error().code, ErrorCode::Corrupt);
    EXPECT_EQ(parseFooter(encodeFooter({0, ~0ULL}), 20).error().code, ErrorCode::Corrupt);
}

TEST(PackFormat, AnIndexComesBackAsItWas)
{
    const Bytes header = encodeHeader({BlobKind::Contents, Wrap::None, {}});
    const Bytes directory = encodeDirectory(sampleFrames());
    const Bytes index = encodeIndex({{idWith(8), 500, header, directory}});

    const auto parsed = parseIndex(index);

    ASSERT_EQ(parsed->size(), 1U);
    EXPECT_EQ(parsed->at(0).pack, idWith(8));
    EXPECT_EQ(toHex(parsed->at(0).directory), toHex(directory));
}

TEST(PackFormat, OtherVersionsAreIncompatibleAndNamed)
{
    Bytes header = encodeHeader({BlobKind::Contents, Wrap::None, {}});
    header[8] = std::byte{7};

    const auto parsed = parseHeader(header);

    EXPECT_EQ(parsed.error().code, ErrorCode::Incompatible);
    EXPECT_EQ(parsed.error().message, "has format version 7, this program reads version 1");
}

TEST(PackFormat, NoCutOrFlippedBytesCrash)
{
    const Bytes header = encodeHeader({BlobKind::Contents, Wrap::Recipient, Bytes(80)});
    const Bytes directory = encodeDirectory(sampleFrames());
    const Bytes index = encodeIndex({{idWith(8), 500, header, directory}});
    const Bytes footer = encodeFooter({1000, 50});

    fuzz(header, [](ByteView bytes) { return parseHeader(bytes).ok(); });
    fuzz(directory, [](ByteView bytes) { return parseDirectory(bytes).ok(); });
    fuzz(index, [](ByteView bytes) { return parseIndex(bytes).ok(); });
    fuzz(footer, [](ByteView bytes) { return parseFooter(bytes, 1074).ok(); });
}

TEST(PackFormat, IdsAreFortyDigits)
{
    EXPECT_EQ(*parseId(idText(idWith(0xab))), idWith(0xab));
    EXPECT_FALSE(parseId("abcd").ok());
    EXPECT_FALSE(parseId(std::string(40, 'x')).ok());
}

TEST(WalFormat, NoCutOrFlippedFrameCrashes)
{
    Bytes frame = encodeWalFrame({1000, 20, Codec::Zstd});
    frame.resize(frame.size() + 20);

    fuzz(frame, [](ByteView bytes) { return parseWalFrame(bytes).ok(); });
}

TEST(WalFormat, ABindingTellsTheLastFrameFromOthers)
{
    const WalBinding binding{1, 1, "000000010000000000000007"};
    const WalFrame frame{1000, 20, Codec::Zstd};

    EXPECT_NE(walFrameAad(binding, 0, FramePlace::Last, frame),
              walFrameAad(binding, 0, FramePlace::Inner, frame));
}

TEST(SealedFormat, TheModeComesBackAndOtherVersionsAreIncompatible)
{
    Bytes header = encodeSealedHeader(SealMode::Sealed);
    EXPECT_EQ(*parseSealedHeader(header), SealMode::Sealed);
    fuzz(header, [](ByteView bytes) { return parseSealedHeader(bytes).ok(); });
    header[8] = std::byte{2};

    EXPECT_EQ(parseSealedHeader(header).error().code, ErrorCode::Incompatible);
}

} // namespace

} // namespace salvor::format
