#include "core/crypto/crc32c.h"

#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace salvor::crypto {

namespace {

constexpr std::uint32_t polynomial = 0x82f63b78U; ///< Castagnoli's, bits reversed.

using Table = std::array<std::uint32_t, 256>;

constexpr std::array<Table, 8> makeSlicingTables()
{
    std::array<Table, 8> tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 1U) != 0 ? (crc >> 1U) ^ polynomial : crc >> 1U;
        tables[0][i] = crc;
    }
    for (std::uint32_t i = 0; i < 256; ++i)
        for (std::size_t k = 1; k < 8; ++k)
            tables[k][i] = (tables[k - 1][i] >> 8U) ^ tables[0][tables[k - 1][i] & 0xffU];
    return tables;
}

constexpr std::array<Table, 8> slicing = makeSlicingTables();

std::uint64_t load64(const std::byte* from) noexcept
{
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
}

std::uint32_t addByTable(std::uint32_t crc, ByteView bytes) noexcept
{
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        const std::uint64_t word = loadLittle<std::uint64_t>({at, 8}, 0) ^ crc;
        crc = 0;
        for (unsigned k = 0; k < 8; ++k)
            crc ^= slicing[7 - k][(word >> (8U * k)) & 0xffU];
    }
    for (; left > 0; --left, ++at)
        crc = (crc >> 8U) ^ slicing[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xffU];
    return crc;
}

#if defined(__x86_64__)

/// What appending `zeros` zero bytes does to a CRC, by each of its four bytes.
using Shift = std::array<Table, 4>;

/// A linear map of CRCs: the images of the 32 single bits.
using Matrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t apply(const Matrix& matrix, std::uint32_t crc)
{
    std::uint32_t image = 0;
    for (std::size_t bit = 0; crc != 0; ++bit, crc >>= 1U)
        if ((crc & 1U) != 0)
            image ^= matrix[bit];
    return image;
}

/// `zeros` is a power of two.
constexpr Shift makeShift(std::size_t zeros)
{
    Matrix matrix{};
    for (std::uint32_t bit = 0; bit < 32; ++bit) {
        std::uint32_t crc = 1U << bit;
        for (int i = 0; i < 8; ++i)
            crc = (crc & 1U) != 0 ? (crc >> 1U) ^ polynomial : crc >> 1U;
        matrix[bit] = crc;
    }
    for (std::size_t done = 1; done < zeros; done *= 2) {
        Matrix square{};
        for (std::size_t bit = 0; bit < 32; ++bit)
            square[bit] = apply(matrix, matrix[bit]);
        matrix = square;
    }
    Shift shift{};
    for (std::uint32_t i = 0; i < 256; ++i)
        for (std::uint32_t k = 0; k < 4; ++k)
            shift[k][i] = apply(matrix, i << (8U * k));
    return shift;
}

constexpr std::size_t longRun = 2048;
constexpr std::size_t shortRun = 256;
constexpr Shift longShift = makeShift(longRun);
constexpr Shift shortShift = makeShift(shortRun);

std::uint32_t shifted(const Shift& shift, std::uint32_t crc) noexcept
{
    return shift[0][crc & 0xffU] ^ shift[1][(crc >> 8U) & 0xffU] ^ shift[2][(crc >> 16U) & 0xffU]
           ^ shift[3][crc >> 24U];
}

/// Takes as many whole blocks of three runs as there are. The instruction has a latency of three
/// cycles and one can start each cycle, so three independent streams keep it busy.
__attribute__((target("sse4.2"))) std::uint32_t addInterleaved(std::uint32_t crc,
                                                               const std::byte*& at,
                                                               std::size_t& left, std::size_t run,
                                                               const Shift& shift) noexcept
{
    for (; left >= 3 * run; left -= 3 * run, at += 3 * run) {
        std::uint64_t first = crc;
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (std::size_t i = 0; i < run; i += 8) {
            first = _mm_crc32_u64(first, load64(at + i));
            second = _mm_crc32_u64(second, load64(at + run + i));
            third = _mm_crc32_u64(third, load64(at + 2 * run + i));
        }
        crc =
            shifted(shift, static_cast<std::uint32_t>(first)) ^ static_cast<std::uint32_t>(second);
        crc = shifted(shift, crc) ^ static_cast<std::uint32_t>(third);
    }
    return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t addByInstruction(std::uint32_t crc,
                                                                 ByteView bytes) noexcept
{
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    crc = addInterleaved(crc, at, left, longRun, longShift);
    crc = addInterleaved(crc, at, left, shortRun, shortShift);
    std::uint64_t wide = crc;
    for (; left >= 8; left -= 8, at += 8)
        wide = _mm_crc32_u64(wide, load64(at));
    crc = static_cast<std::uint32_t>(wide);
    for (; left > 0; --left, ++at)
        crc = _mm_crc32_u8(crc, std::to_integer<std::uint8_t>(*at));
    return crc;
}

bool hasInstruction() noexcept
{
    static const bool has = __builtin_cpu_supports("sse4.2") != 0;
    return has;
}

#endif

} // namespace

void Crc32c::add(ByteView bytes) noexcept
{
#if defined(__x86_64__)
    if (hasInstruction()) {
        m_state = addByInstruction(m_state, bytes);
        return;
    }
#endif
    m_state = addByTable(m_state, bytes);
}

std::uint32_t crc32c(ByteView bytes) noexcept
{
    Crc32c crc;
    crc.add(bytes);
    return crc.value();
}

std::uint32_t crc32cByTable(ByteView bytes) noexcept
{
    return ~addByTable(0xffffffffU, bytes);
}

} // namespace salvor::crypto
