// A backup of a whole cluster: the recovery point everything else starts from. Plain values.
#pragma once

#include "core/base/clock.h"
#include "core/model/cluster.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace salvor::model {

enum class BackupMode { Host, Stream };

[[nodiscard]] std::string_view backupModeName(BackupMode mode) noexcept; ///< "host", "stream".

struct Tablespace {
    std::uint32_t oid = 0;
    std::string path; ///< Where it lay on the server.

    friend bool operator==(const Tablespace&, const Tablespace&) = default;
};

/// Pages whose checksum was wrong when they were read, also the second time.
struct DamagedPages {
    std::string path; ///< Within the data directory, "base/5/1259".
    std::vector<std::uint32_t> blocks;

    friend bool operator==(const DamagedPages&, const DamagedPages&) = default;
};

/// Everything that lists and plans need to know of a backup, without its files.
struct Backup {
    std::string id; ///< "20261120T205651Z-3f9a"; unique in a repository.
    Incarnation incarnation;
    BackupMode mode = BackupMode::Host;
    bool fromStandby = false;
    int serverVersion = 0; ///< As server_version_num: 150018.
    std::string toolVersion;
    std::string host; ///< The machine that made it.

    Moment startedAt;  ///< When the backup began (wall clock of the machine that made it).
    Moment finishedAt; ///< When its last file was read.
    TimelineId timeline{};
    Lsn startLsn{}; ///< Replay begins here.
    Lsn stopLsn{};  ///< Consistent from here on: no earlier target can be reached from this backup.

    bool pageChecksums = false; ///< Were they on, and so verified.
    std::vector<DamagedPages> damaged;

    std::string dataDirectory; ///< On the server.
    std::vector<Tablespace> tablespaces;
    std::string owner; ///< User and group that owned the data directory.
    std::string group;

    std::uint64_t fileCount = 0;
    ByteCount logicalSize = 0; ///< Sum of the files' sizes.
    ByteCount storedSize = 0;  ///< Of what this backup references, compressed and sealed.
    ByteCount newSize = 0;     ///< Of what this backup added to the repository.
    ByteCount readSize = 0;    ///< Of the files that were read on the server.
    /// The backup whose files were taken over where they cannot have changed; empty: all were read.
    std::string basis;
    /// The clock of the data directory's file system before the first file was read; host mode.
    std::optional<Moment> filesystemTime;

    std::map<std::string, std::string> annotations;

    friend bool operator==(const Backup&, const Backup&) = default;
};

/// The name of a new backup: its start in UTC and four random hexadecimal digits.
[[nodiscard]] std::string newBackupId(Moment startedAt, std::uint16_t random);

} // namespace salvor::model
