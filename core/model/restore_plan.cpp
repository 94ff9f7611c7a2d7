#include "core/model/restore_plan.h"

#include "core/base/text.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"

#include <array>

namespace salvor::model {

namespace {

constexpr std::int64_t planSchema = 1;

struct PointJson {
    Json operator()(const LatestTarget& /*point*/) const
    {
        return Json::Object{{"kind", "latest"}};
    }
    Json operator()(const ImmediateTarget& /*point*/) const
    {
        return Json::Object{{"kind", "immediate"}};
    }
    Json operator()(const TimeTarget& point) const
    {
        return Json::Object{{"kind", "time"}, {"at", toJson(point.at)}};
    }
    Json operator()(const LsnTarget& point) const
    {
        return Json::Object{{"kind", "lsn"}, {"lsn", toJson(point.lsn)}};
    }
    Json operator()(const XidTarget& point) const
    {
        return Json::Object{{"kind", "xid"}, {"xid", wideJson(point.xid)}};
    }
    Json operator()(const RestorePointTarget& point) const
    {
        return Json::Object{{"kind", "restorePoint"}, {"name", bytesJson(point.name)}};
    }
};

using Point = decltype(RecoveryTarget::point);

Result<Point> pointFromJson(const Json& json)
{
    SALVOR_TRY(const std::string kind, json.stringAt("kind"));
    if (kind == "latest")
        return Point(LatestTarget{});
    if (kind == "immediate")
        return Point(ImmediateTarget{});
    if (kind == "time") {
        SALVOR_TRY(const Moment at, momentAt(json, "at"));
        return Point(TimeTarget{at});
    }
    if (kind == "lsn") {
        SALVOR_TRY(const Lsn lsn, lsnAt(json, "lsn"));
        return Point(LsnTarget{lsn});
    }
    if (kind == "xid") {
        SALVOR_TRY(const std::uint64_t xid, wideAt(json, "xid"));
        return Point(XidTarget{xid});
    }
    if (kind == "restorePoint") {
        SALVOR_TRY(std::string name, bytesAt(json, "name"));
        return Point(RestorePointTarget{std::move(name)});
    }
    return fail(ErrorCode::Corrupt, "there is no recovery target of kind '" + kind + "'");
}

Json targetJson(const RecoveryTarget& target)
{
    return Json::Object{
        {"point", std::visit(PointJson{}, target.point)},
        {"exclusive", target.exclusive},
        {"timeline", toJson(target.timeline)},
        {"currentTimeline", target.currentTimeline},
    };
}

Result<RecoveryTarget> targetFromJson(const Json& json)
{
    RecoveryTarget target;
    SALVOR_TRY(const Json::Object point, json.objectAt("point"));
    SALVOR_TRY(target.point, pointFromJson(point));
    SALVOR_TRY(target.exclusive, json.boolAt("exclusive"));
    SALVOR_TRY(target.timeline, optionalAt(json, "timeline", timelineAt));
    SALVOR_TRY(target.currentTimeline, json.boolAt("currentTimeline"));
    return target;
}

Json resolvedJson(const ResolvedTarget& target)
{
    return Json::Object{
        {"timeline", toJson(target.timeline)},
        {"lsn", toJson(target.lsn)},
        {"inclusive", target.inclusive},
        {"replayEnd", toJson(target.replayEnd)},
        {"lastCommitAt", toJson(target.lastCommitAt)},
        {"lastCommitLsn", toJson(target.lastCommitLsn)},
        {"words", target.words},
    };
}

Result<ResolvedTarget> resolvedFromJson(const Json& json)
{
    ResolvedTarget target;
    SALVOR_TRY(target.timeline, timelineAt(json, "timeline"));
    SALVOR_TRY(target.lsn, optionalAt(json, "lsn", lsnAt));
    SALVOR_TRY(target.inclusive, json.boolAt("inclusive"));
    SALVOR_TRY(target.replayEnd, optionalAt(json, "replayEnd", lsnAt));
    SALVOR_TRY(target.lastCommitAt, optionalAt(json, "lastCommitAt", momentAt));
    SALVOR_TRY(target.lastCommitLsn, optionalAt(json, "lastCommitLsn", lsnAt));
    SALVOR_TRY(target.words, json.stringAt("words"));
    return target;
}

constexpr std::array actions{AtTarget::Pause, AtTarget::Promote, AtTarget::Shutdown};

Result<AtTarget> actionAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string name, json.stringAt(key));
    for (const AtTarget action : actions)
        if (name == atTargetName(action))
            return action;
    return fail(ErrorCode::Corrupt, "there is no action '" + name + "' at the target");
}

std::string_view levelName(Check::Level level)
{
    switch (level) {
    case Check::Level::Blocker:
        return "blocker";
    case Check::Level::Warning:
        return "warning";
    case Check::Level::Note:
        return "note";
    case Check::Level::Passed:
        return "passed";
    }
    return "passed";
}

Result<Check::Level> levelAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string name, json.stringAt(key));
    for (const Check::Level level :
         {Check::Level::Blocker, Check::Level::Warning, Check::Level::Note, Check::Level::Passed})
        if (name == levelName(level))
            return level;
    return fail(ErrorCode::Corrupt, "there is no level '" + name + "' of a check");
}

Json checkJson(const Check& check)
{
    return Json::Object{
        {"level", levelName(check.level)},
        {"name", check.name},
        {"found", check.found},
        {"cause", check.cause},
        {"fix", check.fix},
    };
}

Result<Check> checkFromJson(const Json& json)
{
    Check check;
    SALVOR_TRY(check.level, levelAt(json, "level"));
    SALVOR_TRY(check.name, json.stringAt("name"));
    SALVOR_TRY(check.found, json.stringAt("found"));
    SALVOR_TRY(check.cause, json.stringAt("cause"));
    SALVOR_TRY(check.fix, json.stringAt("fix"));
    return check;
}

Json rangeJson(const WalRange& range)
{
    return Json::Object{
        {"timeline", toJson(range.timeline)},
        {"firstSegment", wideJson(range.firstSegment)},
        {"lastSegment", wideJson(range.lastSegment)},
    };
}

Result<WalRange> rangeFromJson(const Json& json)
{
    WalRange range;
    SALVOR_TRY(range.timeline, timelineAt(json, "timeline"));
    SALVOR_TRY(range.firstSegment, wideAt(json, "firstSegment"));
    SALVOR_TRY(range.lastSegment, wideAt(json, "lastSegment"));
    return range;
}

Json sizesJson(const ReplaySizes& sizes)
{
    return Json::Object{
        {"maxConnections", sizes.maxConnections},
        {"maxWorkerProcesses", sizes.maxWorkerProcesses},
        {"maxWalSenders", sizes.maxWalSenders},
        {"maxPreparedTransactions", sizes.maxPreparedTransactions},
        {"maxLocksPerTransaction", sizes.maxLocksPerTransaction},
    };
}

Result<ReplaySizes> sizesAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const Json::Object members, json.objectAt(key));
    ReplaySizes sizes;
    SALVOR_TRY(sizes.maxConnections, intAt(members, "maxConnections"));
    SALVOR_TRY(sizes.maxWorkerProcesses, intAt(members, "maxWorkerProcesses"));
    SALVOR_TRY(sizes.maxWalSenders, intAt(members, "maxWalSenders"));
    SALVOR_TRY(sizes.maxPreparedTransactions, intAt(members, "maxPreparedTransactions"));
    SALVOR_TRY(sizes.maxLocksPerTransaction, intAt(members, "maxLocksPerTransaction"));
    return sizes;
}

Result<std::map<std::uint32_t, std::string>> tablespacesAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const Json::Object members, json.objectAt(key));
    std::map<std::uint32_t, std::string> tablespaces;
    for (const auto& [name, path] : members) {
        const auto oid = parseUnsigned(name);
        if (!oid || *oid > 0xffffffffU)
            return fail(ErrorCode::Corrupt, "'" + name + "' is no OID of a tablespace");
        SALVOR_TRY(std::string bytes, bytesAt(members, name));
        tablespaces.emplace(static_cast<std::uint32_t>(*oid), std::move(bytes));
    }
    return tablespaces;
}

/// What is restored from where, and to which point.
Result<> readSource(const Json& json, RestorePlan& plan)
{
    SALVOR_TRY(plan.repository, json.stringAt("repository"));
    SALVOR_TRY(plan.repositoryId, json.stringAt("repositoryId"));
    SALVOR_TRY(plan.cluster, json.stringAt("cluster"));
    SALVOR_TRY(const Json::Object backup, json.objectAt("backup"));
    SALVOR_TRY(plan.backup, backupFromJson(backup));
    SALVOR_TRY(plan.backupChosenBecause, json.stringAt("backupChosenBecause"));
    SALVOR_TRY(const Json::Object asked, json.objectAt("asked"));
    SALVOR_TRY(plan.asked, targetFromJson(asked).in("member 'asked'"));
    SALVOR_TRY(const Json::Object target, json.objectAt("target"));
    SALVOR_TRY(plan.target, resolvedFromJson(target).in("member 'target'"));
    SALVOR_TRY(plan.action, actionAt(json, "action"));
    SALVOR_TRY(plan.walNeeded, listAt(json, "walNeeded", rangeFromJson));
    SALVOR_TRY(plan.replaySizes, sizesAt(json, "replaySizes"));
    return {};
}

/// Where it goes, and what that means.
Result<> readDestination(const Json& json, RestorePlan& plan)
{
    SALVOR_TRY(plan.destination, bytesAt(json, "destination"));
    SALVOR_TRY(plan.tablespaces, tablespacesAt(json, "tablespaces"));
    SALVOR_TRY(plan.owner, bytesAt(json, "owner"));
    SALVOR_TRY(plan.startOptions.start, json.boolAt("start"));
    SALVOR_TRY(plan.startOptions.port, intAt(json, "port"));
    SALVOR_TRY(plan.bytesToWrite, json.unsignedAt("bytesToWrite"));
    SALVOR_TRY(plan.bytesToFetch, json.unsignedAt("bytesToFetch"));
    SALVOR_TRY(plan.creates, textsAt(json, "creates"));
    SALVOR_TRY(plan.destroys, textsAt(json, "destroys"));
    SALVOR_TRY(plan.losses, textsAt(json, "losses"));
    SALVOR_TRY(plan.commands, textsAt(json, "commands"));
    SALVOR_TRY(plan.checks, listAt(json, "checks", checkFromJson));
    SALVOR_TRY(plan.madeAt, momentAt(json, "madeAt"));
    return {};
}

Result<> readPlan(const Json& json, RestorePlan& plan)
{
    SALVOR_TRY(const std::int64_t schema, json.integerAt("schema"));
    if (schema != planSchema)
        return fail(ErrorCode::Incompatible,
                    "the plan has schema " + std::to_string(schema) + ", this program knows "
                        + std::to_string(planSchema),
                    "Make the plan anew with this program, or run it with the one that made it.");
    SALVOR_CHECK(readSource(json, plan));
    SALVOR_CHECK(readDestination(json, plan));
    if (const Json* member = json.find("inPlace")) {
        SALVOR_TRY(plan.inPlace, inPlaceFromJson(*member).in("member 'inPlace'"));
    }
    return {};
}

} // namespace

Json renameJson(const InPlace::Rename& rename)
{
    return Json::Object{{"from", bytesJson(rename.from)},
                        {"to", bytesJson(rename.to)},
                        {"inode", wideJson(rename.inode)}};
}

Result<InPlace::Rename> renameFromJson(const Json& json)
{
    InPlace::Rename rename;
    SALVOR_TRY(rename.from, bytesAt(json, "from"));
    SALVOR_TRY(rename.to, bytesAt(json, "to"));
    SALVOR_TRY(rename.inode, wideAt(json, "inode"));
    return rename;
}

Json toJson(const InPlace& inPlace)
{
    return Json::Object{
        {"setsAside", listJson(inPlace.setsAside, renameJson)},
        {"accepts", inPlace.accepts},
        {"goesOn", inPlace.goesOn},
        {"words", toJson(inPlace.words)},
    };
}

Result<InPlace> inPlaceFromJson(const Json& json)
{
    InPlace inPlace;
    SALVOR_TRY(inPlace.setsAside, listAt(json, "setsAside", renameFromJson));
    SALVOR_TRY(inPlace.accepts, json.stringAt("accepts"));
    SALVOR_TRY(inPlace.goesOn, json.boolAt("goesOn"));
    SALVOR_TRY(inPlace.words, textsAt(json, "words"));
    return inPlace;
}

std::string_view restoreStateName(RestoreState state) noexcept
{
    switch (state) {
    case RestoreState::Files:
        return "files";
    case RestoreState::Reached:
        return "reached";
    case RestoreState::Answered:
        return "answered";
    }
    return "files";
}

Json RestorePlan::toJson() const
{
    Json::Object newPaths;
    for (const auto& [oid, path] : tablespaces)
        newPaths.emplace(std::to_string(oid), bytesJson(path));
    Json::Object members{
        {"schema", planSchema},
        {"repository", repository},
        {"repositoryId", repositoryId},
        {"cluster", cluster},
        {"backup", model::toJson(backup)},
        {"backupChosenBecause", backupChosenBecause},
        {"asked", targetJson(asked)},
        {"target", resolvedJson(target)},
        {"action", atTargetName(action)},
        {"walNeeded", listJson(walNeeded, rangeJson)},
        {"replaySizes", sizesJson(replaySizes)},
        {"destination", bytesJson(destination)},
        {"tablespaces", std::move(newPaths)},
        {"owner", bytesJson(owner)},
        {"start", startOptions.start},
        {"port", startOptions.port},
        {"bytesToWrite", bytesToWrite},
        {"bytesToFetch", bytesToFetch},
        {"creates", model::toJson(creates)},
        {"destroys", model::toJson(destroys)},
        {"losses", model::toJson(losses)},
        {"commands", model::toJson(commands)},
        {"checks", listJson(checks, checkJson)},
        {"madeAt", model::toJson(madeAt)},
    };
    if (inPlace)
        members.emplace("inPlace", model::toJson(*inPlace));
    return members;
}

Result<RestorePlan> RestorePlan::fromJson(const Json& json)
{
    RestorePlan plan;
    Result<> read = readPlan(json, plan);
    if (read.ok())
        return plan;
    // A plan is handed in by a person, so a member that does not fit is their input, not storage.
    Error error = std::move(read).error().in("not a restore plan");
    if (error.code == ErrorCode::Corrupt)
        error.code = ErrorCode::InvalidInput;
    return error;
}

} // namespace salvor::model
