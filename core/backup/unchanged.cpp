#include "core/backup/unchanged.h"

#include "core/backup/file_writer.h"

#include <algorithm>

namespace salvor::backup {

using model::Backup;
using postgres::DataEntry;
using repository::TreeEntry;

const Backup* findBasis(const std::vector<Backup>& backups, const Backup& next,
                        Moment serverStartedAt)
{
    const Backup* newest = nullptr;
    for (const Backup& each : backups) {
        const bool fits = each.incarnation == next.incarnation && each.mode == next.mode
                          && each.host == next.host && each.dataDirectory == next.dataDirectory
                          && each.timeline == next.timeline && each.fromStandby == next.fromStandby
                          && each.filesystemTime && each.startedAt > serverStartedAt;
        if (fits && (newest == nullptr || newest->startedAt < each.startedAt))
            newest = &each;
    }
    return newest;
}

bool isUnchanged(const DataEntry& file, const TreeEntry& stored, Moment basisBegan,
                 std::chrono::seconds restTime)
{
    return file.kind == postgres::EntryKind::File && stored.kind == repository::TreeKind::File
           && file.size == stored.size && file.modifiedAt == stored.modifiedAt
           && std::max(file.modifiedAt, file.changedAt) + restTime <= basisBegan;
}

namespace {

/// Walks the entries beside the older backup's tree; both are in path order.
class Comparison {
public:
    Comparison(const Basis& basis, std::vector<DataEntry>& entries,
               repository::BackupBuilder& builder)
        : m_basis(basis)
        , m_entries(entries)
        , m_next(entries.begin())
        , m_builder(builder)
    {
        m_left.reserve(entries.size());
    }

    Result<> compare(const TreeEntry& stored, TakenOver& taken)
    {
        leaveUntil(std::find_if(m_next, m_entries.end(),
                                [&](const DataEntry& entry) { return entry.path >= stored.path; }));
        if (m_next == m_entries.end() || m_next->path != stored.path
            || !isUnchanged(*m_next, stored, *m_basis.backup.filesystemTime, m_basis.restTime)
            || !m_builder.knows(stored.chunks))
            return {};
        TreeEntry entry = treeEntryOf(*m_next);
        entry.size = stored.size;
        entry.crc32c = stored.crc32c;
        entry.chunks = stored.chunks;
        postgres::ManifestFile listed{entry.path, entry.size, entry.modifiedAt, entry.crc32c};
        SALVOR_CHECK(m_builder.addEntry(std::move(entry)));
        taken.files.push_back(std::move(listed));
        ++m_next;
        return {};
    }

    /// Those that were not taken over.
    std::vector<DataEntry> finish()
    {
        leaveUntil(m_entries.end());
        return std::move(m_left);
    }

private:
    void leaveUntil(std::vector<DataEntry>::iterator end)
    {
        m_left.insert(m_left.end(), std::make_move_iterator(m_next), std::make_move_iterator(end));
        m_next = end;
    }

    const Basis& m_basis;
    std::vector<DataEntry>& m_entries;
    std::vector<DataEntry>::iterator m_next;
    std::vector<DataEntry> m_left;
    repository::BackupBuilder& m_builder;
};

} // namespace

Result<> takeOverUnchanged(const Basis& basis, std::vector<DataEntry>& entries, TakenOver& taken,
                           repository::BackupBuilder& builder, JobContext& job)
{
    Comparison comparison(basis, entries, builder);
    auto read = basis.repository.readTree(basis.backup, [&](const TreeEntry& stored) -> Result<> {
        SALVOR_CHECK(job.proceed());
        return comparison.compare(stored, taken);
    });
    entries = comparison.finish();
    for (const model::DamagedPages& damaged : basis.backup.damaged)
        if (std::any_of(taken.files.begin(), taken.files.end(),
                        [&](const auto& file) { return file.path == damaged.path; }))
            taken.damaged.push_back(damaged);
    return read;
}

} // namespace salvor::backup
