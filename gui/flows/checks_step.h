// The checks before a restore: read-only, each with its cause and its fix.
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/flows/plan_job.h"
#include "gui/widgets/parts.h"
#include "gui/widgets/state_view.h"

class QGridLayout;

namespace salvor::gui {

class ChecksStep final : public FlowPage {
    Q_OBJECT
public:
    explicit ChecksStep(FlowContext& context);

    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Checks"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Review"); }
    [[nodiscard]] bool isComplete() const override;
    [[nodiscard]] QString hint() const override;

private:
    void ask();
    void showAnswer(const PlanAnswer& answer);
    void showChecks();
    void addRow(const model::Check& check);
    [[nodiscard]] int count(model::Check::Level level) const;

    PageHeader* m_header;
    StateView* m_state = nullptr;
    Notice* m_interrupted;
    QGridLayout* m_grid;
    QWidget* m_rows;
    QPushButton* m_fold;
    QPushButton* m_again;
    PlanJob* m_plan;
};

} // namespace salvor::gui
