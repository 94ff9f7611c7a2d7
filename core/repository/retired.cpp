#include "core/repository/retired.h"

#include "core/model/json_fields.h"
#include "core/repository/backup_object.h"
#include "core/repository/index.h"
#include "core/repository/lease.h"
#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using storage::ObjectKey;

ObjectKey holdKey(const std::string& cluster, const std::string& id)
{
    return "holds/" + cluster + "/" + id;
}

Result<model::Hold> holdFrom(const Json& json)
{
    model::Hold hold;
    SALVOR_TRY(hold.backupId, json.stringAt("backup"));
    SALVOR_TRY(hold.reason, json.stringAt("reason"));
    SALVOR_TRY(hold.by, json.stringAt("by"));
    SALVOR_TRY(hold.at, model::momentAt(json, "at"));
    SALVOR_TRY(hold.until, model::optionalAt(json, "until", model::momentAt));
    return hold;
}

/// Removes it from where it was, and puts it back there when somebody took it, at the same time,
/// from where it is now: of two who move it to and fro, the last one sees that it is in no place.
Result<> moveAway(const Repository& repository, const ObjectKey& from, const ObjectKey& to,
                  const BackupObject& asItWas)
{
    storage::Driver& driver = repository.driver();
    SALVOR_CHECK(driver.remove(from));
    const auto there = driver.stat(to);
    if (there.ok() || there.error().code != ErrorCode::NotFound)
        return there.ok() ? Result<>() : Result<>(there.error());
    return writeBackupObject(driver, repository.keys(), asItWas);
}

} // namespace

Result<> retire(const Repository& repository, const model::Backup& backup,
                const std::string& because, JobContext& job)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto lease,
               Lease::take(repository, backup.incarnation, Lease::Kind::Use, job));
    SALVOR_TRY(const BackupObject live,
               readBackupObject(driver, repository.keys(), backupKey(backup)));
    BackupObject retired = live;
    retired.retiredBecause = because;
    // Visible in one of the two places at any moment.
    SALVOR_CHECK(writeBackupObject(driver, repository.keys(), retired));
    return moveAway(repository, backupKey(backup), retiredKey(backup), live);
}

Result<std::vector<model::RetiredBackup>> retiredBackups(const Repository& repository,
                                                         const std::string& cluster)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto objects, storage::listObjects(driver, "retired/" + cluster + "/"));
    std::vector<model::RetiredBackup> all;
    for (const storage::ObjectInfo& found : objects) {
        auto object = readBackupObject(driver, repository.keys(), found.key);
        if (!object.ok() && object.error().code == ErrorCode::NotFound)
            continue; // It came back, or went for good, since the listing.
        if (!object.ok())
            return std::move(object).error();
        all.push_back(
            {std::move(object->backup), found.modifiedAt, std::move(object->retiredBecause)});
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.backup.startedAt < b.backup.startedAt;
    });
    return all;
}

Result<> bringBack(const Repository& repository, const model::Backup& backup, JobContext& job)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto lease,
               Lease::take(repository, backup.incarnation, Lease::Kind::Use, job));
    SALVOR_TRY(BackupObject object,
               readBackupObject(driver, repository.keys(), retiredKey(backup)));
    SALVOR_TRY(const auto missing, firstMissingPack(repository, backup.incarnation, object.packs));
    if (missing)
        job.events.warning("'" + *missing + "', which backup '" + backup.id
                           + "' names, is not there. 'salvorctl verify " + backup.id
                           + "' says what can be restored of it.");
    object.retiredBecause.clear();
    Result<> written = writeBackupObject(driver, repository.keys(), object);
    // Whoever was killed while retiring or bringing back left it in both places.
    if (!written.ok() && written.error().code != ErrorCode::AlreadyExists)
        return written;
    return moveAway(repository, retiredKey(backup), backupKey(backup), object);
}

Result<> hold(const Repository& repository, const model::Backup& backup, const model::Hold& hold)
{
    const ObjectKey key = holdKey(backup.incarnation.cluster, backup.id);
    const std::string text = Json(Json::Object{{"format", 1},
                                               {"backup", backup.id},
                                               {"reason", hold.reason},
                                               {"by", hold.by},
                                               {"at", model::toJson(hold.at)},
                                               {"until", model::toJson(hold.until)}})
                                 .text();
    return writeSealed(repository.driver(), repository.keys(), {"hold", key}, asBytes(text));
}

Result<> unhold(const Repository& repository, const model::Backup& backup)
{
    return repository.driver().remove(holdKey(backup.incarnation.cluster, backup.id));
}

Result<std::vector<model::Hold>> holds(const Repository& repository, const std::string& cluster)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto objects, storage::listObjects(driver, "holds/" + cluster + "/"));
    std::vector<model::Hold> all;
    for (const storage::ObjectInfo& found : objects) {
        const auto json = readSealedJson(driver, repository.keys(), "hold", found.key);
        if (!json.ok() && json.error().code == ErrorCode::NotFound)
            continue; // Taken away since the listing.
        if (!json.ok())
            return json.error();
        SALVOR_TRY(model::Hold each, holdFrom(*json).in("object '" + found.key + "'"));
        all.push_back(std::move(each));
    }
    return all;
}

} // namespace salvor::repository
