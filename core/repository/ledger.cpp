#include "core/repository/ledger.h"

#include "core/base/json.h"
#include "core/repository/parallel.h"
#include "core/repository/sealed_object.h"

namespace salvor::repository {

namespace {

using model::Verification;

constexpr std::size_t readers = 8;

std::string folderOf(const model::Backup& backup)
{
    return "verified/" + backup.incarnation.cluster + "/" + backup.id + "/";
}

Result<Verification> verificationFrom(const Json& json)
{
    Verification one;
    SALVOR_TRY(one.good, json.boolAt("good"));
    SALVOR_TRY(one.finding, json.stringAt("finding"));
    SALVOR_TRY(one.by, json.stringAt("by"));
    return one;
}

/// What a note says; nothing when it went with its backup since the listing, or is none of ours.
Result<std::optional<Verification>> readNote(const Repository& repository,
                                             const storage::ObjectInfo& object)
{
    const std::size_t slash = object.key.rfind('/');
    const std::size_t before = object.key.rfind('/', slash - 1);
    const auto level = model::parseAssurance(object.key.substr(slash + 1));
    if (!level)
        return std::optional<Verification>();
    const auto json =
        readSealedJson(repository.driver(), repository.keys(), "verification", object.key);
    if (!json.ok() && json.error().code == ErrorCode::NotFound)
        return std::optional<Verification>();
    auto note = json.ok() ? verificationFrom(*json) : Result<Verification>(json.error());
    if (!note.ok() && note.error().code != ErrorCode::Corrupt)
        return std::move(note).error();
    Verification one;
    if (note.ok())
        one = *std::move(note);
    else
        one.finding = "what was found then cannot be read: " + note.error().message;
    one.backupId = object.key.substr(before + 1, slash - before - 1);
    one.level = *level;
    one.at = object.modifiedAt;
    return std::optional(std::move(one));
}

} // namespace

Result<> noteVerification(const Repository& repository, const model::Backup& backup,
                          const Verification& verification)
{
    const std::string level(model::assuranceName(verification.level));
    const std::string text = Json(Json::Object{{"format", 1},
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
    std::vector<std::optional<Verification>> notes(objects.size());
    SALVOR_CHECK(inParallel(readers, objects.size(), [&](std::size_t i) -> Result<> {
        SALVOR_TRY(notes[i], readNote(repository, objects[i]));
        return {};
    }));
    std::vector<Verification> all;
    for (std::optional<Verification>& note : notes)
        if (note)
            all.push_back(*std::move(note));
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
