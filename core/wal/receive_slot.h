// The replication slot that makes a server keep WAL until the repository has it.
#pragma once

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

/// Connects under the slot's name. Errors: as Connection::open(), with what the role lacks.
[[nodiscard]] Result<postgres::Connection> connectFor(const ReceiveRequest& request,
                                                      postgres::Connection::Kind kind,
                                                      const std::stop_token& stop);

} // namespace salvor::wal
