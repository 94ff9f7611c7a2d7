// How far a copy is behind the repository it is a copy of: a part of a cluster's check.
#pragma once

#include "core/console/repository_checks.h"
#include "core/repository/stand_in.h"

namespace salvor::console {

/// Does it mean the same cluster, which backups and which WAL does one lack that the other has.
/// What the copy's own retention took is not missed. Of what is no copy nothing is said.
void checkCopyLag(const repository::NamedRepository& first, const repository::NamedRepository& copy,
                  const std::string& cluster, Checks& checks);

} // namespace salvor::console
