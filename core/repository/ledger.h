// What was verified, when, and with which outcome: kept beside the backups.
#pragma once

#include "core/model/backup.h"
#include "core/model/verification.h"
#include "core/repository/repository.h"

namespace salvor::repository {

/// Notes an outcome. Of each backup and level the last one counts; `verification.at` is not used:
/// the store's clock says when.
[[nodiscard]] Result<> noteVerification(const Repository& repository, const model::Backup& backup,
                                        const model::Verification& verification);

/// Of one cluster. A note that cannot be read stands for damage, since it may have told of some;
/// verifying at its level, or a higher one, writes it anew.
[[nodiscard]] Result<std::vector<model::Verification>> verifications(const Repository& repository,
                                                                     const std::string& cluster);

/// Of a backup that goes for good.
[[nodiscard]] Result<> forgetVerifications(const Repository& repository,
                                           const model::Backup& backup);

} // namespace salvor::repository
