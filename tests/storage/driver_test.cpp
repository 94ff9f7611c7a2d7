#include "core/storage/memory_driver.h"
#include "tests/storage/storage_test.h"

namespace salvor::storage {
namespace {

struct KeyRow {
    std::string key;
    bool valid;
};

class ObjectKeyRule : public testing::TestWithParam<KeyRow> {};

TEST_P(ObjectKeyRule, Holds)
{
    EXPECT_EQ(isValidKey(GetParam().key), GetParam().valid) << GetParam().key;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ObjectKeyRule,
    testing::Values(KeyRow{"a", true}, KeyRow{"a/b/c", true}, KeyRow{"A-Z_0.9", true},
                    KeyRow{"...", true}, KeyRow{".a", true}, KeyRow{"", false}, KeyRow{"/", false},
                    KeyRow{"/a", false}, KeyRow{"a/", false}, KeyRow{"a//b", false},
                    KeyRow{".", false}, KeyRow{"..", false}, KeyRow{"a/../b", false},
                    KeyRow{"a/.", false}, KeyRow{"a b", false}, KeyRow{"a~b", false},
                    KeyRow{"a+b", false}, KeyRow{"\xc3\xa9", false},
                    KeyRow{std::string("a\0b", 3), false}, KeyRow{std::string(512, 'k'), true},
                    KeyRow{std::string(513, 'k'), false}));

struct PrefixRow {
    std::string prefix;
    bool valid;
};

class ObjectPrefixRule : public testing::TestWithParam<PrefixRow> {};

TEST_P(ObjectPrefixRule, Holds)
{
    EXPECT_EQ(isValidPrefix(GetParam().prefix), GetParam().valid) << GetParam().prefix;
}

INSTANTIATE_TEST_SUITE_P(Rows, ObjectPrefixRule,
                         testing::Values(PrefixRow{"", true}, PrefixRow{"a", true},
                                         PrefixRow{"a/", true}, PrefixRow{"a/.", true},
                                         PrefixRow{"/", false}, PrefixRow{"../", false},
                                         PrefixRow{"a/../", false}, PrefixRow{"a//", false},
                                         PrefixRow{"a b", false}));

TEST(RangeLength, CoversTheRestWhenUnset)
{
    const auto length = rangeLength({.offset = 3, .length = {}}, 10);

    EXPECT_EQ(*length, 7U);
}

TEST(RangeLength, DoesNotOverflow)
{
    const auto length = rangeLength({.offset = 3, .length = ~ByteCount{0}}, 10);

    EXPECT_EQ(codeOf(length), "InvalidInput");
}

TEST(ReadObject, RefusesMoreThanItsLimit)
{
    MemoryDriver driver;
    ASSERT_TRUE(writeObject(driver, "k", asBytes("12345")).ok());

    EXPECT_EQ(codeOf(readObject(driver, "k", {}, 5)), "ok");
    EXPECT_EQ(codeOf(readObject(driver, "k", {}, 4)), "InvalidInput");
    EXPECT_EQ(codeOf(readObject(driver, "k", {0, 5}, 4)), "InvalidInput");
}

TEST(MemoryDriver, AWriteOfAnotherSizeThanAnnouncedIsRefused)
{
    MemoryDriver driver;
    auto stream = driver.openWrite("k", {.size = 3, .onlyIfAbsent = false});
    ASSERT_TRUE((*stream)->write(asBytes("1234")).ok());

    const auto outcome = (*stream)->commit();

    EXPECT_EQ(errorOf(outcome), "InvalidInput: 'k' was announced with 3 bytes and has 4");
    EXPECT_EQ(codeOf(driver.stat("k")), "NotFound");
}

TEST(MemoryDriver, AReaderKeepsTheContentItOpened)
{
    MemoryDriver driver;
    ASSERT_TRUE(writeObject(driver, "k", asBytes("old")).ok());
    auto reader = driver.openRead("k", {});
    ASSERT_TRUE(writeObject(driver, "k", asBytes("new")).ok());

    Bytes buffer(8);
    const auto got = (*reader)->read(buffer);

    EXPECT_EQ(asText(ByteView(buffer).first(*got)), "old");
}

TEST(MemoryDriver, InvalidKeysAreRefusedByEveryCall)
{
    MemoryDriver driver;

    EXPECT_EQ(codeOf(driver.stat("../x")), "InvalidInput");
    EXPECT_EQ(codeOf(driver.openRead("", {})), "InvalidInput");
    EXPECT_EQ(codeOf(driver.openWrite("a b", {})), "InvalidInput");
    EXPECT_EQ(codeOf(driver.remove("a/")), "InvalidInput");
    EXPECT_EQ(codeOf(driver.list("../", [](const ObjectInfo&) { return Result<>(); })),
              "InvalidInput");
}

} // namespace
} // namespace salvor::storage
