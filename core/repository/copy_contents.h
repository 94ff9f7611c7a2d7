// One incarnation on its way into a copy of its repository.
#pragma once

#include "core/repository/copy_objects.h"

namespace salvor::repository {

/// All of it but its own object, which is there already. The copy's packs stay meanwhile.
[[nodiscard]] Result<> copyContents(ObjectCopier& copier, const model::Incarnation& incarnation,
                                    const CopyRequest& request, CopyReport& report,
                                    JobContext& job);

} // namespace salvor::repository
