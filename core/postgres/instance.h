// Copies started by a restore: where they are, how they are started, promoted, stopped, removed.
#pragma once

#include "core/base/job_context.h"
#include "core/model/restore_plan.h"
#include "core/postgres/backup_label.h"
#include "core/postgres/programs.h"
#include "core/postgres/recovery_settings.h"

#include <optional>
#include <string>
#include <vector>

namespace salvor::postgres {

/// A started copy. Kept as a small file, so that a later command finds it.
struct Instance {
    std::string name; ///< "orders-20261120T210506Z".
    std::string cluster;
    std::string repository;
    Path dataDirectory;
    Path configDirectory; ///< Its own config_file, hba_file and ident_file, outside the data.
    Path socketDirectory; ///< 0700.
    int port = 0;
    int majorVersion = 0;
    std::uint64_t systemIdentifier = 0;
    std::string owner;             ///< The user it runs as.
    std::string role = "postgres"; ///< A superuser of the copy, whom its own hba_file trusts.
    Path programs;
    std::vector<Path> tablespaces; ///< Directories that belong to it.
    Moment startedAt;
    // Where replay was to stop, and the newest commit before it: a server that stops at an LSN does
    // not count the commit it stops at.
    std::optional<model::Lsn> targetEnd;
    std::optional<Moment> targetCommitAt;
};

enum class InstanceState { Stopped, Recovering, Paused, Running, Gone };
[[nodiscard]] std::string_view instanceStateName(InstanceState state) noexcept;

struct InstanceStatus {
    InstanceState state = InstanceState::Stopped;
    /// Replay has come to the record that ends before this byte. Of a copy that is down: the least
    /// it has come to.
    std::optional<model::Lsn> replayLsn;
    std::optional<Moment> lastCommitAt; ///< Of the newest commit or abort replayed since the start.
    std::optional<model::TimelineId> timeline;
};

/// The copies of this machine that a user's restores started: one JSON file each in a folder
/// (`$XDG_STATE_HOME/salvor/instances`).
class InstanceRegistry {
public:
    explicit InstanceRegistry(Path folder)
        : m_folder(std::move(folder))
    {}
    [[nodiscard]] Result<std::vector<Instance>> list() const;
    [[nodiscard]] Result<Instance> find(const std::string& name) const;
    [[nodiscard]] Result<> add(const Instance& instance) const;
    [[nodiscard]] Result<> forget(const std::string& name) const;

private:
    Path m_folder;
};

/// Starts the copy fenced (command line and postgresql.auto.conf), as its owner, never as root, and
/// waits, for as long as the server lives, until it runs, has stopped at its target, or ended there
/// by itself (action shutdown: Stopped). Writes the files of configDirectory; the server's log is
/// server.log in it.
///
/// Afterwards the server that answers was proven to be this one: data_directory,
/// system_identifier and port are asked and compared.
/// Errors: NotReady with the last lines of the server's log when it did not start; Denied as root
///         without another owner; AlreadyExists when configDirectory holds somebody else's
///         configuration; Incompatible when the directory is another cluster's; Cancelled, and the
///         server is stopped.
/// Progress: phase "replay WAL", bytes of WAL replayed.
[[nodiscard]] Result<InstanceStatus> startInstance(const Instance& instance, const Settings& fence,
                                                   JobContext& job);
[[nodiscard]] Result<InstanceStatus> instanceStatus(const Instance& instance);
/// Where the copy left the timeline it was restored from: the last line of its history. Nothing on
/// timeline 1.
[[nodiscard]] Result<std::optional<HistoryEntry>> lastSwitch(const Instance& instance);
/// A libpq string that reaches the copy through its socket.
[[nodiscard]] std::string connectionString(const Instance& instance);
/// Waits until the copy takes writes.
[[nodiscard]] Result<InstanceStatus> promoteInstance(const Instance& instance, JobContext& job);
/// Ends the pause: recovery goes on as recovery_target_action says after a resume (it promotes).
[[nodiscard]] Result<InstanceStatus> resumeInstance(const Instance& instance, JobContext& job);
[[nodiscard]] Result<> stopInstance(const Instance& instance, JobContext& job);
/// Removes a stopped copy's directories: only those this instance's file names, only when the data
/// directory still carries its system identifier, and never a running one. A tablespace directory
/// goes only if the copy's own link leads to it. Each is renamed aside first.
[[nodiscard]] Result<> removeInstance(const Instance& instance, JobContext& job);

} // namespace salvor::postgres
