#include "core/postgres/page.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::postgres {
namespace {

/// checksum_impl.h once more, plainly: one lane after the other.
std::uint16_t checksumByDefinition(Bytes page, std::uint32_t block)
{
    constexpr std::array<std::uint32_t, 32> start{
        0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2,
        0x83E13D2C, 0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C,
        0xF718902A, 0x0B1C9CDB, 0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979,
        0xCCA6C0B2, 0x304A0979, 0x85AA43D4, 0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E,
        0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756};
    page[8] = page[9] = std::byte{0};
    std::uint32_t sum = 0;
    for (std::size_t lane = 0; lane < 32; ++lane) {
        std::uint32_t hash = start[lane];
        const auto mix = [&](std::uint32_t value) {
            const std::uint32_t mixed = hash ^ value;
            hash = (mixed * 16777619U) ^ (mixed >> 17U);
        };
        for (std::size_t row = 0; row < 64; ++row)
            mix(loadLittle<std::uint32_t>(page, (row * 32 + lane) * 4));
        mix(0);
        mix(0);
        sum ^= hash;
    }
    return static_cast<std::uint16_t>((sum ^ block) % 65535 + 1);
}

void put16(Bytes& page, std::size_t at, std::uint16_t value)
{
    page[at] = static_cast<std::byte>(value & 0xffU);
    page[at + 1] = static_cast<std::byte>(value >> 8U);
}

Bytes samplePage(std::uint32_t block, unsigned seed = 1)
{
    std::mt19937 random(seed);
    Bytes page(pageSize);
    for (std::byte& byte : page)
        byte = static_cast<std::byte>(random());
    put16(page, 12, 40);
    put16(page, 14, 4000);
    put16(page, 16, 8192 - 16);
    put16(page, 18, 8192 | 4);
    put16(page, 8, checksumByDefinition(page, block));
    return page;
}

TEST(PageCheck, TheChecksumIsThatOfTheDefinitionForManyPagesAndBlocks)
{
    for (unsigned seed = 0; seed < 200; ++seed) {
        const std::uint32_t block = seed * 0x01234567U;
        const Bytes page = samplePage(block, seed);
        ASSERT_EQ(checkPage(page, block), PageVerdict::Good) << seed;
        ASSERT_EQ(checkPage(page, block + 1), PageVerdict::WrongChecksum) << seed;
    }
}

TEST(PageCheck, AZeroPageIsNewAndOneByteInItIsNot)
{
    Bytes page(pageSize);
    EXPECT_EQ(checkPage(page, 5), PageVerdict::New);
    page.back() = std::byte{1};
    EXPECT_NE(checkPage(page, 5), PageVerdict::New);
    EXPECT_NE(checkPage(page, 5), PageVerdict::Good);
}

TEST(PageCheck, AHeaderWithoutSenseIsNoPageThoughTheChecksumFits)
{
    const auto verdict = [](std::size_t at, std::uint16_t value) {
        Bytes page = samplePage(3);
        put16(page, at, value);
        put16(page, 8, checksumByDefinition(page, 3));
        return checkPage(page, 3);
    };
    EXPECT_EQ(verdict(12, 23), PageVerdict::NotAPage);
    EXPECT_EQ(verdict(12, 4001), PageVerdict::NotAPage);
    EXPECT_EQ(verdict(14, 8192), PageVerdict::NotAPage);
    EXPECT_EQ(verdict(16, 8200), PageVerdict::NotAPage);
    EXPECT_EQ(verdict(16, 8191), PageVerdict::NotAPage);
    EXPECT_EQ(verdict(18, 4096 | 4), PageVerdict::NotAPage);
    EXPECT_EQ(verdict(18, 8192 | 4), PageVerdict::Good);
}

TEST(PageCheck, AnotherSizeIsNoPage)
{
    const Bytes page = samplePage(0);
    for (const std::size_t size : {0U, 1U, 20U, 8191U})
        EXPECT_EQ(checkPage(ByteView(page).first(size), 0), PageVerdict::NotAPage);
    EXPECT_EQ(checkPage(Bytes(2 * pageSize), 0), PageVerdict::NotAPage);
}

TEST(PageLsn, IsStoredWithItsHighHalfFirst)
{
    Bytes page(pageSize);
    page[0] = std::byte{0x1a};
    page[4] = std::byte{0x28};
    EXPECT_EQ(formatLsn(pageLsn(page)), "1A/28");
    EXPECT_EQ(value(pageLsn({})), 0U);
}

} // namespace
} // namespace salvor::postgres
