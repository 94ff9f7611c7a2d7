#include "core/verify/structure.h"

#include "core/repository/check.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>

namespace salvor::verify {

namespace {

using repository::ChunkId;
using repository::TreeEntry;

constexpr std::size_t filesKept = 100;

struct IdHash {
    std::size_t operator()(const ChunkId& id) const noexcept
    {
        std::size_t value = 0;
        std::memcpy(&value, id.data(), sizeof value);
        return value;
    }
};

/// Holds one group's trees against what is damaged.
class Mapper {
public:
    Mapper(const Group& group, const std::vector<repository::PackDamage>& damages,
           const repository::ChunkReader& reader)
        : m_reader(reader)
    {
        for (const repository::PackDamage& one : damages) {
            for (const ChunkId& id : one.chunks)
                m_damaged.emplace(id, m_findings.size());
            m_findings.push_back(
                {one.damage.object, "'" + one.damage.object + "' " + one.damage.what, {}, {}});
        }
        m_unknown.object = "index of '" + group.incarnation.cluster + "'";
        m_unknown.what = "chunks of a backup are in no pack that is left";
    }

    void add(const model::Backup& backup, const TreeEntry& entry)
    {
        std::set<Finding*> hit;
        for (const ChunkId& id : entry.chunks) {
            if (id == ChunkId{})
                continue;
            if (const auto damaged = m_damaged.find(id); damaged != m_damaged.end())
                hit.insert(&m_findings[damaged->second]);
            const auto place = m_reader.find(id);
            if (place)
                m_packs.insert(place->pack);
            else if (!m_damaged.contains(id))
                hit.insert(&m_unknown);
        }
        for (Finding* finding : hit) {
            if (finding->backups.empty() || finding->backups.back() != backup.id)
                finding->backups.push_back(backup.id);
            if (finding->files.size() < filesKept)
                finding->files.push_back(backup.id + ": " + entry.path);
        }
    }

    void addTo(VerifyReport& report, Unused unused)
    {
        if (!m_unknown.backups.empty())
            m_findings.push_back(std::move(m_unknown));
        for (Finding& finding : m_findings)
            if (unused == Unused::Report || !finding.backups.empty())
                report.findings.push_back(std::move(finding));
        report.packsChecked += m_packs.size();
    }

private:
    const repository::ChunkReader& m_reader;
    std::unordered_map<ChunkId, std::size_t, IdHash> m_damaged; // To the number of its finding.
    std::vector<Finding> m_findings;
    Finding m_unknown;
    std::set<std::uint32_t> m_packs; // Those that some tree needs.
};

Result<> readOne(const repository::Repository& repository, const model::Backup& backup,
                 Mapper& mapper, VerifyReport& report, JobContext& job)
{
    bool isStopped = false;
    const auto visit = [&](const TreeEntry& entry) -> Result<> {
        auto going = job.proceed();
        isStopped = !going.ok();
        if (going.ok())
            mapper.add(backup, entry);
        return going;
    };
    auto read = repository.readTree(backup, visit);
    report.backups.push_back(backup);
    if (read.ok())
        return {};
    if (isStopped || !isFinding(read.error()))
        return std::move(read).error().in("backup '" + backup.id + "'");
    report.findings.push_back(
        {"backups/" + backup.incarnation.cluster + "/" + backup.id,
         "the list of files of backup '" + backup.id + "' cannot be read: " + read.error().message,
         {backup.id},
         {}});
    return {};
}

} // namespace

bool isFinding(const Error& error) noexcept
{
    return error.code == ErrorCode::Corrupt || error.code == ErrorCode::NotFound
           || error.code == ErrorCode::InvalidInput;
}

Result<> checkStructure(const repository::Repository& repository, const Group& group,
                        const Damages& damages, VerifyReport& report, JobContext& job)
{
    SALVOR_TRY(auto index, repository.loadIndex(group.incarnation));
    SALVOR_TRY(const auto reader, repository::ChunkReader::create(repository, index));
    Mapper mapper(group, damages.packs, *reader);
    for (const model::Backup& backup : group.backups)
        SALVOR_CHECK(readOne(repository, backup, mapper, report, job));
    mapper.addTo(report, damages.unused);
    return {};
}

} // namespace salvor::verify
