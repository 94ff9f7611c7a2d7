// The object that makes a backup visible. See docs/repository-format.md, section 5.2.
#pragma once

#include "core/format/pack_format.h"
#include "core/model/backup.h"
#include "core/repository/keys.h"

namespace salvor::repository {

struct BackupObject {
    model::Backup backup;
    std::vector<format::Id> tree;  ///< Tree segments, in path order.
    std::vector<format::Id> packs; ///< All that it needs.
    std::string retiredBecause;    ///< Of a retired one.
};

[[nodiscard]] storage::ObjectKey backupKey(const model::Backup& backup);
/// Where it waits, out of every list, until it goes.
[[nodiscard]] storage::ObjectKey retiredKey(const model::Backup& backup);
/// Under backupKey(), only if absent; or under retiredKey() when there is a reason for that.
[[nodiscard]] Result<> writeBackupObject(storage::Driver& driver, const Keys& keys,
                                         const BackupObject& object);
/// Errors: NotFound; Corrupt; Incompatible.
[[nodiscard]] Result<BackupObject> readBackupObject(storage::Driver& driver, const Keys& keys,
                                                    const storage::ObjectKey& key);

} // namespace salvor::repository
