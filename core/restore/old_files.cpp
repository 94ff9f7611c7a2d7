#include "core/restore/old_files.h"

#include "core/crypto/crc32c.h"
#include "core/repository/parallel.h"
#include "core/restore/left_files.h"

#include <algorithm>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace {

using repository::ChunkId;

constexpr std::size_t chunksInBlock = 32;
constexpr std::size_t blockSize = chunksInBlock * repository::chunkSize;

/// A file to write and what is there of old.
struct Candidate {
    std::size_t number = 0; ///< In the list of files.
    Path old;
    struct stat status {};
};

bool isPlain(const struct stat& status, ByteCount size)
{
    return S_ISREG(status.st_mode) && static_cast<ByteCount>(status.st_size) == size;
}

bool isHole(const FileToWrite& file, ByteCount offset)
{
    const std::size_t first = offset / repository::chunkSize;
    const std::size_t last = std::min(first + chunksInBlock, file.chunks.size());
    return std::all_of(file.chunks.begin() + static_cast<std::ptrdiff_t>(first),
                       file.chunks.begin() + static_cast<std::ptrdiff_t>(last),
                       [](const ChunkId& id) { return id == ChunkId{}; });
}

/// Nothing when it could not be read. Errors: Cancelled.
Result<std::optional<std::uint32_t>> unlessUnreadable(Result<std::uint32_t> crc)
{
    if (crc.ok())
        return std::optional<std::uint32_t>(*crc);
    if (crc.error().code == ErrorCode::Cancelled)
        return std::move(crc).error();
    return std::optional<std::uint32_t>();
}

/// The CRC-32C of what was copied; nothing when the old file could not be read. Errors: Cancelled;
/// those of writing.
Result<std::optional<std::uint32_t>> copyBytes(const FileDescriptor& from, const FileDescriptor& to,
                                               const FileToWrite& file, JobContext& job)
{
    if (::ioctl(to.get(), FICLONE, from.get()) == 0)
        return unlessUnreadable(crcOf(from, file.size, job));
    crypto::Crc32c crc;
    Bytes block(std::min<ByteCount>(blockSize, file.size));
    for (ByteCount offset = 0; offset < file.size;) {
        SALVOR_CHECK(job.proceed());
        const auto got = readFullAt(from, block, offset);
        if (!got.ok())
            return std::optional<std::uint32_t>();
        if (*got == 0)
            break;
        const ByteView bytes = ByteView(block).first(*got);
        crc.add(bytes);
        if (!isHole(file, offset))
            SALVOR_CHECK(writeAllAt(to, bytes, offset));
        offset += *got;
        job.progress.add(*got);
    }
    return std::optional<std::uint32_t>(crc.value());
}

Result<bool> copy(const Candidate& one, const FileToWrite& file, const WriteOptions& options,
                  JobContext& job)
{
    const auto opened = openFile(one.old, O_RDONLY | O_NOFOLLOW);
    if (!opened.ok())
        return false;
    SALVOR_TRY(const FileDescriptor written, createFile(file, options));
    const auto crc = copyBytes(*opened, written, file, job);
    if (crc.ok() && *crc && **crc == file.crc32c) {
        SALVOR_CHECK(finishFile(written, file, **crc));
        return true;
    }
    if (::unlink(file.path.c_str()) != 0)
        return failErrno(errno, "cannot remove " + quoted(file.path));
    // What cannot be read, or is another by its checksum, is fetched.
    if (!crc.ok())
        return crc.error();
    return false;
}

bool restedSince(const struct stat& status, Moment since)
{
    return momentFrom(status.st_mtim) <= since;
}

/// Every file with old content, those that may be taken whole first, the largest first.
std::vector<Candidate> candidatesOf(std::vector<FileToWrite>& files, const OldFiles& old)
{
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < files.size(); ++i) {
        // Every cluster has one of its own, and without it a server starts nothing.
        if (files[i].name == controlName)
            continue;
        Candidate one{i, placeAside(files[i].path, old.places).value_or(Path()), {}};
        if (one.old.empty() || ::lstat(one.old.c_str(), &one.status) != 0
            || !S_ISREG(one.status.st_mode))
            continue;
        files[i].old = one.old;
        candidates.push_back(std::move(one));
    }
    std::stable_sort(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
        return files[a.number].size > files[b.number].size;
    });
    return candidates;
}

} // namespace

bool looksUnchanged(const Path& path, ByteCount size, Moment since)
{
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && isPlain(status, size)
           && restedSince(status, since);
}

Result<Taken> takeOldFiles(std::vector<FileToWrite>& files, const OldFiles& old,
                           const WriteOptions& options, JobContext& job)
{
    std::vector<Candidate> candidates = candidatesOf(files, old);
    std::erase_if(candidates, [&](const Candidate& one) {
        return !isPlain(one.status, files[one.number].size) || !restedSince(one.status, old.since);
    });
    ByteCount total = 0;
    for (const Candidate& one : candidates)
        total += files[one.number].size;
    job.phase("take over what is unchanged", total);
    std::vector<std::atomic<bool>> isTaken(files.size());
    SALVOR_CHECK(repository::inParallel(
        workerCount(options), candidates.size(), [&](std::size_t i) -> Result<> {
            const FileToWrite& file = files[candidates[i].number];
            SALVOR_TRY(isTaken[candidates[i].number], copy(candidates[i], file, options, job));
            return {};
        }));
    Taken taken;
    std::vector<FileToWrite> missing;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (!isTaken[i]) {
            missing.push_back(std::move(files[i]));
            continue;
        }
        ++taken.files;
        taken.bytes += files[i].size;
    }
    files = std::move(missing);
    return taken;
}

} // namespace salvor::restore
