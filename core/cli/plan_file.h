// The file between `plan restore` and `restore --plan`. No I/O.
#pragma once

#include "core/base/json.h"
#include "core/model/restore_plan.h"

namespace salvor::cli {

/// A plan as `plan restore` writes it: the plan and its hash.
[[nodiscard]] Json planFile(const model::RestorePlan& plan);
/// Errors: InvalidInput when it is no plan, or was changed since it was written; Incompatible.
[[nodiscard]] Result<model::RestorePlan> planFromFile(std::string_view text);

} // namespace salvor::cli
