#include "core/wal/receive_slot.h"

#include "core/base/text.h"
#include "core/postgres/base_backup.h"

namespace salvor::wal {

Result<postgres::Connection> connectFor(const ReceiveRequest& request,
                                        postgres::Connection::Kind kind,
                                        const std::stop_token& stop)
{
    auto opened = postgres::Connection::open(request.connection, kind, stop, request.slot);
    if (opened.ok())
        return opened;
    Error error = std::move(opened).error();
    if (error.code == ErrorCode::Denied && error.hint.empty())
        error.hint = "Give the role the attribute REPLICATION and a line for the database "
                     "'replication' in pg_hba.conf.";
    return std::move(error).in(
        kind == postgres::Connection::Kind::Replication ? "connect for replication" : "connect");
}

std::string usualSlot(const std::string& cluster)
{
    std::string name = "salvor_" + cluster.substr(0, 56);
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
        else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            c = '_';
    }
    return name;
}

Result<std::optional<SlotState>> slotState(postgres::Connection& connection,
                                           const std::string& slot, const std::stop_token& stop)
{
    SALVOR_TRY(
        const auto rows,
        connection.query(
            "SELECT s.slot_type, s.active, s.wal_status, s.restart_lsn, "
            "greatest(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN "
            "pg_last_wal_receive_lsn() ELSE pg_current_wal_flush_lsn() END, s.restart_lsn), "
            "0)::bigint, (extract(epoch FROM r.flush_lag) * 1000)::bigint "
            "FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid "
            "WHERE s.slot_name = $1",
            {slot}, stop));
    if (rows.empty())
        return std::optional<SlotState>();
    const auto& row = rows.front();
    SlotState state;
    state.isPhysical = row[0] == "physical";
    state.isActive = row[1] == "t";
    state.walStatus = row[2].value_or("");
    if (row[3]) {
        SALVOR_TRY(state.restart, model::parseLsn(*row[3]));
    }
    state.retained = parseUnsigned(row[4].value_or("0")).value_or(0);
    if (const auto lag = row[5] ? parseUnsigned(*row[5]) : std::nullopt)
        state.flushLag = std::chrono::milliseconds(*lag);
    return std::optional(std::move(state));
}

Result<bool> createReceiveSlot(const ReceiveRequest& request,
                               const repository::Repository& repository,
                               const std::stop_token& stop)
{
    SALVOR_TRY(auto replication,
               connectFor(request, postgres::Connection::Kind::Replication, stop));
    SALVOR_TRY(const auto identity, postgres::identityOf(replication));
    SALVOR_TRY([[maybe_unused]] const auto pinned, repository.pin(request.cluster, identity));
    Result<> created = postgres::createSlot(replication, request.slot);
    if (!created.ok() && created.error().code == ErrorCode::AlreadyExists)
        return false;
    SALVOR_CHECK(std::move(created));
    return true;
}

Result<> dropReceiveSlot(const ReceiveRequest& request, const std::stop_token& stop)
{
    SALVOR_TRY(auto replication,
               connectFor(request, postgres::Connection::Kind::Replication, stop));
    return postgres::dropSlot(replication, request.slot);
}

} // namespace salvor::wal
