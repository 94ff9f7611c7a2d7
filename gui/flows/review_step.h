// The plan in words, and the only button that starts it.
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/widgets/parts.h"

namespace salvor::gui {

class ReviewStep final : public FlowPage {
    Q_OBJECT
public:
    explicit ReviewStep(FlowContext& context);

    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Review"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Restore to new directory"); }
    [[nodiscard]] bool isComplete() const override;
    [[nodiscard]] QString hint() const override { return tr("Return does not press this"); }

private:
    void showCreated(const model::RestorePlan& plan);
    void showDestroyed(const model::RestorePlan& plan);

    PageHeader* m_header;
    Facts* m_created;
    QVBoxLayout* m_destroyed = nullptr;
    QWidget* m_destroyedRows;
    Notice* m_warnings;
    Text* m_command;
    Text* m_hash;
};

} // namespace salvor::gui
