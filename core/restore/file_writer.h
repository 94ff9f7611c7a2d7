// Writes the files of a backup, by several workers, in the order their chunks lie in the packs.
#pragma once

#include "core/base/job_context.h"
#include "core/base/subprocess.h"
#include "core/repository/chunk_places.h"
#include "core/restore/contents.h"

namespace salvor::restore {

struct WriteOptions {
    unsigned workers = 0;            ///< 0: one for each processor, at most 8.
    std::optional<SystemUser> owner; ///< Unset: the runner.
};

/// Afterwards every file is there with its size, mode, time and owner, and its CRC-32C was that of
/// the backup; nothing is fsynced yet. Runs of zeros are holes. Chunks that the file's old content
/// (FileToWrite::old) holds at their place are read there, the others are fetched.
///
/// Errors: Corrupt naming the file; NoSpace; AlreadyExists; Cancelled within one chunk.
/// Progress: bytes of files, as a phase of its own.
[[nodiscard]] Result<> writeFiles(const std::vector<FileToWrite>& files,
                                  repository::ChunkPlaces& places, const WriteOptions& options,
                                  JobContext& job);

/// A new file, given to its owner, with room for its holes. Errors: AlreadyExists; as failErrno().
[[nodiscard]] Result<FileDescriptor> createFile(const FileToWrite& file,
                                                const WriteOptions& options);
/// Sets mode and time. Last of all, since writing changes the time. Errors: Corrupt when `crc` is
/// not that of the backup.
[[nodiscard]] Result<> finishFile(const FileDescriptor& opened, const FileToWrite& file,
                                  std::uint32_t crc);

/// How many threads `options` ask for.
[[nodiscard]] std::size_t workerCount(const WriteOptions& options);

/// The CRC-32C of two runs of bytes, one after the other, from that of each.
[[nodiscard]] std::uint32_t combineCrc32c(std::uint32_t first, std::uint32_t second,
                                          ByteCount secondSize) noexcept;

} // namespace salvor::restore
