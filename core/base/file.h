// Files on the local machine: opening, whole reads, durable writes.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/types.h>

namespace salvor {

/// Names of files are bytes: no encoding is assumed.
using Path = std::filesystem::path;

/// Owns a file descriptor. Movable; one thread at a time, but for readAt and writeAt.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int descriptor) noexcept
        : m_descriptor(descriptor)
    {}
    FileDescriptor(FileDescriptor&& other) noexcept
        : m_descriptor(std::exchange(other.m_descriptor, -1))
    {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() { reset(); }

    [[nodiscard]] int get() const noexcept { return m_descriptor; }
    [[nodiscard]] bool isOpen() const noexcept { return m_descriptor >= 0; }
    void reset() noexcept;

private:
    int m_descriptor = -1;
};

/// Opens with O_CLOEXEC added to `flags`. Errors: as failErrno; the message names the path.
[[nodiscard]] Result<FileDescriptor> openFile(const Path& path, int flags, mode_t mode = 0600);

/// Reads until `buffer` is full or the file ends; says how much it got.
[[nodiscard]] Result<std::size_t> readFull(const FileDescriptor& file, MutableByteView buffer);
/// The same from `offset`, without moving the file's position. Any number of threads at once.
[[nodiscard]] Result<std::size_t> readFullAt(const FileDescriptor& file, MutableByteView buffer,
                                             ByteCount offset);
/// Writes all of `bytes`. Errors: NoSpace, and as failErrno.
[[nodiscard]] Result<> writeAll(const FileDescriptor& file, ByteView bytes);
[[nodiscard]] Result<> writeAllAt(const FileDescriptor& file, ByteView bytes, ByteCount offset);

/// The whole content. Errors: InvalidInput when it is longer than `limit` bytes.
[[nodiscard]] Result<Bytes> readFile(const Path& path, ByteCount limit = ByteCount{64} << 20U);
/// The same as text.
[[nodiscard]] Result<std::string> readTextFile(const Path& path,
                                               ByteCount limit = ByteCount{64} << 20U);

enum class IfExists { Replace, Fail };

/// Writes a file so that another sees the old content or the new, never a part, also after a power
/// loss: temporary name beside it, fsync, rename (or link), fsync of the folder.
///
/// Errors: AlreadyExists with IfExists::Fail; NoSpace. Nothing is left behind on a failure.
[[nodiscard]] Result<> writeFileDurably(const Path& path, ByteView content,
                                        IfExists ifExists = IfExists::Replace, mode_t mode = 0600);

/// Renames without ever replacing, also where there are no hard links. Gives errno: 0, EEXIST, ...
[[nodiscard]] int moveIfAbsent(const Path& from, const Path& to) noexcept;

/// Makes what was created, renamed or removed in a folder survive a power loss.
[[nodiscard]] Result<> syncDirectory(const Path& directory);
/// Makes everything written to the file system that holds `path` survive a power loss.
[[nodiscard]] Result<> syncFileSystem(const Path& path);

/// Creates the folder and its missing parents, each durable in its parent. Existing ones are left
/// as they are.
[[nodiscard]] Result<> createDirectories(const Path& directory, mode_t mode = 0700);

/// A new empty folder, removed with all it holds when the object goes.
class TemporaryDirectory {
public:
    /// Below `parent`, or below the system's place for temporary files when that is empty.
    [[nodiscard]] static Result<TemporaryDirectory> create(const Path& parent = {});
    TemporaryDirectory(TemporaryDirectory&& other) noexcept
        : m_path(std::exchange(other.m_path, {}))
    {}
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] const Path& path() const noexcept { return m_path; }

private:
    explicit TemporaryDirectory(Path path)
        : m_path(std::move(path))
    {}
    Path m_path;
};

/// The path between single quotes, for messages.
[[nodiscard]] std::string quoted(const Path& path);

} // namespace salvor
