// The files of a backup, with their places and what reading them costs.
#pragma once

#include "core/base/job_context.h"
#include "core/repository/repository.h"
#include "core/restore/places.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace salvor::restore {

struct DirectoryToMake {
    Path path;
    mode_t mode = 0700;
};

struct FileToWrite {
    std::string name; ///< As the backup calls it.
    Path path;
    mode_t mode = 0600;
    Moment modifiedAt;
    ByteCount size = 0;
    std::uint32_t crc32c = 0;
    std::vector<repository::ChunkId> chunks;
    bool isLeft = false; ///< An unfinished restore left one that looks finished (left_files.h).
    Path old;            ///< What was there before, to take equal chunks from; empty: nothing.
};

/// One chunk to try the key on.
struct SampleChunk {
    repository::ChunkId id{};
    std::size_t size = 0;
};

struct ChunkIdHash {
    std::size_t operator()(const repository::ChunkId& id) const noexcept;
};
using ChunkIds = std::unordered_set<repository::ChunkId, ChunkIdHash>;

struct Contents {
    // With Keep::Everything only.
    std::vector<DirectoryToMake> directories; ///< Parents before what is in them.
    std::vector<FileToWrite> files;

    std::uint64_t fileCount = 0;
    ByteCount bytes = 0; ///< Of all files, holes included.
    /// Bytes that will be taken on disk, by the place that holds them; without what is left there.
    std::map<Path, ByteCount> bytesByPlace;
    ByteCount bytesLeft = 0; ///< Of files that an unfinished restore left, as it seems.
    ByteCount bytesOld = 0;  ///< Of files that are in the old cluster unchanged, as it seems.
    std::uint64_t oldCount = 0;
    bool hasControlFile = false;
    bool hasBackupLabel = false;
    bool hasExtraFiles = false;
    std::optional<SampleChunk> sample;
    std::vector<std::string> unreadable; ///< Files with damaged or unknown chunks, at most 100.
    std::uint64_t unreadableCount = 0;
    std::vector<Path> outside; ///< Files outside the data directory that are left as they are.
    std::vector<std::string> skippedLinks; ///< "pg_log -> /var/log/postgresql".
};

enum class Keep { Counts, Everything };

/// What a backup's tree is read with. It outlives the reading.
struct Reading {
    const Places& places;
    const repository::ChunkReader& reader;
    const ChunkIds& damaged; ///< Known not to be readable.
    Keep keep = Keep::Counts;
    bool afterUnfinished = false; ///< Looks for what an unfinished restore left in the places.
    std::vector<SetAside> old;    ///< In place: where the old files belong, and where they lie now.
};

/// Reads the backup's tree once.
///
/// Errors: Corrupt when a path leads out of its place, or a file's chunks do not make up its size;
///         those of the repository.
[[nodiscard]] Result<Contents> readContents(const repository::Repository& repository,
                                            const model::Backup& backup, const Reading& how,
                                            JobContext& job);

} // namespace salvor::restore
