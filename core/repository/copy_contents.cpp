#include "core/repository/copy_contents.h"

#include "core/repository/backup_object.h"
#include "core/repository/copy_wal.h"
#include "core/repository/index.h"
#include "core/repository/lease.h"
#include "core/repository/parallel.h"
#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using storage::ObjectInfo;
using storage::ObjectKey;

constexpr std::size_t threads = 4;
constexpr std::size_t packsPerIndex = 256;

std::string lastPart(const ObjectKey& key)
{
    return key.substr(key.rfind('/') + 1);
}

/// The packs of an incarnation that a listing shows.
using Packs = std::map<format::Id, ObjectInfo>;
Result<Packs> listPacks(const Repository& repository, const model::Incarnation& incarnation)
{
    Packs packs;
    const std::string folder = "packs/" + scopePath(incarnation.cluster, incarnation.number) + "/";
    SALVOR_CHECK(repository.driver().list(folder, [&](const ObjectInfo& object) {
        if (const auto id = format::parseId(lastPart(object.key)); id.ok())
            packs.emplace(*id, object);
        return Result<>();
    }));
    return packs;
}

/// One incarnation, step by step in the order of execute().
class IncarnationCopy {
public:
    IncarnationCopy(ObjectCopier& copier, const model::Incarnation& incarnation,
                    const CopyRequest& request, CopyReport& report, JobContext& job)
        : m_copier(copier)
        , m_from(copier.from())
        , m_to(copier.to())
        , m_incarnation(incarnation)
        , m_request(request)
        , m_report(report)
        , m_job(job)
        , m_wal(copier, incarnation)
    {}
    [[nodiscard]] Result<> execute();

private:
    [[nodiscard]] Result<> chooseBackups(const std::optional<Swept>& swept);
    [[nodiscard]] Result<std::set<std::string>> knownBackups() const;
    [[nodiscard]] Result<> planPacks();
    void planPack(const format::Id& id, const Packs& ours, const Packs& theirs);
    [[nodiscard]] std::vector<ObjectInfo> packsOf(const BackupObject& backup) const;
    void countOnly();
    [[nodiscard]] Result<> nameUnnamed();
    [[nodiscard]] Result<> copyBackup(const BackupObject& backup);
    [[nodiscard]] Result<> copyPacks(const std::vector<ObjectInfo>& packs);
    [[nodiscard]] Result<> writeIndex(const std::set<format::Id>& packs);
    [[nodiscard]] Result<bool> isWhole(const BackupObject& backup);
    [[nodiscard]] Result<> show(const BackupObject& backup);
    [[nodiscard]] Result<> checkPacksAreThere(const BackupObject& backup);

    ObjectCopier& m_copier;
    const Repository& m_from;
    const Repository& m_to;
    const model::Incarnation& m_incarnation;
    const CopyRequest& m_request;
    CopyReport& m_report;
    JobContext& m_job;
    WalCopy m_wal;
    std::unique_ptr<Lease> m_reading;
    std::unique_ptr<Lease> m_adding;
    std::vector<BackupObject> m_backups; ///< To be copied, newest first.
    Packs m_missing;                     ///< In the copy, and to be had.
    std::set<format::Id> m_bad;          ///< Not to be had whole.
    std::shared_ptr<Repository::Index> m_index;
};

Result<> IncarnationCopy::execute()
{
    if (!m_request.dryRun) {
        SALVOR_TRY(m_reading, Lease::takeForReading(m_from, m_incarnation, m_job));
        SALVOR_TRY(m_adding, Lease::take(m_to, m_incarnation, Lease::Kind::Use, m_job));
    }
    SALVOR_TRY(const auto swept, sweptMark(m_to, m_incarnation));
    SALVOR_CHECK(chooseBackups(swept));
    std::vector<WalSpan> spans;
    for (const BackupObject& each : m_backups)
        spans.push_back(spanOf(each.backup));
    SALVOR_CHECK(m_wal.plan(spans, swept));
    SALVOR_CHECK(planPacks());
    if (m_request.dryRun) {
        countOnly();
        return {};
    }
    m_job.phase("copy WAL", m_wal.bytes());
    SALVOR_CHECK(m_wal.copy());
    ByteCount total = 0;
    for (const auto& [id, pack] : m_missing)
        total += pack.size;
    m_job.phase("copy backups", total);
    SALVOR_CHECK(nameUnnamed());
    for (const BackupObject& each : m_backups)
        SALVOR_CHECK(copyBackup(each));
    return {};
}

/// Those that the copy has, and those that it has retired: what goes there is its own affair.
Result<std::set<std::string>> IncarnationCopy::knownBackups() const
{
    std::set<std::string> ids;
    for (const std::string folder : {"backups/", "retired/"})
        SALVOR_CHECK(
            m_to.driver().list(folder + m_incarnation.cluster + "/", [&](const ObjectInfo& object) {
                ids.insert(lastPart(object.key));
                return Result<>();
            }));
    return ids;
}

Result<> IncarnationCopy::chooseBackups(const std::optional<Swept>& swept)
{
    SALVOR_TRY(const auto known, knownBackups());
    SALVOR_TRY(const auto objects,
               storage::listObjects(m_from.driver(), "backups/" + m_incarnation.cluster + "/"));
    for (const ObjectInfo& found : objects) {
        if (known.contains(lastPart(found.key)))
            continue;
        auto object = readBackupObject(m_from.driver(), m_from.keys(), found.key);
        if (!object.ok() && object.error().code == ErrorCode::NotFound)
            continue; // Retired since the listing.
        if (!object.ok() && object.error().code == ErrorCode::Corrupt) {
            m_copier.find(found.key, object.error().message);
            continue;
        }
        SALVOR_CHECK(object);
        const model::Backup& backup = object->backup;
        if (backup.incarnation.number != m_incarnation.number)
            continue;
        // One of a timeline that went back behind the mark is younger than it.
        if (swept && backup.startLsn < swept->before && backup.finishedAt <= swept->at)
            m_report.leftOut.push_back(backup.id);
        else
            m_backups.push_back(*std::move(object));
    }
    std::stable_sort(m_backups.begin(), m_backups.end(), [](const auto& a, const auto& b) {
        return a.backup.startedAt > b.backup.startedAt;
    });
    return {};
}

void IncarnationCopy::planPack(const format::Id& id, const Packs& ours, const Packs& theirs)
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
        m_copier.find(packObjectKey(m_incarnation, id), "is missing");
        m_bad.insert(id);
    } else {
        m_missing.emplace(id, own->second);
    }
}

Result<> IncarnationCopy::planPacks()
{
    if (m_backups.empty())
        return {};
    SALVOR_TRY(const Packs theirs, listPacks(m_to, m_incarnation));
    SALVOR_TRY(const Packs ours, listPacks(m_from, m_incarnation));
    for (const BackupObject& each : m_backups)
        for (const format::Id& id : each.packs)
            planPack(id, ours, theirs);
    // Nothing is read for a backup that cannot become whole.
    std::set<format::Id> wanted;
    for (const BackupObject& each : m_backups)
        if (std::none_of(each.packs.begin(), each.packs.end(),
                         [&](const format::Id& id) { return m_bad.contains(id); }))
            wanted.insert(each.packs.begin(), each.packs.end());
    std::erase_if(m_missing, [&](const auto& each) { return !wanted.contains(each.first); });
    return {};
}

std::vector<ObjectInfo> IncarnationCopy::packsOf(const BackupObject& backup) const
{
    std::vector<ObjectInfo> packs;
    for (const format::Id& id : backup.packs)
        if (const auto missing = m_missing.find(id); missing != m_missing.end())
            packs.push_back(missing->second);
    return packs;
}

void IncarnationCopy::countOnly()
{
    m_wal.assumeCopied();
    m_report.walObjects += m_wal.objects();
    m_report.packs += m_missing.size();
    m_report.bytes += m_wal.bytes();
    for (const auto& [id, pack] : m_missing)
        m_report.bytes += pack.size;
    m_report.objects += m_wal.objects() + m_missing.size();
    for (const BackupObject& each : m_backups) {
        const bool whole = std::none_of(each.packs.begin(), each.packs.end(),
                                        [&](const format::Id& id) { return m_bad.contains(id); });
        (whole ? m_report.backups : m_report.incomplete).push_back(each.backup.id);
        m_report.objects += whole ? 1 : 0;
    }
}

/// Packs that a killed run left: made durable, then named, as the next backup would.
Result<> IncarnationCopy::nameUnnamed()
{
    if (m_backups.empty())
        return {};
    SALVOR_TRY(const auto index, m_to.loadIndex(m_incarnation));
    std::vector<format::IndexItem> items;
    for (const Repository::Index::Pack& pack : index->packs()) {
        if (pack.indexed)
            continue;
        SALVOR_CHECK(m_to.driver().makeDurable(packObjectKey(m_incarnation, pack.id)));
        items.push_back({pack.id, pack.size, index->header(pack), index->directory(pack)});
    }
    return items.empty() ? Result<>() : writeIndexObject(m_to, m_incarnation, items);
}

Result<> IncarnationCopy::copyBackup(const BackupObject& backup)
{
    const auto packs = packsOf(backup);
    for (std::size_t first = 0; first < packs.size(); first += packsPerIndex) {
        const auto begin = packs.begin() + static_cast<std::ptrdiff_t>(first);
        const auto count = std::min(packsPerIndex, packs.size() - first);
        SALVOR_CHECK(copyPacks({begin, begin + static_cast<std::ptrdiff_t>(count)}));
    }
    SALVOR_TRY(const bool whole, isWhole(backup));
    if (whole)
        return show(backup);
    m_report.incomplete.push_back(backup.backup.id);
    return {};
}

Result<> IncarnationCopy::copyPacks(const std::vector<ObjectInfo>& packs)
{
    std::mutex mutex;
    std::set<format::Id> copied;
    SALVOR_CHECK(inParallel(threads, packs.size(), [&](std::size_t i) -> Result<> {
        SALVOR_TRY(const format::Id id, format::parseId(lastPart(packs[i].key)));
        SALVOR_TRY(const bool done, m_copier.copyPack(packs[i]));
        const std::lock_guard lock(mutex);
        (done ? copied : m_bad).insert(id);
        m_missing.erase(id);
        return {};
    }));
    return writeIndex(copied);
}

/// They are durable by now.
Result<> IncarnationCopy::writeIndex(const std::set<format::Id>& packs)
{
    if (packs.empty())
        return {};
    if (m_index == nullptr) {
        SALVOR_TRY(m_index, m_from.loadIndex(m_incarnation));
    }
    std::vector<format::IndexItem> items;
    for (const Repository::Index::Pack& pack : m_index->packs())
        if (packs.contains(pack.id))
            items.push_back({pack.id, pack.size, m_index->header(pack), m_index->directory(pack)});
    // One that cannot be named describes itself.
    return items.empty() ? Result<>() : writeIndexObject(m_to, m_incarnation, items);
}

Result<bool> IncarnationCopy::isWhole(const BackupObject& backup)
{
    if (std::any_of(backup.packs.begin(), backup.packs.end(),
                    [&](const format::Id& id) { return m_bad.contains(id); }))
        return false;
    SALVOR_TRY(const auto missing, m_wal.missingOf(spanOf(backup.backup)));
    if (missing)
        m_copier.find(backupKey(backup.backup),
                      "needs WAL file '" + *missing + "', which is not in the copy");
    return !missing;
}

/// Whatever a sweep did while the lease had run out, or another program did.
Result<> IncarnationCopy::checkPacksAreThere(const BackupObject& backup)
{
    SALVOR_CHECK(m_adding->confirm(m_job));
    SALVOR_TRY(const auto missing, firstMissingPack(m_to, m_incarnation, backup.packs));
    if (missing)
        return fail(ErrorCode::NotReady,
                    "'" + *missing + "', which backup '" + backup.backup.id
                        + "' needs, was removed from the copy meanwhile",
                    "Run it again: it copies what is missing.");
    return {};
}

Result<> IncarnationCopy::show(const BackupObject& backup)
{
    SALVOR_CHECK(checkPacksAreThere(backup));
    const ObjectKey key = backupKey(backup.backup);
    SALVOR_TRY(const bool copied, m_copier.copySealed(key, "backup"));
    if (!copied)
        return {}; // Retired since it was read.
    // Held up in between: a sweep that saw nothing of it may have come and gone.
    if (!m_adding->isFresh()) {
        if (auto still = checkPacksAreThere(backup); !still.ok()) {
            SALVOR_CHECK(m_to.driver().remove(key));
            return still;
        }
    }
    m_report.backups.push_back(backup.backup.id);
    return {};
}

} // namespace

Result<> copyContents(ObjectCopier& copier, const model::Incarnation& incarnation,
                      const CopyRequest& request, CopyReport& report, JobContext& job)
{
    return IncarnationCopy(copier, incarnation, request, report, job).execute();
}

} // namespace salvor::repository
