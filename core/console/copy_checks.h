// Whether the further repositories of a cluster are copies of its first one, and how far behind.
#pragma once

#include "core/console/repository_checks.h"

namespace salvor::console {

/// An open repository with its name in the configuration.
struct NamedRepository {
    std::string name;
    const repository::Repository& repository;
};

/// Is it a copy of the first and another place, does it mean the same cluster, which backups and
/// which WAL does one lack that the other has. What the copy's own retention took is not missed.
void checkCopy(const NamedRepository& first, const NamedRepository& copy,
               const std::string& cluster, Checks& checks);

} // namespace salvor::console
