// Recovery points of one cluster: the range strip, the list of backups, and one in detail.
#pragma once

#include "gui/models/backup_model.h"
#include "gui/models/catalog.h"
#include "gui/widgets/parts.h"
#include "gui/widgets/range_strip.h"
#include "gui/widgets/state_view.h"
#include "gui/widgets/table.h"

class QComboBox;
class QLineEdit;

namespace salvor::gui {

class PointsPage final : public QWidget {
    Q_OBJECT
public:
    PointsPage(Catalog& catalog, const Clock& clock, text::Zones zones, QWidget* parent = nullptr);

    /// Shows another cluster; nothing happens when there is none of that name.
    void setCluster(const QString& cluster);
    [[nodiscard]] QString cluster() const { return m_cluster; }

Q_SIGNALS:
    void restoreWanted(const QString& cluster, const QString& backup);

private:
    [[nodiscard]] QWidget* makeList();
    [[nodiscard]] QWidget* makeDetail();
    void showCatalog();
    void showCluster(const console::ClusterSummary& cluster);
    void showDetail();
    void showProof(const model::Backup& backup);
    void showCount();
    [[nodiscard]] const model::Backup* selected() const;

    Catalog& m_catalog;
    const Clock& m_clock;
    text::Zones m_zones;
    QString m_cluster;
    BackupModel* m_model;
    BackupFilter* m_filter;
    PageHeader* m_header;
    Notice* m_notice;
    QComboBox* m_chooser;
    RangeStrip* m_strip;
    QLineEdit* m_search;
    QComboBox* m_mode;
    Text* m_count;
    Table* m_table;
    StateView* m_state;
    Text* m_detailTitle;
    Text* m_detailSentence;
    Facts* m_facts;
    Badge* m_proof;
    Text* m_proofWords;
    QPushButton* m_restore;
};

} // namespace salvor::gui
