#include "core/crypto/crc32c.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::crypto {
namespace {

Bytes randomBytes(std::size_t size)
{
    std::mt19937 random(42);
    Bytes bytes(size);
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random());
    return bytes;
}

/// The definition itself, bit by bit.
std::uint32_t crcByDefinition(ByteView bytes)
{
    std::uint32_t crc = 0xffffffffU;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0x82f63b78U : crc >> 1U;
    }
    return ~crc;
}

// RFC 3720, appendix B.4.
TEST(Crc32c, PublishedVectors)
{
    EXPECT_EQ(crc32c({}), 0U);
    EXPECT_EQ(crc32c(asBytes("123456789")), 0xe3069283U);
    EXPECT_EQ(crc32c(Bytes(32)), 0x8a9136aaU);
    EXPECT_EQ(crc32c(Bytes(32, std::byte{0xff})), 0x62a8ab43U);
    EXPECT_EQ(crc32cByTable(asBytes("123456789")), 0xe3069283U);
}

TEST(Crc32c, EveryLengthAndAlignmentIsAsDefinedWithAndWithoutTheInstruction)
{
    const Bytes bytes = randomBytes(1000);
    for (std::size_t offset = 0; offset < 9; ++offset) {
        for (std::size_t size = 0; size <= 900; size += size < 80 ? 1 : 37) {
            const ByteView part = ByteView(bytes).subspan(offset, size);
            const std::uint32_t expected = crcByDefinition(part);
            ASSERT_EQ(crc32c(part), expected) << offset << " " << size;
            ASSERT_EQ(crc32cByTable(part), expected) << offset << " " << size;
        }
    }
}

TEST(Crc32c, LongInputsThatUseEveryRunLengthAgreeWithTheTable)
{
    const Bytes bytes = randomBytes(70000);
    for (const std::size_t size : {767U, 768U, 6143U, 6144U, 6145U, 8192U, 13000U, 65536U, 69999U})
        EXPECT_EQ(crc32c(ByteView(bytes).first(size)), crc32cByTable(ByteView(bytes).first(size)))
            << size;
}

TEST(Crc32c, AddingPartByPartGivesTheSameAsAddingAll)
{
    const Bytes bytes = randomBytes(50000);
    std::mt19937 random(7);
    Crc32c crc;
    ByteView rest = bytes;
    while (!rest.empty()) {
        const std::size_t size = std::min<std::size_t>(rest.size(), random() % 9000);
        crc.add(rest.first(size));
        rest = rest.subspan(size);
    }
    EXPECT_EQ(crc.value(), crc32c(bytes));
}

} // namespace
} // namespace salvor::crypto
