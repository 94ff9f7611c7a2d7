#include "core/cli/requests.h"

#include <gtest/gtest.h>

namespace salvor::cli {
namespace {

Arguments arguments(std::vector<std::string> words)
{
    auto parsed = parseArguments(words);
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    return *std::move(parsed);
}

/// `restore c --to /new` and more.
Result<console::RestoreChoice> choiceOf(std::vector<std::string> more)
{
    std::vector<std::string> words = {"restore", "c", "--to", "/new"};
    words.insert(words.end(), more.begin(), more.end());
    return restoreChoice(arguments(words));
}

std::string complaint(std::vector<std::string> more)
{
    const auto choice = choiceOf(std::move(more));
    if (choice.ok())
        return "fine";
    EXPECT_EQ(choice.error().code, ErrorCode::InvalidInput);
    return choice.error().message;
}

void expectContains(const std::string& text, const std::string& part)
{
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

template <typename Point>
void expectPoint(std::vector<std::string> more, const Point& point)
{
    const auto choice = choiceOf(std::move(more));
    ASSERT_TRUE(choice.ok()) << choice.error().message;
    ASSERT_TRUE(std::holds_alternative<Point>(choice->target.point));
    EXPECT_EQ(std::get<Point>(choice->target.point), point);
}

TEST(Requests, EveryTargetIsRead)
{
    expectPoint({}, model::LatestTarget{});
    expectPoint({"--latest"}, model::LatestTarget{});
    expectPoint({"--immediate"}, model::ImmediateTarget{});
    expectPoint({"--lsn", "0/3018098"}, model::LsnTarget{model::Lsn{0x3018098}});
    expectPoint({"--xid", "4294967301"}, model::XidTarget{4294967301U});
    expectPoint({"--restore-point", "before it"}, model::RestorePointTarget{"before it"});
    const auto at = parseMoment("2026-11-20T10:00:00Z");
    ASSERT_TRUE(at.ok());
    expectPoint({"--time", "2026-11-20 12:00:00+02"}, model::TimeTarget{*at});
}

TEST(Requests, ATimeWithoutAnOffsetIsRefusedWithTheReason)
{
    expectContains(complaint({"--time", "2026-11-20 12:00:00"}), "--time: ");
    const auto choice = choiceOf({"--time", "2026-11-20 12:00:00"});
    expectContains(choice.error().message + choice.error().hint, "offset");
}

TEST(Requests, ExclusiveGoesWithTimeLsnAndXidOnly)
{
    EXPECT_TRUE(choiceOf({"--xid", "700", "--exclusive"})->target.exclusive);
    EXPECT_TRUE(choiceOf({"--lsn", "0/1", "--exclusive"})->target.exclusive);
    expectContains(complaint({"--latest", "--exclusive"}), "--exclusive goes with");
    expectContains(complaint({"--exclusive"}), "--exclusive goes with");
    expectContains(complaint({"--restore-point", "x", "--exclusive"}), "--exclusive goes with");
}

TEST(Requests, TwoTargetsContradictOneAnother)
{
    expectContains(complaint({"--latest", "--xid", "700"}), "--latest and --xid contradict");
}

TEST(Requests, ValuesThatAreNoneAreRefused)
{
    expectContains(complaint({"--lsn", "12"}), "--lsn: ");
    expectContains(complaint({"--xid", "2"}), "--xid: '2' is not a transaction");
    expectContains(complaint({"--xid", "-5"}), "--xid: '-5' is not a transaction");
    expectContains(complaint({"--timeline", "0"}), "--timeline: '0' is not a timeline");
    expectContains(complaint({"--timeline", "4294967296"}), "is not a timeline");
    expectContains(complaint({"--action", "stop"}), "--action: 'stop' is not an action");
    expectContains(complaint({"--tablespace", "1638"}), "has no '='");
    expectContains(complaint({"--tablespace", "x=/a"}), "'x' is not the OID");
    expectContains(complaint({"--tablespace", "16385=a"}), "'a' is not an absolute path");
    expectContains(complaint({"--tablespace", "1=/a", "--tablespace", "1=/b"}), "stands twice");
    expectContains(complaint({"--port", "5432"}), "--port says nothing without --start");
    expectContains(complaint({"--start", "--port", "65536"}), "'65536' is not a port");
}

TEST(Requests, TheDestinationIsAbsoluteAndHasNoSlashAtItsEnd)
{
    auto choice = restoreChoice(arguments({"restore", "c", "--to", "/a/../b/"}));
    ASSERT_TRUE(choice.ok());
    EXPECT_EQ(choice->destination, "/b");
    EXPECT_FALSE(restoreChoice(arguments({"restore", "c", "--to", "b"})).ok());
    EXPECT_FALSE(restoreChoice(arguments({"restore", "c"})).ok());
    EXPECT_FALSE(restoreChoice(arguments({"restore", "--to", "/b"})).ok());
}

TEST(Requests, TimelineActionOwnerAndStartAreHandedOn)
{
    const auto choice =
        choiceOf({"--timeline", "3", "--action", "pause", "--owner", "postgres", "--start",
                  "--port", "5555", "--backup", "b1", "--tablespace", "16385=/srv/ts/"});
    ASSERT_TRUE(choice.ok()) << choice.error().message;
    EXPECT_EQ(choice->target.timeline, model::TimelineId{3});
    EXPECT_EQ(choice->action, model::AtTarget::Pause);
    EXPECT_EQ(choice->owner, "postgres");
    EXPECT_TRUE(choice->startOptions.start);
    EXPECT_EQ(choice->startOptions.port, 5555);
    EXPECT_EQ(choice->backupId, "b1");
    EXPECT_EQ(choice->tablespaces.at(16385), "/srv/ts");
    EXPECT_TRUE(choiceOf({"--timeline", "current"})->target.currentTimeline);
    EXPECT_EQ(choiceOf({"--timeline", "latest"})->target.timeline, std::nullopt);
    EXPECT_EQ(choiceOf({})->action, std::nullopt);
}

TEST(Requests, InPlaceNeedsNoDestinationAndHasWordsOfItsOwn)
{
    const auto bare = restoreChoice(arguments({"restore", "c", "--in-place"}));
    ASSERT_TRUE(bare.ok());
    ASSERT_TRUE(bare->inPlace.has_value());
    EXPECT_TRUE(bare->destination.empty());
    const auto full = choiceOf({"--in-place", "--replaces", "7382"});
    ASSERT_TRUE(full.ok());
    EXPECT_EQ(full->inPlace->accepts, "7382");
    EXPECT_EQ(full->destination, "/new");
    expectContains(complaint({"--replaces", "7382"}), "without --in-place");
    expectContains(complaint({"--in-place", "--replaces", "orders"}), "not a system identifier");
    expectContains(complaint({"--in-place", "--start"}), "contradict");
}

TEST(Requests, BackupOptionsAreRead)
{
    const auto choice = backupChoice(arguments(
        {"backup", "c", "--mode", "stream", "--checkpoint", "spread", "--annotate", "why=a=b"}));
    ASSERT_TRUE(choice.ok());
    EXPECT_EQ(choice->mode, model::BackupMode::Stream);
    EXPECT_EQ(choice->checkpoint, postgres::Checkpoint::Spread);
    EXPECT_EQ(choice->annotations.at("why"), "a=b");
    EXPECT_FALSE(backupChoice(arguments({"backup", "c", "--mode", "fast"})).ok());
    EXPECT_FALSE(backupChoice(arguments({"backup", "c", "--checkpoint", "now"})).ok());
    EXPECT_FALSE(backupChoice(arguments({"backup", "c", "--annotate", "why"})).ok());
    EXPECT_FALSE(
        backupChoice(arguments({"backup", "c", "--annotate", "a=1", "--annotate", "a=2"})).ok());
}

TEST(Requests, SharesAndLevelsAreChecked)
{
    EXPECT_EQ(*samplePercent(arguments({"verify"})), 100);
    EXPECT_EQ(*samplePercent(arguments({"verify", "--sample", "5"})), 5);
    EXPECT_FALSE(samplePercent(arguments({"verify", "--sample", "0"})).ok());
    EXPECT_FALSE(samplePercent(arguments({"verify", "--sample", "101"})).ok());
    EXPECT_EQ(*logLevel(arguments({"backups", "--log-level", "off"})), LogLevel::Off);
    EXPECT_FALSE(logLevel(arguments({"backups", "--log-level", "loud"})).ok());
}

} // namespace
} // namespace salvor::cli
