// The keys of salvor.conf: how each value is read, checked and written. No I/O.
#pragma once

#include "core/settings/config.h"
#include "core/settings/ini.h"

#include <string>
#include <utility>
#include <vector>

namespace salvor::settings {

/// The keys of a section kind, in the order in which they are written.
[[nodiscard]] std::vector<std::string> repositoryKeys();
[[nodiscard]] std::vector<std::string> clusterKeys();

/// Errors: InvalidInput naming file and line, with the nearest key for an unknown one.
[[nodiscard]] Result<RepositoryConfig> readRepository(const IniSection& section,
                                                      std::string_view file);
[[nodiscard]] Result<ClusterConfig> readCluster(const IniSection& section, std::string_view file);

/// Keys and values that differ from the defaults, in the order of the keys.
using KeyValues = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] KeyValues writeRepository(const RepositoryConfig& repository);
[[nodiscard]] KeyValues writeCluster(const ClusterConfig& cluster);

} // namespace salvor::settings
