#include "core/cli/render.h"
#include "core/cli/text.h"

namespace salvor::cli {

namespace {

std::string lsnText(const std::optional<model::Lsn>& lsn)
{
    return lsn ? model::formatLsn(*lsn) : std::string();
}

std::string timelineText(const std::optional<model::TimelineId>& timeline)
{
    return timeline ? std::to_string(model::value(*timeline)) : std::string();
}

std::string momentText(const std::optional<Moment>& moment)
{
    return moment ? exactTimeText(*moment) : std::string();
}

std::string segmentText(const model::WalArchiveState& state, model::TimelineId timeline,
                        std::uint64_t number)
{
    const auto name =
        model::segmentName({timeline, number}, state.incarnation.identity.segmentSize);
    return name.ok() ? *name : std::to_string(number);
}

std::string listText(const std::string& heading, const std::vector<std::string>& sentences)
{
    if (sentences.empty())
        return {};
    std::string text = "\n" + heading + ":\n";
    for (const std::string& sentence : sentences)
        text += "  - " + printable(sentence) + "\n";
    return text;
}

std::string damageText(const model::Backup& backup)
{
    std::vector<std::string> lines;
    for (const model::DamagedPages& damaged : backup.damaged)
        lines.push_back(damaged.path + ": " + countText(damaged.blocks.size(), "page", "pages"));
    return listText("Pages whose checksum was wrong on the server", lines);
}

/// "restored 2026-11-21", "DAMAGED", "-".
std::string assuranceText(const model::Assurance& assurance)
{
    if (assurance.damaged)
        return "DAMAGED";
    return assurance.shown ? std::string(model::assuranceName(assurance.level)) + " "
                                 + timeText(assurance.shown->at).substr(0, 10)
                           : "-";
}

/// What was found when, and by whom.
std::string assuranceSentence(const model::Assurance& assurance)
{
    if (!assurance.shown)
        return "never";
    const model::Verification& shown = *assurance.shown;
    const std::string when = timeText(shown.at) + " by " + printable(shown.by);
    return assurance.damaged ? "DAMAGED, found " + when + ": " + printable(shown.finding)
                             : std::string(model::assuranceName(shown.level)) + ", " + when;
}

} // namespace

std::string versionText(int serverVersion)
{
    return std::to_string(serverVersion / 10000) + "." + std::to_string(serverVersion % 10000);
}

std::string repositoryText(const settings::RepositoryConfig& config,
                           const repository::RepositoryInfo& info)
{
    return factsText({
        {"Repository", config.name},
        {"Place", config.url},
        {"Id", info.id},
        {"Format", std::to_string(info.format)},
        {"Contents", info.encrypted ? "encrypted" : "plain: readable by whoever reads the place"},
        {"Made", timeText(info.createdAt)},
    });
}

std::string keySlotsText(const std::vector<repository::KeySlot>& slots)
{
    Table table({{"SLOT"}, {"ACCESS"}, {"KIND"}, {"MADE"}, {"LABEL"}});
    for (const repository::KeySlot& slot : slots)
        table.add({slot.id, std::string(repository::slotAccessName(slot.access)), slot.kind,
                   timeText(slot.createdAt), printable(slot.label)});
    return table.text();
}

std::string checksText(const std::vector<model::Check>& checks)
{
    std::string text;
    for (const model::Check& check : checks) {
        text += std::string(checkLevelName(check.level)) + ": " + check.name + ": "
                + printable(check.found) + "\n";
        for (const std::string& more : {check.cause, check.fix})
            if (!more.empty() && check.level != model::Check::Level::Passed)
                text += "    " + printable(more) + "\n";
    }
    return text;
}

std::string backupsText(const std::vector<model::Backup>& backups,
                        const model::Assurances& assurances)
{
    using enum Table::Align;
    Table table({{"BACKUP"},
                 {"CLUSTER"},
                 {"FINISHED"},
                 {"MODE"},
                 {"VERSION"},
                 {"TLI", Right},
                 {"STOP", Right},
                 {"SIZE", Right},
                 {"STORED", Right},
                 {"NEW", Right},
                 {"VERIFIED"}});
    for (const model::Backup& each : backups)
        table.add({each.id, each.incarnation.cluster, timeText(each.finishedAt),
                   std::string(model::backupModeName(each.mode)), versionText(each.serverVersion),
                   timelineText(each.timeline), model::formatLsn(each.stopLsn),
                   sizeText(each.logicalSize), sizeText(each.storedSize), sizeText(each.newSize),
                   assuranceText(model::assuranceOf(assurances, each.id))});
    return table.text();
}

std::string backupText(const model::Backup& backup, const model::Assurance& assurance)
{
    std::string source = backup.host + (backup.fromStandby ? " (a standby)" : "");
    std::string text = factsText({
        {"Backup", backup.id},
        {"Cluster", backup.incarnation.cluster},
        {"Incarnation", std::to_string(backup.incarnation.number)},
        {"System", std::to_string(backup.incarnation.identity.systemIdentifier)},
        {"PostgreSQL", versionText(backup.serverVersion)},
        {"Mode", std::string(model::backupModeName(backup.mode))},
        {"Made on", printable(source)},
        {"Made by", "salvor " + backup.toolVersion},
        {"Started", exactTimeText(backup.startedAt)},
        {"Finished", exactTimeText(backup.finishedAt)},
        {"Timeline", timelineText(backup.timeline)},
        {"Start", model::formatLsn(backup.startLsn)},
        {"Stop", model::formatLsn(backup.stopLsn)},
        {"Page checksums", backup.pageChecksums ? "verified" : "off on this cluster"},
        {"Data directory", printable(backup.dataDirectory)},
        {"Owner", backup.owner + ":" + backup.group},
        {"Files", std::to_string(backup.fileCount)},
        {"Size", sizeText(backup.logicalSize)},
        {"Stored", sizeText(backup.storedSize) + ", of that new " + sizeText(backup.newSize)},
        {"Read", sizeText(backup.readSize)
                     + (backup.basis.empty() ? "" : ", the rest taken over from " + backup.basis)},
        {"Verified", assuranceSentence(assurance)},
    });
    std::vector<std::string> lines;
    for (const model::Tablespace& tablespace : backup.tablespaces)
        lines.push_back(std::to_string(tablespace.oid) + " at " + tablespace.path);
    text += listText("Tablespaces", lines);
    lines.clear();
    for (const auto& [key, value] : backup.annotations)
        lines.push_back(std::string(key).append(" = ").append(value));
    return text + listText("Annotations", lines) + damageText(backup);
}

std::string filesText(const std::vector<console::BackupFile>& files)
{
    using enum Table::Align;
    Table table({{"KIND"}, {"SIZE", Right}, {"MODIFIED"}, {"PATH"}});
    for (const console::BackupFile& file : files)
        table.add({std::string(treeKindName(file.kind)), std::to_string(file.size),
                   timeText(file.modifiedAt), printable(file.path)});
    return table.text();
}

std::string walText(const model::WalArchiveState& state,
                    const std::vector<model::RecoverableRange>& recoverable)
{
    using enum Table::Align;
    Table archived({{"TLI", Right}, {"FIRST SEGMENT"}, {"LAST SEGMENT"}, {"SEGMENTS", Right}});
    for (const model::WalRange& range : state.ranges)
        archived.add({timelineText(range.timeline),
                      segmentText(state, range.timeline, range.firstSegment),
                      segmentText(state, range.timeline, range.lastSegment),
                      std::to_string(range.lastSegment - range.firstSegment + 1)});
    std::string text = archived.empty() ? "The archive holds no WAL.\n" : archived.text();
    std::vector<std::string> lines;
    for (const model::WalTail& tail : state.tails)
        lines.push_back(segmentText(state, tail.segment.timeline, tail.segment.number) + " up to "
                        + model::formatLsn(tail.to));
    text += listText("Begun", lines);
    lines.clear();
    for (const model::WalGap& gap : state.gaps)
        lines.push_back(segmentText(state, gap.timeline, gap.firstMissing) + " to "
                        + segmentText(state, gap.timeline, gap.lastMissing));
    text += listText("Missing", lines);
    lines.clear();
    for (const model::TimelineFork& fork : state.forks)
        lines.push_back(std::string("timeline ")
                            .append(timelineText(fork.child))
                            .append(" left ")
                            .append(timelineText(fork.parent))
                            .append(" at ")
                            .append(model::formatLsn(fork.at)));
    text += listText("Forks", lines);
    lines.clear();
    for (const model::WalConflict& conflict : state.conflicts)
        lines.push_back(segmentText(state, conflict.segment.timeline, conflict.segment.number)
                        + " is there with " + std::to_string(conflict.copies)
                        + " different contents");
    text += listText("Conflicts", lines);
    if (recoverable.empty())
        return text + "\nNothing can be restored: there is no backup.\n";
    Table reach({{"BACKUP"}, {"TLI", Right}, {"FROM"}, {"TO"}, {"ENDS BECAUSE"}});
    for (const model::RecoverableRange& range : recoverable)
        reach.add({range.backupId, timelineText(range.timeline), exactTimeText(range.fromTime),
                   exactTimeText(range.toTime), printable(range.endsBecause)});
    return text + "\n" + reach.text();
}

std::string planText(const model::RestorePlan& plan, const std::string& hash)
{
    std::string text = factsText({
        {"Plan", hash},
        {"Cluster", plan.cluster + " in repository " + plan.repository},
        {"Backup", plan.backup.id + " of " + timeText(plan.backup.finishedAt)},
        {"Chosen because", printable(plan.backupChosenBecause)},
        {"Target", printable(plan.target.words)},
        {"Timeline", timelineText(plan.target.timeline)},
        {"Replay ends at", lsnText(plan.target.replayEnd)},
        {"Last commit kept", momentText(plan.target.lastCommitAt)},
        {"At the target", std::string(model::atTargetName(plan.action))},
        {"Into", printable(plan.destination)},
        {"Owner", plan.owner},
        {"Writes", sizeText(plan.bytesToWrite)},
        {"Fetches", sizeText(plan.bytesToFetch)},
    });
    if (plan.inPlace)
        text += listText("In place", plan.inPlace->words);
    text += listText("Creates", plan.creates) + listText("Destroys", plan.destroys)
            + listText("Will be missing afterwards", plan.losses);
    text += listText("The same by command", plan.commands);
    return text + (plan.checks.empty() ? "" : "\nChecks:\n" + checksText(plan.checks));
}

std::string outcomeText(const model::RestoreOutcome& outcome)
{
    std::string repositories;
    for (const std::string& name : outcome.repositories)
        repositories += (repositories.empty() ? "" : ", ") + name;
    return factsText({
        {"State", std::string(model::restoreStateName(outcome.state))},
        {"Data directory", printable(outcome.destination)},
        {"Files from", repositories},
        {"Reached", lsnText(outcome.reachedLsn)},
        {"Last commit", momentText(outcome.lastCommitAt)},
        {"Timeline", timelineText(outcome.timeline)},
        {"Instance", outcome.instance},
        {"Port", outcome.port == 0 ? "" : std::to_string(outcome.port)},
        {"Socket folder", printable(outcome.socketDirectory)},
        {"Start it with", printable(outcome.startCommand)},
    });
}

std::string instancesText(const std::vector<InstanceRow>& instances)
{
    using enum Table::Align;
    Table table({{"INSTANCE"},
                 {"STATE"},
                 {"PORT", Right},
                 {"OWNER"},
                 {"REPLAYED", Right},
                 {"STARTED"},
                 {"DATA DIRECTORY"}});
    for (const auto& [instance, status] : instances)
        table.add({instance.name, std::string(postgres::instanceStateName(status.state)),
                   std::to_string(instance.port), instance.owner, lsnText(status.replayLsn),
                   timeText(instance.startedAt), printable(instance.dataDirectory.native())});
    return table.text();
}

std::string waitingText(const std::vector<rescue::Waiting>& waiting)
{
    Table table({{"DIRECTORY"}, {"STATE"}, {"CLUSTER"}, {"BEGUN"}, {"BACKUP"}, {"SET ASIDE"}});
    for (const rescue::Waiting& one : waiting)
        table.add({printable(one.directory.native()), std::string(rescue::stageName(one.stage)),
                   one.cluster, timeText(one.begunAt), one.backup,
                   one.old.empty() ? "" : printable(one.old.front().native())});
    return table.text();
}

std::string proofText(const console::RestoreProof& proof)
{
    std::string text = "restored up to " + lsnText(proof.outcome.reachedLsn);
    if (proof.outcome.lastCommitAt)
        text += ", last commit " + exactTimeText(*proof.outcome.lastCommitAt);
    text += "\n";
    for (const auto& step : proof.steps) {
        text += step.name + ": "
                + (step.findings.empty() ? "sound"
                                         : countText(step.findings.size(), "finding", "findings"))
                + "\n";
        for (const std::string& finding : step.findings)
            text += "    " + printable(finding) + "\n";
    }
    return text;
}

std::string findingText(const std::string& repository, const verify::Finding& finding)
{
    std::string text = "damage in repository '" + repository + "': " + finding.object + ": "
                       + printable(finding.what) + "\n";
    for (const std::string& backup : finding.backups)
        text += "    hits backup " + backup + "\n";
    for (const std::string& file : finding.files)
        text += "    hits file " + printable(file) + "\n";
    return text;
}

std::string nearestText(const finder::Nearest& nearest)
{
    const auto words = [](const model::WalEvent& event) {
        return exactTimeText(event.at) + " (" + model::formatLsn(event.start) + ")";
    };
    if (nearest.before && nearest.after)
        return "The nearest commits that can be had: " + words(*nearest.before) + " before and "
               + words(*nearest.after) + " after.";
    if (nearest.before)
        return "The nearest commit that can be had: " + words(*nearest.before) + " before.";
    if (nearest.after)
        return "The nearest commit that can be had: " + words(*nearest.after) + " after.";
    return {};
}

} // namespace salvor::cli
