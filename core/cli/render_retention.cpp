#include "core/cli/render.h"
#include "core/cli/text.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"

#include <algorithm>

namespace salvor::cli {

namespace {

Json verdictJson(const policy::Verdict& verdict)
{
    return Json::Object{
        {"backup", verdict.backup.id},
        {"finishedAt", model::toJson(verdict.backup.finishedAt)},
        {"stays", verdict.isKept()},
        {"because", model::toJson(verdict.keptBecause)},
        {"anyMomentSince", verdict.isKept() && verdict.continuous},
    };
}

std::string joined(const std::vector<std::string>& texts)
{
    std::string all;
    for (const std::string& text : texts)
        all.append(all.empty() ? "" : "; ").append(text);
    return all;
}

/// What can be restored, in time: spans without a break, and single ends of backups.
std::string reachText(std::vector<model::RecoverableRange> ranges)
{
    std::sort(ranges.begin(), ranges.end(),
              [](const auto& a, const auto& b) { return a.fromTime < b.fromTime; });
    std::vector<std::pair<Moment, Moment>> spans;
    for (const model::RecoverableRange& range : ranges) {
        if (!spans.empty() && range.fromTime <= spans.back().second)
            spans.back().second = std::max(spans.back().second, range.toTime);
        else
            spans.emplace_back(range.fromTime, range.toTime);
    }
    std::string text;
    for (const auto& [from, to] : spans)
        text += from == to ? "  the end of a backup, " + timeText(from) + "\n"
                           : "  any moment from " + timeText(from) + " to " + timeText(to) + "\n";
    return text.empty() ? "  nothing\n" : text;
}

} // namespace

Json sweepJson(const repository::SweepReport& report)
{
    return Json::Object{
        {"backups", model::toJson(report.forgotten)},
        {"packs", report.packs},
        {"packBytes", report.packBytes},
        {"segments", report.segments},
        {"pieces", report.pieces},
        {"walBytes", report.walBytes},
    };
}

Json::Object prunePlanMembers(const policy::PrunePlan& plan)
{
    return {
        {"backups", model::listJson(plan.retention.verdicts, verdictJson)},
        {"retired", model::listJson(plan.retired, retiredJson)},
        {"before", model::listJson(plan.before, rangeJson)},
        {"after", model::listJson(plan.after, rangeJson)},
        {"frees", sweepJson(plan.frees)},
    };
}

Json retiredJson(const model::RetiredBackup& retired)
{
    const Json json = model::toJson(retired.backup);
    Json::Object members = *json.asObject();
    members.emplace("retiredAt", model::toJson(retired.at));
    members.emplace("retiredBecause", retired.because);
    return members;
}

std::string prunePlanText(const policy::PrunePlan& plan, std::chrono::seconds grace)
{
    Table table({{"BACKUP"}, {"FINISHED"}, {""}, {"BECAUSE"}});
    for (const policy::Verdict& verdict : plan.retention.verdicts)
        table.add({verdict.backup.id, timeText(verdict.backup.finishedAt),
                   verdict.isKept() ? "stays" : "goes",
                   verdict.isKept() ? printable(joined(verdict.keptBecause))
                                    : "no rule wants it any more"});
    std::string text = table.text();
    if (!plan.retired.empty())
        text += "\nRetired before, for good after the grace of " + durationText(grace) + ":\n"
                + retiredText(plan.retired);
    return text + "\nWhat can be restored now:\n" + reachText(plan.before)
           + "What can be restored when the grace is over:\n" + reachText(plan.after);
}

std::string retiredText(const std::vector<model::RetiredBackup>& retired)
{
    Table table({{"BACKUP"}, {"CLUSTER"}, {"FINISHED"}, {"RETIRED"}, {"BECAUSE"}});
    for (const model::RetiredBackup& each : retired)
        table.add({each.backup.id, each.backup.incarnation.cluster,
                   timeText(each.backup.finishedAt), timeText(each.at), printable(each.because)});
    return table.text();
}

} // namespace salvor::cli
