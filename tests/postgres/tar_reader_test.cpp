#include "core/base/subprocess.h"
#include "core/postgres/tar_reader.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace salvor;
using namespace salvor::postgres;

namespace {

struct Seen {
    std::vector<TarEntry> entries;
    std::vector<std::string> contents;
    std::size_t ended = 0;

    TarReader::Visitor visitor()
    {
        return {[this](const TarEntry& entry) {
                    entries.push_back(entry);
                    contents.emplace_back();
                    return Result<>();
                },
                [this](ByteView bytes) {
                    contents.back() += asText(bytes);
                    return Result<>();
                },
                [this] {
                    ++ended;
                    return Result<>();
                }};
    }
};

/// A header as PostgreSQL writes it, its checksum right.
std::string header(const std::string& name, const std::string& octalSize, char type,
                   const std::string& link = {}, const std::string& prefix = {})
{
    std::string block(512, '\0');
    block.replace(0, name.size(), name);
    block.replace(100, 7, "0000600");
    block.replace(124, octalSize.size(), octalSize);
    block.replace(136, 11, "14700000000");
    block[156] = type;
    block.replace(157, link.size(), link);
    block.replace(257, 8, std::string("ustar\00000", 8));
    block.replace(265, 8, "postgres");
    block.replace(345, prefix.size(), prefix);
    unsigned sum = 8 * ' ';
    for (const char c : block)
        sum += static_cast<unsigned char>(c);
    std::string digits;
    for (int i = 0; i < 6; ++i, sum /= 8)
        digits.insert(digits.begin(), static_cast<char>('0' + sum % 8));
    block.replace(148, 6, digits);
    block[155] = ' ';
    return block;
}

std::string padded(std::string content)
{
    content.resize((content.size() + 511) / 512 * 512);
    return content;
}

Result<> readAll(const std::string& archive, Seen& seen, std::size_t step)
{
    TarReader reader(seen.visitor());
    for (std::size_t at = 0; at < archive.size(); at += step)
        SALVOR_CHECK(reader.feed(asBytes(std::string_view(archive).substr(at, step))));
    return reader.finish();
}

} // namespace

TEST(TarReader, TakesEntriesApartInPiecesOfAnySize)
{
    const std::string archive = header("base/", "00000000000", '5')
                                + header("base/1", "00000001001", '0')
                                + padded(std::string(513, 'x')) + header("empty", "0", '0')
                                + header("pg_tblspc/16400", "0", '2', "/there")
                                + header("name", "00000000003", '0', "", "a/long/prefix")
                                + padded("abc") + std::string(1024, '\0');
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{513}, archive.size()}) {
        Seen seen;
        const auto read = readAll(archive, seen, step);
        ASSERT_TRUE(read.ok()) << read.error().message;
        ASSERT_EQ(seen.entries.size(), 5U);
        EXPECT_EQ(seen.ended, 5U);
        EXPECT_EQ(seen.entries[0].path, "base");
        EXPECT_EQ(seen.entries[0].type, TarEntry::Type::Directory);
        EXPECT_EQ(seen.contents[1], std::string(513, 'x'));
        EXPECT_EQ(seen.entries[1].mode, 0600U);
        EXPECT_EQ(seen.entries[1].owner, "postgres");
        EXPECT_EQ(seen.entries[3].type, TarEntry::Type::Link);
        EXPECT_EQ(seen.entries[3].linkTarget, "/there");
        EXPECT_EQ(seen.entries[4].path, "a/long/prefix/name");
        EXPECT_EQ(seen.contents[4], "abc");
    }
}

TEST(TarReader, ReadsWhatTarItselfWrote)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.ok());
    std::ofstream(folder->path() / "a file") << "content";
    const auto made = runChecked(
        {.argv = {"tar", "--format=ustar", "-cf", "-", "-C", folder->path().native(), "a file"},
         .environment = {},
         .input = {},
         .directory = {},
         .user = {}});
    ASSERT_TRUE(made.ok());
    Seen seen;
    ASSERT_TRUE(readAll(*made, seen, 100).ok());
    ASSERT_EQ(seen.entries.size(), 1U);
    EXPECT_EQ(seen.entries[0].path, "a file");
    EXPECT_EQ(seen.contents[0], "content");
}

TEST(TarReader, SizesFromEightGigabytesOnAreOfBase256)
{
    std::string size(12, '\0');
    size[0] = '\x80';
    size[7] = 2; // 2 * 2^32.
    Seen seen;
    TarReader reader(seen.visitor());
    ASSERT_TRUE(reader.feed(asBytes(header("big", size, '0'))).ok());
    ASSERT_EQ(seen.entries.size(), 1U);
    EXPECT_EQ(seen.entries[0].size, ByteCount{2} << 32U);
    EXPECT_EQ(reader.finish().error().code, ErrorCode::Corrupt);
}

TEST(TarReader, DamagedArchivesAreCorruptAndNeverLeadOutside)
{
    std::string damaged = header("base/1", "0", '0');
    damaged[0] = 'c';
    Seen seen;
    EXPECT_EQ(readAll(damaged, seen, 512).error().code, ErrorCode::Corrupt);
    for (const char* path : {"/etc/passwd", "../up", "a/../../up", ""})
        EXPECT_EQ(readAll(header(path, "0", '0'), seen, 512).error().code, ErrorCode::Corrupt);
    EXPECT_EQ(readAll(header("size", "9", '0'), seen, 512).error().code, ErrorCode::Corrupt);
    EXPECT_EQ(readAll(header("fifo", "0", '6'), seen, 512).error().code, ErrorCode::Incompatible);
    EXPECT_EQ(readAll(header("half", "00000000100", '0') + "x", seen, 512).error().code,
              ErrorCode::Corrupt);
    EXPECT_EQ(readAll(header("a", "0", '0').substr(0, 300), seen, 512).error().code,
              ErrorCode::Corrupt);
}
