// How a restore ended: what happened, what it means for the data, what to do now.
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/widgets/parts.h"

namespace salvor::gui {

/// Only a server that answered a query is a success.
class ResultStep final : public FlowPage {
    Q_OBJECT
public:
    explicit ResultStep(FlowContext& context);

    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Result"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Close this restore"); }
    [[nodiscard]] bool isComplete() const override { return true; }

private:
    [[nodiscard]] QString cluster() const;
    /// Ready for the verb and the name.
    [[nodiscard]] QString instanceCommand() const;
    void showOutcome(const model::RestoreOutcome& outcome);
    void showFailure(const Error& error);
    void addCheck(Mark mark, const QString& words);
    void showNext(const model::RestoreOutcome& outcome);
    void addStep(const QString& words, const QString& command = {});

    PageHeader* m_header;
    Notice* m_notice;
    QWidget* m_panels;
    QWidget* m_checks;
    Facts* m_facts;
    QWidget* m_next;
};

} // namespace salvor::gui
