// Goes on where a killed restore was: what it had finished is checked and moved, not fetched again.
#pragma once

#include "core/base/job_context.h"
#include "core/restore/contents.h"
#include "core/restore/file_writer.h"

namespace salvor::restore {

/// Whether a plain file of this size and time is at `path`: a restore sets the time last of all.
[[nodiscard]] bool looksFinished(const Path& path, ByteCount size, Moment modifiedAt);

/// Of the file's first `size` bytes; of fewer when it ends before. Progress: the bytes read.
[[nodiscard]] Result<std::uint32_t> crcOf(const FileDescriptor& file, ByteCount size,
                                          JobContext& job);

/// Moves those of `files` that are marked as left, and whose bytes have the CRC-32C of the backup,
/// from the places set aside to where they belong, and takes them out of `files`. What is not
/// whole stays where it is and is written anew. Nothing is fsynced yet.
///
/// Returns how many were moved. Errors: as failErrno(); Cancelled.
/// Progress: bytes of the files looked at, as a phase of its own; none without such files.
[[nodiscard]] Result<std::size_t> takeLeftFiles(std::vector<FileToWrite>& files,
                                                const std::vector<SetAside>& aside,
                                                const WriteOptions& options, JobContext& job);

} // namespace salvor::restore
