#include "core/postgres/live_server.h"

#include "core/base/text.h"
#include "core/postgres/data_directory.h"

#include <sstream>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::postgres {

namespace fs = std::filesystem;

namespace {

std::string processWords(const std::string& number)
{
    const auto name = readTextFile("/proc/" + number + "/comm");
    return "process " + number
           + (name.ok() ? " ('" + std::string(trim(*name)) + "')" : std::string()) + " works in it";
}

bool isSame(const struct stat& a, const struct stat& b) noexcept
{
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// A worker that archives for the server, or has archived for it: it only reads, and ends by
/// itself.
bool isOwnProgram(const Path& process)
{
    struct stat own {};
    struct stat other {};
    return ::stat("/proc/self/exe", &own) == 0 && ::stat((process / "exe").c_str(), &other) == 0
           && isSame(own, other);
}

/// A process, by its number, that works in the directory or below.
Result<std::optional<std::string>> workingIn(const Path& directory, const struct stat& status)
{
    std::error_code error;
    const std::string below = fs::canonical(directory, error).native() + "/";
    for (auto at = fs::directory_iterator("/proc", error); !error && at != fs::directory_iterator();
         at.increment(error)) {
        const std::string number = at->path().filename().native();
        if (!parseUnsigned(number) || isOwnProgram(at->path()))
            continue;
        const Path link = at->path() / "cwd";
        struct stat folder {};
        if (::stat(link.c_str(), &folder) != 0)
            continue; // It ended, or is another user's.
        std::error_code none;
        if (isSame(folder, status) || fs::read_symlink(link, none).native().starts_with(below))
            return std::optional(number);
    }
    if (error)
        return failErrno(error.value(), "cannot list the processes of this machine");
    return std::optional<std::string>();
}

/// The seventh line of postmaster.pid: key and number of the server's shared memory. The key comes
/// from the directory's inode, so that a number that another got since is told from it.
Result<std::optional<std::string>> attachedMemory(const Path& dataDirectory)
{
    const auto text = readTextFile(dataDirectory / "postmaster.pid");
    if (!text.ok() && text.error().code == ErrorCode::NotFound)
        return std::optional<std::string>();
    if (!text.ok())
        return text.error();
    std::istringstream lines(*text);
    std::string line;
    for (int number = 0; number < 7; ++number)
        if (!std::getline(lines, line))
            return std::optional<std::string>();
    std::uint64_t key = 0;
    std::int64_t segment = -1;
    if (!(std::istringstream(line) >> key >> segment))
        return std::optional<std::string>();
    struct shmid_ds memory {};
    if (::shmctl(static_cast<int>(segment), IPC_STAT, &memory) != 0) {
        if (errno == EINVAL || errno == EIDRM)
            return std::optional<std::string>();
        return failErrno(errno, "cannot look at shared memory segment " + std::to_string(segment));
    }
    // NOLINTNEXTLINE(bugprone-reserved-identifier): so the system calls it.
    const auto found = static_cast<std::uint32_t>(memory.shm_perm.__key);
    if (found != static_cast<std::uint32_t>(key) || memory.shm_nattch == 0)
        return std::optional<std::string>();
    return std::optional("its shared memory, segment " + std::to_string(segment)
                         + ", is attached by " + std::to_string(memory.shm_nattch)
                         + (memory.shm_nattch == 1 ? " process" : " processes"));
}

} // namespace

Result<std::optional<std::string>> findServer(const Path& dataDirectory)
{
    struct stat status {};
    if (::stat(dataDirectory.c_str(), &status) != 0) {
        if (errno == ENOENT)
            return std::optional<std::string>();
        return failErrno(errno, "cannot look at " + quoted(dataDirectory));
    }
    if (::geteuid() != 0 && ::geteuid() != status.st_uid)
        return fail(ErrorCode::Denied,
                    quoted(dataDirectory)
                        + " belongs to another user, whose processes cannot be looked at",
                    "Run this as the owner of the directory, or as root.");
    SALVOR_TRY(const auto process, workingIn(dataDirectory, status));
    if (process)
        return std::optional(processWords(*process));
    SALVOR_TRY(const bool named, isServerRunning(dataDirectory));
    if (named)
        return std::optional<std::string>("the process that its postmaster.pid names lives");
    return attachedMemory(dataDirectory);
}

} // namespace salvor::postgres
