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

/// "in repository 'main', by the rules of cluster 'orders'".
std::string rulesText(const console::PrunePlan& planned)
{
    return "in repository '" + planned.repository + "', by "
           + (planned.byOwnRules ? "its own rules"
                                 : "the rules of cluster '" + planned.plan.cluster + "'");
}

/// "repository 'main'", "repositories 'main' and 'second'".
std::string placesText(const console::BackupChange& change)
{
    std::string text = change.repositories.size() == 1 ? "repository " : "repositories ";
    for (std::size_t i = 0; i < change.repositories.size(); ++i) {
        if (i > 0)
            text += i + 1 == change.repositories.size() ? " and " : ", ";
        text += "'" + change.repositories[i] + "'";
    }
    return text;
}

Json::Object changeMembers(const console::BackupChange& change)
{
    return {{"backup", change.backup.id}, {"repositories", model::toJson(change.repositories)}};
}

} // namespace

Result<Answer> prune(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    std::chrono::seconds grace = defaultGrace;
    if (const auto text = run.arguments.value("--grace")) {
        SALVOR_TRY(grace, parseDuration(*text).in("--grace"));
    }
    SALVOR_TRY(const auto planned,
               run.console.planPrune(cluster, run.job, repositoryAsked(run.arguments)));
    const policy::PrunePlan& plan = planned.plan;
    Json::Object members = prunePlanMembers(plan);
    members.emplace("repository", planned.repository);
    members.emplace("rulesOf", planned.byOwnRules ? "repository" : "cluster");
    Answer answer;
    answer.text = prunePlanText(plan, grace);
    if (run.arguments.has("--dry-run")) {
        answer.message =
            "nothing was changed: " + countText(plan.retiring().size(), "backup", "backups")
            + " would go, and with them " + sumText(plan.frees) + ", " + rulesText(planned);
        answer.result = std::move(members);
        return answer;
    }
    SALVOR_TRY(const auto done, run.console.prune(planned, grace, run.job));
    if (!done.postponedBecause.empty())
        run.job.events.warning("Nothing was removed this time: " + done.postponedBecause);
    members.emplace("retiredNow", model::toJson(done.retired));
    members.emplace("removed", sweepJson(done.removed));
    members.emplace("postponedBecause", done.postponedBecause);
    answer.result = std::move(members);
    answer.message = doneText(done) + ", " + rulesText(planned);
    return answer;
}

Result<Answer> retireBackup(const Run& run)
{
    SALVOR_TRY(const std::string reason, required(run.arguments, "--reason"));
    SALVOR_TRY(const auto retired, namedByCaller(run.console.retireBackup(
                                       run.arguments.positional(0), repositoryAsked(run.arguments),
                                       whoAmI() + ": " + reason, run.job)));
    Answer answer;
    answer.result = changeMembers(retired);
    answer.message = "backup '" + retired.backup.id + "' is retired in " + placesText(retired)
                     + ": the next prune there after the grace removes it, and 'salvorctl hold' "
                       "brings it back until then";
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
               namedByCaller(run.console.holdBackup(
                   run.arguments.positional(0), repositoryAsked(run.arguments), hold, run.job)));
    Json::Object members = changeMembers(held);
    members.emplace("until", model::toJson(hold.until));
    Answer answer;
    answer.result = std::move(members);
    answer.message = "backup '" + held.backup.id + "' stays in " + placesText(held)
                     + (hold.until ? " until " + timeText(*hold.until)
                                   : ", until 'salvorctl unhold " + held.backup.id + "'");
    return answer;
}

Result<Answer> unholdBackup(const Run& run)
{
    SALVOR_TRY(const auto freed,
               namedByCaller(run.console.unholdBackup(run.arguments.positional(0),
                                                      repositoryAsked(run.arguments), run.job)));
    Answer answer;
    answer.result = changeMembers(freed);
    answer.message =
        "backup '" + freed.backup.id + "' "
        + (freed.repositories.empty() ? "is not held"
                                      : "is under the rules again in " + placesText(freed));
    return answer;
}

Result<Answer> retiredBackups(const Run& run, const std::string& cluster)
{
    const std::string asked = repositoryAsked(run.arguments);
    std::vector<std::pair<std::string, std::string>> places; // Cluster and repository.
    if (cluster.empty()) {
        SALVOR_TRY(const auto summaries, run.console.clusters(run.job, asked));
        for (const console::ClusterSummary& summary : summaries)
            if (summary.incarnation)
                places.emplace_back(summary.name, summary.repository);
    } else {
        SALVOR_TRY(const std::string repository, run.console.repositoryFor(cluster, asked));
        places.emplace_back(cluster, repository);
    }
    Json::Array list;
    Answer answer;
    for (const auto& [name, repository] : places) {
        SALVOR_TRY(const auto some, run.console.retired(name, repository));
        for (const model::RetiredBackup& each : some) {
            const Json json = retiredJson(each);
            Json::Object members = *json.asObject();
            members.emplace("repository", repository);
            list.push_back(std::move(members));
        }
        if (!some.empty())
            answer.text += "In repository '" + repository + "':\n" + retiredText(some);
    }
    answer.result = Json::Object{{"retired", std::move(list)}};
    return answer;
}

} // namespace salvor::cli
