#include "gui/flows/plan_job.h"

namespace salvor::gui {

void PlanJob::cancel()
{
    ++m_question;
    if (m_job)
        m_job->cancel();
    m_job.clear();
}

void PlanJob::ask(const console::RestoreChoice& choice)
{
    cancel();
    m_job = startJob<PlanAnswer>(
        this,
        [backend = m_backend, choice](JobContext& job) -> Result<PlanAnswer> {
            PlanAnswer answer;
            answer.plan = backend->planRestore(choice, job, &answer.nearest);
            return answer;
        },
        [this, question = m_question](Result<PlanAnswer> answer) {
            if (question != m_question)
                return;
            m_job.clear();
            if (answer.ok()) {
                Q_EMIT answered(*answer);
                return;
            }
            PlanAnswer failed;
            failed.plan = std::move(answer).error();
            Q_EMIT answered(failed);
        });
}

} // namespace salvor::gui
