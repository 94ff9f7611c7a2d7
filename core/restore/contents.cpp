#include "core/restore/contents.h"

#include "core/restore/left_files.h"
#include "core/restore/old_files.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace salvor::restore {

namespace {

using repository::chunkSize;
using repository::TreeEntry;
using repository::TreeKind;

constexpr std::size_t namesKept = 100;
constexpr ByteCount diskBlock = 4096;

/// Gathers what readContents() returns, entry by entry.
class Collector {
public:
    Collector(const Reading& how, Moment began)
        : m_how(how)
        , m_began(began)
    {}

    Result<> add(const TreeEntry& entry)
    {
        SALVOR_TRY(const std::optional<Path> path, placeOf(entry, m_how.places));
        if (!path) {
            if (entry.path.starts_with('/'))
                m_contents.outside.emplace_back(entry.path);
            return {};
        }
        switch (entry.kind) {
        case TreeKind::Directory:
            addDirectory(entry, *path);
            return {};
        case TreeKind::Link:
            addLink(entry, *path);
            return {};
        case TreeKind::File:
            return addFile(entry, *path);
        }
        return fail(ErrorCode::Corrupt, "'" + entry.path + "' is of no known kind");
    }

    Contents take() { return std::move(m_contents); }

private:
    void addDirectory(const TreeEntry& entry, const Path& path)
    {
        if (m_how.keep == Keep::Everything && path != m_how.places.data)
            m_contents.directories.push_back({path, entry.mode & 0777U});
    }

    void addLink(const TreeEntry& entry, const Path& path)
    {
        // pg_wal may be a link to another disk; the copy has it inside. Any other link would have
        // the copy write where the original does.
        if (entry.path == "pg_wal") {
            if (m_how.keep == Keep::Everything)
                m_contents.directories.push_back({path, 0700});
            return;
        }
        m_contents.skippedLinks.push_back(entry.path + " -> " + entry.linkTarget);
    }

    Result<> addFile(const TreeEntry& entry, const Path& path)
    {
        if (entry.chunks.size() != (entry.size + chunkSize - 1) / chunkSize)
            return fail(ErrorCode::Corrupt, "'" + entry.path + "' is " + std::to_string(entry.size)
                                                + " bytes long, but its list of chunks is not");
        m_contents.hasControlFile |= entry.path == controlName;
        m_contents.hasBackupLabel |= entry.path == "backup_label";
        m_contents.hasExtraFiles |= entry.path.front() == '/';
        ++m_contents.fileCount;
        m_contents.bytes += entry.size;
        const bool isLeft =
            m_how.afterUnfinished && looksFinished(path, entry.size, entry.modifiedAt);
        const bool isOld = !isLeft && isInOldCluster(entry, path);
        weigh(entry, path, isLeft);
        m_contents.bytesLeft += isLeft ? entry.size : 0;
        m_contents.bytesOld += isOld ? entry.size : 0;
        m_contents.oldCount += isOld ? 1 : 0;
        if (m_how.keep == Keep::Everything)
            m_contents.files.push_back({entry.path,
                                        path,
                                        entry.mode & 0777U,
                                        entry.modifiedAt,
                                        entry.size,
                                        entry.crc32c,
                                        entry.chunks,
                                        isLeft,
                                        {}});
        return {};
    }

    [[nodiscard]] bool isInOldCluster(const TreeEntry& entry, const Path& path) const
    {
        const auto old = placeAside(path, m_how.old);
        return old && looksUnchanged(*old, entry.size, m_began);
    }

    /// `isThere`: it takes no space that is not taken already.
    void weigh(const TreeEntry& entry, const Path& path, bool isThere)
    {
        ByteCount onDisk = 0;
        bool isReadable = true;
        for (std::size_t i = 0; i < entry.chunks.size(); ++i) {
            const repository::ChunkId& id = entry.chunks[i];
            if (id == repository::ChunkId{})
                continue;
            const auto size = std::min<ByteCount>(chunkSize, entry.size - i * chunkSize);
            onDisk += size;
            const auto place = m_how.reader.find(id);
            isReadable = isReadable && place && !m_how.damaged.contains(id);
            if (!place)
                continue;
            if (!m_contents.sample)
                m_contents.sample = SampleChunk{id, static_cast<std::size_t>(size)};
        }
        if (!isThere)
            m_contents.bytesByPlace[placeHolding(path)] +=
                (onDisk + diskBlock - 1) / diskBlock * diskBlock;
        if (isReadable)
            return;
        ++m_contents.unreadableCount;
        if (m_contents.unreadable.size() < namesKept)
            m_contents.unreadable.push_back(entry.path);
    }

    [[nodiscard]] Path placeHolding(const Path& path) const
    {
        const auto isIn = [&](const Path& place) {
            const std::string& whole = path.native();
            const std::string& part = place.native();
            return !part.empty() && whole.size() > part.size()
                   && whole.compare(0, part.size(), part) == 0 && whole[part.size()] == '/';
        };
        for (const auto& [oid, place] : m_how.places.tablespaces)
            if (isIn(place))
                return place;
        return isIn(m_how.places.config) ? m_how.places.config : m_how.places.data;
    }

    const Reading& m_how;
    Moment m_began; ///< Of the backup: what was written to since is not what it holds.
    Contents m_contents;
};

} // namespace

std::size_t ChunkIdHash::operator()(const repository::ChunkId& id) const noexcept
{
    // An id is a hash already: any eight bytes of it will do.
    std::size_t value = 0;
    std::memcpy(&value, id.data(), sizeof value);
    return value;
}

Result<Contents> readContents(const repository::Repository& repository, const model::Backup& backup,
                              const Reading& how, JobContext& job)
{
    Collector collector(how, backup.startedAt);
    const auto visit = [&](const TreeEntry& entry) -> Result<> {
        SALVOR_CHECK(job.proceed());
        return collector.add(entry);
    };
    SALVOR_CHECK(repository.readTree(backup, visit).in("backup '" + backup.id + "'"));
    return collector.take();
}

} // namespace salvor::restore
