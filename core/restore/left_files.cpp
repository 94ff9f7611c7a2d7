#include "core/restore/left_files.h"

#include "core/crypto/crc32c.h"
#include "core/repository/parallel.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace salvor::restore {

namespace {

// Small enough to stay in the processor's cache until it is summed up.
constexpr std::size_t blockSize = std::size_t{128} << 10U;

bool isFinished(const struct stat& status, ByteCount size, Moment modifiedAt)
{
    // With a second name the server would write into what somebody else has, too.
    return S_ISREG(status.st_mode) && status.st_nlink == 1
           && static_cast<ByteCount>(status.st_size) == size
           && momentFrom(status.st_mtim) == modifiedAt;
}

/// Errors: those of moving. A file that cannot be read or is not whole is left where it is.
Result<bool> takeOne(const FileToWrite& file, const Path& left, const WriteOptions& options,
                     JobContext& job)
{
    const auto opened = openFile(left, O_RDONLY | O_NOFOLLOW);
    struct stat status {};
    if (!opened.ok() || ::fstat(opened->get(), &status) != 0
        || !isFinished(status, file.size, file.modifiedAt))
        return false;
    const auto crc = crcOf(*opened, file.size, job);
    if (!crc.ok() && crc.error().code == ErrorCode::Cancelled)
        return crc.error();
    if (!crc.ok() || *crc != file.crc32c)
        return false;
    if (::fchmod(opened->get(), file.mode) != 0)
        return failErrno(errno, "cannot set the mode of " + quoted(left));
    if (options.owner && ::fchown(opened->get(), options.owner->uid, options.owner->gid) != 0)
        return failErrno(errno, "cannot give away " + quoted(left));
    if (::rename(left.c_str(), file.path.c_str()) == 0)
        return true;
    // The place was a link to another disk.
    if (errno == EXDEV)
        return false;
    return failErrno(errno, "cannot move " + quoted(left) + " to " + quoted(file.path));
}

} // namespace

Result<std::uint32_t> crcOf(const FileDescriptor& file, ByteCount size, JobContext& job)
{
    crypto::Crc32c crc;
    Bytes block(std::min<ByteCount>(blockSize, size));
    for (ByteCount offset = 0; offset < size;) {
        SALVOR_CHECK(job.proceed());
        SALVOR_TRY(const std::size_t got, readFullAt(file, block, offset));
        if (got == 0)
            break;
        crc.add(ByteView(block).first(got));
        offset += got;
        job.progress.add(got);
    }
    return crc.value();
}

bool looksFinished(const Path& path, ByteCount size, Moment modifiedAt)
{
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && isFinished(status, size, modifiedAt);
}

Result<std::size_t> takeLeftFiles(std::vector<FileToWrite>& files,
                                  const std::vector<SetAside>& aside, const WriteOptions& options,
                                  JobContext& job)
{
    std::vector<std::size_t> candidates;
    ByteCount total = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (!files[i].isLeft)
            continue;
        candidates.push_back(i);
        total += files[i].size;
    }
    if (candidates.empty())
        return std::size_t{0};
    job.phase("check what an unfinished restore left", total);
    std::vector<std::atomic<bool>> taken(files.size());
    SALVOR_CHECK(repository::inParallel(
        workerCount(options), candidates.size(), [&](std::size_t i) -> Result<> {
            const FileToWrite& file = files[candidates[i]];
            const auto left = placeAside(file.path, aside);
            if (!left)
                return {};
            SALVOR_TRY(const bool moved, takeOne(file, *left, options, job));
            taken[candidates[i]] = moved;
            return {};
        }));
    std::vector<FileToWrite> missing;
    for (std::size_t i = 0; i < files.size(); ++i)
        if (!taken[i])
            missing.push_back(std::move(files[i]));
    const std::size_t moved = files.size() - missing.size();
    files = std::move(missing);
    return moved;
}

} // namespace salvor::restore
