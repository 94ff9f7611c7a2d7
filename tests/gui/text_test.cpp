#include "gui/text/error_text.h"
#include "gui/text/moments.h"
#include "gui/text/progress_meter.h"
#include "gui/text/units.h"
#include "tests/gui/fake_backend.h"

namespace salvor::text {
namespace {

using gui::test::at;
using namespace std::chrono_literals;

Zones berlin()
{
    return {QTimeZone("Europe/Berlin"), std::nullopt};
}

TEST(Sizes, AreBinaryAndNeverRoundUpToTheNextThousand)
{
    EXPECT_EQ(size(0), QStringLiteral("0 bytes"));
    EXPECT_EQ(size(1), QStringLiteral("1 byte"));
    EXPECT_EQ(size(1536), QStringLiteral("1.5 KiB"));
    EXPECT_EQ(size((1ULL << 20U) - 1), QStringLiteral("1.0 MiB"));
    EXPECT_EQ(size(300ULL << 30U), QStringLiteral("300.0 GiB"));
}

TEST(Durations, NameTheirTwoLargestUnits)
{
    EXPECT_EQ(duration(0s), QStringLiteral("0 s"));
    EXPECT_EQ(duration(19min + 23s), QStringLiteral("19 min 23 s"));
    EXPECT_EQ(duration(65min), QStringLiteral("1 h 05 min"));
    EXPECT_EQ(duration(76h), QStringLiteral("3 d 4 h"));
    EXPECT_EQ(longDuration(6min + 11s), QStringLiteral("6 minutes 11 seconds"));
    EXPECT_EQ(longDuration(61s), QStringLiteral("1 minute 1 second"));
}

TEST(Rates, NotKnownIsUnknownAndNeverZero)
{
    EXPECT_EQ(rate(std::nullopt), QStringLiteral("unknown"));
}

TEST(Moments, CarryTheirOffsetInEveryZone)
{
    const Moment moment = at("2026-11-17T01:46:18.402118Z");

    EXPECT_EQ(inZone(moment, QTimeZone("Europe/Berlin")),
              QStringLiteral("2026-11-17 02:46:18 +01:00"));
    EXPECT_EQ(inZone(moment, QTimeZone("America/New_York")),
              QStringLiteral("2026-11-16 20:46:18 -05:00"));
    EXPECT_EQ(inZone(moment, QTimeZone("Asia/Kolkata"), Digits::Microseconds),
              QStringLiteral("2026-11-17 07:16:18.402118 +05:30"));
    EXPECT_EQ(inUtc(moment), QStringLiteral("2026-11-17 01:46:18 UTC"));
}

TEST(Moments, AreReadBackInTheViewersTheServersAndUtc)
{
    Zones zones = berlin();
    zones.server = QTimeZone("Asia/Tokyo");

    const QString words = readBack(at("2026-07-01T12:02:31Z"), zones);

    EXPECT_TRUE(words.contains(QStringLiteral("14:02:31"))) << words.toStdString();
    EXPECT_TRUE(words.contains(QStringLiteral("(UTC+02:00)"))) << words.toStdString();
    EXPECT_TRUE(words.contains(QStringLiteral("21:02:31"))) << words.toStdString();
    EXPECT_TRUE(words.endsWith(QStringLiteral("12:02:31 UTC"))) << words.toStdString();
}

TEST(Moments, SurviveTheWayThroughQtInUtcWhateverTheZone)
{
    const Moment moment = at("2026-03-29T01:30:00.402Z");

    EXPECT_EQ(fromDateTime(toDateTime(moment)), moment);
    EXPECT_EQ(toDateTime(moment).timeSpec(), Qt::UTC);
}

TEST(TypedTimes, WithAnOffsetAreTaken)
{
    const auto read = readTyped(QStringLiteral("2026-11-17 02:46:18.402 +01:00"), berlin());

    ASSERT_TRUE(read.moment);
    EXPECT_EQ(*read.moment, at("2026-11-17T01:46:18.402Z"));
}

TEST(TypedTimes, WithoutAnOffsetAreNeverGuessed)
{
    const auto read = readTyped(QStringLiteral("2026-11-17 02:46:18"), berlin());

    EXPECT_FALSE(read.moment);
    EXPECT_TRUE(read.problem.contains(QStringLiteral("offset")));
    ASSERT_EQ(read.completions.size(), 2U);
    EXPECT_EQ(read.completions[0], QStringLiteral("2026-11-17 02:46:18 +01:00"));
    EXPECT_EQ(read.completions[1], QStringLiteral("2026-11-17 02:46:18 +00:00"));
}

TEST(TypedTimes, TheHourThatHappensTwiceForcesAChoice)
{
    const auto read = readTyped(QStringLiteral("2026-10-25 02:30:00"), berlin());

    EXPECT_FALSE(read.moment);
    EXPECT_EQ(read.problem,
              QStringLiteral("02:30 happens twice on this night in your zone. Choose +02:00 or "
                             "+01:00."));
    ASSERT_EQ(read.completions.size(), 3U);
    EXPECT_EQ(*readTyped(read.completions[0], berlin()).moment, at("2026-10-25T00:30:00Z"));
    EXPECT_EQ(*readTyped(read.completions[1], berlin()).moment, at("2026-10-25T01:30:00Z"));
}

TEST(TypedTimes, TheHourThatIsSkippedIsSaidToBe)
{
    const auto read = readTyped(QStringLiteral("2026-03-29 02:30:00"), berlin());

    EXPECT_FALSE(read.moment);
    EXPECT_TRUE(read.problem.contains(QStringLiteral("does not happen")));
}

TEST(TypedTimes, NonsenseIsNotATime)
{
    EXPECT_FALSE(readTyped(QStringLiteral("yesterday"), berlin()).moment);
    EXPECT_FALSE(readTyped(QString(), berlin()).moment);
    EXPECT_TRUE(readTyped(QStringLiteral("yesterday"), berlin()).completions.empty());
}

TEST(ErrorTexts, PutTheHintInTheSentenceAndTheMessageUnderDetails)
{
    const ErrorText words =
        explain(fail(ErrorCode::NoSpace, "cannot write 'wal/3F': no space left",
                     "free space in the bucket or raise the quota of 'dr-prod'"));

    EXPECT_EQ(words.title, QStringLiteral("No space left"));
    EXPECT_EQ(words.sentence,
              QStringLiteral("Free space in the bucket or raise the quota of 'dr-prod'."));
    EXPECT_EQ(words.button, QStringLiteral("Try again"));
    EXPECT_TRUE(words.details.contains(QStringLiteral("cannot write 'wal/3F'")));
    EXPECT_TRUE(words.details.contains(QStringLiteral("NoSpace")));
}

TEST(ErrorTexts, ACancelledJobIsNoFailure)
{
    const ErrorText words = explain(fail(ErrorCode::Cancelled, "stopped on request"));

    EXPECT_EQ(words.title, QStringLiteral("Stopped on request"));
    EXPECT_TRUE(words.button.isEmpty());
}

class EveryErrorCode : public testing::TestWithParam<ErrorCode> {};

TEST_P(EveryErrorCode, HasATitleAndASentence)
{
    const ErrorText words = explain(fail(GetParam(), "it broke"));

    EXPECT_FALSE(words.title.isEmpty());
    EXPECT_TRUE(words.sentence.endsWith(QLatin1Char('.'))) << words.sentence.toStdString();
}

INSTANTIATE_TEST_SUITE_P(Codes, EveryErrorCode,
                         testing::Values(ErrorCode::InvalidInput, ErrorCode::NotFound,
                                         ErrorCode::AlreadyExists, ErrorCode::Denied,
                                         ErrorCode::NotReady, ErrorCode::Unavailable,
                                         ErrorCode::Timeout, ErrorCode::Locked, ErrorCode::NoSpace,
                                         ErrorCode::Corrupt, ErrorCode::Incompatible,
                                         ErrorCode::Cancelled, ErrorCode::Bug));

ProgressMeter meterAfter(int seconds, ByteCount perSecond, ByteCount total)
{
    ProgressMeter meter;
    meter.restart(0ms);
    for (int i = 0; i <= seconds; ++i)
        meter.sample(std::chrono::seconds(i), static_cast<ByteCount>(i) * perSecond, total);
    return meter;
}

TEST(Forecast, IsUnknownBeforeThereIsARate)
{
    ProgressMeter meter;
    meter.restart(0ms);
    meter.sample(0ms, 0, 1000);

    EXPECT_EQ(meter.timeLeft(), QStringLiteral("unknown"));
}

TEST(Forecast, IsUnknownWithoutATotal)
{
    EXPECT_EQ(meterAfter(20, 1000, 0).timeLeft(), QStringLiteral("unknown"));
}

TEST(Forecast, IsARange)
{
    EXPECT_EQ(meterAfter(30, 1000, 330000).timeLeft(), QStringLiteral("5 to 6 min left"));
}

TEST(Forecast, AStallIsSaidWithItsLength)
{
    ProgressMeter meter = meterAfter(5, 1000, 100000);
    meter.sample(45s, 5000, 100000);

    EXPECT_EQ(meter.timeLeft(), QStringLiteral("stalled for 40 s"));
    EXPECT_EQ(meter.stalled(), 40s);
}

TEST(Forecast, WhatIsFinishedDoesNotStall)
{
    ProgressMeter meter = meterAfter(5, 1000, 5000);
    meter.sample(45s, 5000, 5000);

    EXPECT_EQ(meter.stalled(), 0s);
}

} // namespace
} // namespace salvor::text
