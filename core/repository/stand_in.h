// Whether one repository can stand in for another.
#pragma once

#include "core/repository/repository.h"

namespace salvor::repository {

struct NamedRepository {
    const std::string& name; ///< For people.
    const Repository& repository;
};

/// Errors: InvalidInput when both are one and the same, which holds everything once only, or when
///         they have other keys: what one of them has or lacks says nothing of the other then.
[[nodiscard]] Result<> checkStandsIn(const NamedRepository& one, const NamedRepository& other);

/// Errors: NotReady when what was opened is not at its place any more: a folder without its disk
/// lists nothing, and takes anything.
[[nodiscard]] Result<> checkIsThere(const Repository& repository);

} // namespace salvor::repository
