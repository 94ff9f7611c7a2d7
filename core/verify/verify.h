// Reads back what a repository holds and says what is damaged, by backup and file.
#pragma once

#include "core/base/job_context.h"
#include "core/model/backup.h"
#include "core/model/verification.h"
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
    std::vector<model::Backup> backups; ///< Those that were looked at.
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
/// the WAL (every segment and small file opens; gaps within a backup's own WAL): all of it, or the
/// packs that the backups asked for need and the WAL that follows their start.
///
/// Damage is a finding. Errors: those that keep it from going on.
[[nodiscard]] Result<VerifyReport> verify(const repository::Repository& repository,
                                          const VerifyRequest& request, JobContext& job);

/// What a report says of each backup that was looked at, for the ledger. `samplePercent` is that of
/// the request.
[[nodiscard]] std::vector<model::Verification> outcomes(const VerifyReport& report,
                                                        int samplePercent);

} // namespace salvor::verify
