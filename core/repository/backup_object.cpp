#include "core/repository/backup_object.h"

#include "core/model/backup_json.h"
#include "core/repository/sealed_object.h"

namespace salvor::repository {

namespace {

Json idsJson(const std::vector<format::Id>& ids)
{
    Json::Array array;
    array.reserve(ids.size());
    for (const format::Id& id : ids)
        array.emplace_back(format::idText(id));
    return array;
}

Result<std::vector<format::Id>> idsAt(const Json& json, std::string_view name)
{
    SALVOR_TRY(const Json::Array array, json.arrayAt(name));
    std::vector<format::Id> ids;
    ids.reserve(array.size());
    for (const Json& element : array) {
        const std::string* text = element.asString();
        const Result<format::Id> id =
            text != nullptr ? format::parseId(*text) : fail(ErrorCode::Corrupt, "no text");
        if (!id.ok())
            return fail(ErrorCode::Corrupt, "member '" + std::string(name) + "' holds no ids");
        ids.push_back(*id);
    }
    return ids;
}

Result<BackupObject> parse(const Json& json)
{
    BackupObject object;
    const Json* backup = json.find("backup");
    if (backup == nullptr)
        return fail(ErrorCode::Corrupt, "member 'backup' is missing");
    SALVOR_TRY(object.backup, model::backupFromJson(*backup));
    SALVOR_TRY(object.tree, idsAt(json, "tree"));
    SALVOR_TRY(object.packs, idsAt(json, "packs"));
    if (json.find("retired") != nullptr) {
        SALVOR_TRY(object.retiredBecause, json.stringAt("retired"));
    }
    return object;
}

} // namespace

storage::ObjectKey backupKey(const model::Backup& backup)
{
    return "backups/" + backup.incarnation.cluster + "/" + backup.id;
}

storage::ObjectKey retiredKey(const model::Backup& backup)
{
    return "retired/" + backup.incarnation.cluster + "/" + backup.id;
}

Result<> writeBackupObject(storage::Driver& driver, const Keys& keys, const BackupObject& object)
{
    Json::Object members{{"format", 1},
                         {"backup", model::toJson(object.backup)},
                         {"tree", idsJson(object.tree)},
                         {"packs", idsJson(object.packs)}};
    const bool retired = !object.retiredBecause.empty();
    if (retired)
        members.emplace("retired", object.retiredBecause);
    const std::string text = Json(std::move(members)).text();
    const storage::ObjectKey key = retired ? retiredKey(object.backup) : backupKey(object.backup);
    return writeSealed(driver, keys, {"backup", key}, asBytes(text),
                       {.size = {}, .onlyIfAbsent = !retired});
}

Result<BackupObject> readBackupObject(storage::Driver& driver, const Keys& keys,
                                      const storage::ObjectKey& key)
{
    SALVOR_TRY(const Json json, readSealedJson(driver, keys, "backup", key));
    return parse(json).in("object '" + key + "'");
}

} // namespace salvor::repository
