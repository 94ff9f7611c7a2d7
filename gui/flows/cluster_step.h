// Which cluster?
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/models/cluster_model.h"
#include "gui/widgets/state_view.h"
#include "gui/widgets/table.h"

namespace salvor::gui {

/// Never chosen for the person: a row is selected only when this draft has a cluster already.
class ClusterStep final : public FlowPage {
    Q_OBJECT
public:
    explicit ClusterStep(FlowContext& context);

    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Which cluster?"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Choose the moment"); }
    [[nodiscard]] bool isComplete() const override;
    [[nodiscard]] QString hint() const override;

private:
    void showCatalog();
    void take();

    ClusterModel* m_model;
    Table* m_table;
    StateView* m_state;
};

} // namespace salvor::gui
