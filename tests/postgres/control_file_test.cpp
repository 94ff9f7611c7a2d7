#include "core/crypto/crc32c.h"
#include "core/postgres/control_file.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::postgres {
namespace {

template <typename T>
void put(Bytes& bytes, std::size_t at, T value)
{
    Bytes part;
    appendLittle(part, value);
    std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

/// A control file of a version; what real ones hold is held against pg_controldata elsewhere.
Bytes sample(std::uint32_t version, std::uint32_t catalog)
{
    Bytes bytes(8192);
    put(bytes, 0, std::uint64_t{0xfedcba9876543210});
    put(bytes, 8, version);
    put(bytes, 12, catalog);
    put(bytes, 16, std::uint32_t{6});
    put(bytes, 104, std::uint64_t{1795208706});
    put(bytes, 216, std::uint32_t{8192});
    put(bytes, 220, std::uint32_t{131072});
    put(bytes, 224, std::uint32_t{8192});
    put(bytes, 228, std::uint32_t{16U << 20U});
    return bytes;
}

Bytes sealed(Bytes bytes, std::size_t crcAt = 288)
{
    put(bytes, crcAt, crypto::crc32c(ByteView(bytes).first(crcAt)));
    return bytes;
}

TEST(ControlFile, TheMajorFollowsFromVersionAndCatalog)
{
    const std::map<std::uint32_t, int> catalogs{
        {202007201, 13}, {202107181, 14}, {202209061, 15}, {202307071, 16}};
    for (const auto& [catalog, major] : catalogs) {
        const auto control = parseControlFile(sealed(sample(1300, catalog)));
        ASSERT_OK(control);
        EXPECT_EQ(control->identity.majorVersion, major);
        EXPECT_EQ(control->identity.systemIdentifier, 0xfedcba9876543210U);
        EXPECT_EQ(control->identity.segmentSize, 16U << 20U);
        EXPECT_EQ(control->state, ClusterState::InProduction);
        EXPECT_EQ(formatMoment(control->checkpointAt), "2026-11-20T21:05:06.000000Z");
        EXPECT_FALSE(control->pageChecksums);
    }
    EXPECT_EQ(parseControlFile(sealed(sample(1700, 202406281)))->identity.majorVersion, 17);
    EXPECT_EQ(parseControlFile(sealed(sample(1800, 202506291), 292))->identity.majorVersion, 18);
}

TEST(ControlFile, OtherVersionsAreIncompatible)
{
    EXPECT_FAILS(parseControlFile(sealed(sample(1201, 201909212))), Incompatible);
    EXPECT_FAILS(parseControlFile(sealed(sample(1300, 202005171))), Incompatible);
    EXPECT_FAILS(parseControlFile(sealed(sample(1902, 202609011))), Incompatible);
    EXPECT_FAILS(parseControlFile(Bytes(8192)), Incompatible);
    const auto swapped = parseControlFile(sample(1300U << 16U, 0));
    ASSERT_FAILS(swapped, Incompatible);
    EXPECT_NE(swapped.error().message.find("byte order"), std::string::npos);
}

TEST(ControlFile, AnyChangedByteBelowTheChecksumIsNoticed)
{
    const Bytes good = sealed(sample(1300, 202209061));
    for (std::size_t at = 0; at < 292; ++at) {
        Bytes changed = good;
        changed[at] ^= std::byte{1};
        const auto control = parseControlFile(changed);
        ASSERT_FALSE(control.ok()) << at;
    }
}

TEST(ControlFile, CutShortItIsCorrupt)
{
    const Bytes good = sealed(sample(1800, 202506291), 292);
    for (const std::size_t size : {0U, 1U, 15U, 288U, 291U, 295U})
        EXPECT_FAILS(parseControlFile(ByteView(good).first(size)), Corrupt) << size;
    EXPECT_OK(parseControlFile(ByteView(good).first(296)));
}

TEST(ControlFile, NonsenseWithARightChecksumIsCorrupt)
{
    for (const std::size_t at : {16U, 216U, 220U, 224U, 228U}) {
        Bytes bytes = sample(1300, 202209061);
        put(bytes, at, at == 220 ? std::uint32_t{0} : std::uint32_t{77});
        EXPECT_FAILS(parseControlFile(sealed(bytes)), Corrupt) << at;
    }
    Bytes bytes = sample(1300, 202209061);
    put(bytes, 104, std::uint64_t{0x7fffffffffffffff});
    EXPECT_FAILS(parseControlFile(sealed(bytes)), Corrupt);
}

TEST(ControlFile, ErrorsNameTheFile)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_OK(folder);
    EXPECT_FAILS(readControlFile(folder->path()), NotFound);
    ASSERT_OK(createDirectories(folder->path() / "global"));
    ASSERT_OK(writeFileDurably(folder->path() / "global/pg_control", asBytes("short")));
    const auto control = readControlFile(folder->path());
    ASSERT_FAILS(control, Corrupt);
    EXPECT_NE(control.error().message.find("global/pg_control"), std::string::npos);
    ASSERT_OK(
        writeFileDurably(folder->path() / "global/pg_control", sealed(sample(1300, 202209061))));
    EXPECT_OK(readControlFile(folder->path()));
}

} // namespace
} // namespace salvor::postgres
