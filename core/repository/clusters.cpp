// Clusters, their incarnations and their backups, as a repository keeps them.
#include "core/base/text.h"
#include "core/model/backup_json.h"
#include "core/model/json_fields.h"
#include "core/repository/backup_object.h"
#include "core/repository/parallel.h"
#include "core/repository/repository.h"
#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

constexpr std::size_t readers = 4;

Json incarnationJson(const model::Incarnation& incarnation)
{
    return Json::Object{
        {"format", 1},
        {"cluster", incarnation.cluster},
        {"number", incarnation.number},
        {"systemIdentifier", std::to_string(incarnation.identity.systemIdentifier)},
        {"majorVersion", incarnation.identity.majorVersion},
        {"segmentSize", incarnation.identity.segmentSize},
    };
}

Result<model::Incarnation> incarnationFromJson(const Json& json)
{
    model::Incarnation incarnation;
    SALVOR_TRY(incarnation.cluster, json.stringAt("cluster"));
    SALVOR_TRY(const std::uint64_t number, json.unsignedAt("number"));
    SALVOR_TRY(const std::string identifier, json.stringAt("systemIdentifier"));
    SALVOR_TRY(const std::uint64_t major, json.unsignedAt("majorVersion"));
    SALVOR_TRY(incarnation.identity.segmentSize, json.unsignedAt("segmentSize"));
    const auto parsed = parseUnsigned(identifier);
    if (!parsed)
        return fail(ErrorCode::Corrupt, "member 'systemIdentifier' is not a number");
    incarnation.number = static_cast<std::uint32_t>(number);
    incarnation.identity.systemIdentifier = *parsed;
    incarnation.identity.majorVersion = static_cast<int>(major);
    return incarnation;
}

Error otherCluster(const model::Incarnation& pinned, const model::ClusterIdentity& identity)
{
    const auto words = [](const model::ClusterIdentity& each) {
        return "system identifier " + std::to_string(each.systemIdentifier) + ", PostgreSQL "
               + std::to_string(each.majorVersion);
    };
    return fail(ErrorCode::NotReady,
                "cluster '" + pinned.cluster + "' is another one: the repository knows "
                    + words(pinned.identity) + ", this is " + words(identity),
                "If this cluster shall go on under that name, run salvorctl cluster adopt "
                    + pinned.cluster + ".");
}

Result<model::Incarnation> makeIncarnation(const Repository& repository,
                                           const model::Incarnation& incarnation)
{
    const storage::ObjectKey key = "clusters/" + scopePath(incarnation.cluster, incarnation.number);
    const std::string text = incarnationJson(incarnation).text();
    const Result<> written =
        writeSealed(repository.driver(), repository.keys(), {"incarnation", key}, asBytes(text),
                    {.size = {}, .onlyIfAbsent = true});
    if (!written.ok() && written.error().code != ErrorCode::AlreadyExists)
        return written.error();
    // Another first comer may have been faster: what is stored now counts.
    SALVOR_TRY(model::Incarnation stored, repository.incarnation(incarnation.cluster));
    if (stored.identity != incarnation.identity)
        return otherCluster(stored, incarnation.identity);
    return stored;
}

Result<> checkName(const std::string& cluster)
{
    if (!model::isValidName(cluster))
        return fail(ErrorCode::InvalidInput, "'" + cluster + "' cannot be a cluster's name",
                    "Use letters, digits, '_', '-' and '.', at most 63, not beginning with '.'.");
    return {};
}

} // namespace

Result<std::vector<std::string>> Repository::clusters() const
{
    constexpr std::string_view prefix = "clusters/";
    std::vector<std::string> names;
    SALVOR_CHECK(m_driver->list(std::string(prefix), [&](const storage::ObjectInfo& object) {
        const std::string rest = object.key.substr(prefix.size());
        const std::string name = rest.substr(0, rest.find('/'));
        if (std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
        return Result<>();
    }));
    std::sort(names.begin(), names.end());
    return names;
}

Result<std::vector<model::Incarnation>> Repository::incarnations(const std::string& cluster) const
{
    SALVOR_CHECK(checkName(cluster));
    const std::string prefix = "clusters/" + cluster + "/";
    SALVOR_TRY(const auto objects, storage::listObjects(*m_driver, prefix));
    std::vector<model::Incarnation> all;
    for (const storage::ObjectInfo& object : objects) {
        SALVOR_TRY(const Json json, readSealedJson(*m_driver, m_keys, "incarnation", object.key));
        SALVOR_TRY(model::Incarnation incarnation,
                   incarnationFromJson(json).in("object '" + object.key + "'"));
        all.push_back(std::move(incarnation));
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return all;
}

Result<model::Incarnation> Repository::incarnation(const std::string& cluster) const
{
    SALVOR_TRY(std::vector<model::Incarnation> all, incarnations(cluster));
    if (all.empty())
        return fail(ErrorCode::NotFound, "no cluster '" + cluster + "' in the repository",
                    "Push its WAL or back it up first, or correct the name.");
    return std::move(all.back());
}

Result<model::Incarnation> Repository::pin(const std::string& cluster,
                                           const model::ClusterIdentity& identity) const
{
    SALVOR_TRY(const std::vector<model::Incarnation> all, incarnations(cluster));
    if (all.empty())
        return makeIncarnation(*this, {cluster, 1, identity});
    if (all.back().identity != identity)
        return otherCluster(all.back(), identity);
    return all.back();
}

Result<model::Incarnation> Repository::adopt(const std::string& cluster,
                                             const model::ClusterIdentity& identity) const
{
    SALVOR_TRY(const std::vector<model::Incarnation> all, incarnations(cluster));
    if (all.empty())
        return makeIncarnation(*this, {cluster, 1, identity});
    if (all.back().identity == identity)
        return all.back();
    return makeIncarnation(*this, {cluster, all.back().number + 1, identity});
}

Result<std::vector<model::Backup>> Repository::backups(const std::string& cluster) const
{
    if (!cluster.empty())
        SALVOR_CHECK(checkName(cluster));
    const std::string prefix = cluster.empty() ? "backups/" : "backups/" + cluster + "/";
    SALVOR_TRY(const auto objects, storage::listObjects(*m_driver, prefix));
    std::vector<model::Backup> all(objects.size());
    SALVOR_CHECK(inParallel(readers, objects.size(), [&](std::size_t i) -> Result<> {
        auto object = readBackupObject(*m_driver, m_keys, objects[i].key);
        if (!object.ok() && object.error().code == ErrorCode::NotFound)
            return {}; // Retired since the listing.
        if (!object.ok())
            return std::move(object).error();
        all[i] = std::move(object->backup);
        return {};
    }));
    std::erase_if(all, [](const model::Backup& each) { return each.id.empty(); });
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::tie(a.startedAt, a.id) < std::tie(b.startedAt, b.id);
    });
    return all;
}

Result<model::Backup> Repository::backup(const std::string& id) const
{
    std::vector<storage::ObjectKey> fitting;
    std::vector<std::string> ids;
    SALVOR_CHECK(m_driver->list("backups/", [&](const storage::ObjectInfo& object) {
        const std::string name = object.key.substr(object.key.rfind('/') + 1);
        ids.push_back(name);
        if (name == id)
            fitting.assign(1, object.key);
        else if (name.starts_with(id) && !id.empty()
                 && (fitting.empty() || !fitting.front().ends_with("/" + id)))
            fitting.push_back(object.key);
        return Result<>();
    }));
    if (fitting.empty()) {
        const auto near = nearest(id, ids);
        return fail(ErrorCode::NotFound, "no backup '" + id + "'",
                    near ? "Did you mean '" + *near + "'?" : "salvorctl backups lists them.");
    }
    if (fitting.size() > 1)
        return fail(ErrorCode::InvalidInput,
                    "several backups begin with '" + id + "', such as '"
                        + fitting[0].substr(fitting[0].rfind('/') + 1) + "'",
                    "Give more of the id.");
    SALVOR_TRY(BackupObject object, readBackupObject(*m_driver, m_keys, fitting.front()));
    return std::move(object.backup);
}

} // namespace salvor::repository
