#include "core/cli/render.h"
#include "core/cli/text.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

using model::toJson;

namespace {

Json leftOutJson(const repository::LeftOutBackup& backup)
{
    return Json::Object{{"backup", backup.id}, {"because", backup.because}};
}

Json leftOutWalJson(const repository::LeftOutWal& wal)
{
    return Json::Object{{"cluster", wal.cluster},
                        {"incarnation", wal.incarnation},
                        {"files", wal.files},
                        {"before", toJson(wal.before)}};
}

Json damageJson(const repository::Damage& finding)
{
    return Json::Object{{"object", finding.object}, {"what", finding.what}};
}

std::string joined(const std::vector<std::string>& ids)
{
    std::string text;
    for (const std::string& id : ids)
        text += (text.empty() ? "'" : ", '") + id + "'";
    return text;
}

/// ", but for 2 backups and 12 WAL files that were retired or pruned in 'second'".
std::string exceptionText(const repository::CopyReport& report, const std::string& to)
{
    std::uint64_t files = 0;
    for (const repository::LeftOutWal& each : report.walLeftOut)
        files += each.files;
    if (files == 0 && report.leftOut.empty())
        return "";
    return ", but for " + countText(report.leftOut.size(), "backup", "backups") + " and "
           + countText(files, "WAL file", "WAL files") + " that were retired or pruned in '" + to
           + "'";
}

std::string sumText(const repository::CopyReport& report)
{
    return countText(report.objects, "object", "objects") + " (" + sizeText(report.bytes) + ", "
           + countText(report.backups.size(), "backup", "backups") + " and "
           + countText(report.walObjects, "WAL file", "WAL files") + " among them)";
}

} // namespace

Json copyJson(const repository::CopyReport& report)
{
    return Json::Object{
        {"objects", report.objects},
        {"bytes", report.bytes},
        {"packs", report.packs},
        {"walObjects", report.walObjects},
        {"backups", toJson(report.backups)},
        {"incomplete", toJson(report.incomplete)},
        {"mended", toJson(report.mended)},
        {"broken", toJson(report.broken)},
        {"leftOut", model::listJson(report.leftOut, leftOutJson)},
        {"walLeftOut", model::listJson(report.walLeftOut, leftOutWalJson)},
        {"findings", model::listJson(report.findings, damageJson)},
    };
}

std::string copyText(const repository::CopyReport& report)
{
    std::string text;
    for (const std::string& id : report.backups)
        text += "backup " + id + "\n";
    for (const std::string& id : report.mended)
        text += "backup " + id + ": the copy had lost something of it, and has it again\n";
    for (const repository::LeftOutBackup& each : report.leftOut)
        text += "backup " + each.id + ": left out, " + each.because + "\n";
    for (const repository::LeftOutWal& each : report.walLeftOut)
        text += "WAL of " + each.cluster + ", incarnation " + std::to_string(each.incarnation)
                + ": " + countText(each.files, "file", "files") + " from before "
                + model::formatLsn(each.before)
                + " left out, because a prune of the copy cut the WAL there\n";
    for (const std::string& id : report.incomplete)
        text += "backup " + id + ": not copied, because something that it needs was not\n";
    for (const std::string& id : report.broken)
        text += "backup " + id + ": the copy lists it and lacks something of it\n";
    for (const repository::Damage& finding : report.findings)
        text += "not copied: '" + finding.object + "' " + finding.what + "\n";
    return text;
}

std::string copyMessage(const repository::CopyReport& report,
                        const repository::CopyRequest& request, const std::string& from,
                        const std::string& to)
{
    const std::string which =
        request.clusters.empty() ? ""
                                 : (request.clusters.size() == 1 ? " of cluster " : " of clusters ")
                                       + joined(request.clusters);
    return (request.dryRun ? "nothing was changed: " : "") + sumText(report)
           + (request.dryRun ? " would be copied; '" + to + "' would then have"
                             : " copied; '" + to + "' has")
           + " every backup and WAL file" + which + " that '" + from + "' showed"
           + exceptionText(report, to);
}

std::optional<Error> copyProblem(const repository::CopyReport& report,
                                 const repository::CopyRequest& request, const std::string& from,
                                 const std::string& to)
{
    if (report.isComplete())
        return std::nullopt;
    std::string message = "'" + to + "' does not have all that '" + from
                          + "' showed: " + countText(report.findings.size(), "finding", "findings");
    if (!report.incomplete.empty())
        message += "; not copied: backup " + joined(report.incomplete);
    if (!report.broken.empty())
        message += "; listed there and not whole: backup " + joined(report.broken);
    message +=
        std::string(request.dryRun ? "; the rest would be copied: " : "; the rest was copied: ")
        + sumText(report);
    return fail(ErrorCode::Corrupt, std::move(message),
                "'salvorctl verify' says what is damaged, and which backups it hits.");
}

} // namespace salvor::cli
