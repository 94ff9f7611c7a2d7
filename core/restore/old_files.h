// What a restore in place takes over from the cluster that was there.
#pragma once

#include "core/base/job_context.h"
#include "core/restore/contents.h"
#include "core/restore/file_writer.h"

#include <vector>

namespace salvor::restore {

/// Whether a plain file of this size is at `path` that nobody has written to since. A guess that
/// only decides in which order things are tried: contents are always compared by their checksum.
[[nodiscard]] bool looksUnchanged(const Path& path, ByteCount size, Moment since);

struct OldFiles {
    std::vector<SetAside> places;
    Moment since; ///< When the backup began.
};

struct Taken {
    std::size_t files = 0;
    ByteCount bytes = 0;
};

/// Copies (sharing blocks where the file system can) those of `files` whose old content has size
/// and CRC-32C of the backup to where they belong, and takes them out of `files`. The others are
/// told where their old content is. What is old is only read. Nothing is fsynced yet.
///
/// Errors: as failErrno(); NoSpace; Cancelled.
/// Progress: bytes of the files looked at, as a phase of its own.
[[nodiscard]] Result<Taken> takeOldFiles(std::vector<FileToWrite>& files, const OldFiles& old,
                                         const WriteOptions& options, JobContext& job);

} // namespace salvor::restore
