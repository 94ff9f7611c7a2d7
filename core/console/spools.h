// Where archive-push and archive-get meet their workers.
#pragma once

#include "core/settings/config.h"
#include "core/wal/spool.h"

#include <optional>

namespace salvor::console {

struct Surroundings;

inline constexpr auto pushKind = "push";
inline constexpr auto getKind = "get";

/// The settings of a cluster; those of one that is only in a repository are the usual ones.
[[nodiscard]] settings::ClusterConfig settingsOf(const settings::Config& config,
                                                 const std::string& cluster);

/// Whether a file counts as archived while one of the repositories lacks it.
[[nodiscard]] bool canSpareOne(const settings::ClusterConfig& cluster);

/// Borrows both.
class Spools {
public:
    Spools(const settings::Config& config, const Surroundings& surroundings)
        : m_config(config)
        , m_surroundings(surroundings)
    {}

    [[nodiscard]] Path root(const std::string& cluster) const;
    /// One for each kind, cluster, directory and set of places. Errors: as failErrno(); for getKind
    /// those of readControlFile().
    [[nodiscard]] Result<wal::Spool> open(const std::string& kind, const std::string& cluster,
                                          const Path& folder) const;
    /// What was noted of repositories that do not answer; nothing where it cannot be kept.
    [[nodiscard]] std::optional<wal::Spool> ofOutages(const std::string& cluster,
                                                      const Path& folder) const;
    [[nodiscard]] wal::StartWorker starter(const std::string& kind, const std::string& cluster,
                                           const Path& folder, const wal::Spool& spool) const;

private:
    const settings::Config& m_config;
    const Surroundings& m_surroundings;
};

} // namespace salvor::console
