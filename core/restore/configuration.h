// What a restored directory is told: recovery, the things a copy must not do, its own
// configuration.
#pragma once

#include "core/postgres/control_file.h"
#include "core/postgres/recovery_settings.h"
#include "core/restore/places.h"

#include <string>
#include <vector>

namespace salvor::restore {

/// The configuration files a copy can use.
struct RestoredConfiguration {
    Path configFile; ///< postgresql.conf; empty when the backup holds none.
    Path hbaFile;    ///< Empty: none outside the data directory.
    Path identFile;
    bool isOutside = false; ///< They lie in DIR.config.
};
/// Looks for what came with the backup. Folders that a restored file includes (include_dir, by a
/// relative path) are made: the server refuses to start without them.
[[nodiscard]] Result<RestoredConfiguration> findConfiguration(const Places& places);

/// shared_preload_libraries as the source had it; empty where none is known.
[[nodiscard]] std::vector<std::string> preloadLibraries(const Places& places,
                                                        const RestoredConfiguration& found);

/// What a restored copy must not do, whoever starts it: archive into the original's archive, remove
/// WAL from it, stream from its primary, or write its process id over the original's.
[[nodiscard]] postgres::Settings quietSettings(int majorVersion);

/// What a cluster restored in place must not do before somebody says that it stays: archive what
/// would not fit what the old one writes if it comes back. Its WAL is kept, not lost.
[[nodiscard]] postgres::Settings waitingSettings(int majorVersion);

/// Writes recovery.signal, and postgresql.auto.conf: what the backup had there without anything
/// that speaks of recovery, then `settings`. Warnings are sentences about what was left out.
[[nodiscard]] Result<> writeRecovery(const Places& places, const postgres::Settings& settings,
                                     const std::optional<SystemUser>& owner,
                                     std::vector<std::string>& warnings);

/// Writes postgresql.conf, pg_hba.conf and pg_ident.conf into DIR.config. Everybody who reaches the
/// socket is let in: its folder is the owner's alone.
[[nodiscard]] Result<> writeOwnConfiguration(const Places& places,
                                             const postgres::Settings& settings,
                                             const std::optional<SystemUser>& owner);

/// A folder for the socket, 0700, the owner's, with a path short enough for one.
[[nodiscard]] Result<Path> createSocketDirectory(const Places& places,
                                                 const std::optional<SystemUser>& owner);

/// What a person types to start a cluster that was restored in place.
[[nodiscard]] std::string startCommandInPlace(const Places& places,
                                              const RestoredConfiguration& found,
                                              const Path& programs,
                                              const std::optional<SystemUser>& owner);

/// What a person types to start a copy that is not fenced. `programs` may be empty: pg_ctl is then
/// looked up in the path.
[[nodiscard]] std::string startCommand(const Places& places, const RestoredConfiguration& found,
                                       const Path& programs,
                                       const std::optional<SystemUser>& owner);

} // namespace salvor::restore
