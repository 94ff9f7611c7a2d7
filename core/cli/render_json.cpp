#include "core/cli/render.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"

namespace salvor::cli {

namespace {

using model::bytesJson;
using model::toJson;

Json segmentRangeJson(const model::WalArchiveState& state, model::TimelineId timeline,
                      std::uint64_t first, std::uint64_t last)
{
    const ByteCount size = state.incarnation.identity.segmentSize;
    const auto name = [&](std::uint64_t number) {
        const auto text = model::segmentName({timeline, number}, size);
        return text.ok() ? Json(*text) : Json();
    };
    return Json::Object{
        {"timeline", toJson(timeline)},
        {"first", name(first)},
        {"last", name(last)},
        {"segments", last - first + 1},
        {"from", toJson(model::segmentStart({timeline, first}, size))},
        {"to", toJson(model::segmentStart({timeline, last + 1}, size))},
    };
}

Json eventJson(const model::WalEvent& event)
{
    return Json::Object{
        {"at", toJson(event.at)},
        {"lsn", toJson(event.start)},
        {"timeline", toJson(event.timeline)},
        {"xid", model::wideJson(event.xid)},
    };
}

} // namespace

std::string_view checkLevelName(model::Check::Level level) noexcept
{
    switch (level) {
    case model::Check::Level::Blocker:
        return "blocker";
    case model::Check::Level::Warning:
        return "warning";
    case model::Check::Level::Note:
        return "note";
    case model::Check::Level::Passed:
        break;
    }
    return "passed";
}

std::string_view treeKindName(repository::TreeKind kind) noexcept
{
    switch (kind) {
    case repository::TreeKind::Directory:
        return "directory";
    case repository::TreeKind::Link:
        return "link";
    case repository::TreeKind::File:
        break;
    }
    return "file";
}

Json repositoryJson(const settings::RepositoryConfig& config,
                    const repository::RepositoryInfo& info)
{
    return Json::Object{
        {"name", config.name},
        {"url", config.url},
        {"id", info.id},
        {"format", info.format},
        {"encrypted", info.encrypted},
        {"createdAt", toJson(info.createdAt)},
        {"keyFile", config.keyFile.empty() ? Json() : bytesJson(config.keyFile.native())},
    };
}

Json keySlotJson(const repository::KeySlot& slot)
{
    return Json::Object{
        {"id", slot.id},
        {"access", repository::slotAccessName(slot.access)},
        {"kind", slot.kind},
        {"label", slot.label},
        {"createdAt", toJson(slot.createdAt)},
    };
}

Json incarnationJson(const model::Incarnation& incarnation)
{
    return Json::Object{
        {"cluster", incarnation.cluster},
        {"number", incarnation.number},
        {"systemIdentifier", model::wideJson(incarnation.identity.systemIdentifier)},
        {"majorVersion", incarnation.identity.majorVersion},
        {"segmentSize", incarnation.identity.segmentSize},
    };
}

Json checkJson(const model::Check& check)
{
    return Json::Object{
        {"level", checkLevelName(check.level)},
        {"name", check.name},
        {"found", check.found},
        {"cause", check.cause},
        {"fix", check.fix},
    };
}

Json reportJson(const console::ClusterReport& report)
{
    return Json::Object{
        {"cluster", report.cluster},
        {"protected", report.isProtected()},
        {"checks", model::listJson(report.checks, checkJson)},
    };
}

Json::Object backupMembers(const model::Backup& backup, const model::Assurance& assurance)
{
    const Json json = model::toJson(backup);
    Json::Object members = *json.asObject();
    Json::Object shown{{"level", "V" + std::to_string(static_cast<int>(assurance.level))},
                       {"name", model::assuranceName(assurance.level)},
                       {"damaged", assurance.damaged}};
    if (assurance.shown) {
        shown.emplace("at", model::toJson(assurance.shown->at));
        shown.emplace("by", assurance.shown->by);
        shown.emplace("finding", assurance.shown->finding);
    }
    members.emplace("assurance", std::move(shown));
    return members;
}

Json fileJson(const console::BackupFile& file)
{
    return Json::Object{
        {"path", bytesJson(file.path)},
        {"kind", treeKindName(file.kind)},
        {"size", file.size},
        {"modifiedAt", toJson(file.modifiedAt)},
    };
}

Json walStateJson(const model::WalArchiveState& state)
{
    Json::Array ranges;
    for (const model::WalRange& range : state.ranges)
        ranges.push_back(
            segmentRangeJson(state, range.timeline, range.firstSegment, range.lastSegment));
    Json::Array gaps;
    for (const model::WalGap& gap : state.gaps)
        gaps.push_back(segmentRangeJson(state, gap.timeline, gap.firstMissing, gap.lastMissing));
    Json::Array forks;
    for (const model::TimelineFork& fork : state.forks)
        forks.push_back(Json::Object{{"parent", toJson(fork.parent)},
                                     {"child", toJson(fork.child)},
                                     {"at", toJson(fork.at)}});
    Json::Array conflicts;
    for (const model::WalConflict& conflict : state.conflicts) {
        const auto name =
            model::segmentName(conflict.segment, state.incarnation.identity.segmentSize);
        conflicts.push_back(Json::Object{{"segment", name.ok() ? Json(*name) : Json()},
                                         {"copies", static_cast<std::uint64_t>(conflict.copies)}});
    }
    Json::Array begun;
    for (const model::WalTail& tail : state.tails) {
        const auto name = model::segmentName(tail.segment, state.incarnation.identity.segmentSize);
        begun.push_back(Json::Object{{"segment", name.ok() ? Json(*name) : Json()},
                                     {"timeline", toJson(tail.segment.timeline)},
                                     {"to", toJson(tail.to)}});
    }
    return Json::Object{
        {"incarnation", incarnationJson(state.incarnation)},
        {"begun", std::move(begun)},
        {"ranges", std::move(ranges)},
        {"gaps", std::move(gaps)},
        {"forks", std::move(forks)},
        {"conflicts", std::move(conflicts)},
    };
}

Json rangeJson(const model::RecoverableRange& range)
{
    return Json::Object{
        {"backup", range.backupId},           {"timeline", toJson(range.timeline)},
        {"from", toJson(range.from)},         {"to", toJson(range.to)},
        {"fromTime", toJson(range.fromTime)}, {"toTime", toJson(range.toTime)},
        {"endsBecause", range.endsBecause},
    };
}

Json outcomeJson(const model::RestoreOutcome& outcome)
{
    return Json::Object{
        {"state", model::restoreStateName(outcome.state)},
        {"destination", bytesJson(outcome.destination)},
        {"startCommand", outcome.startCommand.empty() ? Json() : bytesJson(outcome.startCommand)},
        {"reachedLsn", toJson(outcome.reachedLsn)},
        {"lastCommitAt", toJson(outcome.lastCommitAt)},
        {"timeline", toJson(outcome.timeline)},
        {"instance", outcome.instance.empty() ? Json() : Json(outcome.instance)},
        {"port", outcome.port == 0 ? Json() : Json(outcome.port)},
        {"socketDirectory",
         outcome.socketDirectory.empty() ? Json() : bytesJson(outcome.socketDirectory)},
        {"repositories", toJson(outcome.repositories)},
        {"warnings", toJson(outcome.warnings)},
    };
}

Json instanceJson(const postgres::Instance& instance, const postgres::InstanceStatus& status)
{
    return Json::Object{
        {"name", instance.name},
        {"cluster", instance.cluster},
        {"repository", instance.repository},
        {"dataDirectory", bytesJson(instance.dataDirectory.native())},
        {"socketDirectory", bytesJson(instance.socketDirectory.native())},
        {"port", instance.port},
        {"majorVersion", instance.majorVersion},
        {"systemIdentifier", model::wideJson(instance.systemIdentifier)},
        {"owner", instance.owner},
        {"startedAt", toJson(instance.startedAt)},
        {"state", postgres::instanceStateName(status.state)},
        {"replayLsn", toJson(status.replayLsn)},
        {"lastCommitAt", toJson(status.lastCommitAt)},
        {"timeline", toJson(status.timeline)},
    };
}

Json proofJson(const console::RestoreProof& proof)
{
    Json::Array steps;
    for (const auto& step : proof.steps)
        steps.push_back(Json::Object{{"name", step.name}, {"findings", toJson(step.findings)}});
    return Json::Object{
        {"backup", proof.backup.id},
        {"sound", proof.isGood()},
        {"reachedLsn", toJson(proof.outcome.reachedLsn)},
        {"lastCommitAt", toJson(proof.outcome.lastCommitAt)},
        {"steps", std::move(steps)},
        {"kept", proof.kept},
        {"destination", bytesJson(proof.outcome.destination)},
        {"instance", proof.outcome.instance},
    };
}

Json findingJson(const std::string& repository, const verify::Finding& finding)
{
    Json::Array files;
    for (const std::string& file : finding.files)
        files.push_back(bytesJson(file));
    return Json::Object{
        {"repository", repository},           {"object", finding.object},  {"what", finding.what},
        {"backups", toJson(finding.backups)}, {"files", std::move(files)},
    };
}

Json pathsJson(const std::vector<Path>& paths)
{
    Json::Array list;
    for (const Path& path : paths)
        list.push_back(model::bytesJson(path.native()));
    return list;
}

Json committedJson(const std::string& place, const rescue::Committed& committed)
{
    const auto texts = [](const std::vector<std::string>& list) {
        Json::Array array;
        for (const std::string& text : list)
            array.push_back(bytesJson(text));
        return array;
    };
    return Json::Object{
        {"place", place},
        {"old", pathsJson(committed.old)},
        {"statements", texts(committed.statements)},
        {"switchedOff", texts(committed.switchedOff)},
        {"walOnlyThere",
         committed.walOnlyThere ? Json(texts(*committed.walOnlyThere)) : Json(nullptr)},
    };
}

Json waitingJson(const rescue::Waiting& waiting)
{
    return Json::Object{
        {"directory", model::bytesJson(waiting.directory.native())},
        {"state", rescue::stageName(waiting.stage)},
        {"cluster", waiting.cluster},
        {"repository", waiting.repository},
        {"backup", waiting.backup},
        {"begunAt", model::toJson(waiting.begunAt)},
        {"old", pathsJson(waiting.old)},
    };
}

Json nearestJson(const finder::Nearest& nearest)
{
    Json::Array list;
    if (nearest.before)
        list.push_back(eventJson(*nearest.before));
    if (nearest.after)
        list.push_back(eventJson(*nearest.after));
    return list;
}

} // namespace salvor::cli
