// Plans a restore in the background; only the newest question's answer counts.
#pragma once

#include "gui/models/backend.h"
#include "gui/models/job_bridge.h"

#include <QObject>
#include <QPointer>

namespace salvor::gui {

struct PlanAnswer {
    Result<model::RestorePlan> plan = Error{ErrorCode::Bug, {}, {}};
    finder::Nearest nearest; ///< Filled when the target is out of reach.
};

class PlanJob final : public QObject {
    Q_OBJECT
public:
    explicit PlanJob(std::shared_ptr<Backend> backend, QObject* parent = nullptr)
        : QObject(parent)
        , m_backend(std::move(backend))
    {}

    /// Cancels the question before, if it still runs.
    void ask(const console::RestoreChoice& choice);
    void cancel();
    [[nodiscard]] bool isBusy() const { return !m_job.isNull(); }

Q_SIGNALS:
    void answered(const salvor::gui::PlanAnswer& answer);

private:
    std::shared_ptr<Backend> m_backend;
    QPointer<JobBridge> m_job;
    std::uint64_t m_question = 0;
};

} // namespace salvor::gui
