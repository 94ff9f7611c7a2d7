#include "gui/models/catalog.h"

#include "gui/models/job_bridge.h"

#include <algorithm>

namespace salvor::gui {

Catalog::Catalog(std::shared_ptr<Backend> backend, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_backend(std::move(backend))
    , m_clock(clock)
{}

void Catalog::refresh()
{
    if (m_state == State::Reading)
        return;
    m_state = State::Reading;
    Q_EMIT changed();
    startJob<Clusters>(
        this, [backend = m_backend](JobContext& job) { return backend->clusters(job); },
        [this](Result<Clusters> read) {
            if (read.ok()) {
                m_clusters = std::make_shared<const Clusters>(*std::move(read));
                m_readAt = m_clock.now();
                m_error.reset();
                m_state = State::Read;
            } else {
                m_error = std::move(read).error();
                m_state = State::Failed;
            }
            Q_EMIT changed();
        });
}

const console::ClusterSummary* Catalog::find(const std::string& name) const
{
    const auto found = std::find_if(m_clusters->begin(), m_clusters->end(),
                                    [&name](const auto& one) { return one.name == name; });
    return found == m_clusters->end() ? nullptr : &*found;
}

} // namespace salvor::gui
