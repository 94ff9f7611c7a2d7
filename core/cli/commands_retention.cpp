#include "core/base/text.h"
#include "core/base/who.h"
#include "core/cli/commands.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

namespace {

constexpr std::chrono::seconds defaultGrace{86400};

std::string sumText(const repository::SweepReport& report)
{
    return countText(report.packs, "pack", "packs") + " (" + sizeText(report.packBytes) + ") and "
           + countText(report.segments, "WAL segment", "WAL segments") + " ("
           + sizeText(report.walBytes) + ")";
}

std::string doneText(const policy::PruneOutcome& done)
{
    std::string text = countText(done.retired.size(), "backup", "backups") + " retired; ";
    if (!done.postponedBecause.empty())
        return text + "nothing was removed this time";
    return text
           + "removed for good: " + countText(done.removed.forgotten.size(), "backup", "backups")
           + ", " + sumText(done.removed);
}

} // namespace

Result<Answer> prune(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    std::chrono::seconds grace = defaultGrace;
    if (const auto text = run.arguments.value("--grace")) {
        SALVOR_TRY(grace, parseDuration(*text).in("--grace"));
    }
    SALVOR_TRY(const auto plan, run.console.planPrune(cluster, run.job));
    Json::Object members = prunePlanMembers(plan);
    Answer answer;
    answer.text = prunePlanText(plan, grace);
    if (run.arguments.has("--dry-run")) {
        answer.message =
            "nothing was changed: " + countText(plan.retiring().size(), "backup", "backups")
            + " would go, and with them " + sumText(plan.frees);
        answer.result = std::move(members);
        return answer;
    }
    SALVOR_TRY(const auto done, run.console.prune(plan, grace, run.job));
    if (!done.postponedBecause.empty())
        run.job.events.warning("Nothing was removed this time: " + done.postponedBecause);
    members.emplace("retiredNow", model::toJson(done.retired));
    members.emplace("removed", sweepJson(done.removed));
    members.emplace("postponedBecause", done.postponedBecause);
    answer.result = std::move(members);
    answer.message = doneText(done);
    return answer;
}

Result<Answer> retireBackup(const Run& run)
{
    SALVOR_TRY(const std::string reason, required(run.arguments, "--reason"));
    SALVOR_TRY(const auto retired,
               namedByCaller(run.console.retireBackup(run.arguments.positional(0),
                                                      whoAmI() + ": " + reason, run.job)));
    Answer answer;
    answer.result = Json::Object{{"backup", retired.id}};
    answer.message = "backup '" + retired.id
                     + "' is retired: the next prune after the grace removes it, and 'salvorctl "
                       "hold' brings it back until then";
    return answer;
}

Result<Answer> holdBackup(const Run& run)
{
    model::Hold hold;
    SALVOR_TRY(hold.reason, required(run.arguments, "--reason"));
    hold.by = whoAmI();
    hold.at = systemClock().now();
    if (const auto text = run.arguments.value("--until")) {
        SALVOR_TRY(hold.until, parseMoment(*text).in("--until"));
        if (*hold.until <= hold.at)
            return fail(ErrorCode::InvalidInput, "--until: " + timeText(*hold.until) + " is over",
                        "Write a moment to come.");
    }
    SALVOR_TRY(const auto held,
               namedByCaller(run.console.holdBackup(run.arguments.positional(0), hold, run.job)));
    Answer answer;
    answer.result = Json::Object{{"backup", held.id}, {"until", model::toJson(hold.until)}};
    answer.message = "backup '" + held.id + "' stays"
                     + (hold.until ? " until " + timeText(*hold.until)
                                   : ", until 'salvorctl unhold " + held.id + "'");
    return answer;
}

Result<Answer> unholdBackup(const Run& run)
{
    SALVOR_TRY(const auto freed,
               namedByCaller(run.console.unholdBackup(run.arguments.positional(0))));
    Answer answer;
    answer.result = Json::Object{{"backup", freed.id}};
    answer.message = "backup '" + freed.id + "' is under the rules of its cluster again";
    return answer;
}

Result<Answer> retiredBackups(const Run& run, const std::string& cluster)
{
    std::vector<std::string> clusters{cluster};
    if (cluster.empty()) {
        clusters.clear();
        SALVOR_TRY(const auto summaries, run.console.clusters(run.job));
        for (const console::ClusterSummary& summary : summaries)
            if (summary.incarnation)
                clusters.push_back(summary.name);
    }
    std::vector<model::RetiredBackup> all;
    for (const std::string& name : clusters) {
        SALVOR_TRY(const auto some, run.console.retired(name));
        all.insert(all.end(), some.begin(), some.end());
    }
    Answer answer;
    answer.result = Json::Object{{"retired", model::listJson(all, retiredJson)}};
    answer.text = retiredText(all);
    return answer;
}

} // namespace salvor::cli
