// pg_backup_start() to pg_backup_stop() in one kept session: host mode's frame.
#pragma once

#include "core/base/clock.h"
#include "core/model/backup.h"
#include "core/postgres/connection.h"

#include <map>

namespace salvor::postgres {

enum class Checkpoint { Fast, Spread };

struct BackupStart {
    model::Lsn lsn{};
    model::TimelineId timeline{};
    bool inRecovery = false;
    Moment at;              ///< The server's clock.
    Moment serverStartedAt; ///< By the same clock; of a BackupSession only.
};

struct BackupStop {
    model::Lsn lsn{};
    model::TimelineId timeline{}; ///< Of the stop; a change since the start fails the backup.
    std::string backupLabel;
    std::string tablespaceMap; ///< Empty without tablespaces.
    Moment at;
};

/// What a backup wants to know of the server. Read once, before it starts.
struct ServerFacts {
    model::ClusterIdentity identity;
    int serverVersion = 0;
    bool inRecovery = false;
    bool pageChecksums = false;
    std::string dataDirectory; ///< Empty when the role may not see it.
    /// config_file, hba_file, ident_file and every file they include, absolute, that lie outside
    /// the data directory; empty when the role may not see them.
    std::vector<std::string> configFiles;
    std::vector<model::Tablespace> tablespaces;
    std::string archiveMode;    ///< "off", "on", "always".
    std::string archiveCommand; ///< Or the name of the archive library.
    bool fullPageWrites = true;
    std::map<std::string, std::string> settings; ///< Of pg_settings, those not at their default.
};
[[nodiscard]] Result<ServerFacts> readServerFacts(Connection& connection);

/// A backup that the server knows of. Destroying it without stop() makes the server forget it.
class BackupSession {
public:
    /// Non-exclusive on every version; waits for the checkpoint (a stop request ends the wait).
    [[nodiscard]] static Result<BackupSession> start(Connection connection,
                                                     const std::string& label,
                                                     Checkpoint checkpoint,
                                                     const std::stop_token& stop);
    [[nodiscard]] const BackupStart& started() const noexcept { return m_start; }
    /// Does not wait for the archive. Errors: NotReady when the server was promoted meanwhile.
    [[nodiscard]] Result<BackupStop> stop(const std::stop_token& stop);
    /// The session's own connection, alive between start and stop.
    [[nodiscard]] Connection& connection() noexcept { return m_connection; }

private:
    BackupSession(Connection connection, const BackupStart& start)
        : m_connection(std::move(connection))
        , m_start(start)
    {}
    Connection m_connection;
    BackupStart m_start;
};

/// Asks the primary of a standby for a segment switch, so that the standby's backup can end.
[[nodiscard]] Result<> switchWal(Connection& primary);

} // namespace salvor::postgres
