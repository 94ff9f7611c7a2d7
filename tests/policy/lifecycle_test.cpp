#include "core/policy/lifecycle.h"

#include <gtest/gtest.h>

namespace salvor::policy {
namespace {

using storage::LifecycleRule;

LifecycleRule ruleBelow(const std::string& prefix)
{
    LifecycleRule rule;
    rule.id = "theirs";
    rule.prefix = prefix;
    return rule;
}

LifecycleRule deletingBelow(const std::string& prefix, int days)
{
    LifecycleRule rule = ruleBelow(prefix);
    rule.actions.deletes = days;
    return rule;
}

std::size_t dangersOf(const LifecycleRule& rule, const std::string& prefix = "dr/")
{
    return planLifecycle(prefix, {rule}, {}).dangers.size();
}

TEST(LifecyclePlan, OurRulesNeverDeleteAnObject)
{
    const auto plan = planLifecycle("dr/", {}, {30, "STANDARD_IA", 14});

    ASSERT_EQ(plan.own.size(), 3U);
    for (const LifecycleRule& rule : plan.own) {
        EXPECT_FALSE(rule.actions.deletes);
        EXPECT_TRUE(rule.prefix.starts_with("dr/"));
        EXPECT_TRUE(plan.isOwn(rule));
    }
    EXPECT_EQ(plan.own[0].actions.oldVersions, 14);
    EXPECT_EQ(plan.own[0].actions.uploads, 7);
    EXPECT_EQ(plan.own[1].prefix, "dr/packs/");
    EXPECT_EQ(plan.own[2].prefix, "dr/wal/");
    EXPECT_EQ(planLifecycle("dr/", {}, {}).own.size(), 1U);
}

TEST(LifecyclePlan, WhatOthersSetThereStays)
{
    auto plan = planLifecycle("dr/", {ruleBelow("logs/")}, {});
    EXPECT_FALSE(plan.isInPlace());

    plan = planLifecycle("dr/", plan.after(), {});

    EXPECT_TRUE(plan.isInPlace());
    ASSERT_EQ(plan.now.size(), 2U);
    EXPECT_EQ(plan.now[0].id, "theirs");
    // One that somebody changed, and one that is not wanted any more, are replaced.
    plan.now[1].actions.deletes = 3;
    EXPECT_FALSE(plan.isInPlace());
    const auto changed = planLifecycle("dr/", plan.now, {});
    ASSERT_EQ(changed.dangers.size(), 1U);
    EXPECT_EQ(changed.dangers[0].level, model::Check::Level::Blocker);
    EXPECT_TRUE(planLifecycle("dr/", changed.after(), {}).dangers.empty());
    const auto moving = planLifecycle("dr/", plan.after(), {30, "STANDARD_IA", 30});
    const auto back = planLifecycle("dr/", moving.after(), {});
    EXPECT_FALSE(back.isInPlace());
    EXPECT_EQ(back.after().size(), 2U);
    // Another repository in the same bucket has its own.
    const auto other = planLifecycle("dr2/", plan.after(), {});
    EXPECT_EQ(other.after().size(), 3U);
}

TEST(LifecyclePlan, WhatDeletesObjectsOfTheRepositoryIsADanger)
{
    EXPECT_EQ(dangersOf(deletingBelow("", 365)), 1U);
    EXPECT_EQ(dangersOf(deletingBelow("d", 365)), 1U);
    EXPECT_EQ(dangersOf(deletingBelow("dr/packs/", 0)), 1U);
    EXPECT_EQ(dangersOf(deletingBelow("logs/", 365)), 0U);
    EXPECT_EQ(dangersOf(deletingBelow("logs/", 365), ""), 1U);
    LifecycleRule tagged = deletingBelow("dr/", 1);
    tagged.byTag = true;
    const auto ofTagged = planLifecycle("dr/", {tagged}, {}).dangers;
    ASSERT_EQ(ofTagged.size(), 1U); // Other programs may set tags.
    EXPECT_EQ(ofTagged[0].level, model::Check::Level::Warning);
    EXPECT_NE(ofTagged[0].found.find("objects with certain tags below 'dr/'"), std::string::npos);
    LifecycleRule off = deletingBelow("dr/", 1);
    off.enabled = false;
    EXPECT_EQ(dangersOf(off), 0U);

    const auto plan = planLifecycle("dr/", {deletingBelow("", 365)}, {});
    EXPECT_EQ(plan.dangers[0].level, model::Check::Level::Blocker);
    EXPECT_EQ(plan.dangers[0].found,
              "Lifecycle rule 'theirs' deletes objects of the bucket after 365 days.");
}

TEST(LifecyclePlan, WhatMakesObjectsUnreadableIsADanger)
{
    LifecycleRule moving = ruleBelow("dr/");
    moving.actions.moves = {{30, "STANDARD_IA"}};
    EXPECT_EQ(dangersOf(moving), 0U);
    moving.actions.moves.push_back({90, "GLACIER"});
    EXPECT_EQ(dangersOf(moving), 1U);
    moving.actions.moves.push_back({180, "DEEP_ARCHIVE"});
    EXPECT_EQ(dangersOf(moving), 2U);
    LifecycleRule tidying = ruleBelow("dr/");
    tidying.actions.uploads = 1;
    tidying.actions.oldVersions = 30;
    EXPECT_EQ(dangersOf(tidying), 0U);
    tidying.actions.oldVersions = 29; // Too soon to notice what somebody removed.
    EXPECT_EQ(dangersOf(tidying), 1U);
    LifecycleRule unknown = ruleBelow("dr/");
    unknown.actions.others = {"Action"};
    EXPECT_EQ(dangersOf(unknown), 1U);
}

} // namespace
} // namespace salvor::policy
