#include "core/backup/unchanged.h"

#include "core/backup/file_writer.h"

#include <algorithm>

namespace salvor::backup {

using model::Backup;
using postgres::DataEntry;
using repository::TreeEntry;

const Backup* findBasis(const std::vector<Backup>& backups, const Backup& next)
{
    const Backup* newest = nullptr;
    for (const Backup& each : backups) {
        const bool fits = each.incarnation == next.incarnation && each.mode == next.mode
                          && each.host == next.host && each.dataDirectory == next.dataDirectory
                          && each.timeline == next.timeline && each.fromStandby == next.fromStandby
                          && each.filesystemTime;
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

Result<> takeOverUnchanged(const repository::Repository& repository, const Backup& basis,
                           std::chrono::seconds restTime, std::vector<DataEntry>& entries,
                           TakenOver& taken, repository::BackupBuilder& builder, JobContext& job)
{
    std::vector<DataEntry> left;
    left.reserve(entries.size());
    auto next = entries.begin();
    const auto leaveUntil = [&](auto end) {
        left.insert(left.end(), std::make_move_iterator(next), std::make_move_iterator(end));
        next = end;
    };
    const auto take = [&](const TreeEntry& stored) -> Result<> {
        SALVOR_CHECK(job.proceed());
        leaveUntil(std::find_if(next, entries.end(),
                                [&](const DataEntry& entry) { return entry.path >= stored.path; }));
        if (next == entries.end() || next->path != stored.path
            || !isUnchanged(*next, stored, *basis.filesystemTime, restTime)
            || !builder.knows(stored.chunks))
            return {};
        TreeEntry entry = treeEntryOf(*next);
        entry.size = stored.size;
        entry.crc32c = stored.crc32c;
        entry.chunks = stored.chunks;
        postgres::ManifestFile listed{entry.path, entry.size, entry.modifiedAt, entry.crc32c};
        SALVOR_CHECK(builder.addEntry(std::move(entry)));
        taken.files.push_back(std::move(listed));
        ++next;
        return {};
    };
    auto read = repository.readTree(basis, take);
    leaveUntil(entries.end());
    entries = std::move(left);
    for (const model::DamagedPages& damaged : basis.damaged)
        if (std::any_of(taken.files.begin(), taken.files.end(),
                        [&](const auto& file) { return file.path == damaged.path; }))
            taken.damaged.push_back(damaged);
    return read;
}

} // namespace salvor::backup
