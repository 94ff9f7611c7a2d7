// global/pg_control: what a cluster is and where it stood.
#pragma once

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/model/cluster.h"
#include "core/model/replay_sizes.h"

namespace salvor::postgres {

/// DBState of pg_control.h.
enum class ClusterState {
    StartingUp = 0,
    ShutDown = 1,
    ShutDownInRecovery = 2,
    ShuttingDown = 3,
    InCrashRecovery = 4,
    InArchiveRecovery = 5,
    InProduction = 6,
};

struct ControlFile {
    model::ClusterIdentity
        identity; ///< The major version follows from the control version and catalog.
    std::uint32_t controlVersion = 0;
    std::uint32_t catalogVersion = 0;
    ClusterState state{};
    model::Lsn checkpoint{};
    model::Lsn checkpointRedo{};
    model::TimelineId checkpointTimeline{};
    std::uint64_t nextXid = 0; ///< With its epoch.
    Moment checkpointAt;       ///< Whole seconds.
    model::Lsn minRecoveryPoint{};
    model::TimelineId minRecoveryTimeline{};
    model::Lsn backupStart{};
    model::Lsn backupEnd{};
    std::uint32_t blockSize = 0;
    std::uint32_t walBlockSize = 0;
    std::uint32_t blocksPerFile = 0; ///< Of a relation, before its next file begins.
    bool pageChecksums = false;
    model::ReplaySizes sizes; ///< What a standby or a restored copy must at least be given.
};

/// Reads the 8 KiB of a control file.
///
/// Errors: Corrupt when the CRC is wrong or it is too short; Incompatible for a version other than
///         PostgreSQL 13 to 18, or another byte order.
/// Source: src/include/catalog/pg_control.h of each major.
[[nodiscard]] Result<ControlFile> parseControlFile(ByteView bytes);
/// The same from a data directory. A copy being written is read again a few times.
[[nodiscard]] Result<ControlFile> readControlFile(const Path& dataDirectory);

} // namespace salvor::postgres
