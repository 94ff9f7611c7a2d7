#include "core/cli/commands.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"

#include <algorithm>

namespace salvor::cli {

namespace {

/// Backups and what is known of them.
struct Listed {
    std::vector<model::Backup> backups; ///< Oldest first.
    model::Assurances assurances;
    std::vector<std::string> warnings;
};

/// Of every cluster, configured or not; what could not be read becomes a warning.
Result<Listed> listAll(const Run& run)
{
    SALVOR_TRY(const auto summaries, run.console.clusters(run.job));
    Listed all;
    for (const console::ClusterSummary& summary : summaries) {
        // A copy of a repository has the same ones.
        for (const model::Backup& backup : summary.backups)
            if (std::none_of(all.backups.begin(), all.backups.end(),
                             [&](const model::Backup& each) { return each.id == backup.id; }))
                all.backups.push_back(backup);
        all.assurances.insert(summary.assurances.begin(), summary.assurances.end());
        for (const std::string& warning : summary.warnings)
            all.warnings.push_back("cluster '" + summary.name + "': " + warning);
    }
    std::stable_sort(all.backups.begin(), all.backups.end(),
                     [](const auto& a, const auto& b) { return a.finishedAt < b.finishedAt; });
    return all;
}

/// What was verified of a cluster's backups must not keep them from being listed.
model::Assurances assurancesOf(const Run& run, const std::string& cluster,
                               std::vector<std::string>& warnings)
{
    const auto noted = run.console.verifications(cluster);
    if (noted.ok())
        return model::assurancesOf(*noted);
    warnings.push_back("What was verified could not be read: " + noted.error().message + ".");
    return {};
}

Result<Listed> listCluster(const Run& run, const std::string& cluster)
{
    Listed listed;
    SALVOR_TRY(listed.backups, run.console.backups(cluster));
    listed.assurances = assurancesOf(run, cluster, listed.warnings);
    return listed;
}

} // namespace

Result<Answer> backup(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    SALVOR_TRY(const auto choice, backupChoice(run.arguments));
    SALVOR_TRY(const model::Backup made, run.console.backup(cluster, choice, run.job));
    Answer answer;
    Json::Object members = backupMembers(made, {});
    members.emplace("backup", made.id);
    answer.result = std::move(members);
    answer.text = backupText(made, {});
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
    SALVOR_TRY(const auto listed, cluster.empty() ? listAll(run) : listCluster(run, cluster));
    for (const std::string& warning : listed.warnings)
        run.job.events.warning(warning);
    Json::Array entries;
    for (const model::Backup& each : listed.backups)
        entries.push_back(backupMembers(each, model::assuranceOf(listed.assurances, each.id)));
    Answer answer;
    answer.result = Json::Object{
        {"backups", std::move(entries)},
        {"warnings", model::toJson(listed.warnings)},
    };
    answer.text = backupsText(listed.backups, listed.assurances);
    return answer;
}

Result<Answer> show(const Run& run)
{
    SALVOR_TRY(const auto found,
               namedByCaller(run.console.findBackup(run.arguments.positional(0))));
    std::vector<std::string> warnings;
    const auto assurance =
        model::assuranceOf(assurancesOf(run, found.incarnation.cluster, warnings), found.id);
    for (const std::string& warning : warnings)
        run.job.events.warning(warning);
    Json::Object members = backupMembers(found, assurance);
    Answer answer;
    answer.text = backupText(found, assurance);
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
    SALVOR_CHECK(run.console.archiveGet(cluster, name, run.arguments.positional(2),
                                        run.arguments.has("--begun") ? wal::Take::Begun
                                                                     : wal::Take::WholeOnly));
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
