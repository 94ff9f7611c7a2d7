#include "core/postgres/page.h"

#include <array>

namespace salvor::postgres {

namespace {

constexpr std::size_t lanes = 32;
constexpr std::size_t rows = pageSize / sizeof(std::uint32_t) / lanes;
constexpr std::uint32_t prime = 16777619;

/// Where each lane starts. Source: checksumBaseOffsets in checksum_impl.h.
constexpr std::array<std::uint32_t, lanes> start{
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
};

namespace offset {
constexpr std::size_t checksum = 8;
constexpr std::size_t lower = 12;
constexpr std::size_t upper = 14;
constexpr std::size_t special = 16;
constexpr std::size_t sizeAndVersion = 18;
} // namespace offset

constexpr std::size_t headerSize = 24;

/// Eight lanes in one vector register where the processor has such, in two where it has not.
using Lanes = std::uint32_t __attribute__((vector_size(32)));
constexpr std::size_t vectors = lanes * sizeof(std::uint32_t) / sizeof(Lanes);
using Row = std::array<Lanes, vectors>;

#define SALVOR_ALWAYS_INLINE inline __attribute__((always_inline))

SALVOR_ALWAYS_INLINE void mix(Row& sums, const Row& values) noexcept
{
    for (std::size_t i = 0; i < vectors; ++i) {
        const Lanes mixed = sums[i] ^ values[i];
        sums[i] = (mixed * prime) ^ (mixed >> 17U);
    }
}

/// Inlined into one function for each kind of processor, so that each gets its own instructions.
SALVOR_ALWAYS_INLINE std::uint32_t hashBlock(const std::byte* page) noexcept
{
    Row sums;
    std::memcpy(sums.data(), start.data(), sizeof sums);
    Row values;
    // The checksum itself counts as zero; it is the low half of the third word (little endian).
    std::memcpy(values.data(), page, sizeof values);
    values[0][2] &= 0xffff0000U;
    mix(sums, values);
    for (std::size_t row = 1; row < rows; ++row) {
        std::memcpy(values.data(), page + row * sizeof values, sizeof values);
        mix(sums, values);
    }
    values.fill(Lanes{});
    mix(sums, values);
    mix(sums, values);
    const Lanes folded = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    std::uint32_t sum = 0;
    for (std::size_t lane = 0; lane < sizeof(Lanes) / sizeof(std::uint32_t); ++lane)
        sum ^= folded[lane];
    return sum;
}

#undef SALVOR_ALWAYS_INLINE

std::uint32_t hashPlain(const std::byte* page) noexcept
{
    return hashBlock(page);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint32_t hashAvx2(const std::byte* page) noexcept
{
    return hashBlock(page);
}
#endif

std::uint32_t hashPage(const std::byte* page) noexcept
{
#if defined(__x86_64__)
    static const bool hasAvx2 = __builtin_cpu_supports("avx2") != 0;
    if (hasAvx2)
        return hashAvx2(page);
#endif
    return hashPlain(page);
}

std::uint16_t checksumOf(ByteView page, std::uint32_t block) noexcept
{
    return static_cast<std::uint16_t>((hashPage(page.data()) ^ block) % 65535 + 1);
}

/// The same conditions as the server's PageIsVerified.
bool hasSaneHeader(ByteView page)
{
    const std::size_t lower = loadLittle<std::uint16_t>(page, offset::lower);
    const std::size_t upper = loadLittle<std::uint16_t>(page, offset::upper);
    const std::size_t special = loadLittle<std::uint16_t>(page, offset::special);
    const std::size_t size = loadLittle<std::uint16_t>(page, offset::sizeAndVersion) & 0xff00U;
    return size == pageSize && headerSize <= lower && lower <= upper && upper <= special
           && special <= pageSize && special % 8 == 0;
}

} // namespace

PageVerdict checkPage(ByteView page, std::uint32_t block) noexcept
{
    if (page.size() != pageSize)
        return PageVerdict::NotAPage;
    // A page with no upper bound was never initialised, and then all of it must be zero.
    if (loadLittle<std::uint16_t>(page, offset::upper) == 0 && isAllZero(page))
        return PageVerdict::New;
    if (loadLittle<std::uint16_t>(page, offset::checksum) != checksumOf(page, block))
        return PageVerdict::WrongChecksum;
    return hasSaneHeader(page) ? PageVerdict::Good : PageVerdict::NotAPage;
}

model::Lsn pageLsn(ByteView page) noexcept
{
    if (page.size() < 8)
        return {};
    // Stored as two 32-bit halves, the high one first.
    const std::uint64_t high = loadLittle<std::uint32_t>(page, 0);
    return model::Lsn{(high << 32U) | loadLittle<std::uint32_t>(page, 4)};
}

} // namespace salvor::postgres
