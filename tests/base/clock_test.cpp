#include "core/base/clock.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

namespace salvor {
namespace {

std::string roundTrip(std::string_view text)
{
    const auto moment = parseMoment(text);
    return moment.ok() ? formatMoment(*moment) : "failed: " + moment.error().message;
}

TEST(ParseMoment, EveryWrittenFormIsTheSameInstant)
{
    const std::vector<std::string> forms = {
        "2026-11-20T13:02:31.500Z",      "2026-11-20 14:02:31.5+01:00",
        "2026-11-20 14:02:31.5+01",      "2026-11-20 14:02:31.5 +0100",
        "2026-11-20t13:02:31.500000z",   "2026-11-20 08:02:31.5-05:00",
        " 2026-11-20 18:32:31.5+05:30 ",
    };

    for (const std::string& form : forms)
        EXPECT_EQ(roundTrip(form), "2026-11-20T13:02:31.500000Z") << form;
}

TEST(ParseMoment, TimeWithoutOffsetIsRefusedWithTheReason)
{
    const auto moment = parseMoment("2026-11-20 14:02:31");

    ASSERT_FAILS(moment, InvalidInput);
    EXPECT_NE(moment.error().message.find("no offset"), std::string::npos);
    EXPECT_NE(moment.error().hint.find("+01:00"), std::string::npos);
}

TEST(ParseMoment, WhatIsNoTimeIsRefused)
{
    const std::vector<std::string> bad = {
        "",
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T12:60:00Z",
        "2026-11-20T12:00:60Z",
        "2026-11-20T12:00:00.1234567Z",
        "2026-11-20T12:00:00.Z",
        "2026-11-20T12:00:00+16:00",
        "2026-11-20T12:00:00+01:60",
        "2026-11-20T12:00:00Zulu",
        "2026-11-20T12:00Z",
        "2026-11-20T12:00:00 CET",
    };

    for (const std::string& text : bad)
        EXPECT_FAILS(parseMoment(text), InvalidInput) << text;
}

TEST(FormatMoment, MomentsBefore1970KeepTheirFraction)
{
    EXPECT_EQ(roundTrip("1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999999Z");
}

} // namespace
} // namespace salvor
