// Makes sure that the archive has what a backup needs beside its files.
#pragma once

#include "core/backup/backup.h"
#include "core/postgres/connection.h"

namespace salvor::backup {

/// Waits until every segment from the backup's start to its stop is in the repository.
///
/// `connection` is asked for pg_stat_archiver when they do not come. Errors: NotReady after
/// `timeout`; Cancelled; those of the repository.
[[nodiscard]] Result<> waitForWal(const repository::Repository& repository,
                                  const model::Backup& backup, std::chrono::seconds timeout,
                                  postgres::Connection& connection, JobContext& job);

/// Pushes all history files of pg_wal.
[[nodiscard]] Result<> pushHistoryFiles(const repository::Repository& repository,
                                        const model::Incarnation& incarnation,
                                        const Path& dataDirectory);
/// The same through the replication protocol: the timeline's own and its ancestors'.
[[nodiscard]] Result<> pushHistoryFiles(const repository::Repository& repository,
                                        const model::Incarnation& incarnation,
                                        postgres::Connection& replication,
                                        model::TimelineId timeline);

/// Errors: NotReady when the archive lacks the history file of the backup's timeline.
[[nodiscard]] Result<> checkHistory(const repository::Repository& repository,
                                    const model::Backup& backup);

} // namespace salvor::backup
