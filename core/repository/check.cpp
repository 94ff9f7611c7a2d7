#include "core/repository/check.h"

#include "core/crypto/hash.h"
#include "core/repository/backup_object.h"
#include "core/repository/blob_reader.h"
#include "core/repository/sealed_object.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace salvor::repository {

namespace {

using Index = Repository::Index;

/// Damage of one pack, and the chunks of it that are in no other good pack.
class Findings {
public:
    /// `checked` packs are vouched for when nothing is found in them; empty: all are.
    Findings(const Index& index, std::set<std::uint32_t> checked)
        : m_index(index)
        , m_checked(std::move(checked))
    {}

    void add(std::uint32_t pack, std::string what, const std::vector<ChunkId>& chunks)
    {
        m_found.push_back({{m_index.packKey(pack), std::move(what)}, {}});
        for (const ChunkId& id : chunks) {
            m_found.back().chunks.push_back(id);
            m_bad[id].insert(pack);
        }
    }
    void addObject(const Damage& damage) { m_found.push_back({damage, {}}); }

    /// Drops the chunks that can be read from elsewhere.
    std::vector<PackDamage> take()
    {
        for (PackDamage& damage : m_found)
            std::erase_if(damage.chunks, [this](const ChunkId& id) { return hasGoodCopy(id); });
        return std::move(m_found);
    }

private:
    bool hasGoodCopy(const ChunkId& id) const
    {
        const auto bad = m_bad.find(id);
        const auto all = m_index.candidates(id);
        return std::any_of(all.begin(), all.end(), [&](const Index::Record& record) {
            return m_index.packs()[record.pack].state != Index::PackState::Missing
                   && !bad->second.contains(record.pack)
                   && (m_checked.empty() || m_checked.contains(record.pack));
        });
    }

    const Index& m_index;
    const std::set<std::uint32_t> m_checked;
    std::vector<PackDamage> m_found;
    std::map<ChunkId, std::set<std::uint32_t>> m_bad;
};

std::vector<ChunkId> chunksOf(const std::vector<format::Frame>& frames)
{
    std::vector<ChunkId> ids;
    for (const format::Frame& frame : frames)
        for (const format::FrameChunk& chunk : frame.chunks)
            ids.push_back(chunk.id);
    return ids;
}

std::string sizeWords(const Index::Pack& pack)
{
    const std::string sizes =
        ": " + std::to_string(pack.foundSize) + " bytes of " + std::to_string(pack.size);
    return pack.foundSize < pack.size ? "is cut short" + sizes : "is too long" + sizes;
}

/// What a listing shows of one pack.
Result<> addListed(const Index& index, std::uint32_t number, Findings& findings)
{
    const Index::Pack& pack = index.packs()[number];
    if (pack.state == Index::PackState::Present)
        return {};
    SALVOR_TRY(const auto frames, format::parseDirectory(index.directory(pack)));
    findings.add(number, pack.state == Index::PackState::Missing ? "is missing" : sizeWords(pack),
                 chunksOf(frames));
    return {};
}

/// Reads packs one by one and says what is wrong with each.
class PackChecker {
public:
    PackChecker(const Repository& repository, const std::shared_ptr<Index>& index,
                Findings& findings, int samplePercent, std::uint64_t seed)
        : m_repository(repository)
        , m_index(index)
        , m_keys(scopeKeys(repository.keys(), index->incarnation().cluster,
                           index->incarnation().number))
        , m_contents(repository, index, m_keys.chunk.reveal())
        , m_metadata(repository, index, m_keys.tree.reveal())
        , m_findings(findings)
        , m_samplePercent(std::clamp(samplePercent, 0, 100))
        , m_random(seed)
    {}

    Result<> check(std::uint32_t number, JobContext& job)
    {
        const Index::Pack& pack = m_index->packs()[number];
        BlobReader& reader = pack.kind == format::BlobKind::Metadata ? m_metadata : m_contents;
        const Result<std::vector<format::Frame>> frames = reader.frames(number);
        if (!frames.ok()) {
            if (frames.error().code != ErrorCode::Corrupt)
                return frames.error();
            SALVOR_TRY(const auto listed, format::parseDirectory(m_index->directory(pack)));
            m_findings.add(number, frames.error().message, chunksOf(listed));
            return {};
        }
        SALVOR_TRY(const bool isWhole, checkBytes(number, *frames, reader, job));
        SALVOR_TRY(const bool framesAreGood, checkFrames(number, *frames, reader, job));
        if (!isWhole && framesAreGood)
            m_findings.add(number, "does not have the checksum in its name", {});
        return {};
    }

private:
    /// With every frame wanted, reads the whole pack at once. False when it is not what its name
    /// says.
    Result<bool> checkBytes(std::uint32_t number, const std::vector<format::Frame>& frames,
                            BlobReader& reader, JobContext& job)
    {
        if (m_samplePercent < 100)
            return true;
        const Index::Pack& pack = m_index->packs()[number];
        Result<Bytes> bytes = storage::readObject(m_repository.driver(), m_index->packKey(number));
        if (!bytes.ok()) {
            // The reader meets the same and says so for each frame.
            const ErrorCode code = bytes.error().code;
            if (code == ErrorCode::NotFound || code == ErrorCode::Corrupt)
                return true;
            return std::move(bytes).error();
        }
        job.progress.add(bytes->size() - std::min(bytes->size(), format::framesSize(frames)));
        const crypto::Digest digest = crypto::sha256(*bytes);
        const bool isWhole = format::idOf(digest) == pack.id;
        reader.usePackBytes(number, std::move(*bytes));
        return isWhole;
    }

    Result<bool> checkFrames(std::uint32_t number, const std::vector<format::Frame>& frames,
                             BlobReader& reader, JobContext& job)
    {
        std::string what;
        std::vector<ChunkId> lost;
        for (std::uint32_t i = 0; i < frames.size(); ++i) {
            if (m_samplePercent < 100
                && std::uniform_int_distribution<int>(0, 99)(m_random) >= m_samplePercent)
                continue;
            SALVOR_CHECK(job.proceed());
            const Result<> good = reader.checkFrame(number, i);
            job.progress.add(frames[i].storedSize);
            if (good.ok())
                continue;
            if (good.error().code != ErrorCode::Corrupt)
                return good.error();
            what += (what.empty() ? "" : "; ") + good.error().message;
            for (const format::FrameChunk& chunk : frames[i].chunks)
                lost.push_back(chunk.id);
        }
        if (!what.empty())
            m_findings.add(number, what, lost);
        return what.empty();
    }

    const Repository& m_repository;
    const std::shared_ptr<Index> m_index;
    const ScopeKeys m_keys;
    BlobReader m_contents;
    BlobReader m_metadata;
    Findings& m_findings;
    const int m_samplePercent;
    std::mt19937_64 m_random;
};

/// Their numbers: those that the backups name, or all.
Result<std::set<std::uint32_t>> packsToCheck(const Repository& repository, const Index& index,
                                             const std::vector<model::Backup>& backups)
{
    std::set<format::Id> named;
    for (const model::Backup& backup : backups) {
        SALVOR_TRY(const BackupObject object,
                   readBackupObject(repository.driver(), repository.keys(), backupKey(backup)));
        named.insert(object.packs.begin(), object.packs.end());
    }
    std::set<std::uint32_t> numbers;
    for (std::uint32_t number = 0; number < index.packs().size(); ++number)
        if (backups.empty() || named.contains(index.packs()[number].id))
            numbers.insert(number);
    return numbers;
}

} // namespace

Result<std::vector<PackDamage>> checkPacks(const Repository& repository,
                                           const model::Incarnation& incarnation,
                                           const PackCheck& check, JobContext& job)
{
    if (!repository.keys().canReadContents())
        return fail(ErrorCode::Denied, "a writer's key cannot read contents",
                    "Open the repository with a reader's key.");
    SALVOR_TRY(std::shared_ptr<Index> index, repository.loadIndex(incarnation));
    SALVOR_TRY(const auto numbers, packsToCheck(repository, *index, check.backups));
    Findings findings(*index, check.backups.empty() ? std::set<std::uint32_t>() : numbers);
    for (const Damage& damage : index->damages())
        findings.addObject(damage);
    ByteCount total = 0;
    for (const std::uint32_t number : numbers)
        total += index->packs()[number].foundSize;
    job.phase("check packs",
              total * static_cast<ByteCount>(std::clamp(check.samplePercent, 0, 100)) / 100);
    PackChecker checker(repository, index, findings, check.samplePercent, check.seed);
    for (const std::uint32_t number : numbers) {
        SALVOR_CHECK(job.proceed());
        if (index->packs()[number].state == Index::PackState::Present)
            SALVOR_CHECK(checker.check(number, job));
        else
            SALVOR_CHECK(addListed(*index, number, findings));
    }
    return findings.take();
}

Result<std::vector<PackDamage>> listDamage(const Repository& repository,
                                           const model::Incarnation& incarnation, JobContext& job)
{
    SALVOR_TRY(std::shared_ptr<Index> index, repository.loadIndex(incarnation));
    Findings findings(*index, {});
    for (const Damage& damage : index->damages())
        findings.addObject(damage);
    for (std::uint32_t number = 0; number < index->packs().size(); ++number) {
        SALVOR_CHECK(job.proceed());
        SALVOR_CHECK(addListed(*index, number, findings));
    }
    return findings.take();
}

} // namespace salvor::repository
