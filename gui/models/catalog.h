// What the window knows of clusters and backups: one snapshot, read in the background.
#pragma once

#include "gui/models/backend.h"

#include <QObject>

#include <memory>
#include <optional>
#include <vector>

namespace salvor::gui {

class JobBridge;

/// Holds the newest snapshot that could be read. A failed reading leaves the old one in place, "as
/// of" its time. One thread.
class Catalog final : public QObject {
    Q_OBJECT
public:
    using Clusters = std::vector<console::ClusterSummary>;
    enum class State { Never, Reading, Read, Failed };

    explicit Catalog(std::shared_ptr<Backend> backend, const Clock& clock,
                     QObject* parent = nullptr);

    /// Reads again; does nothing while a reading is under way.
    void refresh();
    [[nodiscard]] State state() const { return m_state; }
    /// Never null; empty before the first reading.
    [[nodiscard]] std::shared_ptr<const Clusters> clusters() const { return m_clusters; }
    [[nodiscard]] const console::ClusterSummary* find(const std::string& name) const;
    [[nodiscard]] std::optional<Moment> readAt() const { return m_readAt; }
    /// Of the last reading; unset when that was good.
    [[nodiscard]] const std::optional<Error>& error() const { return m_error; }

Q_SIGNALS:
    void changed();

private:
    std::shared_ptr<Backend> m_backend;
    const Clock& m_clock;
    State m_state = State::Never;
    std::shared_ptr<const Clusters> m_clusters = std::make_shared<const Clusters>();
    std::optional<Moment> m_readAt;
    std::optional<Error> m_error;
};

} // namespace salvor::gui
