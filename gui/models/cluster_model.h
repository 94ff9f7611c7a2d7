// Clusters as a table.
#pragma once

#include "core/console/console.h"
#include "gui/text/moments.h"

#include <QAbstractTableModel>
#include <QTimer>

#include <memory>
#include <vector>

namespace salvor::gui {

/// How a cluster stands, in the words of the status column.
enum class ClusterState { Fine, Warning, NoBackup, Unread };

[[nodiscard]] ClusterState stateOf(const console::ClusterSummary& cluster);
/// The cluster's name; for a repository whose clusters are not known, "clusters of s3-eu".
[[nodiscard]] QString titleOf(const console::ClusterSummary& cluster);
/// The newest moment that can be restored; unset when none can.
[[nodiscard]] std::optional<Moment> newestRestorable(const console::ClusterSummary& cluster);
[[nodiscard]] std::optional<Moment> oldestRestorable(const console::ClusterSummary& cluster);

/// Worst first, then by name. One thread.
class ClusterModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Name, Backups, LastBackup, Restorable, Repository, Status, ColumnCount };
    /// StateRole gives ClusterState as int, SecondRole the second line of a cell.
    enum Role { NameRole = Qt::UserRole, StateRole, SecondRole };

    ClusterModel(text::Zones zones, const Clock& clock, QObject* parent = nullptr);

    void setClusters(const std::vector<console::ClusterSummary>& clusters);
    [[nodiscard]] const console::ClusterSummary* at(int row) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    [[nodiscard]] QString firstLine(const console::ClusterSummary& cluster, int column) const;
    [[nodiscard]] QString secondLine(const console::ClusterSummary& cluster, int column) const;

    text::Zones m_zones;
    const Clock& m_clock;
    QTimer m_second; ///< Ages grow.
    std::vector<console::ClusterSummary> m_clusters;
};

} // namespace salvor::gui
