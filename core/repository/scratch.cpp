#include "core/repository/scratch.h"

#include <cerrno>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace salvor::repository {

namespace {

constexpr std::size_t pendingLimit = std::size_t{256} << 10U;

Result<FileDescriptor> unlinkedFile()
{
    // /tmp is memory on many systems, which would defeat the purpose.
    const char* asked = std::getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): nobody sets it.
    const std::string folder = asked != nullptr && *asked != '\0' ? asked : "/var/tmp";
    Result<FileDescriptor> file = openFile(folder, O_RDWR | O_TMPFILE, 0600);
    if (file.ok())
        return file;
    std::string name = folder + "/salvor-XXXXXX"; // For file systems without O_TMPFILE.
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0)
        return failErrno(errno, "cannot make a temporary file in '" + folder + "'",
                         "Name another folder with TMPDIR.");
    ::unlink(name.c_str());
    return FileDescriptor(descriptor);
}

} // namespace

ScratchMemory::~ScratchMemory()
{
    if (!m_bytes.empty())
        ::munmap(m_bytes.data(), m_bytes.size());
}

Result<ScratchMemory> ScratchMemory::map(const FileDescriptor& file, std::size_t size)
{
    if (size == 0)
        return ScratchMemory();
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (address == MAP_FAILED) // NOLINT(performance-no-int-to-ptr): the system's macro.
        return failErrno(errno, "cannot map a temporary file");
    return ScratchMemory({static_cast<std::byte*>(address), size});
}

Result<ScratchMemory> ScratchMemory::create(std::size_t size)
{
    SALVOR_TRY(const FileDescriptor file, unlinkedFile());
    // Reserving now makes a full disk an error here rather than a signal later.
    const int failed = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size));
    if (failed != 0)
        return failErrno(failed, "cannot reserve room for a temporary file",
                         "Free space in the folder for temporary files or name another with "
                         "TMPDIR.");
    return map(file, size);
}

Result<ScratchFile> ScratchFile::create()
{
    ScratchFile scratch;
    SALVOR_TRY(scratch.m_file, unlinkedFile());
    scratch.m_pending.reserve(pendingLimit);
    return scratch;
}

Result<> ScratchFile::append(ByteView bytes)
{
    salvor::append(m_pending, bytes);
    if (m_pending.size() < pendingLimit)
        return {};
    return writeOut();
}

Result<> ScratchFile::writeOut()
{
    SALVOR_CHECK(writeAll(m_file, m_pending).in("temporary file"));
    m_written += m_pending.size();
    m_pending.clear();
    return {};
}

Result<ScratchMemory> ScratchFile::map()
{
    SALVOR_CHECK(writeOut());
    return ScratchMemory::map(m_file, m_written);
}

} // namespace salvor::repository
