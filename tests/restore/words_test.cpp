#include "core/crypto/crc32c.h"
#include "core/restore/file_writer.h"
#include "core/restore/start_copy.h"
#include "core/restore/words.h"

#include <gtest/gtest.h>

namespace salvor::restore {
namespace {

TEST(RestoreWords, SizesAreReadable)
{
    EXPECT_EQ(sizeText(0), "0 bytes");
    EXPECT_EQ(sizeText(1), "1 byte");
    EXPECT_EQ(sizeText(1024), "1.0 KiB");
    EXPECT_EQ(sizeText(ByteCount{3} << 30U), "3.0 GiB");
}

TEST(RestoreWords, ShellWordsAreQuotedOnlyWhereTheyMust)
{
    EXPECT_EQ(shellWord("/srv/copy-1"), "/srv/copy-1");
    EXPECT_EQ(shellWord("a b"), "\"a b\"");
    EXPECT_EQ(shellWord("a'b"), "\"a'b\"");
    EXPECT_EQ(shellWord("a'$b"), "'a'\\''$b'");
    EXPECT_EQ(shellWord(""), "''");
}

TEST(CombinedCrc, EqualsTheChecksumOfBothTogether)
{
    Bytes first(1000, std::byte{7});
    const Bytes second(70001, std::byte{9});
    const std::uint32_t combined =
        combineCrc32c(crypto::crc32c(first), crypto::crc32c(second), second.size());

    append(first, second);

    EXPECT_EQ(combined, crypto::crc32c(first));
    EXPECT_EQ(combineCrc32c(combined, crypto::crc32c({}), 0), combined);
}

TEST(ReachedPlace, OnlyAPageHeaderMayLieBetween)
{
    EXPECT_TRUE(isSamePlace(model::Lsn{0x2000100}, model::Lsn{0x2000100}));
    EXPECT_TRUE(isSamePlace(model::Lsn{0x2002000}, model::Lsn{0x2002018}));
    EXPECT_TRUE(isSamePlace(model::Lsn{0x3000028}, model::Lsn{0x3000000}));
    EXPECT_FALSE(isSamePlace(model::Lsn{0x2002000}, model::Lsn{0x2002030}));
    EXPECT_FALSE(isSamePlace(model::Lsn{0x2000100}, model::Lsn{0x2000118}));
}

} // namespace
} // namespace salvor::restore
