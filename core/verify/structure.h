// What the trees of backups need, held against what packs and indexes give.
#pragma once

#include "core/base/job_context.h"
#include "core/repository/check.h"
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

/// Objects with the chunks that cannot be read because of them.
struct Damages {
    std::vector<repository::PackDamage> packs;
    Unused unused = Unused::Report;
};

/// Reads each backup's tree once. Every damage becomes a finding with the backups and files it
/// hits. Chunks that no index knows and trees that cannot be read are findings too.
[[nodiscard]] Result<> checkStructure(const repository::Repository& repository, const Group& group,
                                      const Damages& damages, VerifyReport& report,
                                      JobContext& job);

/// Reads the WAL of a group, or `samplePercent` of it: all of it, or from the oldest start of the
/// backups asked for on.
[[nodiscard]] Result<> checkWal(const repository::Repository& repository, const Group& group,
                                const VerifyRequest& request, VerifyReport& report,
                                JobContext& job);

/// A finding whose cause is an error, or nothing when the error is one of the way there, which
/// keeps a verification from going on.
[[nodiscard]] bool isFinding(const Error& error) noexcept;

} // namespace salvor::verify
