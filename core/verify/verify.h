// Reads back what a repository holds and says what is damaged, by backup and file.
#pragma once

#include "core/base/job_context.h"
#include "core/model/backup.h"
#include "core/repository/repository.h"

namespace salvor::verify {

struct Finding {
    std::string object;               ///< Storage key of what is damaged.
    std::string what;                 ///< A sentence.
    std::vector<std::string> backups; ///< Ids of those hit.
    std::vector<std::string> files;   ///< "BACKUP: path", at most 100 a finding.
};

struct VerifyReport {
    std::vector<Finding> findings;
    std::uint64_t backupsChecked = 0;
    std::uint64_t packsChecked = 0;
    std::uint64_t segmentsChecked = 0;
    ByteCount bytesRead = 0;
};

struct VerifyRequest {
    std::vector<std::string> backupIds; ///< Empty: all.
    int samplePercent = 100;            ///< Of frames and WAL segments; structure is always whole.
    std::uint64_t seed = 0;
};

/// Checks structure (every backup's tree can be read, every chunk it names is in the index, every
/// pack is there with its size), then contents (every frame opens, every chunk has its id), then
/// the WAL from each backup's start on (every segment opens; gaps within a backup's own WAL).
///
/// Damage is a finding. Errors: those that keep it from going on.
[[nodiscard]] Result<VerifyReport> verify(const repository::Repository& repository,
                                          const VerifyRequest& request, JobContext& job);

} // namespace salvor::verify
