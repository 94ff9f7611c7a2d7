#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

namespace {

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
    sum.total.backups.insert(sum.total.backups.end(), report->backups.begin(),
                             report->backups.end());
    sum.total.packsChecked += report->packsChecked;
    sum.total.segmentsChecked += report->segmentsChecked;
    sum.total.bytesRead += report->bytesRead;
    return {};
}

/// All of a repository, or with --stale only what has not been read for so long.
Result<> verifyRepository(const Run& run, const std::string& name, verify::VerifyRequest request,
                          Verified& sum)
{
    if (const auto text = run.arguments.value("--stale")) {
        SALVOR_TRY(const auto age, parseDuration(*text).in("--stale"));
        SALVOR_TRY(request.backupIds, run.console.backupsToVerify(name, age));
        if (request.backupIds.empty())
            return {};
    }
    return verifyOne(run, name, request, sum);
}

/// Every repository of the configuration, or the one that is named. One that cannot be read must
/// not hide what another holds: gives the first error of such.
Result<std::optional<Error>> verifyAll(const Run& run, const verify::VerifyRequest& request,
                                       Verified& sum)
{
    std::optional<Error> unread;
    const std::string asked = repositoryAsked(run.arguments);
    if (!asked.empty())
        SALVOR_CHECK(run.console.config().repository(asked));
    for (const auto& config : run.console.config().repositories) {
        if (!asked.empty() && config.name != asked)
            continue;
        auto checked = verifyRepository(run, config.name, request, sum);
        if (!checked.ok() && checked.error().code == ErrorCode::Cancelled)
            return std::move(checked).error();
        if (!checked.ok() && !unread)
            unread = std::move(checked).error();
    }
    return unread;
}

Result<Answer> verifyByRestore(const Run& run, const std::string& id, const std::string& to)
{
    if (run.arguments.has("--repository"))
        return fail(ErrorCode::InvalidInput,
                    "--restore reads the repositories of the cluster, and --repository only one",
                    "Give one of them.");
    if (id.empty() || run.arguments.has("--all") || run.arguments.has("--sample")
        || run.arguments.has("--stale"))
        return fail(ErrorCode::InvalidInput, "--restore proves one backup, whole",
                    "Name it: salvorctl verify BACKUP --restore DIR.");
    SALVOR_TRY(const Path destination, absolutePath("--restore", to));
    SALVOR_TRY(const auto found, namedByCaller(run.console.findBackup(id)));
    SALVOR_TRY(const auto proof,
               run.console.proveBackup(
                   found.backup.id,
                   {destination, run.arguments.has("--latest"), run.arguments.has("--keep")},
                   run.job));
    for (const std::string& warning : proof.outcome.warnings)
        run.job.events.warning(warning);
    Answer answer;
    answer.result = proofJson(proof);
    answer.text = proofText(proof);
    answer.message = "backup '" + found.backup.id + "' was restored, started and found sound";
    if (!proof.isGood())
        answer.problem =
            fail(ErrorCode::Corrupt,
                 "backup '" + found.backup.id + "' was restored, and PostgreSQL found damage",
                 "The copy is kept in " + quoted(destination)
                     + ". Check the original the same way, and an older backup.");
    return answer;
}

Result<> checkOptions(const Arguments& arguments)
{
    for (const char* option : {"--keep", "--latest"})
        if (arguments.has(option))
            return fail(ErrorCode::InvalidInput, std::string(option) + " goes with --restore",
                        "Leave it out.");
    for (const char* option : {"--all", "--stale"})
        if (!arguments.positional(0).empty() && arguments.has(option))
            return fail(ErrorCode::InvalidInput,
                        "BACKUP and " + std::string(option) + " contradict one another",
                        "Give one of them.");
    if (arguments.has("--sample") && arguments.has("--stale"))
        return fail(ErrorCode::InvalidInput, "--sample and --stale contradict one another",
                    "What is read in part stays to be verified; give one of them.");
    return {};
}

Answer answerOf(Verified sum, const std::optional<Error>& unread, int samplePercent)
{
    const std::size_t count = sum.findings.size();
    Answer answer;
    answer.result = Json::Object{
        {"findings", std::move(sum.findings)},    {"backupsChecked", sum.total.backups.size()},
        {"packsChecked", sum.total.packsChecked}, {"segmentsChecked", sum.total.segmentsChecked},
        {"bytesRead", sum.total.bytesRead},       {"samplePercent", samplePercent},
    };
    answer.text = std::move(sum.text);
    const std::string checked =
        countText(sum.total.backups.size(), "backup", "backups") + ", "
        + countText(sum.total.packsChecked, "pack", "packs") + " and "
        + countText(sum.total.segmentsChecked, "WAL segment", "WAL segments") + " checked, "
        + sizeText(sum.total.bytesRead) + " read";
    answer.message = "no damage: " + checked;
    answer.problem = unread;
    if (count > 0)
        answer.problem = fail(ErrorCode::Corrupt,
                              countText(count, "finding", "findings") + " of damage: " + checked
                                  + (unread ? "; not checked: " + unread->message : ""),
                              "Take a new backup now; what is not hit can still be restored.");
    return answer;
}

} // namespace

Result<Answer> verifyStored(const Run& run)
{
    const std::string id = run.arguments.positional(0);
    if (const auto to = run.arguments.value("--restore"))
        return verifyByRestore(run, id, *to);
    SALVOR_CHECK(checkOptions(run.arguments));
    verify::VerifyRequest request;
    SALVOR_TRY(request.samplePercent, samplePercent(run.arguments));
    request.seed = static_cast<std::uint64_t>(systemClock().now().time_since_epoch().count());
    Verified sum;
    std::optional<Error> unread;
    if (id.empty()) {
        SALVOR_TRY(unread, verifyAll(run, request, sum));
    } else {
        SALVOR_TRY(const auto found,
                   namedByCaller(run.console.findBackup(id, repositoryAsked(run.arguments))));
        request.backupIds = {found.backup.id};
        SALVOR_CHECK(verifyOne(run, found.repository, request, sum));
    }
    return answerOf(std::move(sum), unread, request.samplePercent);
}

} // namespace salvor::cli
