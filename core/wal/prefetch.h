// archive-get with a background worker that fetches the next segments ahead.
#pragma once

#include "core/repository/repository.h"
#include "core/wal/spool.h"

#include <chrono>
#include <functional>

namespace salvor::wal {

/// What the foreground needs to know.
struct Prefetch {
    const Spool& spool;
    ByteCount segmentSize = 0;
    std::chrono::milliseconds timeout = std::chrono::seconds(10); ///< For what is under way.
    StartWorker startWorker;
};

/// Puts the segment at `destination` if a living worker has fetched it, or does so now. False for
/// whatever else: then only the archive itself can tell, and nothing was written.
///
/// The bytes are the ones the worker verified: size and CRC-32C are checked again.
[[nodiscard]] bool takePrefetched(const Prefetch& prefetch, const std::string& name,
                                  const Path& destination);

/// Sees to it that the segments after `name`, which was just fetched, are fetched ahead.
/// Errors: none that matter to who has the segment; they go to the log.
void prefetchAfter(const Prefetch& prefetch, const std::string& name);

/// What the worker does. The lock of the spool is held by its process.
struct PrefetchWork {
    /// Gives a segment whole and verified, or NotFound. Called by several threads.
    std::function<Result<Bytes>(const model::Segment&)> read;
    ByteCount segmentSize = 0;
    std::size_t count = 4; ///< Segments kept ahead, at least 1.
    int threads = 2;
    std::chrono::milliseconds idle{}; ///< Ends when no segment was taken for so long.
};
/// Keeps the segments from the position on that the foreground tells, in the spool, until nobody
/// asks any more. Leaves an empty spool.
///
/// Errors: when the spool cannot be written.
[[nodiscard]] Result<> prefetchSegments(const Spool& spool, const PrefetchWork& work);

} // namespace salvor::wal
