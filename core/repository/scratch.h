// Memory that the kernel may write out: large tables live in unlinked temporary files, so that they
// do not count against a small machine.
#pragma once

#include "core/base/file.h"

#include <span>

namespace salvor::repository {

/// Mapped, zeroed memory with an unlinked file behind it. Movable.
class ScratchMemory {
public:
    ScratchMemory() = default;
    /// Errors: NoSpace, as failErrno.
    [[nodiscard]] static Result<ScratchMemory> create(std::size_t size);
    ScratchMemory(ScratchMemory&& other) noexcept
        : m_bytes(std::exchange(other.m_bytes, {}))
    {}
    ScratchMemory& operator=(ScratchMemory&& other) noexcept
    {
        std::swap(m_bytes, other.m_bytes);
        return *this;
    }
    ScratchMemory(const ScratchMemory&) = delete;
    ScratchMemory& operator=(const ScratchMemory&) = delete;
    ~ScratchMemory();

    [[nodiscard]] MutableByteView bytes() const noexcept { return m_bytes; }

private:
    friend class ScratchFile;
    explicit ScratchMemory(MutableByteView bytes) noexcept
        : m_bytes(bytes)
    {}
    [[nodiscard]] static Result<ScratchMemory> map(const FileDescriptor& file, std::size_t size);

    MutableByteView m_bytes;
};

/// Grows at its end, then is mapped once. One thread at a time.
class ScratchFile {
public:
    [[nodiscard]] static Result<ScratchFile> create();
    [[nodiscard]] Result<> append(ByteView bytes);
    [[nodiscard]] ByteCount size() const noexcept { return m_written + m_pending.size(); }
    /// All that was appended. The file itself is done then.
    [[nodiscard]] Result<ScratchMemory> map();

private:
    [[nodiscard]] Result<> writeOut();

    FileDescriptor m_file;
    Bytes m_pending;
    ByteCount m_written = 0;
};

} // namespace salvor::repository
