#include "core/model/cluster.h"

#include <gtest/gtest.h>

namespace salvor::model {
namespace {

TEST(ClusterName, OrdinaryNamesAreValid)
{
    for (const std::string name : {"main", "15-main", "a.b_c-D9", "x"})
        EXPECT_TRUE(isValidName(name)) << name;
    EXPECT_TRUE(isValidName(std::string(63, 'n')));
}

TEST(ClusterName, NamesThatCouldHurtAPathAreRefused)
{
    for (const std::string name : {"", ".", "..", ".hidden", "a/b", "a b", "ä", "a\n", "a%2f"})
        EXPECT_FALSE(isValidName(name)) << name;
    EXPECT_FALSE(isValidName(std::string(64, 'n')));
    EXPECT_FALSE(isValidName(std::string("a\0b", 3)));
}

} // namespace
} // namespace salvor::model
