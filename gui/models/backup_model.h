// Backups of clusters as a table.
#pragma once

#include "core/model/backup.h"
#include "core/model/verification.h"
#include "gui/text/moments.h"

#include <QAbstractTableModel>
#include <QSortFilterProxyModel>

#include <vector>

namespace salvor::gui {

/// Rows are plain values; times stand in the viewer's zone with their offset. A refresh compares by
/// id, so that selection and scroll stay. One thread.
class BackupModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Completed, Mode, Size, New, Timeline, EndsAt, Cluster, Proof, ColumnCount };
    /// SortRole gives int, qlonglong, qulonglong or QString only; of Proof, a negative one for
    /// damage and else the level of the assurance.
    enum Role { SortRole = Qt::UserRole, IdRole, SearchRole, ModeRole, ClusterRole };

    explicit BackupModel(text::Zones zones, QObject* parent = nullptr);

    void setBackups(std::vector<model::Backup> backups, model::Assurances assurances = {});
    /// Null when there is no such row.
    [[nodiscard]] const model::Backup* at(int row) const;
    [[nodiscard]] model::Assurance assuranceOf(const model::Backup& backup) const
    {
        return model::assuranceOf(m_assurances, backup.id);
    }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    [[nodiscard]] QString textOf(const model::Backup& backup, int column) const;
    [[nodiscard]] QVariant sortKeyOf(const model::Backup& backup, int column) const;
    void setAssurances(model::Assurances assurances);
    void remove(const std::vector<model::Backup>& kept);

    text::Zones m_zones;
    std::vector<model::Backup> m_backups;
    model::Assurances m_assurances;
};

/// Sorts by SortRole and shows what matches a search text, a mode and a cluster.
class BackupFilter final : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit BackupFilter(QObject* parent = nullptr);
    /// Part of a date, an LSN, a backup's name or an annotation; case does not matter.
    void setSearch(const QString& text);
    /// Empty: both.
    void setMode(const QString& mode);
    /// Empty: all.
    void setCluster(const QString& cluster);

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    QString m_search;
    QString m_mode;
    QString m_cluster;
};

} // namespace salvor::gui
