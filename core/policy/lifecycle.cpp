#include "core/policy/lifecycle.h"

#include <algorithm>

namespace salvor::policy {

namespace {

using model::Check;
using storage::LifecycleActions;
using storage::LifecycleRule;

/// Nothing of ours uploads for longer.
constexpr int uploadDays = 7;

std::string ownId(const std::string& prefix, const std::string& what)
{
    return "salvor:" + prefix + ":" + what;
}

std::vector<LifecycleRule> ownRules(const std::string& prefix, const LifecycleWishes& wishes)
{
    std::vector<LifecycleRule> rules(1);
    rules[0].id = ownId(prefix, "leftovers");
    rules[0].prefix = prefix;
    rules[0].actions.uploads = uploadDays;
    rules[0].actions.oldVersions = wishes.oldVersionDays;
    rules[0].actions.removalMarkers = true;
    if (wishes.moveAfterDays == 0)
        return rules;
    for (const std::string folder : {"packs", "wal"}) {
        LifecycleRule rule;
        rule.id = ownId(prefix, folder);
        rule.prefix = prefix + folder + "/";
        rule.actions.moves = {{wishes.moveAfterDays, wishes.moveTo}};
        rules.push_back(std::move(rule));
    }
    return rules;
}

bool overlap(const std::string& one, const std::string& other)
{
    return one.starts_with(other) || other.starts_with(one);
}

std::string afterDays(int days)
{
    if (days == 0)
        return "at once or at a date";
    return "after " + std::to_string(days) + (days == 1 ? " day" : " days");
}

std::string nameOf(const LifecycleRule& rule)
{
    return rule.id.empty() ? "A lifecycle rule without a name" : "Lifecycle rule '" + rule.id + "'";
}

/// Of a rule that is about objects of the repository.
void addDangers(const LifecycleRule& rule, int oldVersionDays, std::vector<Check>& dangers)
{
    const std::string where =
        (rule.byTag ? " with certain tags" : "")
        + (rule.prefix.empty() ? std::string(" of the bucket") : " below '" + rule.prefix + "'");
    // We set no tags, but scanners and other programs of the bucket's owner do.
    const Check::Level level = rule.byTag ? Check::Level::Warning : Check::Level::Blocker;
    const auto add = [&](Check::Level how, std::string found, const char* cause, const char* fix) {
        dangers.push_back({how, "lifecycle", nameOf(rule) + std::move(found), cause, fix});
    };
    if (rule.actions.deletes)
        add(level, " deletes objects" + where + " " + afterDays(*rule.actions.deletes) + ".",
            "Today's backups need packs and WAL of any age: they are destroyed piece by piece.",
            "Remove the rule, or narrow its prefix. What no backup needs is removed by "
            "'salvorctl prune'.");
    for (const LifecycleActions::Move& move : rule.actions.moves)
        if (isColdClass(move.storageClass))
            add(level, " moves objects" + where + " to " + move.storageClass + ".",
                "They cannot be read until the store has thawed them, hours later, one by one.",
                "Name a class that can be read at once, such as STANDARD_IA or GLACIER_IR.");
    if (rule.actions.oldVersions && *rule.actions.oldVersions < oldVersionDays)
        add(Check::Level::Warning,
            " deletes replaced and removed versions" + where + " "
                + afterDays(*rule.actions.oldVersions) + ".",
            "Whoever removes objects of the repository leaves so little time to bring them back.",
            "Let it wait for as long as old-version-days says.");
    if (!rule.actions.others.empty())
        add(Check::Level::Warning,
            " does something with objects" + where + " that is not known: <"
                + rule.actions.others.front() + ">.",
            "Whether it deletes what backups need cannot be told.",
            "Look it up in the manual of the store.");
}

} // namespace

bool isColdClass(std::string_view storageClass)
{
    return storageClass == "GLACIER" || storageClass == "DEEP_ARCHIVE";
}

bool LifecyclePlan::isOwn(const LifecycleRule& rule) const
{
    return rule.id.starts_with(ownId(prefix, ""));
}

bool LifecyclePlan::isInPlace() const
{
    std::vector<LifecycleRule> there;
    std::copy_if(now.begin(), now.end(), std::back_inserter(there),
                 [this](const LifecycleRule& rule) { return isOwn(rule); });
    return std::is_permutation(
        there.begin(), there.end(), own.begin(), own.end(),
        [](const LifecycleRule& a, const LifecycleRule& b) { return a.isSameAs(b); });
}

std::vector<LifecycleRule> LifecyclePlan::after() const
{
    std::vector<LifecycleRule> rules;
    std::copy_if(now.begin(), now.end(), std::back_inserter(rules),
                 [this](const LifecycleRule& rule) { return !isOwn(rule); });
    rules.insert(rules.end(), own.begin(), own.end());
    return rules;
}

LifecyclePlan planLifecycle(const std::string& prefix, std::vector<LifecycleRule> now,
                            const LifecycleWishes& wishes)
{
    LifecyclePlan plan{prefix, std::move(now), ownRules(prefix, wishes), {}};
    // Ours, too: somebody may have changed one.
    for (const LifecycleRule& rule : plan.now)
        if (rule.enabled && overlap(rule.prefix, prefix))
            addDangers(rule, wishes.oldVersionDays, plan.dangers);
    return plan;
}

std::vector<std::string> lifecycleSentences(const LifecycleActions& actions)
{
    std::vector<std::string> sentences;
    if (actions.deletes)
        sentences.push_back("deletes objects " + afterDays(*actions.deletes));
    for (const LifecycleActions::Move& move : actions.moves)
        sentences.push_back("moves objects to " + move.storageClass + " " + afterDays(move.days));
    if (actions.oldVersions)
        sentences.push_back("deletes replaced and removed versions "
                            + afterDays(*actions.oldVersions));
    if (actions.removalMarkers)
        sentences.emplace_back("drops what marks removed objects, once nothing is left of them");
    if (actions.uploads)
        sentences.push_back("drops unfinished uploads " + afterDays(*actions.uploads));
    for (const std::string& other : actions.others)
        sentences.push_back("does something that is not known here: <" + other + ">");
    if (sentences.empty())
        sentences.emplace_back("nothing that concerns objects as they are now");
    return sentences;
}

} // namespace salvor::policy
