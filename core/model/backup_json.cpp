#include "core/model/backup_json.h"

#include "core/model/json_fields.h"

namespace salvor::model {

namespace {

Json incarnationJson(const Incarnation& incarnation)
{
    return Json::Object{
        {"cluster", incarnation.cluster},
        {"number", incarnation.number},
        {"systemIdentifier", wideJson(incarnation.identity.systemIdentifier)},
        {"majorVersion", incarnation.identity.majorVersion},
        {"segmentSize", incarnation.identity.segmentSize},
    };
}

Result<Incarnation> incarnationFromJson(const Json& json)
{
    Incarnation incarnation;
    SALVOR_TRY(incarnation.cluster, json.stringAt("cluster"));
    SALVOR_TRY(incarnation.number, word32At(json, "number"));
    SALVOR_TRY(incarnation.identity.systemIdentifier, wideAt(json, "systemIdentifier"));
    SALVOR_TRY(incarnation.identity.majorVersion, intAt(json, "majorVersion"));
    SALVOR_TRY(incarnation.identity.segmentSize, json.unsignedAt("segmentSize"));
    return incarnation;
}

Json tablespaceJson(const Tablespace& tablespace)
{
    return Json::Object{{"oid", tablespace.oid}, {"path", bytesJson(tablespace.path)}};
}

Result<Tablespace> tablespaceFromJson(const Json& json)
{
    Tablespace tablespace;
    SALVOR_TRY(tablespace.oid, word32At(json, "oid"));
    SALVOR_TRY(tablespace.path, bytesAt(json, "path"));
    return tablespace;
}

Json damagedJson(const DamagedPages& damaged)
{
    return Json::Object{
        {"path", bytesJson(damaged.path)},
        {"blocks", Json::Array(damaged.blocks.begin(), damaged.blocks.end())},
    };
}

Result<DamagedPages> damagedFromJson(const Json& json)
{
    DamagedPages damaged;
    SALVOR_TRY(damaged.path, bytesAt(json, "path"));
    SALVOR_TRY(damaged.blocks,
               listAt(json, "blocks", [](const Json& block) -> Result<std::uint32_t> {
                   const std::int64_t* number = block.asInteger();
                   if (number == nullptr || *number < 0 || *number > 0xffffffffLL)
                       return fail(ErrorCode::Corrupt, "member 'blocks' holds no block number");
                   return static_cast<std::uint32_t>(*number);
               }));
    return damaged;
}

Result<BackupMode> modeAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string name, json.stringAt(key));
    for (const BackupMode mode : {BackupMode::Host, BackupMode::Stream})
        if (name == backupModeName(mode))
            return mode;
    return fail(ErrorCode::Corrupt, "there is no backup mode '" + name + "'");
}

Result<std::map<std::string, std::string>> annotationsAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const Json::Object members, json.objectAt(key));
    std::map<std::string, std::string> annotations;
    for (const auto& [name, text] : members) {
        if (text.asString() == nullptr)
            return fail(ErrorCode::Corrupt, "annotation '" + name + "' is no text");
        annotations.emplace(name, *text.asString());
    }
    return annotations;
}

/// Who made it, when and from what.
Result<> readOrigin(const Json& json, Backup& backup)
{
    SALVOR_TRY(backup.id, json.stringAt("id"));
    const Json* incarnation = json.find("incarnation");
    SALVOR_TRY(backup.incarnation,
               incarnationFromJson(incarnation == nullptr ? Json() : *incarnation)
                   .in("member 'incarnation'"));
    SALVOR_TRY(backup.mode, modeAt(json, "mode"));
    SALVOR_TRY(backup.fromStandby, json.boolAt("fromStandby"));
    SALVOR_TRY(backup.serverVersion, intAt(json, "serverVersion"));
    SALVOR_TRY(backup.toolVersion, json.stringAt("toolVersion"));
    SALVOR_TRY(backup.host, bytesAt(json, "host"));
    SALVOR_TRY(backup.startedAt, momentAt(json, "startedAt"));
    SALVOR_TRY(backup.finishedAt, momentAt(json, "finishedAt"));
    SALVOR_TRY(backup.timeline, timelineAt(json, "timeline"));
    SALVOR_TRY(backup.startLsn, lsnAt(json, "startLsn"));
    SALVOR_TRY(backup.stopLsn, lsnAt(json, "stopLsn"));
    return {};
}

/// What it holds.
Result<> readContents(const Json& json, Backup& backup)
{
    SALVOR_TRY(backup.pageChecksums, json.boolAt("pageChecksums"));
    SALVOR_TRY(backup.damaged, listAt(json, "damaged", damagedFromJson));
    SALVOR_TRY(backup.dataDirectory, bytesAt(json, "dataDirectory"));
    SALVOR_TRY(backup.tablespaces, listAt(json, "tablespaces", tablespaceFromJson));
    SALVOR_TRY(backup.owner, bytesAt(json, "owner"));
    SALVOR_TRY(backup.group, bytesAt(json, "group"));
    SALVOR_TRY(backup.fileCount, json.unsignedAt("fileCount"));
    SALVOR_TRY(backup.logicalSize, json.unsignedAt("logicalSize"));
    SALVOR_TRY(backup.storedSize, json.unsignedAt("storedSize"));
    SALVOR_TRY(backup.newSize, json.unsignedAt("newSize"));
    // Backups of Salvor 0.1 do not have these.
    if (json.find("readSize") != nullptr) {
        SALVOR_TRY(backup.readSize, json.unsignedAt("readSize"));
        SALVOR_TRY(backup.basis, json.stringAt("basis"));
    }
    if (json.find("filesystemTime") != nullptr) {
        SALVOR_TRY(backup.filesystemTime, momentAt(json, "filesystemTime"));
    }
    SALVOR_TRY(backup.annotations, annotationsAt(json, "annotations"));
    return {};
}

} // namespace

Json toJson(const Backup& backup)
{
    Json::Object annotations;
    for (const auto& [name, text] : backup.annotations)
        annotations.emplace(name, text);
    Json::Object members{
        {"id", backup.id},
        {"incarnation", incarnationJson(backup.incarnation)},
        {"mode", backupModeName(backup.mode)},
        {"fromStandby", backup.fromStandby},
        {"serverVersion", backup.serverVersion},
        {"toolVersion", backup.toolVersion},
        {"host", bytesJson(backup.host)},
        {"startedAt", toJson(backup.startedAt)},
        {"finishedAt", toJson(backup.finishedAt)},
        {"timeline", toJson(backup.timeline)},
        {"startLsn", toJson(backup.startLsn)},
        {"stopLsn", toJson(backup.stopLsn)},
        {"pageChecksums", backup.pageChecksums},
        {"damaged", listJson(backup.damaged, damagedJson)},
        {"dataDirectory", bytesJson(backup.dataDirectory)},
        {"tablespaces", listJson(backup.tablespaces, tablespaceJson)},
        {"owner", bytesJson(backup.owner)},
        {"group", bytesJson(backup.group)},
        {"fileCount", backup.fileCount},
        {"logicalSize", backup.logicalSize},
        {"storedSize", backup.storedSize},
        {"newSize", backup.newSize},
        {"readSize", backup.readSize},
        {"basis", backup.basis},
        {"annotations", std::move(annotations)},
    };
    if (backup.filesystemTime)
        members.emplace("filesystemTime", toJson(*backup.filesystemTime));
    return members;
}

Result<Backup> backupFromJson(const Json& json)
{
    Backup backup;
    SALVOR_CHECK(readOrigin(json, backup).in("description of a backup"));
    SALVOR_CHECK(readContents(json, backup).in("description of backup '" + backup.id + "'"));
    return backup;
}

} // namespace salvor::model
