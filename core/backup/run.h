// What both ways of taking a backup share.
#pragma once

#include "core/backup/backup.h"
#include "core/backup/file_writer.h"

namespace salvor::backup {

/// A new backup's identity: id, start, tool, host, mode, annotations.
[[nodiscard]] model::Backup newBackup(const BackupRequest& request);
/// The folder's owner into `backup`.
[[nodiscard]] Result<> noteOwner(model::Backup& backup, const Path& dataDirectory);

/// A file that only the backup has: backup_label, backup_manifest.
[[nodiscard]] repository::TreeEntry ownFile(const model::Backup& backup, std::string path);

/// Opens the primary of a standby and makes sure that it is this cluster's and is fit for backups.
/// Errors: NotReady for another cluster, a standby, or full_page_writes off.
[[nodiscard]] Result<postgres::Connection> openPrimary(const BackupRequest& request,
                                                       const model::ClusterIdentity& identity,
                                                       const std::stop_token& stop);

[[nodiscard]] Result<model::Backup>
runHostBackup(const BackupRequest& request, repository::Repository& repository, JobContext& job);
[[nodiscard]] Result<model::Backup>
runStreamBackup(const BackupRequest& request, repository::Repository& repository, JobContext& job);

} // namespace salvor::backup
