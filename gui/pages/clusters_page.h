// The list of clusters: what can be got back, worst first.
#pragma once

#include "gui/models/catalog.h"
#include "gui/models/cluster_model.h"
#include "gui/widgets/parts.h"
#include "gui/widgets/state_view.h"
#include "gui/widgets/table.h"

namespace salvor::gui {

class ClustersPage final : public QWidget {
    Q_OBJECT
public:
    ClustersPage(Catalog& catalog, const Clock& clock, text::Zones zones,
                 QWidget* parent = nullptr);

Q_SIGNALS:
    void pointsWanted(const QString& cluster);
    /// Empty: no cluster is chosen yet.
    void restoreWanted(const QString& cluster);
    void addRepositoryWanted();

private:
    void showCatalog();
    void showSelection();
    [[nodiscard]] QString selected() const;
    [[nodiscard]] QString summary() const;

    Catalog& m_catalog;
    text::Zones m_zones;
    ClusterModel* m_model;
    PageHeader* m_header;
    Notice* m_notice;
    Table* m_table;
    StateView* m_state;
    QPushButton* m_points;
    QPushButton* m_refresh;
    QPushButton* m_restore;
};

} // namespace salvor::gui
