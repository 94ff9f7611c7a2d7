#include "core/postgres/backup_manifest.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::postgres {
namespace {

std::string sample(int major)
{
    using namespace std::chrono;
    const Moment at = Moment(sys_days(2026y / 11 / 20) + 21h + 5min + 6s + 999999us);
    return *makeBackupManifest(
        {{"base/5/1259", 8192, at, 0xe3069283}, {"caf\xe9 \"x\"", 0, at, 0}},
        {{model::TimelineId{2}, model::Lsn{0x2000028}, model::Lsn{0x1a00000100}}},
        {0xfedcba9876543210U, major, ByteCount{16} << 20U});
}

TEST(BackupManifest, VersionOneIsWhatServersUpTo16Write)
{
    const std::string text = sample(16);
    EXPECT_TRUE(text.starts_with(
        "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n"
        "{ \"Path\": \"base/5/1259\", \"Size\": 8192, \"Last-Modified\": \"2026-11-20 21:05:06 "
        "GMT\", \"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"839206e3\" },\n"
        "{ \"Encoded-Path\": \"636166e920227822\", \"Size\": 0, "))
        << text;
    EXPECT_NE(text.find("\"WAL-Ranges\": [\n{ \"Timeline\": 2, \"Start-LSN\": \"0/2000028\", "
                        "\"End-LSN\": \"1A/100\" }\n],\n\"Manifest-Checksum\": \""),
              std::string::npos)
        << text;
}

TEST(BackupManifest, VersionTwoCarriesTheSystemIdentifier)
{
    EXPECT_TRUE(sample(17).starts_with("{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n"
                                       "\"System-Identifier\": 18364758544493064720,\n\"Files\""));
}

TEST(BackupManifest, WhatIsWrittenComesBack)
{
    for (const int major : {13, 18}) {
        const auto manifest = parseBackupManifest(sample(major));
        ASSERT_OK(manifest);
        ASSERT_EQ(manifest->files.size(), 2U);
        EXPECT_EQ(manifest->files[0].path, "base/5/1259");
        EXPECT_EQ(manifest->files[0].size, 8192U);
        EXPECT_EQ(manifest->files[0].crc32c, 0xe3069283U);
        EXPECT_EQ(formatMoment(manifest->files[0].modifiedAt), "2026-11-20T21:05:06.000000Z");
        EXPECT_EQ(manifest->files[1].path, "caf\xe9 \"x\"");
        ASSERT_EQ(manifest->wal.size(), 1U);
        EXPECT_EQ(value(manifest->wal[0].end), 0x1a00000100U);
    }
}

TEST(BackupManifest, AnEmptyOneComesBack)
{
    const auto text = makeBackupManifest({}, {}, {1, 15, 1});
    ASSERT_OK(text);
    EXPECT_OK(parseBackupManifest(*text));
}

TEST(BackupManifest, AnyChangedByteIsCorrupt)
{
    const std::string text = sample(17);
    // The line end behind the closing brace is the one byte that nothing covers.
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FAILS(parseBackupManifest(changed), Corrupt) << at;
    }
}

TEST(BackupManifest, CutAnywhereItIsCorrupt)
{
    const std::string text = sample(15);
    for (std::size_t size = 0; size + 1 < text.size(); ++size)
        EXPECT_FAILS(parseBackupManifest(text.substr(0, size)), Corrupt) << size;
    EXPECT_FAILS(parseBackupManifest("\n\"Manifest-Checksum\": \"00\"}\n"), Corrupt);
}

} // namespace
} // namespace salvor::postgres
