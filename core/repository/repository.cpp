#include "core/repository/repository.h"

#include "core/base/text.h"
#include "core/crypto/random.h"
#include "core/repository/index.h"
#include "core/repository/key_slot.h"

#include <algorithm>
#include <array>

namespace salvor::repository {

namespace {

constexpr const char* infoKey = "salvor.json";
constexpr const char* slotPrefix = "keys/";
constexpr ByteCount smallObjectLimit = ByteCount{1} << 20U;

struct InfoObject {
    RepositoryInfo info;
    Secret idKey; ///< Of a plain repository.
};

Result<Json> readJson(storage::Driver& driver, const storage::ObjectKey& key)
{
    SALVOR_TRY(const Bytes content, storage::readObject(driver, key, {}, smallObjectLimit));
    Result<Json> json = Json::parse(asText(content));
    if (!json.ok())
        return fail(ErrorCode::Corrupt, "object '" + key + "' is not JSON");
    return json;
}

Result<InfoObject> parseInfo(const Json& json)
{
    InfoObject object;
    SALVOR_TRY(const std::int64_t format, json.integerAt("format"));
    if (format != 1)
        return fail(ErrorCode::Incompatible,
                    "repository format " + std::to_string(format)
                        + " found, this program supports format 1",
                    "Use a newer Salvor.");
    SALVOR_TRY(object.info.id, json.stringAt("id"));
    SALVOR_TRY(const std::string created, json.stringAt("created"));
    SALVOR_TRY(const std::string encryption, json.stringAt("encryption"));
    const Result<Moment> createdAt = parseMoment(created);
    if (!createdAt.ok())
        return fail(ErrorCode::Corrupt, "member 'created' is not a time");
    object.info.createdAt = *createdAt;
    object.info.encrypted = encryption != "none";
    if (object.info.encrypted) {
        if (encryption != "aes-256-gcm")
            return fail(ErrorCode::Incompatible,
                        "repository encryption '" + encryption
                            + "' found, this program supports 'aes-256-gcm' and 'none'",
                        "Use a newer Salvor.");
        return object;
    }
    SALVOR_TRY(const std::string text, json.stringAt("idKey"));
    const Result<Bytes> idKey = fromHex(text);
    if (!idKey.ok() || idKey->size() != 32)
        return fail(ErrorCode::Corrupt, "member 'idKey' does not have 64 hexadecimal digits");
    object.idKey = Secret(ByteView(*idKey));
    return object;
}

Result<InfoObject> readInfo(storage::Driver& driver)
{
    Result<Json> json = readJson(driver, infoKey);
    if (!json.ok() && json.error().code == ErrorCode::NotFound)
        return fail(
            ErrorCode::NotReady, "no repository at '" + driver.location() + "'",
            "If it lies on a disk that is not mounted, mount it. Else correct the url, or make a "
            "new one with salvorctl repo init.");
    SALVOR_TRY(const Json found, std::move(json).in("repository '" + driver.location() + "'"));
    return parseInfo(found).in("repository '" + driver.location() + "': object 'salvor.json'");
}

Result<> writeText(storage::Driver& driver, const storage::ObjectKey& key, const Json& json,
                   const storage::WriteOptions& how)
{
    const std::string text = json.text() + "\n";
    return storage::writeObject(driver, key, asBytes(text), how);
}

/// Removes what an interrupted init left; refuses any other content.
Result<> clearPlace(storage::Driver& driver)
{
    std::vector<storage::ObjectKey> leftOver;
    const auto look = [&](const storage::ObjectInfo& object) -> Result<> {
        if (object.key == infoKey)
            return fail(ErrorCode::AlreadyExists,
                        "there is a repository at '" + driver.location() + "' already",
                        "Use it as it is, or choose another place.");
        if (!object.key.starts_with(slotPrefix))
            return fail(ErrorCode::AlreadyExists,
                        "'" + driver.location() + "' is not empty: it holds '" + object.key + "'",
                        "Choose an empty place.");
        leftOver.push_back(object.key);
        return {};
    };
    SALVOR_CHECK(driver.list("", look));
    for (const storage::ObjectKey& key : leftOver)
        SALVOR_CHECK(driver.remove(key));
    return {};
}

Result<Keys> newPlainKeys()
{
    Keys keys;
    SALVOR_TRY(const Bytes idKey, crypto::randomBytes(32));
    keys.idKey = Secret(ByteView(idKey));
    return keys;
}

/// What a new repository seals and names its objects with.
Result<Keys> keysFor(const InitOptions& options)
{
    if (options.copyOf == nullptr)
        return options.encrypted ? newKeys() : newPlainKeys();
    const Keys& theirs = options.copyOf->keys();
    if (theirs.encrypted != options.encrypted)
        return fail(ErrorCode::InvalidInput,
                    std::string("a copy of ") + (theirs.encrypted ? "an encrypted" : "a plain")
                        + " repository is one, too",
                    theirs.encrypted ? "Take 'encryption = none' out of its section."
                                     : "Write 'encryption = none' into its section.");
    Keys keys;
    if (!theirs.encrypted) {
        keys.idKey = theirs.idKey.duplicate();
        return keys;
    }
    if (theirs.masterKey.empty())
        return fail(ErrorCode::Denied, "a writer's key cannot make a copy of a repository",
                    "Open the repository that is to be copied with a reader's key.");
    return keysOfReader(theirs.masterKey.reveal(), theirs.privateKey.reveal());
}

/// Counts slots that kept keys from being read, so that the message can tell.
Result<Keys> openAnySlot(storage::Driver& driver, const RepositoryInfo& info, const Unlock& unlock)
{
    SALVOR_TRY(const auto objects, storage::listObjects(driver, slotPrefix));
    std::optional<Error> damage;
    for (const storage::ObjectInfo& object : objects) {
        Result<Json> json = readJson(driver, object.key);
        Result<std::optional<Keys>> keys = json.ok() ? openSlot(info.id, *json, unlock)
                                                     : Result<std::optional<Keys>>(json.error());
        if (keys.ok() && keys->has_value()) {
            (*keys)->slot = object.key.substr(std::string_view(slotPrefix).size());
            return std::move(**keys);
        }
        // Another slot may still open: one that is damaged matters only when none does.
        if (!keys.ok() && keys.error().code == ErrorCode::NotFound)
            continue;
        if (!keys.ok()) {
            const ErrorCode code = keys.error().code;
            if (code != ErrorCode::Corrupt && code != ErrorCode::Incompatible)
                return std::move(keys).error();
            damage = std::move(keys).error().in("key slot '" + object.key + "'");
        }
    }
    const std::string hint =
        damage ? "One slot cannot be read: " + damage->message + "."
               : std::string("Nothing was changed. Check what the configuration names for this "
                             "repository: key-file, key-command, or the "
                             "passphrase that was given.");
    return fail(ErrorCode::Denied, "the key does not open the repository", hint);
}

} // namespace

Repository::Repository(std::shared_ptr<storage::Driver> driver, RepositoryInfo info, Keys keys)
    : m_driver(std::move(driver))
    , m_info(std::move(info))
    , m_keys(std::move(keys))
    , m_cache(std::make_unique<IndexCache>())
{}

Repository::~Repository() = default;

Result<RepositoryInfo> Repository::init(storage::Driver& driver, const InitOptions& options)
{
    SALVOR_TRY(const Keys keys, keysFor(options));
    SALVOR_CHECK(clearPlace(driver));
    RepositoryInfo info;
    SALVOR_TRY(const Bytes id, crypto::randomBytes(16));
    info.id = toHex(id);
    info.encrypted = options.encrypted;
    info.createdAt = systemClock().now();
    Json::Object content{{"format", info.format},
                         {"id", info.id},
                         {"created", formatMoment(info.createdAt)},
                         {"encryption", info.encrypted ? "aes-256-gcm" : "none"}};
    if (options.encrypted) {
        SALVOR_TRY(const NewSlot first,
                   sealSlot(info.id, keys, options.firstKey, SlotAccess::Reader, options.label));
        SALVOR_CHECK(writeText(driver, slotPrefix + first.slot.id, first.content, {}));
    } else {
        content.emplace("idKey", toHex(keys.idKey.reveal()));
    }
    // Last, and only if absent: it makes the repository one, and of two inits one loses.
    SALVOR_CHECK(writeText(driver, infoKey, content, {.size = {}, .onlyIfAbsent = true})
                     .in("repository '" + driver.location() + "'"));
    return info;
}

Result<RepositoryInfo> Repository::probe(storage::Driver& driver)
{
    SALVOR_TRY(InfoObject object, readInfo(driver));
    return object.info;
}

Result<std::unique_ptr<Repository>> Repository::open(std::shared_ptr<storage::Driver> driver,
                                                     const Unlock& unlock)
{
    SALVOR_TRY(InfoObject object, readInfo(*driver));
    const bool hasKey = unlock.kind != Unlock::Kind::None;
    if (object.info.encrypted && !hasKey)
        return fail(ErrorCode::Denied, "the repository is encrypted and no key was given",
                    "Name a key file or give the passphrase.");
    // Otherwise whoever can write to the store could make us write in the clear.
    if (!object.info.encrypted && hasKey)
        return fail(ErrorCode::Denied,
                    "the repository at '" + driver->location()
                        + "' is not encrypted, but a key was given",
                    "If it was made without encryption, say so (encryption = none); otherwise "
                    "somebody has replaced it.");
    Keys keys;
    if (object.info.encrypted) {
        SALVOR_TRY(keys, openAnySlot(*driver, object.info, unlock));
    } else {
        keys.idKey = std::move(object.idKey);
    }
    return std::unique_ptr<Repository>(
        new Repository(std::move(driver), std::move(object.info), std::move(keys)));
}

Result<std::vector<KeySlot>> Repository::slots() const
{
    std::vector<KeySlot> slots;
    SALVOR_TRY(const auto objects, storage::listObjects(*m_driver, slotPrefix));
    for (const storage::ObjectInfo& object : objects) {
        Result<Json> json = readJson(*m_driver, object.key);
        if (!json.ok() && json.error().code == ErrorCode::NotFound)
            continue; // Removed since it was listed.
        SALVOR_TRY(const Json content, std::move(json));
        SALVOR_TRY(KeySlot slot, parseSlot(content).in("key slot '" + object.key + "'"));
        slots.push_back(std::move(slot));
    }
    std::sort(slots.begin(), slots.end(), [](const KeySlot& a, const KeySlot& b) {
        return std::tie(a.createdAt, a.id) < std::tie(b.createdAt, b.id);
    });
    return slots;
}

Result<KeySlot> Repository::addSlot(const Unlock& key, SlotAccess access,
                                    const std::string& label) const
{
    if (!m_info.encrypted)
        return fail(ErrorCode::InvalidInput, "a repository without encryption has no keys");
    if (m_keys.masterKey.empty())
        return fail(ErrorCode::Denied, "a writer's key cannot add a key",
                    "Open the repository with a reader's key.");
    SALVOR_TRY(NewSlot made, sealSlot(m_info.id, m_keys, key, access, label));
    SALVOR_CHECK(writeText(*m_driver, slotPrefix + made.slot.id, made.content,
                           {.size = {}, .onlyIfAbsent = true}));
    return std::move(made.slot);
}

Result<> Repository::removeSlot(const std::string& id) const
{
    if (m_info.encrypted && m_keys.masterKey.empty())
        return fail(ErrorCode::Denied, "a writer's key cannot remove a key",
                    "Open the repository with a reader's key.");
    SALVOR_TRY(const std::vector<KeySlot> all, slots());
    const auto slot =
        std::find_if(all.begin(), all.end(), [&](const KeySlot& each) { return each.id == id; });
    if (slot == all.end())
        return fail(ErrorCode::NotFound, "no key slot '" + id + "'");
    if (slot->id == m_keys.slot)
        return fail(ErrorCode::NotReady,
                    "key slot '" + id + "' is the one that the repository was opened with",
                    "Whatever uses this key, archiving for one, would stop. Let the configuration "
                    "name another key first, then remove this one.");
    const auto readers = std::count_if(all.begin(), all.end(), [](const KeySlot& each) {
        return each.access == SlotAccess::Reader;
    });
    if (slot->access == SlotAccess::Reader && readers == 1)
        return fail(ErrorCode::NotReady, "key slot '" + id + "' is the last reader's",
                    "Add another reader's key first.");
    return m_driver->remove(slotPrefix + id);
}

} // namespace salvor::repository
