// Does a place keep what the Driver interface promises? Asked of the place itself.
#pragma once

#include "core/storage/driver.h"

#include <stop_token>

namespace salvor::storage {

/// What one question found out.
struct ConformanceFinding {
    std::string name;     ///< Short and stable: "range-read".
    bool ok = false;      ///< False: the place cannot be trusted with a repository.
    std::string sentence; ///< What was seen, for a person.
};

/// Writes, reads, lists and removes small objects below `scratchPrefix`, which ends in '/' and is
/// used by nobody else, and removes what it wrote. Writes about 4 MiB.
///
/// A place that breaks a promise is a finding. Once a call shows that the place cannot be reached,
/// may not be written or that the run was stopped, the questions left are not asked.
/// Thread: blocks; uses up to four more threads for the questions about concurrent writers.
[[nodiscard]] std::vector<ConformanceFinding>
checkConformance(Driver& driver, const ObjectKey& scratchPrefix, const std::stop_token& stop = {});

} // namespace salvor::storage
