#include "core/repository/key_sheet.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace salvor::repository {
namespace {

class KeySheetTest : public ::testing::Test {
protected:
    KeySheetTest()
    {
        Bytes bytes(32);
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(i * 37 + 11);
        key = Secret(ByteView(bytes));
        const KeySheet sheet{"main", "s3://backups/main", "0123", true,
                             Moment(std::chrono::hours(500'000))};
        text = std::string(keySheetText(sheet, key).revealText());
    }
    /// Where a numbered line begins.
    [[nodiscard]] std::size_t line(int number) const
    {
        return text.find("    " + std::to_string(number) + "   ") + 4;
    }
    [[nodiscard]] std::string error() const
    {
        const auto read = readKeySheet(text);
        return read.ok() ? "" : read.error().message;
    }

    Secret key;
    std::string text;
};

TEST_F(KeySheetTest, IsReadBackAndCarriesTheCheckValue)
{
    const auto read = readKeySheet(text);

    ASSERT_OK(read);
    EXPECT_TRUE(std::ranges::equal(read->reveal(), key.reveal()));
    EXPECT_NE(text.find("Check value  " + keyCheckValue(*read)), std::string::npos);
    EXPECT_NE(text.find("s3://backups/main"), std::string::npos);
}

TEST_F(KeySheetTest, CapitalsDashesAndNoSpacesAreTheSame)
{
    std::string typed;
    for (int number = 1; number <= 8; ++number) {
        std::string one = text.substr(line(number), text.find('\n', line(number)) - line(number));
        std::erase(one, ' ');
        std::transform(one.begin(), one.end(), one.begin(),
                       [](unsigned char each) { return static_cast<char>(std::toupper(each)); });
        one.insert(5, "-");
        typed.insert(0, one + "\r\n"); // In the other order, too.
    }

    const auto read = readKeySheet(typed);

    ASSERT_OK(read);
    EXPECT_TRUE(std::ranges::equal(read->reveal(), key.reveal()));
}

TEST_F(KeySheetTest, EveryMistypedCharacterIsFoundInItsLine)
{
    const std::size_t begin = line(3) + 4;
    const std::string whole = text;
    for (std::size_t at = begin; at < begin + 14; ++at) {
        if (text[at] == ' ')
            continue;
        text[at] = text[at] == '7' ? '8' : '7';
        EXPECT_EQ(error(), "mistyped: line 3") << at;
        text = whole;
    }
}

TEST_F(KeySheetTest, LinesThatAreMissingOrCutOrSwappedAreNamed)
{
    const std::string whole = text;
    text.erase(line(2) - 4, text.find('\n', line(2)) - line(2) + 5);
    EXPECT_EQ(error(), "not there: line 2");

    text = whole;
    text.erase(text.find('\n', line(5)) - 1, 1);
    EXPECT_EQ(error(), "mistyped: line 5");

    text = whole;
    std::swap(text[line(1)], text[line(4)]);
    EXPECT_EQ(error(), "mistyped: line 4, 1");

    text.clear();
    EXPECT_EQ(error(), "not there: line 1, 2, 3, 4, 5, 6, 7, 8");
}

} // namespace
} // namespace salvor::repository
