#include "gui/models/restore_draft.h"

#include "core/base/text.h"

#include <algorithm>
#include <array>
#include <system_error>

namespace salvor::gui {
namespace {

constexpr int draftSchema = 1;
constexpr std::array<const char*, 7> stepNames = {"cluster", "moment", "where", "checks",
                                                  "review",  "run",    "result"};

Json pointToJson(const model::RecoveryTarget& target)
{
    Json::Object json;
    if (const auto* time = std::get_if<model::TimeTarget>(&target.point)) {
        json["kind"] = "time";
        json["at"] = formatMoment(time->at);
    } else if (const auto* lsn = std::get_if<model::LsnTarget>(&target.point)) {
        json["kind"] = "lsn";
        json["lsn"] = model::formatLsn(lsn->lsn);
    } else if (const auto* xid = std::get_if<model::XidTarget>(&target.point)) {
        json["kind"] = "xid";
        json["xid"] = std::to_string(xid->xid);
    } else if (const auto* name = std::get_if<model::RestorePointTarget>(&target.point)) {
        json["kind"] = "restore-point";
        json["name"] = name->name;
    } else if (std::holds_alternative<model::ImmediateTarget>(target.point)) {
        json["kind"] = "immediate";
    } else {
        json["kind"] = "latest";
    }
    json["exclusive"] = target.exclusive;
    return json;
}

Result<model::RecoveryTarget> pointFromJson(const Json& json)
{
    model::RecoveryTarget target;
    SALVOR_TRY(target.exclusive, json.boolAt("exclusive"));
    SALVOR_TRY(const std::string kind, json.stringAt("kind"));
    if (kind == "time") {
        SALVOR_TRY(const std::string text, json.stringAt("at"));
        SALVOR_TRY(const Moment at, parseMoment(text));
        target.point = model::TimeTarget{at};
    } else if (kind == "lsn") {
        SALVOR_TRY(const std::string text, json.stringAt("lsn"));
        SALVOR_TRY(const model::Lsn lsn, model::parseLsn(text));
        target.point = model::LsnTarget{lsn};
    } else if (kind == "xid") {
        SALVOR_TRY(const std::string text, json.stringAt("xid"));
        const auto xid = parseUnsigned(text);
        if (!xid)
            return fail(ErrorCode::Corrupt, "'" + text + "' is not a transaction id");
        target.point = model::XidTarget{*xid};
    } else if (kind == "restore-point") {
        SALVOR_TRY(std::string name, json.stringAt("name"));
        target.point = model::RestorePointTarget{std::move(name)};
    } else if (kind == "immediate") {
        target.point = model::ImmediateTarget{};
    } else if (kind != "latest") {
        return fail(ErrorCode::Corrupt, "'" + kind + "' is not a kind of target");
    }
    return target;
}

Result<> placeFromJson(const Json& json, console::RestoreChoice& choice)
{
    SALVOR_TRY(const std::string destination, json.stringAt("destination"));
    choice.destination = destination;
    SALVOR_TRY(choice.owner, json.stringAt("owner"));
    SALVOR_TRY(choice.startOptions.start, json.boolAt("start"));
    SALVOR_TRY(const std::int64_t port, json.integerAt("port"));
    if (port < 0 || port > 65535)
        return fail(ErrorCode::Corrupt, "'" + std::to_string(port) + "' is not a port");
    choice.startOptions.port = static_cast<int>(port);
    SALVOR_TRY(const std::string action, json.stringAt("action"));
    for (const auto one :
         {model::AtTarget::Pause, model::AtTarget::Promote, model::AtTarget::Shutdown})
        if (model::atTargetName(one) == action)
            choice.action = one;
    SALVOR_TRY(const Json::Object tablespaces, json.objectAt("tablespaces"));
    for (const auto& [oid, path] : tablespaces) {
        const auto number = parseUnsigned(oid);
        const std::string* place = path.asString();
        if (!number || *number > UINT32_MAX || place == nullptr)
            return fail(ErrorCode::Corrupt, "'" + oid + "' is not a tablespace");
        choice.tablespaces[static_cast<std::uint32_t>(*number)] = *place;
    }
    return {};
}

} // namespace

Json RestoreDraft::toJson() const
{
    Json::Object tablespaces;
    for (const auto& [oid, path] : choice.tablespaces)
        tablespaces[std::to_string(oid)] = path;
    Json::Object json;
    json["schema"] = draftSchema;
    json["id"] = id;
    json["step"] = stepNames.at(static_cast<std::size_t>(step));
    json["cluster"] = choice.cluster;
    json["backup"] = choice.backupId;
    json["target"] = pointToJson(choice.target);
    json["destination"] = choice.destination.string();
    json["owner"] = choice.owner;
    json["start"] = choice.startOptions.start;
    json["port"] = choice.startOptions.port;
    json["action"] =
        choice.action ? std::string(model::atTargetName(*choice.action)) : std::string();
    json["tablespaces"] = std::move(tablespaces);
    json["typedTime"] = typedTime;
    json["serverZone"] = serverZone;
    json["planHash"] = planHash;
    json["savedAt"] = formatMoment(savedAt);
    return json;
}

Result<RestoreDraft> RestoreDraft::fromJson(const Json& json)
{
    RestoreDraft draft;
    SALVOR_TRY(const std::int64_t schema, json.integerAt("schema"));
    if (schema != draftSchema)
        return fail(ErrorCode::Incompatible, "the draft has format " + std::to_string(schema));
    SALVOR_TRY(draft.id, json.stringAt("id"));
    SALVOR_TRY(const std::string step, json.stringAt("step"));
    const auto* const known = std::find(stepNames.begin(), stepNames.end(), step);
    if (known == stepNames.end())
        return fail(ErrorCode::Corrupt, "'" + step + "' is not a step");
    draft.step = static_cast<RestoreStep>(known - stepNames.begin());
    SALVOR_TRY(draft.choice.cluster, json.stringAt("cluster"));
    SALVOR_TRY(draft.choice.backupId, json.stringAt("backup"));
    SALVOR_TRY(const Json::Object target, json.objectAt("target"));
    SALVOR_TRY(draft.choice.target, pointFromJson(target));
    SALVOR_CHECK(placeFromJson(json, draft.choice));
    SALVOR_TRY(draft.typedTime, json.stringAt("typedTime"));
    SALVOR_TRY(draft.serverZone, json.stringAt("serverZone"));
    SALVOR_TRY(draft.planHash, json.stringAt("planHash"));
    SALVOR_TRY(const std::string savedAt, json.stringAt("savedAt"));
    SALVOR_TRY(draft.savedAt, parseMoment(savedAt));
    return draft;
}

Result<> DraftStore::save(const RestoreDraft& draft) const
{
    SALVOR_CHECK(createDirectories(m_folder));
    const std::string text = draft.toJson().prettyText();
    return writeFileDurably(m_folder / (draft.id + ".json"), asBytes(text));
}

Result<> DraftStore::remove(const std::string& id) const
{
    std::error_code error;
    const Path path = m_folder / (id + ".json");
    if (!std::filesystem::remove(path, error) && error)
        return failErrno(error.value(), "cannot remove " + quoted(path));
    return {};
}

std::optional<RestoreDraft> DraftStore::newest() const
{
    std::optional<RestoreDraft> newest;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(m_folder, error)) {
        if (entry.path().extension() != ".json")
            continue;
        const auto text = readTextFile(entry.path(), ByteCount{1} << 20U);
        if (!text.ok())
            continue;
        const auto json = Json::parse(*text);
        if (!json.ok())
            continue;
        auto draft = RestoreDraft::fromJson(*json);
        if (draft.ok() && draft->step != RestoreStep::Result
            && (!newest || newest->savedAt < draft->savedAt))
            newest = *std::move(draft);
    }
    return newest;
}

std::string newDraftId(Moment now)
{
    std::string id = "R-";
    for (const char c : formatMoment(now).substr(0, 19))
        if (c != '-' && c != ':')
            id += c;
    return id + "Z";
}

} // namespace salvor::gui
