#include "core/cli/commands.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"

#include <algorithm>

namespace salvor::cli {

namespace {

Json::Object backupMembers(const model::Backup& made)
{
    const Json json = model::toJson(made);
    return *json.asObject();
}

/// Oldest first, of every cluster, configured or not; what could not be read becomes a warning.
Result<std::vector<model::Backup>> backupsOfAll(const Run& run, std::vector<std::string>& warnings)
{
    SALVOR_TRY(const auto summaries, run.console.clusters(run.job));
    std::vector<model::Backup> all;
    for (const console::ClusterSummary& summary : summaries) {
        all.insert(all.end(), summary.backups.begin(), summary.backups.end());
        for (const std::string& warning : summary.warnings) {
            warnings.push_back("cluster '" + summary.name + "': " + warning);
            run.job.events.warning(warnings.back());
        }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.finishedAt < b.finishedAt; });
    return all;
}

/// The repository that holds a backup: its cluster may not be in the configuration any more.
Result<std::string> repositoryHolding(const Run& run, const model::Backup& wanted)
{
    SALVOR_TRY(const auto summaries, run.console.clusters(run.job));
    for (const console::ClusterSummary& summary : summaries)
        for (const model::Backup& each : summary.backups)
            if (each.id == wanted.id)
                return summary.repository;
    return fail(ErrorCode::InvalidInput,
                "no repository of the configuration holds backup '" + wanted.id + "'");
}

/// What was verified, summed up over repositories.
struct Verified {
    verify::VerifyReport total;
    Json::Array findings;
    std::string text;
};

Result<> verifyOne(const Run& run, const std::string& name, const verify::VerifyRequest& request,
                   Verified& sum)
{
    auto report = run.console.verify(name, request, run.job);
    if (!report.ok())
        return std::move(report).error();
    for (const verify::Finding& finding : report->findings) {
        sum.findings.push_back(findingJson(name, finding));
        sum.text += findingText(name, finding);
    }
    sum.total.backupsChecked += report->backupsChecked;
    sum.total.packsChecked += report->packsChecked;
    sum.total.segmentsChecked += report->segmentsChecked;
    sum.total.bytesRead += report->bytesRead;
    return {};
}

/// Every repository of the configuration. One that cannot be read must not hide what another holds:
/// gives the first error of such.
Result<std::optional<Error>> verifyAll(const Run& run, const verify::VerifyRequest& request,
                                       Verified& sum)
{
    std::optional<Error> unread;
    for (const auto& config : run.console.config().repositories) {
        auto checked = verifyOne(run, config.name, request, sum);
        if (!checked.ok() && checked.error().code == ErrorCode::Cancelled)
            return std::move(checked).error();
        if (!checked.ok() && !unread)
            unread = std::move(checked).error();
    }
    return unread;
}

/// Holds a "not there" against the repository once more: a missing key file or folder must never be
/// taken for the end of the WAL.
Result<> archiveWasRead(const Run& run, const std::string& cluster)
{
    const auto configured = run.console.config().cluster(cluster);
    for (const auto& repository : run.console.config().repositories) {
        if (configured.ok() && configured->repository != repository.name)
            continue;
        const auto opened = run.console.keys(repository.name);
        if (!opened.ok())
            return fail(ErrorCode::NotReady, opened.error().message, opened.error().hint);
    }
    return {};
}

} // namespace

Result<Answer> backup(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    SALVOR_TRY(const auto choice, backupChoice(run.arguments));
    SALVOR_TRY(const model::Backup made, run.console.backup(cluster, choice, run.job));
    Answer answer;
    Json::Object members = backupMembers(made);
    members.emplace("backup", made.id);
    answer.result = std::move(members);
    answer.text = backupText(made);
    answer.message = "backup '" + made.id + "' of '" + cluster + "' is complete: "
                     + sizeText(made.logicalSize) + " in " + std::to_string(made.fileCount)
                     + " files, " + sizeText(made.newSize) + " added to the repository";
    return answer;
}

Result<Answer> backups(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    if (run.arguments.has("--retired"))
        return retiredBackups(run, cluster);
    std::vector<std::string> warnings;
    SALVOR_TRY(const auto list,
               cluster.empty() ? backupsOfAll(run, warnings) : run.console.backups(cluster));
    Json::Array entries;
    for (const model::Backup& each : list)
        entries.push_back(model::toJson(each));
    Answer answer;
    answer.result = Json::Object{
        {"backups", std::move(entries)},
        {"warnings", model::toJson(warnings)},
    };
    answer.text = backupsText(list);
    return answer;
}

Result<Answer> show(const Run& run)
{
    SALVOR_TRY(const auto found,
               namedByCaller(run.console.findBackup(run.arguments.positional(0))));
    Json::Object members = backupMembers(found);
    Answer answer;
    answer.text = backupText(found);
    if (run.arguments.has("--files")) {
        SALVOR_TRY(const auto files, run.console.backupFiles(found.id, run.job));
        members.emplace("files", model::listJson(files, fileJson));
        answer.text += "\n" + filesText(files);
    }
    answer.result = std::move(members);
    return answer;
}

Result<Answer> walRanges(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    SALVOR_TRY(const auto state, run.console.walState(cluster));
    SALVOR_TRY(const auto recoverable, run.console.recoverable(cluster, run.job));
    const Json json = walStateJson(state);
    Json::Object members = *json.asObject();
    members.emplace("recoverable", model::listJson(recoverable, rangeJson));
    Answer answer;
    answer.result = std::move(members);
    answer.text = walText(state, recoverable);
    return answer;
}

Result<Answer> verifyByRestore(const Run& run, const std::string& id, const std::string& to)
{
    if (id.empty() || run.arguments.has("--all") || run.arguments.has("--sample"))
        return fail(ErrorCode::InvalidInput, "--restore proves one backup, whole",
                    "Name it: salvorctl verify BACKUP --restore DIR.");
    SALVOR_TRY(const Path destination, absolutePath("--restore", to));
    SALVOR_TRY(const auto found, namedByCaller(run.console.findBackup(id)));
    SALVOR_TRY(const auto proof,
               run.console.proveBackup(
                   found.id,
                   {destination, run.arguments.has("--latest"), run.arguments.has("--keep")},
                   run.job));
    for (const std::string& warning : proof.outcome.warnings)
        run.job.events.warning(warning);
    Answer answer;
    answer.result = proofJson(proof);
    answer.text = proofText(proof);
    answer.message = "backup '" + found.id + "' was restored, started and found sound";
    if (!proof.isGood())
        answer.problem = fail(ErrorCode::Corrupt,
                              "backup '" + found.id + "' was restored, and PostgreSQL found damage",
                              "The copy is kept in " + quoted(destination)
                                  + ". Check the original the same way, and an older backup.");
    return answer;
}

Result<Answer> verifyStored(const Run& run)
{
    const std::string id = run.arguments.positional(0);
    if (const auto to = run.arguments.value("--restore"))
        return verifyByRestore(run, id, *to);
    for (const char* option : {"--keep", "--latest"})
        if (run.arguments.has(option))
            return fail(ErrorCode::InvalidInput, std::string(option) + " goes with --restore",
                        "Leave it out.");
    if (!id.empty() && run.arguments.has("--all"))
        return fail(ErrorCode::InvalidInput, "BACKUP and --all contradict one another",
                    "Give one of them.");
    verify::VerifyRequest request;
    SALVOR_TRY(request.samplePercent, samplePercent(run.arguments));
    request.seed = static_cast<std::uint64_t>(systemClock().now().time_since_epoch().count());
    Verified sum;
    std::optional<Error> unread;
    if (id.empty()) {
        SALVOR_TRY(unread, verifyAll(run, request, sum));
    } else {
        SALVOR_TRY(const auto found, namedByCaller(run.console.findBackup(id)));
        SALVOR_TRY(const std::string name, repositoryHolding(run, found));
        request.backupIds = {found.id};
        SALVOR_CHECK(verifyOne(run, name, request, sum));
    }
    const std::size_t count = sum.findings.size();
    Answer answer;
    answer.result = Json::Object{
        {"findings", std::move(sum.findings)},    {"backupsChecked", sum.total.backupsChecked},
        {"packsChecked", sum.total.packsChecked}, {"segmentsChecked", sum.total.segmentsChecked},
        {"bytesRead", sum.total.bytesRead},       {"samplePercent", request.samplePercent},
    };
    answer.text = std::move(sum.text);
    const std::string checked =
        countText(sum.total.backupsChecked, "backup", "backups") + ", "
        + countText(sum.total.packsChecked, "pack", "packs") + " and "
        + countText(sum.total.segmentsChecked, "WAL segment", "WAL segments") + " checked, "
        + sizeText(sum.total.bytesRead) + " read";
    answer.message = "no damage: " + checked;
    if (unread)
        answer.problem = unread;
    if (count > 0)
        answer.problem = fail(ErrorCode::Corrupt,
                              countText(count, "finding", "findings") + " of damage: " + checked
                                  + (unread ? "; not checked: " + unread->message : ""),
                              "Take a new backup now; what is not hit can still be restored.");
    return answer;
}

Result<Answer> archivePush(const Run& run)
{
    const std::string path = run.arguments.positional(1);
    SALVOR_TRY(const auto pushed, run.console.archivePush(run.arguments.positional(0), path));
    Answer answer;
    answer.result = Json::Object{
        {"file", model::bytesJson(Path(path).filename().native())},
        {"stored", pushed == repository::Repository::Pushed::Stored},
    };
    return answer;
}

Result<Answer> archiveGet(const Run& run)
{
    const std::string name = run.arguments.positional(1);
    const std::string cluster = run.arguments.positional(0);
    auto fetched = run.console.archiveGet(cluster, name, run.arguments.positional(2));
    if (!fetched.ok()) {
        if (fetched.error().code == ErrorCode::NotFound)
            SALVOR_CHECK(archiveWasRead(run, cluster));
        return std::move(fetched).error();
    }
    Answer answer;
    answer.result = Json::Object{{"file", model::bytesJson(name)}};
    return answer;
}

Result<Answer> archiveWorker(const Run& run)
{
    SALVOR_CHECK(run.console.archiveWorker(run.arguments.positional(0), run.arguments.positional(1),
                                           run.arguments.positional(2)));
    return Answer();
}

} // namespace salvor::cli
