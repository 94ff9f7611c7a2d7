// receive-wal: streams WAL from a server into the repository.
#pragma once

#include "core/base/job_context.h"
#include "core/wal/receive_slot.h"

namespace salvor::wal {

/// Receives until a stop is requested; then what came is stored, and the end of it returned.
/// Follows the server over promotions. Whatever may pass (a restart of the server, a lost
/// connection, a repository out of reach) is waited for and told as a warning.
///
/// Flush is reported to the server for what is durable in the repository, never for more.
///
/// Progress: bytes received.
/// Errors: NotReady for another cluster's WAL and for a slot that lost its WAL; NotFound when there
///         is no slot or WAL that is needed was removed; AlreadyExists when the repository holds
///         other bytes; Denied. What was not stored is on the server still.
[[nodiscard]] Result<model::Lsn> receiveWal(const ReceiveRequest& request,
                                            const repository::Repository& repository,
                                            JobContext& job);

} // namespace salvor::wal
