// The restore at work.
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/models/job_bridge.h"
#include "gui/widgets/progress_panel.h"

#include <QPointer>

class QPlainTextEdit;

namespace salvor::gui {

class RunStep final : public FlowPage {
    Q_OBJECT
public:
    explicit RunStep(FlowContext& context);

    /// Starts the plan of the context. Once for each time the review was left forwards.
    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Run"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Show the result"); }
    [[nodiscard]] bool isComplete() const override { return context().outcome.has_value(); }
    [[nodiscard]] QString hint() const override;

    [[nodiscard]] bool isRunning() const { return !m_job.isNull(); }
    /// Asks the restore to stop; it ends with a result that says so.
    void stopSafely();
    /// What would be left if it was stopped now. Whole sentences.
    [[nodiscard]] QString remains() const;

private:
    void look();
    void ended(const Result<model::RestoreOutcome>& outcome);
    void showLog(const JobRecord::Seen& seen);

    PageHeader* m_header;
    ProgressPanel* m_progress;
    Text* m_remains;
    QPushButton* m_stop;
    QPushButton* m_fold;
    Text* m_lastLine;
    QPlainTextEdit* m_log;
    QPointer<JobBridge> m_job;
    std::uint64_t m_shownLines = 0;
};

} // namespace salvor::gui
