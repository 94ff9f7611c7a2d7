// receive-wal: streams WAL from a server into the repository.
#pragma once

#include "core/base/job_context.h"
#include "core/model/lsn.h"
#include "core/postgres/connection.h"
#include "core/repository/repository.h"

#include <chrono>

namespace salvor::wal {

struct ReceiveRequest {
    std::string cluster;
    std::string connection;
    std::string slot;
    /// How long WAL of a begun segment may wait until it is stored; 0: not at all.
    std::chrono::milliseconds interval{};
};

/// "salvor_orders": the slot of a cluster unless its configuration names another.
[[nodiscard]] std::string usualSlot(const std::string& cluster);

/// What a server says of a slot.
struct SlotState {
    bool isPhysical = true;
    bool isActive = false;
    std::string walStatus; ///< "reserved", "extended", "unreserved", "lost"; empty: not known.
    std::optional<model::Lsn> restart; ///< From here on the server keeps WAL for it.
    ByteCount retained = 0;            ///< Bytes from there to the newest.
    std::optional<std::chrono::milliseconds> flushLag; ///< Of the receiver; unset while idle.
};
/// Nothing when there is no such slot.
[[nodiscard]] Result<std::optional<SlotState>>
slotState(postgres::Connection& connection, const std::string& slot, const std::stop_token& stop);

/// Makes the slot; one that is there already is a success (false). Errors: as for receiveWal().
[[nodiscard]] Result<bool> createReceiveSlot(const ReceiveRequest& request,
                                             const repository::Repository& repository,
                                             const std::stop_token& stop);
/// Errors: NotFound; NotReady while it is in use.
[[nodiscard]] Result<> dropReceiveSlot(const ReceiveRequest& request, const std::stop_token& stop);

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
