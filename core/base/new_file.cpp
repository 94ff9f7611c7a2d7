#include "core/base/new_file.h"

#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor {

namespace {

constexpr std::size_t bufferSize = std::size_t{1} << 18U;

Path parentOf(const Path& path)
{
    return path.has_parent_path() ? path.parent_path() : Path(".");
}

} // namespace

NewFile::NewFile(Path path, Path temporary, FileDescriptor file)
    : m_path(std::move(path))
    , m_temporary(std::move(temporary))
    , m_file(std::move(file))
{}

NewFile::NewFile(NewFile&& other) noexcept
    : m_path(std::move(other.m_path))
    , m_temporary(std::exchange(other.m_temporary, {}))
    , m_file(std::move(other.m_file))
    , m_buffer(std::move(other.m_buffer))
{}

NewFile::~NewFile()
{
    if (!m_temporary.empty())
        ::unlink(m_temporary.c_str());
}

Result<NewFile> NewFile::create(const Path& path)
{
    std::string temporary = (parentOf(path) / ".salvor-XXXXXX").native();
    FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!file.isOpen())
        return failErrno(errno, "cannot create a file in " + quoted(parentOf(path)));
    return NewFile(path, temporary, std::move(file));
}

Result<> NewFile::write(ByteView bytes)
{
    if (m_buffer.size() + bytes.size() > bufferSize)
        SALVOR_CHECK(flush());
    if (bytes.size() > bufferSize)
        return writeAll(m_file, bytes).in("write " + quoted(m_path));
    m_buffer.insert(m_buffer.end(), bytes.begin(), bytes.end());
    return {};
}

Result<> NewFile::flush()
{
    SALVOR_CHECK(writeAll(m_file, m_buffer).in("write " + quoted(m_path)));
    m_buffer.clear();
    return {};
}

Result<> NewFile::finish(IfExists ifExists, mode_t mode)
{
    if (::fchmod(m_file.get(), mode) != 0)
        return failErrno(errno, "cannot set the mode");
    if (::fsync(m_file.get()) != 0)
        return failErrno(errno, "cannot flush");
    int errorNumber = 0;
    if (ifExists == IfExists::Fail)
        errorNumber = moveIfAbsent(m_temporary, m_path);
    else if (::rename(m_temporary.c_str(), m_path.c_str()) != 0)
        errorNumber = errno;
    if (errorNumber != 0)
        return failErrno(errorNumber, "cannot create " + quoted(m_path));
    m_temporary.clear();
    return {};
}

Result<> NewFile::commit(IfExists ifExists, mode_t mode)
{
    SALVOR_CHECK(flush());
    SALVOR_CHECK(finish(ifExists, mode).in("write " + quoted(m_path)));
    return syncDirectory(parentOf(m_path));
}

Result<> writeFileDurably(const Path& path, ByteView content, IfExists ifExists, mode_t mode)
{
    SALVOR_TRY(NewFile file, NewFile::create(path));
    SALVOR_CHECK(file.write(content));
    return file.commit(ifExists, mode);
}

} // namespace salvor
