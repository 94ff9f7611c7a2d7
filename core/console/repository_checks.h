// What a repository says about a cluster: the parts of its check that need no server.
#pragma once

#include "core/base/job_context.h"
#include "core/model/restore_plan.h"
#include "core/model/retention.h"
#include "core/repository/repository.h"
#include "core/settings/config.h"

#include <optional>

namespace salvor::console {

using Checks = std::vector<model::Check>;

/// A part that could not be checked is a finding like the others: the rest is still looked at.
void addFailure(Checks& checks, const std::string& name, const Error& error,
                model::Check::Level level);

/// A warning when two clocks differ by more than five seconds.
[[nodiscard]] std::optional<model::Check> skewCheck(const std::string& whose, Moment theirs,
                                                    Moment ours);

/// Can it be written, does the key open it, is there a second key, does its clock agree.
void checkRepository(const repository::Repository& repository, Checks& checks);

/// Does the store delete by itself what backups need; nothing for a folder.
void checkLifecycle(const settings::RepositoryConfig& place, Checks& checks, JobContext& job);

/// Is there a backup, how old is it, was one verified, was damage found in one.
void checkBackups(const repository::Repository& repository, const std::string& cluster,
                  Checks& checks);

/// Is WAL missing in between, or there twice.
void checkArchivedWal(const repository::Repository& repository, const std::string& cluster,
                      Checks& checks);

/// Retention in both directions: what the rules do not want for two days already and is still
/// there, and what they promise and is gone.
void checkRetention(const repository::Repository& repository, const std::string& cluster,
                    const model::RetentionRules& rules, Checks& checks);

} // namespace salvor::console
