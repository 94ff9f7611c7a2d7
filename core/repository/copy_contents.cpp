#include "core/repository/copy_contents.h"

#include "core/repository/copy_packs.h"
#include "core/repository/copy_wal.h"
#include "core/repository/lease.h"
#include "core/repository/parallel.h"
#include "core/repository/stand_in.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using storage::ObjectInfo;
using storage::ObjectKey;

constexpr std::size_t threads = 4;

std::string lastPart(const ObjectKey& key)
{
    return key.substr(key.rfind('/') + 1);
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
        , m_packs(copier, incarnation)
    {}
    [[nodiscard]] Result<> execute();

private:
    [[nodiscard]] Result<> look();
    [[nodiscard]] Result<std::set<std::string>> readListed();
    [[nodiscard]] Result<std::set<std::string>> retiredThere() const;
    [[nodiscard]] Result<> chooseBackups(const std::optional<Swept>& swept);
    [[nodiscard]] Result<> chooseBackup(const ObjectKey& key, const std::optional<Swept>& swept,
                                        const std::set<std::string>& retired);
    [[nodiscard]] Result<std::vector<BackupObject>> lackingBackups() const;
    [[nodiscard]] Result<> tell();
    [[nodiscard]] Result<> copyBackup(const BackupObject& backup);
    [[nodiscard]] Result<bool> canBeWhole(const BackupObject& backup);
    [[nodiscard]] Result<> show(const BackupObject& backup);
    [[nodiscard]] Result<> checkIsWhole(const BackupObject& backup);

    ObjectCopier& m_copier;
    const Repository& m_from;
    const Repository& m_to;
    const model::Incarnation& m_incarnation;
    const CopyRequest& m_request;
    CopyReport& m_report;
    JobContext& m_job;
    WalCopy m_wal;
    PackCopy m_packs;
    std::unique_ptr<Lease> m_reading;
    std::unique_ptr<Lease> m_adding;
    std::vector<BackupObject> m_listed;  ///< In the copy.
    std::vector<BackupObject> m_backups; ///< To be copied, newest first.
    std::string m_newestThere;           ///< Of those that the copy lists or has retired.
};

Result<> IncarnationCopy::execute()
{
    SALVOR_CHECK(checkIsThere(m_to));
    if (!m_request.dryRun) {
        SALVOR_TRY(m_reading, Lease::takeForReading(m_from, m_incarnation, m_job));
        SALVOR_TRY(m_adding, Lease::take(m_to, m_incarnation, Lease::Kind::Use, m_job));
    }
    SALVOR_CHECK(look());
    if (m_request.dryRun)
        return tell();
    m_job.phase("copy WAL", m_wal.bytes());
    // Before it is copied, that is what was lost.
    SALVOR_TRY(const auto lacking, lackingBackups());
    SALVOR_CHECK(m_wal.copy());
    m_job.phase("copy backups", m_packs.bytes());
    if (m_packs.objects() > 0 || !m_backups.empty())
        SALVOR_CHECK(m_packs.nameUnnamed());
    for (const BackupObject& each : lacking) {
        SALVOR_CHECK(m_packs.copy(each));
        SALVOR_TRY(const bool whole, canBeWhole(each));
        (whole ? m_report.mended : m_report.broken).push_back(each.backup.id);
    }
    for (const BackupObject& each : m_backups)
        SALVOR_CHECK(copyBackup(each));
    return {};
}

/// What there is on both sides. From here on the leases keep it.
Result<> IncarnationCopy::look()
{
    SALVOR_TRY(const auto swept, sweptMark(m_to, m_incarnation));
    SALVOR_CHECK(chooseBackups(swept));
    std::vector<WalSpan> spans;
    for (const auto* backups : {&m_listed, &m_backups})
        for (const BackupObject& each : *backups)
            spans.push_back(spanOf(each.backup));
    SALVOR_CHECK(m_wal.plan(spans, swept));
    SALVOR_CHECK(m_packs.plan(m_listed, m_backups));
    if (m_wal.leftOut() > 0)
        m_report.walLeftOut.push_back(
            {m_incarnation.cluster, m_incarnation.number, m_wal.leftOut(), swept->before});
    // Only now what they listed counts.
    SALVOR_CHECK(checkIsThere(m_from));
    return checkIsThere(m_to);
}

/// Those of the copy. Gives the ids, those of other incarnations among them.
Result<std::set<std::string>> IncarnationCopy::readListed()
{
    SALVOR_TRY(const auto objects,
               storage::listObjects(m_to.driver(), "backups/" + m_incarnation.cluster + "/"));
    std::mutex mutex;
    SALVOR_CHECK(inParallel(threads, objects.size(), [&](std::size_t i) -> Result<> {
        auto object = readBackupObject(m_to.driver(), m_to.keys(), objects[i].key);
        if (!object.ok() && object.error().code == ErrorCode::NotFound)
            return {}; // Retired since the listing.
        if (!object.ok() && object.error().code == ErrorCode::Corrupt) {
            m_copier.find(objects[i].key, "is damaged in the copy: " + object.error().message);
            return {};
        }
        if (!object.ok())
            return std::move(object).error();
        const std::lock_guard lock(mutex);
        if (object->backup.incarnation.number == m_incarnation.number)
            m_listed.push_back(*std::move(object));
        return {};
    }));
    std::sort(m_listed.begin(), m_listed.end(),
              [](const auto& a, const auto& b) { return a.backup.id > b.backup.id; });
    std::set<std::string> ids;
    for (const ObjectInfo& object : objects)
        ids.insert(lastPart(object.key));
    return ids;
}

Result<std::set<std::string>> IncarnationCopy::retiredThere() const
{
    std::set<std::string> ids;
    SALVOR_CHECK(
        m_to.driver().list("retired/" + m_incarnation.cluster + "/", [&](const ObjectInfo& object) {
            ids.insert(lastPart(object.key));
            return Result<>();
        }));
    return ids;
}

Result<> IncarnationCopy::chooseBackup(const ObjectKey& key, const std::optional<Swept>& swept,
                                       const std::set<std::string>& retired)
{
    auto object = readBackupObject(m_from.driver(), m_from.keys(), key);
    if (!object.ok() && object.error().code == ErrorCode::NotFound)
        return m_copier.findGone(key);
    if (!object.ok() && object.error().code == ErrorCode::Corrupt) {
        m_copier.find(key, object.error().message);
        return {};
    }
    SALVOR_CHECK(object);
    const model::Backup& backup = object->backup;
    if (backup.incarnation.number != m_incarnation.number)
        return {};
    if (retired.contains(backup.id))
        m_report.leftOut.push_back({backup.id, "it was retired there"});
    else if (swept && wentWith(*swept, backup, m_newestThere))
        m_report.leftOut.push_back({backup.id, "it is older than what is kept there"});
    else
        m_backups.push_back(*std::move(object));
    return {};
}

/// All but those that the copy has, or does not want: what goes there is its own affair.
Result<> IncarnationCopy::chooseBackups(const std::optional<Swept>& swept)
{
    SALVOR_TRY(const auto listed, readListed());
    SALVOR_TRY(const auto retired, retiredThere());
    for (const auto* ids : {&listed, &retired})
        if (!ids->empty())
            m_newestThere = std::max(m_newestThere, *ids->rbegin());
    SALVOR_TRY(const auto objects,
               storage::listObjects(m_from.driver(), "backups/" + m_incarnation.cluster + "/"));
    for (const ObjectInfo& found : objects)
        if (!listed.contains(lastPart(found.key)))
            SALVOR_CHECK(chooseBackup(found.key, swept, retired));
    std::stable_sort(m_backups.begin(), m_backups.end(), [](const auto& a, const auto& b) {
        return a.backup.startedAt > b.backup.startedAt;
    });
    return {};
}

/// Those that the copy lists, and of which it lost something.
Result<std::vector<BackupObject>> IncarnationCopy::lackingBackups() const
{
    std::vector<BackupObject> lacking;
    for (const BackupObject& each : m_listed) {
        SALVOR_TRY(const auto missing, m_wal.missingOf(spanOf(each.backup)));
        if (missing || m_packs.lacks(each) || !m_packs.canHave(each))
            lacking.push_back(each);
    }
    return lacking;
}

/// As if everything had been copied.
Result<> IncarnationCopy::tell()
{
    SALVOR_TRY(const auto lacking, lackingBackups());
    m_report.walObjects += m_wal.objects();
    m_report.packs += m_packs.objects();
    m_report.bytes += m_wal.bytes() + m_packs.bytes();
    m_report.objects += m_wal.objects() + m_packs.objects();
    m_wal.assumeCopied();
    for (const BackupObject& each : lacking) {
        SALVOR_TRY(const bool whole, canBeWhole(each));
        (whole ? m_report.mended : m_report.broken).push_back(each.backup.id);
    }
    for (const BackupObject& each : m_backups) {
        SALVOR_TRY(const bool whole, canBeWhole(each));
        (whole ? m_report.backups : m_report.incomplete).push_back(each.backup.id);
        m_report.objects += whole ? 1 : 0;
    }
    return {};
}

Result<> IncarnationCopy::copyBackup(const BackupObject& backup)
{
    SALVOR_CHECK(m_packs.copy(backup));
    SALVOR_TRY(const bool whole, canBeWhole(backup));
    if (whole)
        return show(backup);
    m_report.incomplete.push_back(backup.backup.id);
    return {};
}

/// Whether everything that it needs could be had; what could not is a finding.
Result<bool> IncarnationCopy::canBeWhole(const BackupObject& backup)
{
    if (!m_packs.canHave(backup))
        return false;
    SALVOR_TRY(const auto missing, m_wal.missingOf(spanOf(backup.backup)));
    if (missing)
        m_copier.find(backupKey(backup.backup),
                      "needs WAL file '" + *missing + "', which is not in the copy");
    return !missing;
}

/// Whatever a sweep did while the lease had run out, or another program did.
Result<> IncarnationCopy::checkIsWhole(const BackupObject& backup)
{
    SALVOR_CHECK(m_adding->confirm(m_job));
    SALVOR_TRY(const auto pack, firstMissingPack(m_to, m_incarnation, backup.packs));
    SALVOR_TRY(const auto file, m_wal.missingNow(spanOf(backup.backup)));
    if (pack || file)
        return fail(ErrorCode::NotReady,
                    "'" + (pack ? *pack : *file) + "', which backup '" + backup.backup.id
                        + "' needs, was removed from the copy meanwhile",
                    "Run it again: it copies what is missing.");
    return {};
}

Result<> IncarnationCopy::show(const BackupObject& backup)
{
    SALVOR_CHECK(checkIsWhole(backup));
    const ObjectKey key = backupKey(backup.backup);
    SALVOR_TRY(const bool copied, m_copier.copySealed(key, "backup"));
    if (!copied) {
        SALVOR_TRY(const bool retired, isRetired(m_from, key));
        if (!retired)
            m_report.incomplete.push_back(backup.backup.id);
        return {};
    }
    // Held up in between: a sweep that saw nothing of it may have come and gone.
    if (!m_adding->isFresh()) {
        if (auto still = checkIsWhole(backup); !still.ok()) {
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
