// Backups as JSON: what a repository stores, a plan carries and the programs print.
#pragma once

#include "core/base/json.h"
#include "core/model/backup.h"

namespace salvor::model {

/// Every field; 64-bit numbers that can exceed 2^53 are texts. Canonical once written as text.
[[nodiscard]] Json toJson(const Backup& backup);
/// The backup that toJson() was given. Unknown members are ignored.
///
/// Errors: Corrupt when a member is missing, of another type or out of its range; the message names
///         it.
[[nodiscard]] Result<Backup> backupFromJson(const Json& json);

} // namespace salvor::model
