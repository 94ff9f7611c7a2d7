#include "core/console/commands.h"

#include <gtest/gtest.h>

namespace salvor::console {
namespace {

using namespace std::chrono_literals;

TEST(RestoreCommandLine, SaysEverythingThatWasChosen)
{
    RestoreChoice choice;
    choice.cluster = "prod";
    choice.destination = "/srv/my copy";
    choice.target.point = model::XidTarget{4711};
    choice.target.exclusive = true;
    choice.target.timeline = model::TimelineId{3};
    choice.backupId = "20261120T205651Z-3f9a";
    choice.tablespaces[16400] = "/srv/space";
    choice.owner = "postgres";
    choice.startOptions = {.start = true, .port = 5433};
    choice.action = model::AtTarget::Promote;

    EXPECT_EQ(restoreCommandLine(choice, "/etc/salvor/salvor.conf"),
              "salvorctl --config /etc/salvor/salvor.conf restore prod --to \"/srv/my copy\" "
              "--xid 4711 --exclusive --timeline 3 --backup 20261120T205651Z-3f9a "
              "--tablespace 16400=/srv/space --owner postgres --start --port 5433 "
              "--action promote");
}

TEST(RestoreCommandLine, InPlaceIsSaidWithItsWords)
{
    RestoreChoice choice;
    choice.cluster = "prod";
    choice.destination = "/srv/data";
    choice.inPlace = rescue::InPlaceChoice{"unknown"};

    EXPECT_EQ(restoreCommandLine(choice, "/c"),
              "salvorctl --config /c restore prod --to /srv/data --in-place --replaces "
              "unknown --latest");
}

TEST(RestoreCommandLine, TimesCarryTheirOffset)
{
    RestoreChoice choice;
    choice.cluster = "prod";
    choice.destination = "/srv/copy";
    choice.target.point = model::TimeTarget{Moment(1700000000123456us)};

    EXPECT_EQ(restoreCommandLine(choice, "/c"),
              "salvorctl --config /c restore prod --to /srv/copy --time "
              "2023-11-14T22:13:20.123456Z");
}

TEST(FetchCommand, PercentSignsOfPathsAreDoubled)
{
    EXPECT_EQ(fetchCommand("/opt/100%/salvorctl", "/etc/a b.conf", "prod"),
              "/opt/100%%/salvorctl --config \"/etc/a b.conf\" archive-get --begun prod %f %p");
}

TEST(DurationText, IsReadable)
{
    EXPECT_EQ(durationText(412ms), "412 ms");
    EXPECT_EQ(durationText(19min + 23s), "19 min 23 s");
    EXPECT_EQ(durationText(3h + 2min), "3 h 2 min");
    EXPECT_EQ(durationText(50h), "2 d 2 h");
}

TEST(Losses, AreToldWithCountAndTimes)
{
    finder::Resolution resolution;
    EXPECT_TRUE(lossesOf(resolution).empty());
    resolution.firstLost.emplace().at = Moment(61s);
    resolution.lastArchived.emplace().at = Moment(120s);
    resolution.target.lastCommitAt = Moment(60s);
    resolution.commitsLost = 2;

    EXPECT_EQ(lossesOf(resolution).front(),
              "2 commits after this moment will be missing: from 1970-01-01T00:01:01.000000Z to "
              "1970-01-01T00:02:00.000000Z, 1 min of work.");
}

} // namespace
} // namespace salvor::console
