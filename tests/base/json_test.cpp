#include "core/base/json.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

namespace salvor {
namespace {

TEST(Json, CanonicalTextHasOrderedKeysAndNoSpace)
{
    const auto value = Json::parse(R"( {"b":[1, true ,null], "a":"x\u00e9\n", "c":{}} )");

    ASSERT_OK(value);
    EXPECT_EQ(value->text(), "{\"a\":\"xé\\n\",\"b\":[1,true,null],\"c\":{}}");
    EXPECT_EQ(*Json::parse(value->text()), *value);
    EXPECT_EQ(*Json::parse(value->prettyText()), *value);
}

TEST(Json, ControlCharactersAreEscapedAndComeBack)
{
    const Json value(std::string("\x01\"\\\b\f\r\t\x1f"));

    EXPECT_EQ(value.text(), R"("\u0001\"\\\b\f\r\t\u001f")");
    EXPECT_EQ(*Json::parse(value.text()), value);
}

TEST(Json, WhatIsNoJsonIsRefusedWithItsPlace)
{
    for (const std::string text :
         {"", "{", "[1,]", "{\"a\" 1}", "1 2", "nul", "'a'", "1.5", "1e400", "[1]]", "],["})
        EXPECT_FAILS(Json::parse(text), InvalidInput) << text;
}

TEST(Json, MembersAreTakenWithTheirTypeOrNamedAsMissing)
{
    const Json value = *Json::parse(R"({"n":-1,"s":"x","t":true,"l":[],"o":{}})");

    EXPECT_EQ(*value.integerAt("n"), -1);
    EXPECT_FAILS(value.unsignedAt("n"), Corrupt);
    EXPECT_EQ(*value.stringAt("s"), "x");
    EXPECT_TRUE(*value.boolAt("t"));
    EXPECT_OK(value.arrayAt("l"));
    EXPECT_OK(value.objectAt("o"));
    const auto missing = value.stringAt("q");
    ASSERT_FAILS(missing, Corrupt);
    EXPECT_NE(missing.error().message.find("'q'"), std::string::npos);
    EXPECT_FAILS(value.stringAt("n"), Corrupt);
}

TEST(Json, IntegersUpTo2To53AreExact)
{
    const std::int64_t largest = 9007199254740991;

    EXPECT_EQ(*Json::parse(std::to_string(largest))->asInteger(), largest);
    EXPECT_FAILS(Json::parse("9007199254740994"), InvalidInput);
}

} // namespace
} // namespace salvor
