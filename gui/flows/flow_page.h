// One decision of a flow, and what all its pages share.
#pragma once

#include "gui/models/backend.h"
#include "gui/models/catalog.h"
#include "gui/models/restore_draft.h"
#include "gui/text/moments.h"

#include <QWidget>

namespace salvor::gui {

/// What the pages of a restore hand to each other. Lives as long as the flow.
struct FlowContext {
    std::shared_ptr<Backend> backend;
    Catalog& catalog;
    const Clock& clock;
    text::Zones zones;
    RestoreDraft draft;
    std::optional<model::RestorePlan> plan; ///< Of the draft as it is; unset when that changed.
    std::optional<Result<model::RestoreOutcome>> outcome;
    bool copyStarted = false; ///< By the run of that outcome: its files are whole.

    [[nodiscard]] const console::ClusterSummary* cluster() const
    {
        return catalog.find(draft.choice.cluster);
    }
};

class FlowPage : public QWidget {
    Q_OBJECT
public:
    explicit FlowPage(FlowContext& context)
        : m_context(context)
    {}

    /// The page is shown: take the fields from the draft.
    virtual void enter() = 0;
    /// The question, as the list of steps has it.
    [[nodiscard]] virtual QString question() const = 0;
    /// The answer in a few words; empty while there is none.
    [[nodiscard]] virtual QString answer() const = 0;
    /// What the one primary button says.
    [[nodiscard]] virtual QString verb() const = 0;
    [[nodiscard]] virtual bool isComplete() const = 0;
    /// Beside the primary button: what it uses, or why it cannot be pressed.
    [[nodiscard]] virtual QString hint() const { return {}; }

Q_SIGNALS:
    /// The draft, completeness, the hint or the answer changed.
    void changed();
    /// The page itself moves on: a run that ended.
    void finished();

protected:
    [[nodiscard]] FlowContext& context() const { return m_context; }
    [[nodiscard]] RestoreDraft& draft() const { return m_context.draft; }

private:
    FlowContext& m_context;
};

} // namespace salvor::gui
