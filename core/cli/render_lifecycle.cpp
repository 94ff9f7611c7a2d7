// What the store of a repository does by itself.
#include "core/cli/render.h"
#include "core/cli/text.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

namespace {

using storage::LifecycleRule;

std::string doesText(const LifecycleRule& rule)
{
    std::string text;
    for (const std::string& sentence : policy::lifecycleSentences(rule.actions))
        text += (text.empty() ? "" : "; ") + sentence;
    return text + (rule.byTag ? "; only where tagged" : "")
           + (rule.enabled ? "" : "; switched off");
}

void addRules(const std::vector<LifecycleRule>& rules, const policy::LifecyclePlan& plan,
              Table& table)
{
    for (const LifecycleRule& rule : rules)
        table.add({printable(rule.id), rule.prefix.empty() ? "(all)" : printable(rule.prefix),
                   plan.isOwn(rule) ? "salvor" : "others", printable(doesText(rule))});
}

} // namespace

Json lifecycleJson(const policy::LifecyclePlan& plan)
{
    const auto rulesJson = [&plan](const std::vector<LifecycleRule>& rules) {
        Json::Array all;
        for (const LifecycleRule& rule : rules) {
            Json::Array does;
            for (const std::string& sentence : policy::lifecycleSentences(rule.actions))
                does.emplace_back(sentence);
            all.emplace_back(Json::Object{{"id", rule.id},
                                          {"prefix", rule.prefix},
                                          {"enabled", rule.enabled},
                                          {"byTag", rule.byTag},
                                          {"own", plan.isOwn(rule)},
                                          {"does", std::move(does)}});
        }
        return all;
    };
    return Json::Object{{"prefix", plan.prefix},
                        {"rules", rulesJson(plan.now)},
                        {"wanted", rulesJson(plan.own)},
                        {"inPlace", plan.isInPlace()},
                        {"dangers", model::listJson(plan.dangers, checkJson)}};
}

std::string lifecycleText(const policy::LifecyclePlan& plan)
{
    Table there({{"RULE"}, {"PREFIX"}, {"OF"}, {"WHAT IT DOES"}});
    addRules(plan.now, plan, there);
    std::string text = plan.now.empty() ? "The bucket has no lifecycle rules.\n" : there.text();
    if (!plan.isInPlace()) {
        Table wanted({{"RULE"}, {"PREFIX"}, {"OF"}, {"WHAT IT DOES"}});
        addRules(plan.own, plan, wanted);
        text += "\nTo be set:\n" + wanted.text();
    }
    return text + (plan.dangers.empty() ? "" : "\n" + checksText(plan.dangers));
}

} // namespace salvor::cli
