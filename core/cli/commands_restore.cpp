#include "core/cli/commands.h"
#include "core/cli/plan_file.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

namespace {

constexpr mode_t planFileMode = 0644;

/// The plan, or the answer that says why there is none.
struct Planned {
    std::optional<model::RestorePlan> plan;
    Answer answer;
};

Error withNearest(Error error, const finder::Nearest& nearest)
{
    const std::string sentence = nearestText(nearest);
    if (!sentence.empty() && error.hint.find(sentence) == std::string::npos)
        error.hint += (error.hint.empty() ? "" : " ") + sentence;
    return error;
}

Result<Planned> makePlan(const Run& run)
{
    SALVOR_TRY(console::RestoreChoice choice, restoreChoice(run.arguments));
    if (!choice.backupId.empty()) {
        SALVOR_TRY(const auto found, namedByCaller(run.console.findBackup(choice.backupId)));
        choice.backupId = found.backup.id;
    }
    finder::Nearest nearest;
    auto plan = run.console.planRestore(choice, run.job, &nearest);
    Planned planned;
    if (!plan.ok()) {
        planned.answer.problem = withNearest(std::move(plan).error(), nearest);
        planned.answer.nearest = nearestJson(nearest);
        return planned;
    }
    planned.plan = *std::move(plan);
    return planned;
}

/// What keeps a plan from being carried out, in one error.
std::optional<Error> blockersOf(const model::RestorePlan& plan)
{
    std::string found;
    std::string fix;
    for (const model::Check& check : plan.checks) {
        if (check.level != model::Check::Level::Blocker)
            continue;
        found += (found.empty() ? "" : "; ") + check.found;
        fix += (fix.empty() ? "" : " ") + check.fix;
    }
    if (found.empty())
        return std::nullopt;
    while (found.ends_with('.'))
        found.pop_back();
    return fail(ErrorCode::NotReady,
                "cannot restore into " + quoted(Path(plan.destination)) + ": " + found, fix);
}

std::string warningText(const model::Check& check)
{
    std::string text = check.found;
    for (const std::string& more : {check.cause, check.fix})
        text += more.empty() ? "" : " " + more;
    return text;
}

Json planResult(const model::RestorePlan& plan)
{
    return Json::Object{
        {"hash", console::Console::planHash(plan)},
        {"plan", plan.toJson()},
        {"checks", model::listJson(plan.checks, checkJson)},
    };
}

Result<Answer> apply(const Run& run, const model::RestorePlan& plan)
{
    SALVOR_TRY(const model::RestoreOutcome outcome, run.console.applyRestore(plan, run.job));
    for (const std::string& warning : outcome.warnings)
        run.job.events.warning(warning);
    Answer answer;
    const Json json = outcomeJson(outcome);
    Json::Object members = *json.asObject();
    members.emplace("backup", plan.backup.id);
    members.emplace("hash", console::Console::planHash(plan));
    answer.result = std::move(members);
    answer.text = outcomeText(outcome);
    const std::string where = quoted(Path(outcome.destination));
    switch (outcome.state) {
    case model::RestoreState::Files:
        answer.message = "the files of '" + plan.cluster + "' are in " + where
                         + "; nothing is replayed until it is started";
        break;
    case model::RestoreState::Reached:
        answer.message = "the copy in " + where + " reached its target";
        break;
    case model::RestoreState::Answered:
        answer.message = "the copy '" + outcome.instance + "' of '" + plan.cluster
                         + "' reached its target and answers";
        break;
    }
    return answer;
}

Result<Answer> applyFile(const Run& run, const std::string& file)
{
    for (const OptionSpec& option : run.arguments.command().options)
        if (option.name != "--plan" && run.arguments.has(option.name))
            return fail(ErrorCode::InvalidInput,
                        "--plan and " + std::string(option.name) + " contradict one another",
                        "A plan holds everything; make another one to change it.");
    if (!run.arguments.positionals().empty())
        return fail(ErrorCode::InvalidInput, "--plan and CLUSTER contradict one another",
                    "A plan names its cluster.");
    SALVOR_TRY(const std::string text, namedByCaller(readTextFile(file)));
    SALVOR_TRY(const model::RestorePlan plan, planFromFile(text).in(quoted(Path(file))));
    return apply(run, plan);
}

using Change = Result<postgres::InstanceStatus> (console::Console::*)(const std::string&,
                                                                      JobContext&);

Result<Answer> changeInstance(const Run& run, Change change, const std::string& afterwards)
{
    const std::string name = run.arguments.positional(0);
    SALVOR_TRY(const auto status, namedByCaller((run.console.*change)(name, run.job)));
    Answer answer;
    answer.result = Json::Object{
        {"name", name},
        {"state", postgres::instanceStateName(status.state)},
        {"replayLsn", model::toJson(status.replayLsn)},
        {"timeline", model::toJson(status.timeline)},
    };
    answer.message = "instance '" + name + "' " + afterwards;
    return answer;
}

} // namespace

Result<Answer> planRestore(const Run& run)
{
    SALVOR_TRY(const std::string file, required(run.arguments, "--out"));
    SALVOR_TRY(Planned planned, makePlan(run));
    if (!planned.plan)
        return std::move(planned.answer);
    const model::RestorePlan& plan = *planned.plan;
    Answer answer;
    answer.result = planResult(plan);
    answer.text = planText(plan, console::Console::planHash(plan));
    answer.problem = blockersOf(plan);
    if (answer.problem)
        return answer;
    SALVOR_CHECK(writeFileDurably(file, asBytes(planFile(plan).prettyText()), IfExists::Replace,
                                  planFileMode));
    answer.message = "the plan is in " + quoted(Path(file)) + "; 'salvorctl restore --plan " + file
                     + "' carries it out";
    return answer;
}

Result<Answer> restore(const Run& run)
{
    if (const auto file = run.arguments.value("--plan"))
        return applyFile(run, *file);
    SALVOR_TRY(Planned planned, makePlan(run));
    if (!planned.plan)
        return std::move(planned.answer);
    if (auto problem = blockersOf(*planned.plan)) {
        Answer answer;
        answer.result = planResult(*planned.plan);
        answer.text = checksText(planned.plan->checks);
        answer.problem = std::move(problem);
        return answer;
    }
    run.job.events.note("Restoring backup " + planned.plan->backup.id + ", "
                        + planned.plan->target.words + ".");
    for (const model::Check& check : planned.plan->checks)
        if (check.level == model::Check::Level::Warning)
            run.job.events.warning(warningText(check));
    return apply(run, *planned.plan);
}

Result<Answer> instanceList(const Run& run)
{
    SALVOR_TRY(const auto instances, run.console.instances());
    std::vector<InstanceRow> rows;
    Json::Array list;
    for (const postgres::Instance& instance : instances) {
        SALVOR_TRY(const auto status, run.console.instanceStatus(instance.name));
        list.push_back(instanceJson(instance, status));
        rows.emplace_back(instance, status);
    }
    Answer answer;
    answer.result = Json::Object{{"instances", std::move(list)}};
    answer.text = instancesText(rows);
    return answer;
}

Result<Answer> instancePromote(const Run& run)
{
    return changeInstance(run, &console::Console::promote, "is promoted and open for writing");
}

Result<Answer> instanceResume(const Run& run)
{
    return changeInstance(run, &console::Console::resume, "goes on from its pause");
}

Result<Answer> instanceStop(const Run& run)
{
    const std::string name = run.arguments.positional(0);
    SALVOR_CHECK(namedByCaller(run.console.stopInstance(name, run.job)));
    Answer answer;
    answer.result = Json::Object{{"name", name}, {"state", "stopped"}};
    answer.message = "instance '" + name + "' is stopped";
    return answer;
}

Result<Answer> instanceRemove(const Run& run)
{
    const std::string name = run.arguments.positional(0);
    SALVOR_CHECK(namedByCaller(run.console.removeInstance(name, run.job)));
    Answer answer;
    answer.result = Json::Object{{"name", name}, {"state", "removed"}};
    answer.message = "instance '" + name + "' is removed with its files";
    return answer;
}

} // namespace salvor::cli
