// Backups that are taken out of the lists, and those that are held in them.
#pragma once

#include "core/model/retention.h"
#include "core/repository/repository.h"

namespace salvor::repository {

/// Takes a backup out of every list; what it needs stays until a sweep finds it retired for long
/// enough, and bringBack() works until then.
///
/// Waits for a sweep to end. Errors: NotFound; Cancelled; those of the driver.
[[nodiscard]] Result<> retire(const Repository& repository, const model::Backup& backup,
                              const std::string& because, JobContext& job);
/// Oldest first. Those of one cluster.
[[nodiscard]] Result<std::vector<model::RetiredBackup>> retiredBackups(const Repository& repository,
                                                                       const std::string& cluster);
/// Back into the lists; with a warning when a pack that it names is not there. Waits for a sweep to
/// end. Errors: NotFound.
[[nodiscard]] Result<> bringBack(const Repository& repository, const model::Backup& backup,
                                 JobContext& job);

/// One hold a backup: a second one replaces the first.
[[nodiscard]] Result<> hold(const Repository& repository, const model::Backup& backup,
                            const model::Hold& hold);
/// Removing what is not there succeeds.
[[nodiscard]] Result<> unhold(const Repository& repository, const model::Backup& backup);
/// Those of one cluster, ended ones too. Errors: Corrupt: who cannot read a hold must not prune.
[[nodiscard]] Result<std::vector<model::Hold>> holds(const Repository& repository,
                                                     const std::string& cluster);

} // namespace salvor::repository
