#include "core/cli/render.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

using model::toJson;

Json copyJson(const repository::CopyReport& report)
{
    Json::Array findings;
    for (const repository::Damage& finding : report.findings)
        findings.push_back(Json::Object{{"object", finding.object}, {"what", finding.what}});
    return Json::Object{
        {"objects", report.objects},
        {"bytes", report.bytes},
        {"packs", report.packs},
        {"walObjects", report.walObjects},
        {"backups", toJson(report.backups)},
        {"incomplete", toJson(report.incomplete)},
        {"leftOut", toJson(report.leftOut)},
        {"findings", std::move(findings)},
    };
}

std::string copyText(const repository::CopyReport& report)
{
    std::string text;
    for (const std::string& id : report.backups)
        text += "backup " + id + "\n";
    for (const std::string& id : report.leftOut)
        text += "backup " + id + ": left out, it is older than what is kept there\n";
    for (const std::string& id : report.incomplete)
        text += "backup " + id + ": not copied, because something that it needs was not\n";
    for (const repository::Damage& finding : report.findings)
        text += "not copied: '" + finding.object + "' " + finding.what + "\n";
    return text;
}

} // namespace salvor::cli
