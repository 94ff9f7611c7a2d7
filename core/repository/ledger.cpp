#include "core/repository/ledger.h"

#include "core/base/json.h"
#include "core/repository/sealed_object.h"

namespace salvor::repository {

namespace {

using model::Verification;

std::string folderOf(const model::Backup& backup)
{
    return "verified/" + backup.incarnation.cluster + "/" + backup.id + "/";
}

Result<Verification> verificationFrom(const Json& json)
{
    Verification one;
    SALVOR_TRY(one.backupId, json.stringAt("backup"));
    SALVOR_TRY(const std::string level, json.stringAt("level"));
    const auto parsed = model::parseAssurance(level);
    if (!parsed)
        return fail(ErrorCode::Corrupt, "'" + level + "' is no level of a verification");
    one.level = *parsed;
    SALVOR_TRY(one.good, json.boolAt("good"));
    SALVOR_TRY(one.finding, json.stringAt("finding"));
    SALVOR_TRY(one.by, json.stringAt("by"));
    return one;
}

} // namespace

Result<> noteVerification(const Repository& repository, const model::Backup& backup,
                          const Verification& verification)
{
    const std::string level(model::assuranceName(verification.level));
    const std::string text = Json(Json::Object{{"format", 1},
                                               {"backup", backup.id},
                                               {"level", level},
                                               {"good", verification.good},
                                               {"finding", verification.finding},
                                               {"by", verification.by}})
                                 .text();
    const storage::ObjectKey key = folderOf(backup) + level;
    return writeSealed(repository.driver(), repository.keys(), {"verification", key},
                       asBytes(text));
}

Result<std::vector<Verification>> verifications(const Repository& repository,
                                                const std::string& cluster)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto objects, storage::listObjects(driver, "verified/" + cluster + "/"));
    std::vector<Verification> all;
    for (const storage::ObjectInfo& found : objects) {
        const auto json = readSealedJson(driver, repository.keys(), "verification", found.key);
        if (!json.ok() && json.error().code == ErrorCode::NotFound)
            continue; // It went with its backup since the listing.
        if (!json.ok())
            return json.error();
        SALVOR_TRY(Verification one, verificationFrom(*json).in("object '" + found.key + "'"));
        one.at = found.modifiedAt;
        all.push_back(std::move(one));
    }
    return all;
}

Result<> forgetVerifications(const Repository& repository, const model::Backup& backup)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto objects, storage::listObjects(driver, folderOf(backup)));
    for (const storage::ObjectInfo& object : objects)
        SALVOR_CHECK(driver.remove(object.key));
    return {};
}

} // namespace salvor::repository
