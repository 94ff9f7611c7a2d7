#include "core/cli/plan_file.h"

#include "core/console/console.h"

namespace salvor::cli {

Json planFile(const model::RestorePlan& plan)
{
    return Json::Object{
        {"schema", 1},
        {"hash", console::Console::planHash(plan)},
        {"plan", plan.toJson()},
    };
}

Result<model::RestorePlan> planFromFile(std::string_view text)
{
    const std::string hint = "Make it again with 'salvorctl plan restore'.";
    const auto notAPlan = [&](const std::string& why) {
        return fail(ErrorCode::InvalidInput, "it is not a plan of salvorctl: " + why, hint);
    };
    const auto json = Json::parse(text);
    if (!json.ok())
        return notAPlan(json.error().message);
    const auto schema = json->integerAt("schema");
    const auto hash = json->stringAt("hash");
    const Json* body = json->find("plan");
    if (!schema.ok() || !hash.ok() || body == nullptr)
        return notAPlan("'schema', 'hash' or 'plan' is missing");
    if (*schema != 1)
        return fail(ErrorCode::Incompatible, "the plan was written by a newer salvorctl", hint);
    auto plan = model::RestorePlan::fromJson(*body);
    if (!plan.ok() && plan.error().code == ErrorCode::Incompatible)
        return std::move(plan).error();
    if (!plan.ok())
        return notAPlan(plan.error().message);
    if (console::Console::planHash(*plan) != *hash)
        return fail(ErrorCode::InvalidInput,
                    "the plan was changed after it was made: its hash is not the one it carries",
                    hint);
    return plan;
}

} // namespace salvor::cli
