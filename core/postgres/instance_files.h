// The files and programs of a started copy, for the files of this folder that handle copies.
#pragma once

#include "core/postgres/instance.h"

namespace salvor::postgres {

/// The user a copy runs as. Errors: Denied for root, or when this process may not act as the owner.
[[nodiscard]] Result<SystemUser> ownerOf(const Instance& instance);

/// Errors: Incompatible when the data directory is another cluster's; NotFound when it is gone.
[[nodiscard]] Result<ControlFile> checkIdentity(const Instance& instance);

/// As isServerRunning(); a server that is just writing its postmaster.pid runs.
[[nodiscard]] Result<bool> isRunning(const Instance& instance);

/// Makes configuration and socket folders, and puts the fence into both configurations.
[[nodiscard]] Result<> writeConfiguration(const Instance& instance, const Settings& fence,
                                          const SystemUser& owner);

/// pg_ctl with the data directory of the copy, as its owner, in its configuration folder.
[[nodiscard]] Result<CommandResult> runPgCtl(const Instance& instance,
                                             std::vector<std::string> arguments);

/// Where the server's messages go.
[[nodiscard]] Path logFile(const Instance& instance);
/// What the server wrote from `offset` on, that tells why it ended: its FATAL and PANIC lines and
/// what belongs to them, or else the last lines. Without the FATAL lines that answer a client.
[[nodiscard]] std::string lastWords(const Instance& instance, ByteCount offset);

} // namespace salvor::postgres
