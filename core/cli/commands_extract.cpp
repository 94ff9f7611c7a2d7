#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/console/extract.h"
#include "core/model/json_fields.h"
#include "core/postgres/row_merge.h"

#include <algorithm>
#include <array>

namespace salvor::cli {

namespace {

Error invalid(std::string message, std::string hint)
{
    return fail(ErrorCode::InvalidInput, std::move(message), std::move(hint));
}

Result<> readPlaces(console::ExtractChoice& choice, const Arguments& arguments)
{
    int places = 0;
    for (const char* option : {"--csv", "--dump", "--into"})
        places += arguments.has(option) ? 1 : 0;
    if (places != 1)
        return invalid("'extract' needs one of --csv, --dump and --into",
                       "They say where the tables go to.");
    if (const auto folder = arguments.value("--csv")) {
        SALVOR_TRY(choice.csvFolder, absolutePath("--csv", *folder));
    }
    if (const auto file = arguments.value("--dump")) {
        SALVOR_TRY(choice.dumpFile, absolutePath("--dump", *file));
    }
    choice.into = arguments.value("--into").value_or("");
    choice.schema = arguments.value("--schema").value_or("");
    if (choice.into.empty() != choice.schema.empty())
        return invalid("--into and --schema go together",
                       "A schema of its own keeps what is recovered apart from what is there.");
    return {};
}

/// Either a copy that is there, or how one is made.
Result<> readSource(console::ExtractChoice& choice, const Run& run)
{
    const Arguments& arguments = run.arguments;
    choice.copy = arguments.value("--copy").value_or("");
    choice.keeps = arguments.has("--keep");
    if (choice.copy.empty()) {
        SALVOR_TRY(choice.restore, restoreChoice(arguments));
        if (choice.restore.backupId.empty())
            return {};
        SALVOR_TRY(const auto found,
                   namedByCaller(run.console.findBackup(choice.restore.backupId)));
        choice.restore.backupId = found.backup.id;
        return {};
    }
    if (!arguments.positionals().empty())
        return invalid("--copy and CLUSTER contradict one another", "A copy is of one cluster.");
    static constexpr std::array ofAny = {"--database", "--table",  "--csv", "--dump",
                                         "--into",     "--schema", "--copy"};
    for (const OptionSpec& option : arguments.command().options)
        if (arguments.has(option.name)
            && std::find(ofAny.begin(), ofAny.end(), option.name) == ofAny.end())
            return invalid("--copy and " + std::string(option.name) + " contradict one another",
                           "A copy that is there stays as it is.");
    return {};
}

Result<console::ExtractChoice> extractChoice(const Run& run)
{
    console::ExtractChoice choice;
    SALVOR_TRY(choice.database, required(run.arguments, "--database"));
    SALVOR_CHECK(required(run.arguments, "--table"));
    choice.tables = run.arguments.values("--table");
    SALVOR_CHECK(readPlaces(choice, run.arguments));
    SALVOR_CHECK(readSource(choice, run));
    return choice;
}

Json tableJson(const console::ExtractedTable& table)
{
    return Json::Object{
        {"table", table.name}, {"rows", table.rows}, {"place", model::bytesJson(table.place)}};
}

Result<postgres::MergeRequest> mergeRequest(const Arguments& arguments)
{
    postgres::MergeRequest request;
    request.recovered = arguments.positional(0);
    request.table = arguments.positional(1);
    request.column = arguments.value("--column").value_or("");
    request.since = arguments.value("--since").value_or("");
    request.until = arguments.value("--until").value_or("");
    request.isDryRun = arguments.has("--dry-run");
    const bool hasLimits = !request.since.empty() || !request.until.empty();
    if (hasLimits == request.column.empty())
        return invalid("--column goes with --since, --until or both",
                       "They limit which rows are put back.");
    return request;
}

std::string mergeText(const postgres::MergeReport& report)
{
    std::string text = countText(report.looked, "row", "rows")
                       + " recovered: " + std::to_string(report.equal) + " there as they are, "
                       + std::to_string(report.different)
                       + " there with other values (left as they are), "
                       + std::to_string(report.missing) + " missing\n";
    for (const std::string& column : report.withoutValue)
        text += "column " + printable(column) + " was not recovered: it gets its default\n";
    for (const std::string& column : report.retyped)
        text += "column " + printable(column) + " has another type now: its values are converted\n";
    for (const std::string& column : report.unused)
        text += "column " + printable(column) + " is not in the table any more: left out\n";
    return text;
}

} // namespace

Result<Answer> extract(const Run& run)
{
    SALVOR_TRY(const console::ExtractChoice choice, extractChoice(run));
    SALVOR_TRY(const auto done,
               namedByCaller(console::extractTables(run.console, choice, run.job)));
    Answer answer;
    Json::Object members{{"tables", model::listJson(done.tables, tableJson)}, {"kept", done.kept}};
    if (done.made) {
        for (const std::string& warning : done.made->warnings)
            run.job.events.warning(warning);
        members.emplace("reachedLsn", model::toJson(done.made->reachedLsn));
        members.emplace("lastCommitAt", model::toJson(done.made->lastCommitAt));
        members.emplace("instance", done.made->instance);
    }
    answer.result = std::move(members);
    for (const console::ExtractedTable& table : done.tables)
        answer.text += printable(table.name) + ": " + countText(table.rows, "row", "rows") + ", in "
                       + printable(table.place) + "\n";
    answer.message = countText(done.tables.size(), "table", "tables") + " taken out";
    if (done.made && done.made->lastCommitAt)
        answer.message += ", as of " + exactTimeText(*done.made->lastCommitAt);
    if (done.kept)
        answer.message += "; the copy '" + done.made->instance + "' runs on";
    return answer;
}

Result<Answer> merge(const Run& run)
{
    SALVOR_TRY(const std::string into, required(run.arguments, "--into"));
    SALVOR_CHECK(console::checkConnectionString(into));
    SALVOR_TRY(const auto request, mergeRequest(run.arguments));
    SALVOR_TRY(auto connection,
               postgres::Connection::open(into, postgres::Connection::Kind::Normal, run.job.stop));
    SALVOR_TRY(const auto report,
               namedByCaller(postgres::mergeRows(connection, request, run.job.stop)));
    Answer answer;
    answer.result = Json::Object{
        {"looked", report.looked},   {"equal", report.equal},       {"different", report.different},
        {"missing", report.missing}, {"inserted", report.inserted}, {"dryRun", request.isDryRun},
    };
    answer.text = mergeText(report);
    answer.message = request.isDryRun
                         ? countText(report.missing, "row", "rows") + " would be put back"
                         : countText(report.inserted, "row was", "rows were") + " put back";
    if (!request.isDryRun && report.inserted < report.missing)
        run.job.events.warning(countText(report.missing - report.inserted, "row", "rows")
                               + " did not come to stay: another row has a value that must be "
                                 "unique, or a trigger refused or moved them.");
    return answer;
}

} // namespace salvor::cli
