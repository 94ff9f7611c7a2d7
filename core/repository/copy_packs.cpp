#include "core/repository/copy_packs.h"

#include "core/repository/parallel.h"
#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using storage::ObjectInfo;

constexpr std::size_t threads = 4;
constexpr std::size_t packsPerIndex = 256;

Result<format::Id> idIn(const storage::ObjectKey& key)
{
    return format::parseId(key.substr(key.rfind('/') + 1));
}

} // namespace

Result<PackCopy::Listed> PackCopy::list(const Repository& repository) const
{
    Listed packs;
    const std::string folder =
        "packs/" + scopePath(m_incarnation.cluster, m_incarnation.number) + "/";
    SALVOR_CHECK(repository.driver().list(folder, [&](const ObjectInfo& object) {
        if (const auto id = idIn(object.key); id.ok())
            packs.emplace(*id, object);
        return Result<>();
    }));
    return packs;
}

void PackCopy::planPack(const format::Id& id, const Listed& ours, const Listed& theirs, Need need)
{
    if (m_bad.contains(id) || m_missing.contains(id))
        return;
    const auto own = ours.find(id);
    const auto other = theirs.find(id);
    if (other != theirs.end() && (own == ours.end() || own->second.size == other->second.size))
        return;
    if (other != theirs.end()) {
        m_copier.find(other->second.key,
                      "has another size in the copy: " + std::to_string(other->second.size)
                          + " bytes, not " + std::to_string(own->second.size));
        m_bad.insert(id);
    } else if (own == ours.end()) {
        m_copier.find(packObjectKey(m_incarnation, id),
                      need == Need::Listed ? "is missing in both, and the copy lists a backup of it"
                                           : "is missing");
        m_bad.insert(id);
    } else {
        m_missing.emplace(id, own->second);
    }
}

Result<> PackCopy::plan(const std::vector<BackupObject>& listed,
                        const std::vector<BackupObject>& wanted)
{
    if (listed.empty() && wanted.empty())
        return {};
    SALVOR_TRY(const Listed theirs, list(m_copier.to()));
    SALVOR_TRY(const Listed ours, list(m_copier.from()));
    for (const BackupObject& each : listed)
        for (const format::Id& id : each.packs)
            planPack(id, ours, theirs, Need::Listed);
    // What the copy lists is mended as far as it can be: each pack gives files back.
    std::set<format::Id> useful;
    for (const auto& [id, pack] : m_missing)
        useful.insert(id);
    for (const BackupObject& each : wanted)
        for (const format::Id& id : each.packs)
            planPack(id, ours, theirs, Need::Wanted);
    // Nothing is read for a backup that cannot become whole.
    for (const BackupObject& each : wanted)
        if (canHave(each))
            useful.insert(each.packs.begin(), each.packs.end());
    std::erase_if(m_missing, [&](const auto& each) { return !useful.contains(each.first); });
    return {};
}

ByteCount PackCopy::bytes() const
{
    ByteCount sum = 0;
    for (const auto& [id, pack] : m_missing)
        sum += pack.size;
    return sum;
}

bool PackCopy::canHave(const BackupObject& backup) const
{
    return std::none_of(backup.packs.begin(), backup.packs.end(),
                        [&](const format::Id& id) { return m_bad.contains(id); });
}

bool PackCopy::lacks(const BackupObject& backup) const
{
    return std::any_of(backup.packs.begin(), backup.packs.end(),
                       [&](const format::Id& id) { return m_missing.contains(id); });
}

Result<> PackCopy::nameUnnamed()
{
    const Repository& to = m_copier.to();
    SALVOR_TRY(const auto index, to.loadIndex(m_incarnation));
    std::vector<format::IndexItem> items;
    for (const Repository::Index::Pack& pack : index->packs()) {
        if (pack.indexed)
            continue;
        SALVOR_CHECK(to.driver().makeDurable(packObjectKey(m_incarnation, pack.id)));
        items.push_back({pack.id, pack.size, index->header(pack), index->directory(pack)});
    }
    return items.empty() ? Result<>() : writeIndexObject(to, m_incarnation, items);
}

Result<> PackCopy::copy(const BackupObject& backup)
{
    std::vector<ObjectInfo> packs;
    for (const format::Id& id : backup.packs)
        if (const auto missing = m_missing.find(id); missing != m_missing.end())
            packs.push_back(missing->second);
    for (std::size_t first = 0; first < packs.size(); first += packsPerIndex) {
        const auto begin = packs.begin() + static_cast<std::ptrdiff_t>(first);
        const auto count = std::min(packsPerIndex, packs.size() - first);
        SALVOR_CHECK(copyAll({begin, begin + static_cast<std::ptrdiff_t>(count)}));
    }
    return {};
}

Result<> PackCopy::copyAll(const std::vector<ObjectInfo>& packs)
{
    std::mutex mutex;
    std::set<format::Id> copied;
    SALVOR_CHECK(inParallel(threads, packs.size(), [&](std::size_t i) -> Result<> {
        SALVOR_TRY(const format::Id id, idIn(packs[i].key));
        SALVOR_TRY(const bool done, m_copier.copyPack(packs[i]));
        const std::lock_guard lock(mutex);
        (done ? copied : m_bad).insert(id);
        m_missing.erase(id);
        return {};
    }));
    return writeIndex(copied);
}

/// They are durable by now.
Result<> PackCopy::writeIndex(const std::set<format::Id>& packs)
{
    if (packs.empty())
        return {};
    if (m_index == nullptr) {
        SALVOR_TRY(m_index, m_copier.from().loadIndex(m_incarnation));
    }
    std::vector<format::IndexItem> items;
    for (const Repository::Index::Pack& pack : m_index->packs())
        if (packs.contains(pack.id))
            items.push_back({pack.id, pack.size, m_index->header(pack), m_index->directory(pack)});
    // One that cannot be named describes itself.
    return items.empty() ? Result<>() : writeIndexObject(m_copier.to(), m_incarnation, items);
}

} // namespace salvor::repository
