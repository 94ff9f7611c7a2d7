#include "core/model/verification.h"

#include <gtest/gtest.h>

namespace salvor::model {
namespace {

using namespace std::chrono_literals;
using enum AssuranceLevel;

const Moment start{std::chrono::hours(24 * 365 * 56)};

Verification note(AssuranceLevel level, bool good, std::chrono::hours after)
{
    return {"b1", level, good, good ? "" : "a pack is missing", "dba@host", start + after};
}

Assurance judged(const std::vector<Verification>& notes)
{
    return assuranceOf(assurancesOf(notes), "b1");
}

TEST(Assurance, WithoutAnyVerificationABackupIsListedOnly)
{
    EXPECT_EQ(judged({}), Assurance());
    EXPECT_FALSE(judged({}).isVerified());
}

TEST(Assurance, TheHighestLevelCountsHoweverOld)
{
    const Assurance found = judged({note(Restored, true, 1h), note(Structure, true, 9h)});

    EXPECT_EQ(found.level, Restored);
    EXPECT_EQ(found.shown->at, start + 1h);
    EXPECT_TRUE(found.isVerified());
}

TEST(Assurance, AFindingOutweighsWhatWasGoodBeforeAndAtALowerLevelAfterwards)
{
    const Assurance found =
        judged({note(Validated, true, 1h), note(Contents, false, 2h), note(Structure, true, 3h)});

    EXPECT_TRUE(found.damaged);
    EXPECT_EQ(found.level, Contents);
    EXPECT_EQ(found.shown->finding, "a pack is missing");
    EXPECT_FALSE(found.isVerified());
}

TEST(Assurance, AFindingEndsWithAGoodVerificationOfAHigherLevel)
{
    const Assurance found = judged({note(Contents, false, 2h), note(Restored, true, 3h)});

    EXPECT_FALSE(found.damaged);
    EXPECT_EQ(found.level, Restored);
}

TEST(Assurance, OfTwoFindingsTheHigherLevelIsShown)
{
    EXPECT_EQ(judged({note(Restored, false, 1h), note(Structure, false, 2h)}).level, Restored);
    EXPECT_EQ(judged({note(Structure, false, 1h), note(Restored, false, 2h)}).level, Restored);
}

TEST(Assurance, ReadingOnlyListsIsNoVerification)
{
    EXPECT_FALSE(judged({note(Structure, true, 1h)}).isVerified());
}

TEST(Assurance, NamesAreReadBack)
{
    for (const auto level : {Listed, Structure, Contents, Restored, Validated})
        EXPECT_EQ(parseAssurance(assuranceName(level)), level);
    EXPECT_FALSE(parseAssurance("perfect"));
}

} // namespace
} // namespace salvor::model
