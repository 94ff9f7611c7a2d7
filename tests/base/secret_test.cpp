#include "core/base/secret.h"

#include <gtest/gtest.h>

#include <concepts>
#include <ostream>
#include <type_traits>

namespace salvor {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value)
{
    out << value;
};

static_assert(!Printable<Secret>, "a secret must not be printable");
static_assert(!std::is_copy_constructible_v<Secret>, "a secret must not be copied by accident");
static_assert(!std::convertible_to<Secret, std::string_view>, "a secret must be asked for");

TEST(Secret, MovedFromSecretIsEmpty)
{
    Secret first(std::string_view("open sesame"));

    const Secret second = std::move(first);

    EXPECT_TRUE(first.empty()); // NOLINT(bugprone-use-after-move): that is the fact tested.
    EXPECT_EQ(second.revealText(), "open sesame");
    EXPECT_EQ(second.duplicate().revealText(), "open sesame");
}

TEST(WipeMemory, NothingOfTheOldBytesStays)
{
    Bytes bytes(64, std::byte{0x5a});

    wipeMemory(bytes);

    EXPECT_TRUE(isAllZero(bytes));
}

} // namespace
} // namespace salvor
