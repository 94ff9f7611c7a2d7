// What the trees of backups need, held against what packs and indexes give.
#pragma once

#include "core/base/job_context.h"
#include "core/verify/verify.h"

#include <vector>

namespace salvor::verify {

/// Backups of one incarnation, oldest first.
struct Group {
    model::Incarnation incarnation;
    std::vector<model::Backup> backups;
};

/// What to do with damage that hits none of the backups looked at.
enum class Unused { Report, LeaveOut };

/// Reads each backup's tree once. `damages` are objects with the chunks that cannot be read because
/// of them; every one becomes a finding with the backups and files it hits. Chunks that no index
/// knows and trees that cannot be read are findings too.
[[nodiscard]] Result<> checkStructure(const repository::Repository& repository, const Group& group,
                                      const std::vector<repository::PackDamage>& damages,
                                      Unused unused, VerifyReport& report, JobContext& job);

/// Reads the WAL of a group from its oldest start on, or `samplePercent` of it.
[[nodiscard]] Result<> checkWal(const repository::Repository& repository, const Group& group,
                                const VerifyRequest& request, VerifyReport& report,
                                JobContext& job);

/// A finding whose cause is an error, or nothing when the error is one of the way there, which
/// keeps a verification from going on.
[[nodiscard]] bool isFinding(const Error& error) noexcept;

} // namespace salvor::verify
