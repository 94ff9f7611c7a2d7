#include "core/wal/spool.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/crypto/hash.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::wal {
namespace {

namespace fs = std::filesystem;

constexpr auto lockName = "lock";
constexpr auto logName = "log";
constexpr ByteCount longestText = ByteCount{64} << 10U;
constexpr std::chrono::hours oldAge{24};

struct flock wholeFile()
{
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

Result<> checkOwner(const Path& folder)
{
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0)
        return failErrno(errno, "cannot look at " + quoted(folder));
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077U) != 0)
        return fail(ErrorCode::Denied,
                    "the spool " + quoted(folder)
                        + " is not a folder that only who runs this can reach",
                    "Remove it, or name another place with spool-path.");
    return {};
}

} // namespace

Spool::Spool(Path folder, FileDescriptor lock)
    : m_folder(std::move(folder))
    , m_lock(std::move(lock))
{}

Result<Spool> Spool::open(const Path& folder)
{
    SALVOR_CHECK(createDirectories(folder));
    SALVOR_CHECK(checkOwner(folder));
    SALVOR_TRY(FileDescriptor lock, openFile(folder / lockName, O_RDWR | O_CREAT | O_NOFOLLOW));
    return Spool(folder, std::move(lock));
}

bool Spool::hasWorker() const
{
    struct flock lock = wholeFile();
    return ::fcntl(m_lock.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

Result<std::optional<FileDescriptor>> Spool::tryLock() const
{
    using Lock = std::optional<FileDescriptor>;
    SALVOR_TRY(FileDescriptor file, openFile(m_folder / lockName, O_RDWR | O_NOFOLLOW));
    struct flock lock = wholeFile();
    if (::fcntl(file.get(), F_OFD_SETLK, &lock) == 0)
        return Lock(std::move(file));
    if (errno == EAGAIN || errno == EACCES)
        return Lock();
    return failErrno(errno, "cannot lock " + quoted(m_folder / lockName));
}

bool Spool::isHeldBy(int descriptor) const
{
    struct stat own {};
    struct stat given {};
    if (::fstat(m_lock.get(), &own) != 0 || ::fstat(descriptor, &given) != 0
        || own.st_ino != given.st_ino || own.st_dev != given.st_dev)
        return false;
    struct flock lock = wholeFile();
    return ::fcntl(descriptor, F_OFD_SETLK, &lock) == 0;
}

Result<> Spool::put(const std::string& name, std::string_view text) const
{
    std::string temporary = (m_folder / "~XXXXXX").native();
    const FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!file.isOpen())
        return failErrno(errno, "cannot create a file in " + quoted(m_folder));
    Result<> written = writeAll(file, asBytes(text));
    // PostgreSQL flushes a segment that it takes over: most of it is on the disk by then.
    if (written.ok() && text.size() > longestText)
        ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    if (written.ok() && ::rename(temporary.c_str(), (m_folder / name).c_str()) != 0)
        written = failErrno(errno, "cannot rename");
    if (!written.ok())
        ::unlink(temporary.c_str());
    return std::move(written).in("write " + quoted(m_folder / name));
}

std::optional<std::string> Spool::get(const std::string& name) const
{
    auto text = readTextFile(m_folder / name, longestText);
    return text.ok() ? std::optional(*std::move(text)) : std::nullopt;
}

void Spool::remove(const std::string& name) const
{
    ::unlink((m_folder / name).c_str());
}

std::vector<std::string> Spool::names() const
{
    std::vector<std::string> found;
    std::error_code failed;
    for (auto at = fs::directory_iterator(m_folder, failed);
         !failed && at != fs::directory_iterator(); at.increment(failed)) {
        const std::string name = at->path().filename().native();
        if (name != lockName && name != logName && name.front() != '~')
            found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
}

void Spool::clear(const std::string& kept) const
{
    std::vector<Path> all;
    std::error_code failed;
    for (auto at = fs::directory_iterator(m_folder, failed);
         !failed && at != fs::directory_iterator(); at.increment(failed))
        all.push_back(at->path());
    for (const Path& path : all)
        if (const Path name = path.filename(); name != lockName && name != logName && name != kept)
            ::unlink(path.c_str());
}

Path spoolFolder(const Path& root, const SpoolSubject& subject)
{
    crypto::Sha256 hash;
    for (const std::string& part : {subject.folder.native(), subject.place}) {
        hash.add(asBytes(part));
        hash.add(asBytes(std::string_view("\0", 1)));
    }
    constexpr std::size_t digits = 16;
    return root
           / (subject.kind + "-" + subject.cluster + "-" + toHex(hash.finish()).substr(0, digits));
}

void removeOldSpools(const Path& root)
{
    std::vector<Path> folders;
    std::error_code failed;
    for (auto at = fs::directory_iterator(root, failed); !failed && at != fs::directory_iterator();
         at.increment(failed))
        folders.push_back(at->path());
    const Moment oldest = systemClock().now() - oldAge;
    for (const Path& folder : folders) {
        const std::string name = folder.filename().native();
        if (!name.starts_with("push-") && !name.starts_with("get-") && !name.starts_with("away-"))
            continue; // Somebody else's.
        struct stat status {};
        if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)
            || momentFrom(status.st_mtim) > oldest || !fs::exists(folder / lockName, failed))
            continue;
        auto spool = Spool::open(folder);
        if (!spool.ok())
            continue;
        const auto lock = spool->tryLock();
        if (!lock.ok() || !*lock)
            continue;
        spool->clear();
        ::unlink(spool->logFile().c_str());
        ::unlink((folder / lockName).c_str());
        ::rmdir(folder.c_str());
    }
}

} // namespace salvor::wal
