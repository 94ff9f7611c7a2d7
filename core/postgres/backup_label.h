// backup_label and timeline history files: small texts the server reads when recovery starts.
#pragma once

#include "core/model/lsn.h"

#include <string>
#include <vector>

namespace salvor::postgres {

struct BackupLabel {
    model::Lsn startLsn{};
    model::TimelineId timeline{};
    bool fromStandby = false;
};
/// Errors: Corrupt.
[[nodiscard]] Result<BackupLabel> parseBackupLabel(std::string_view text);

/// One line of a history file: the named timeline ends at `switchedAt`.
struct HistoryEntry {
    model::TimelineId timeline{};
    model::Lsn switchedAt{};
    std::string reason;
};
/// The ancestors of a timeline, oldest first. Errors: Corrupt.
[[nodiscard]] Result<std::vector<HistoryEntry>> parseHistoryFile(std::string_view text);

} // namespace salvor::postgres
