// Which recovery points are to be kept, and for how long. Plain values.
#pragma once

#include "core/model/backup.h"

#include <chrono>

namespace salvor::model {

/// The rules of a cluster. A backup stays when any of them wants it.
struct RetentionRules {
    /// Any moment of this long back can be restored: the backups and all WAL for it. 0: no rule.
    std::chrono::seconds window{0};
    unsigned last = 0; ///< The newest so many backups, and all WAL since the oldest of them.
    // The newest backup of each of so many hours, days, weeks, months and years (UTC) that have
    // one. Of these only the end can be restored once they are older than the rules above reach.
    unsigned hourly = 0;
    unsigned daily = 0;
    unsigned weekly = 0;
    unsigned monthly = 0;
    unsigned yearly = 0;

    [[nodiscard]] bool any() const noexcept { return *this != RetentionRules(); }
    friend bool operator==(const RetentionRules&, const RetentionRules&) = default;
};

/// Keeps a backup whatever the rules say.
struct Hold {
    std::string backupId;
    std::string reason;
    std::string by; ///< "user@host".
    Moment at;
    std::optional<Moment> until; ///< Unset: until it is taken away.

    [[nodiscard]] bool holdsAt(Moment now) const noexcept { return !until || *until > now; }

    friend bool operator==(const Hold&, const Hold&) = default;
};

/// A backup that no list shows any more and that can still be brought back.
struct RetiredBackup {
    Backup backup;
    Moment at; ///< By the store's clock.
    std::string because;
};

} // namespace salvor::model
