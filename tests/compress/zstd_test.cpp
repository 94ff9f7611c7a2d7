#include "core/compress/zstd.h"

#include <gtest/gtest.h>

namespace salvor::compress {

namespace {

Bytes sample()
{
    Bytes bytes;
    for (int i = 0; i < 500; ++i)
        append(bytes, asBytes("row " + std::to_string(i % 7)));
    return bytes;
}

TEST(Zstd, BytesComeBackAndAreFewer)
{
    Compressor compressor(1);
    Decompressor decompressor;
    const Bytes plain = sample();

    const Bytes coded = compressor.compress(plain);

    Bytes opened(plain.size());
    EXPECT_LT(coded.size(), plain.size() / 10);
    ASSERT_TRUE(decompressor.decompress(coded, opened).ok());
    EXPECT_EQ(opened, plain);
}

TEST(Zstd, NothingComesBackAsNothing)
{
    const Bytes coded = Compressor(19).compress(ByteView());

    EXPECT_TRUE(Decompressor().decompress(coded, {}).ok());
}

TEST(Zstd, AnotherLengthIsCorrupt)
{
    const Bytes coded = Compressor(1).compress(sample());
    Bytes less(sample().size() - 1);
    Bytes more(sample().size() + 1);

    EXPECT_EQ(Decompressor().decompress(coded, less).error().code, ErrorCode::Corrupt);
    EXPECT_EQ(Decompressor().decompress(coded, more).error().code, ErrorCode::Corrupt);
}

TEST(Zstd, NoCutOrFlippedFrameCrashes)
{
    const Bytes coded = Compressor(1).compress(sample());
    Decompressor decompressor;
    Bytes opened(sample().size());
    for (std::size_t i = 0; i < coded.size(); ++i) {
        EXPECT_FALSE(decompressor.decompress(ByteView(coded).first(i), opened).ok());
        Bytes flipped = coded;
        flipped[i] ^= std::byte{0x20};
        (void)decompressor.decompress(flipped, opened);
    }
}

} // namespace

} // namespace salvor::compress
