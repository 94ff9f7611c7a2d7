// A file that appears under its name whole, or not at all.
#pragma once

#include "core/base/file.h"

namespace salvor {

/// Written under another name beside its own, flushed, renamed. What was not committed is removed.
/// One thread at a time.
class NewFile {
public:
    [[nodiscard]] static Result<NewFile> create(const Path& path);
    NewFile(NewFile&& other) noexcept;
    NewFile& operator=(NewFile&&) = delete;
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile();

    /// Errors: NoSpace, and as failErrno.
    [[nodiscard]] Result<> write(ByteView bytes);
    /// For a program that writes it, before or instead of write().
    [[nodiscard]] const FileDescriptor& file() const noexcept { return m_file; }
    /// Where the bytes are until commit().
    [[nodiscard]] const Path& temporary() const noexcept { return m_temporary; }
    /// Afterwards it is there also after a power loss.
    /// Errors: AlreadyExists with IfExists::Fail; NoSpace.
    [[nodiscard]] Result<> commit(IfExists ifExists, mode_t mode = 0600);

private:
    NewFile(Path path, Path temporary, FileDescriptor file);
    Result<> flush();
    Result<> finish(IfExists ifExists, mode_t mode);

    Path m_path;
    Path m_temporary; ///< Empty when nothing is to be removed.
    FileDescriptor m_file;
    Bytes m_buffer;
};

} // namespace salvor
