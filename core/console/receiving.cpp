// receive-wal: what the configuration says of it, and the way to it.
#include "core/console/console.h"

namespace salvor::console {

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
