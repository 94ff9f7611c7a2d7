// The repositories that a console has opened, and how it gets at their keys.
#pragma once

#include "core/console/console.h"

#include <map>
#include <mutex>

namespace salvor::console {

/// Thread-safe.
struct Console::Opened {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<repository::Repository>>
        repositories; // Guarded by mutex.
};

struct Console::LocatedBackup {
    std::shared_ptr<repository::Repository> repository;
    model::Backup backup;
    std::string name; ///< Of the repository.
};

/// Opens the place of a repository; nothing is asked of it yet.
[[nodiscard]] Result<std::shared_ptr<storage::Driver>>
openPlace(const settings::RepositoryConfig& place, const std::stop_token& stop = {});

/// The lifecycle rules of the bucket that a repository is in. Errors: InvalidInput for a folder.
[[nodiscard]] Result<std::unique_ptr<storage::BucketLifecycle>>
openPlaceLifecycle(const settings::RepositoryConfig& place, const std::stop_token& stop);

/// The one of a cluster's repositories that is asked for; its first when none is. Errors:
/// InvalidInput when the cluster does not go there.
[[nodiscard]] Result<std::string> oneOf(const settings::ClusterConfig& cluster,
                                        const std::string& asked);

/// The error of a repository for where its name is said anyway.
[[nodiscard]] Error withoutName(Error error, const std::string& repository);

/// What opens it: key file, key command, $SALVOR_PASSPHRASE, or asking, in this order.
///
/// Errors: Denied when there is nobody to ask; those of the key file and the command.
[[nodiscard]] Result<repository::Unlock> unlockFor(const settings::RepositoryConfig& place,
                                                   const AskPassphrase& ask);

} // namespace salvor::console
