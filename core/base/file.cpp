#include "core/base/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace salvor {

namespace {

/// A full buffer, or the end of the file: repeats `read` until then.
Result<std::size_t> readRepeatedly(MutableByteView buffer,
                                   const std::function<ssize_t(MutableByteView, std::size_t)>& read)
{
    std::size_t got = 0;
    while (got < buffer.size()) {
        const ssize_t more = read(buffer.subspan(got), got);
        if (more < 0) {
            if (errno == EINTR)
                continue;
            return failErrno(errno, "cannot read");
        }
        if (more == 0)
            break;
        got += static_cast<std::size_t>(more);
    }
    return got;
}

Result<> writeRepeatedly(ByteView bytes, const std::function<ssize_t(ByteView, std::size_t)>& write)
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t more = write(bytes.subspan(done), done);
        if (more < 0) {
            if (errno == EINTR)
                continue;
            return failErrno(errno, "cannot write");
        }
        done += static_cast<std::size_t>(more);
    }
    return {};
}

Path parentOf(const Path& path)
{
    return path.has_parent_path() ? path.parent_path() : Path(".");
}

} // namespace

std::string quoted(const Path& path)
{
    return "'" + path.native() + "'";
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept
{
    if (this != &other) {
        reset();
        m_descriptor = std::exchange(other.m_descriptor, -1);
    }
    return *this;
}

void FileDescriptor::reset() noexcept
{
    if (m_descriptor >= 0)
        ::close(std::exchange(m_descriptor, -1));
}

Result<FileDescriptor> openFile(const Path& path, int flags, mode_t mode)
{
    int descriptor = -1;
    do
        descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0)
        return failErrno(errno, "cannot open " + quoted(path));
    return FileDescriptor(descriptor);
}

Result<std::size_t> readFull(const FileDescriptor& file, MutableByteView buffer)
{
    return readRepeatedly(buffer, [&](MutableByteView part, std::size_t /*done*/) {
        return ::read(file.get(), part.data(), part.size());
    });
}

Result<std::size_t> readFullAt(const FileDescriptor& file, MutableByteView buffer, ByteCount offset)
{
    return readRepeatedly(buffer, [&](MutableByteView part, std::size_t done) {
        return ::pread(file.get(), part.data(), part.size(), static_cast<off_t>(offset + done));
    });
}

Result<> writeAll(const FileDescriptor& file, ByteView bytes)
{
    return writeRepeatedly(bytes, [&](ByteView part, std::size_t /*done*/) {
        return ::write(file.get(), part.data(), part.size());
    });
}

Result<> writeAllAt(const FileDescriptor& file, ByteView bytes, ByteCount offset)
{
    return writeRepeatedly(bytes, [&](ByteView part, std::size_t done) {
        return ::pwrite(file.get(), part.data(), part.size(), static_cast<off_t>(offset + done));
    });
}

Result<Bytes> readFile(const Path& path, ByteCount limit)
{
    SALVOR_TRY(const FileDescriptor file, openFile(path, O_RDONLY));
    Bytes content;
    constexpr std::size_t step = 1U << 16U;
    struct stat about {};
    if (::fstat(file.get(), &about) == 0 && about.st_size > 0)
        content.reserve(std::min<ByteCount>(static_cast<ByteCount>(about.st_size), limit) + step);
    while (true) {
        const std::size_t had = content.size();
        content.resize(had + step);
        SALVOR_TRY(const std::size_t got,
                   readFull(file, MutableByteView(content).subspan(had)).in(quoted(path)));
        content.resize(had + got);
        if (content.size() > limit)
            return fail(ErrorCode::InvalidInput,
                        quoted(path) + " is larger than " + std::to_string(limit) + " bytes");
        if (got < step)
            return content;
    }
}

Result<std::string> readTextFile(const Path& path, ByteCount limit)
{
    SALVOR_TRY(const Bytes content, readFile(path, limit));
    return std::string(asText(content));
}

int moveIfAbsent(const Path& from, const Path& to) noexcept
{
    // NFS and some others know only link(), FAT only the other one.
    constexpr unsigned int noReplace = 1; // RENAME_NOREPLACE of linux/fs.h.
    if (::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), noReplace) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (::link(from.c_str(), to.c_str()) != 0)
        return errno;
    ::unlink(from.c_str());
    return 0;
}

Result<> syncDirectory(const Path& directory)
{
    SALVOR_TRY(const FileDescriptor file, openFile(directory, O_RDONLY | O_DIRECTORY));
    if (::fsync(file.get()) != 0)
        return failErrno(errno, "cannot flush " + quoted(directory));
    return {};
}

Result<> syncFileSystem(const Path& path)
{
    SALVOR_TRY(const FileDescriptor file, openFile(path, O_RDONLY));
    if (::syncfs(file.get()) != 0)
        return failErrno(errno, "cannot flush the file system of " + quoted(path));
    return {};
}

Result<> createDirectories(const Path& directory, mode_t mode)
{
    if (::mkdir(directory.c_str(), mode) == 0)
        return syncDirectory(parentOf(directory));
    if (errno == EEXIST) {
        struct stat status {};
        if (::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
            return {};
        return failErrno(EEXIST, "cannot create the folder " + quoted(directory));
    }
    if (errno != ENOENT || !directory.has_parent_path() || directory.parent_path() == directory)
        return failErrno(errno, "cannot create the folder " + quoted(directory));
    SALVOR_CHECK(createDirectories(directory.parent_path(), mode));
    if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST)
        return failErrno(errno, "cannot create the folder " + quoted(directory));
    return syncDirectory(parentOf(directory));
}

Result<TemporaryDirectory> TemporaryDirectory::create(const Path& parent)
{
    std::error_code ignored;
    const Path base = parent.empty() ? std::filesystem::temp_directory_path(ignored) : parent;
    std::string name = (base / "salvor-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr)
        return failErrno(errno, "cannot create a folder in " + quoted(base));
    return TemporaryDirectory(name);
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept
{
    std::swap(m_path, other.m_path);
    return *this;
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code ignored;
    if (!m_path.empty())
        std::filesystem::remove_all(m_path, ignored);
}

} // namespace salvor
