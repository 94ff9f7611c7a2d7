// What a cluster's repositories are to one another: a part of its check.
#pragma once

#include "core/console/repository_checks.h"
#include "core/settings/config.h"

#include <memory>

namespace salvor::console {

/// A repository that a cluster names, as far as it could be opened.
struct NamedPlace {
    std::string name;
    Result<std::shared_ptr<repository::Repository>> opened;
};

/// Are they copies of one another, can each but the first, which is checked by itself, be asked,
/// and is WAL archived with those that can.
void checkCopies(const settings::ClusterConfig& cluster, const std::vector<NamedPlace>& places,
                 Checks& checks);

} // namespace salvor::console
