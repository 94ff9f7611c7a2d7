// receive-wal: what the configuration says of it, and the way to it.
#include "core/console/archiving_checks.h"
#include "core/console/commands.h"
#include "core/console/console.h"
#include "core/restore/words.h"

namespace salvor::console {

namespace {

using Level = model::Check::Level;

constexpr ByteCount much = ByteCount{1} << 30U;
constexpr std::chrono::minutes tooLate{5};

model::Check idleSlot(const wal::ReceiveRequest& request, const wal::SlotState& slot)
{
    const std::string command = "'salvorctl receive-wal " + request.cluster;
    if (slot.walStatus == "lost")
        return {
            Level::Warning, "receive-wal",
            "Slot '" + request.slot + "' lost WAL that receive-wal had not stored.",
            "Nothing after it can be restored from the backups there are, unless it was archived.",
            "Run " + command
                + "' with --drop-slot, then with --create-slot, start it, and take "
                  "a backup."};
    return {Level::Warning, "receive-wal",
            "receive-wal does not run, and its slot '" + request.slot + "' holds back "
                + restore::sizeText(slot.retained) + " of WAL.",
            "Newer work does not reach the repository this way, and the server's disk fills up.",
            "Start " + command + "', or give it up with " + command
                + " --drop-slot'. max_slot_wal_keep_size limits what a slot may hold."};
}

} // namespace

Result<bool> checkReceiver(postgres::Connection& connection, const wal::ReceiveRequest& request,
                           Checks& checks, JobContext& job)
{
    SALVOR_TRY(const auto slot, wal::slotState(connection, request.slot, job.stop));
    if (!slot || !slot->isPhysical)
        return false;
    if (!slot->isActive) {
        checks.push_back(idleSlot(request, *slot));
        return false;
    }
    const std::string lag =
        restore::sizeText(slot->retained)
        + (slot->flushLag ? " and " + durationText(*slot->flushLag) : std::string());
    const bool isLate = slot->flushLag && *slot->flushLag > tooLate;
    if (slot->retained > much || isLate || slot->walStatus == "unreserved")
        checks.push_back({Level::Warning, "receive-wal", "receive-wal is " + lag + " behind.",
                          "So much is lost if the server is lost now, and its disk fills up.",
                          "Look into its log: the repository may be slow or out of reach."});
    else
        checks.push_back(
            {Level::Passed, "receive-wal", "receive-wal runs, " + lag + " behind.", "", ""});
    return true;
}

Result<wal::ReceiveRequest> Console::receiveRequest(const std::string& cluster,
                                                    bool synchronous) const
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    wal::ReceiveRequest request;
    request.cluster = cluster;
    request.connection = configured.connection;
    request.slot =
        configured.receiveSlot.empty() ? wal::usualSlot(cluster) : configured.receiveSlot;
    request.interval = synchronous ? std::chrono::seconds(0) : configured.receiveInterval;
    return request;
}

Result<model::Lsn> Console::receiveWal(const wal::ReceiveRequest& request, JobContext& job)
{
    SALVOR_TRY(const auto configured, m_config.cluster(request.cluster));
    SALVOR_TRY(const auto repository, open(configured.repository));
    return wal::receiveWal(request, *repository, job);
}

Result<bool> Console::createReceiveSlot(const wal::ReceiveRequest& request, JobContext& job)
{
    SALVOR_TRY(const auto configured, m_config.cluster(request.cluster));
    SALVOR_TRY(const auto repository, open(configured.repository));
    return wal::createReceiveSlot(request, *repository, job.stop);
}

} // namespace salvor::console
