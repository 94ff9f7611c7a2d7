#include "core/cli/commands.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/console/archiving.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"

#include <algorithm>

namespace salvor::cli {

namespace {

/// A backup, what was verified of it, and the repository that both are of.
struct Row {
    model::Backup backup;
    model::Assurance assurance;
    std::string repository;
};

struct Listed {
    std::vector<Row> rows; ///< Oldest first.
    std::vector<std::string> warnings;
};

/// Of every cluster, configured or not; what could not be read becomes a warning.
Result<Listed> listAll(const Run& run, const std::string& repository)
{
    SALVOR_TRY(const auto summaries, run.console.clusters(run.job, repository));
    Listed all;
    for (const console::ClusterSummary& summary : summaries) {
        // A copy of a repository has the same ones. What was verified there says nothing of these.
        for (const model::Backup& backup : summary.backups)
            if (std::none_of(all.rows.begin(), all.rows.end(),
                             [&](const Row& each) { return each.backup.id == backup.id; }))
                all.rows.push_back({backup, model::assuranceOf(summary.assurances, backup.id),
                                    summary.repository});
        for (const std::string& warning : summary.warnings)
            all.warnings.push_back("cluster '" + summary.name + "': " + warning);
    }
    std::stable_sort(all.rows.begin(), all.rows.end(), [](const Row& a, const Row& b) {
        return a.backup.finishedAt < b.backup.finishedAt;
    });
    return all;
}

/// What was verified of a cluster's backups must not keep them from being listed.
model::Assurances assurancesOf(const Run& run, const std::string& cluster,
                               const std::string& repository, std::vector<std::string>& warnings)
{
    const auto noted = run.console.verifications(cluster, repository);
    if (noted.ok())
        return model::assurancesOf(*noted);
    warnings.push_back("What was verified could not be read: " + noted.error().message + ".");
    return {};
}

Result<Listed> listCluster(const Run& run, const std::string& cluster, const std::string& asked)
{
    Listed listed;
    SALVOR_TRY(const std::string repository, run.console.repositoryFor(cluster, asked));
    SALVOR_TRY(const auto backups, run.console.backups(cluster, repository));
    const auto assurances = assurancesOf(run, cluster, repository, listed.warnings);
    for (const model::Backup& each : backups)
        listed.rows.push_back({each, model::assuranceOf(assurances, each.id), repository});
    return listed;
}

Json rowJson(const Row& row)
{
    Json::Object members = backupMembers(row.backup, row.assurance);
    members.emplace("repository", row.repository);
    return members;
}

std::string rowsText(const std::vector<Row>& rows)
{
    std::vector<model::Backup> backups;
    model::Assurances assurances;
    for (const Row& each : rows) {
        backups.push_back(each.backup);
        assurances.emplace(each.backup.id, each.assurance);
    }
    return backupsText(backups, assurances);
}

} // namespace

Result<Answer> backup(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    SALVOR_TRY(const auto choice, backupChoice(run.arguments));
    SALVOR_TRY(const model::Backup made, run.console.backup(cluster, choice, run.job));
    Answer answer;
    SALVOR_TRY(const std::string repository, run.console.repositoryFor(cluster, choice.repository));
    Json::Object members = backupMembers(made, {});
    members.emplace("backup", made.id);
    members.emplace("repository", repository);
    answer.result = std::move(members);
    answer.text = backupText(made, {});
    answer.message = "backup '" + made.id + "' of '" + cluster
                     + "' is complete: " + sizeText(made.logicalSize) + " in "
                     + std::to_string(made.fileCount) + " files, " + sizeText(made.newSize)
                     + " added to repository '" + repository + "'";
    return answer;
}

Result<Answer> backups(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    if (run.arguments.has("--retired"))
        return retiredBackups(run, cluster);
    const std::string asked = repositoryAsked(run.arguments);
    SALVOR_TRY(const auto listed,
               cluster.empty() ? listAll(run, asked) : listCluster(run, cluster, asked));
    for (const std::string& warning : listed.warnings)
        run.job.events.warning(warning);
    Answer answer;
    answer.result = Json::Object{
        {"backups", model::listJson(listed.rows, rowJson)},
        {"warnings", model::toJson(listed.warnings)},
    };
    answer.text = rowsText(listed.rows);
    return answer;
}

Result<Answer> show(const Run& run)
{
    SALVOR_TRY(const auto located,
               namedByCaller(run.console.findBackup(run.arguments.positional(0),
                                                    repositoryAsked(run.arguments))));
    const model::Backup& found = located.backup;
    std::vector<std::string> warnings;
    const auto assurance = model::assuranceOf(
        assurancesOf(run, found.incarnation.cluster, located.repository, warnings), found.id);
    for (const std::string& warning : warnings)
        run.job.events.warning(warning);
    Json::Object members = backupMembers(found, assurance);
    members.emplace("repository", located.repository);
    Answer answer;
    answer.text = backupText(found, assurance);
    if (run.arguments.has("--files")) {
        SALVOR_TRY(const auto files, run.console.backupFiles(located, run.job));
        members.emplace("files", model::listJson(files, fileJson));
        answer.text += "\n" + filesText(files);
    }
    answer.result = std::move(members);
    return answer;
}

Result<Answer> walRanges(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    const std::string repository = repositoryAsked(run.arguments);
    SALVOR_TRY(const auto state, run.console.walState(cluster, repository));
    SALVOR_TRY(const auto recoverable, run.console.recoverable(cluster, run.job, repository));
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
    SALVOR_TRY(const auto pushed,
               console::Archiving(run.console).push(run.arguments.positional(0), path));
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
    SALVOR_CHECK(console::Archiving(run.console)
                     .get(cluster, name, run.arguments.positional(2),
                          run.arguments.has("--begun") ? wal::Take::Begun : wal::Take::WholeOnly));
    Answer answer;
    answer.result = Json::Object{{"file", model::bytesJson(name)}};
    return answer;
}

Result<Answer> archiveWorker(const Run& run)
{
    SALVOR_CHECK(console::Archiving(run.console)
                     .work(run.arguments.positional(0), run.arguments.positional(1),
                           run.arguments.positional(2)));
    return Answer();
}

} // namespace salvor::cli
