#include "gui/flows/run_step.h"

#include "gui/text/error_text.h"
#include "gui/text/units.h"

#include <QHBoxLayout>
#include <QPlainTextEdit>
#include <QVBoxLayout>

#include <algorithm>

namespace salvor::gui {
namespace {

/// With its replay a copy has begun to run; until then the files are not a data directory.
bool hasStartedCopy(const std::vector<JobPhase>& phases)
{
    return std::any_of(phases.begin(), phases.end(),
                       [](const JobPhase& phase) { return phase.name == "replay"; });
}

} // namespace

RunStep::RunStep(FlowContext& context)
    : FlowPage(context)
    , m_header(new PageHeader({}))
    , m_progress(new ProgressPanel)
    , m_remains(new Text({}, TextSize::Body, Ink::Muted))
    , m_stop(makeButton(tr("&Stop safely")))
    , m_fold(makeButton(tr("Show &log"), ButtonRole::Flat))
    , m_lastLine(new Text({}, TextSize::Mono, Ink::Muted))
    , m_log(new QPlainTextEdit)
{
    auto* stop = new Panel;
    auto* stopRow = new QHBoxLayout;
    auto* words = new QVBoxLayout;
    words->setSpacing(2);
    words->addWidget(new Text(tr("If you stop now"), TextSize::Strong));
    words->addWidget(m_remains);
    stopRow->addLayout(words, 1);
    stopRow->addWidget(m_stop, 0, Qt::AlignVCenter);
    stop->body()->addLayout(stopRow);

    auto* logPanel = new Panel;
    logPanel->body()->setContentsMargins(8, 8, 16, 8);
    auto* logRow = new QHBoxLayout;
    logRow->addWidget(m_fold);
    logRow->addWidget(m_lastLine, 1);
    logPanel->body()->addLayout(logRow);
    logPanel->body()->addWidget(m_log);
    m_fold->setCheckable(true);
    m_log->setReadOnly(true);
    m_log->setFont(fontOf(TextSize::Mono));
    m_log->setAccessibleName(tr("Log"));
    m_log->setMaximumBlockCount(2000);
    m_log->setMinimumHeight(120);
    m_log->setTabChangesFocus(true);
    m_log->hide();
    m_lastLine->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addWidget(m_progress);
    column->addWidget(stop);
    column->addWidget(logPanel);
    column->addStretch();
    connect(m_stop, &QPushButton::clicked, this, &RunStep::stopSafely);
    connect(m_fold, &QPushButton::toggled, this, [this](bool open) {
        m_log->setVisible(open);
        m_fold->setText(open ? tr("Hide &log") : tr("Show &log"));
    });
}

void RunStep::enter()
{
    if (isRunning() || !context().plan)
        return;
    context().outcome.reset();
    m_shownLines = 0;
    m_log->clear();
    m_lastLine->clear();
    m_progress->update({}, monotonicNow(), ProgressPanel::Ending::StillRunning);
    m_header->setTitle(tr("Restoring %1 to %2")
                           .arg(QString::fromStdString(context().plan->cluster),
                                QString::fromStdString(context().plan->destination)));
    context().copyStarted = false;
    m_stop->setEnabled(true);
    m_job = startJob<model::RestoreOutcome>(
        this,
        [backend = context().backend, plan = *context().plan](JobContext& job) {
            return backend->applyRestore(plan, job);
        },
        [this](const Result<model::RestoreOutcome>& outcome) { ended(outcome); });
    connect(m_job, &JobBridge::progressed, this, &RunStep::look);
    look();
    m_stop->setFocus();
}

void RunStep::look()
{
    if (!m_job)
        return;
    const JobRecord::Seen seen = m_job->seen();
    m_progress->update(seen.phases, monotonicNow(), ProgressPanel::Ending::StillRunning);
    showLog(seen);
    context().copyStarted = hasStartedCopy(seen.phases);
    m_remains->setText(remains());
    QString phase = tr("Starting");
    if (!seen.phases.empty()) {
        phase = text::asSentence(seen.phases.back().name);
        phase.chop(1);
    }
    if (m_job->isCancelling())
        m_header->setSentence(tr("Stopping. What was begun is finished first."));
    else if (const auto still = m_progress->stalled(); still.count() > 0)
        m_header->setSentence(tr("%1: stalled for %2. Waiting for the storage or the server.")
                                  .arg(phase, text::duration(still)));
    else
        m_header->setSentence(tr("%1. Time in this phase: %2. Nothing needs you now.")
                                  .arg(phase, m_progress->timeLeft()));
    Q_EMIT changed();
}

void RunStep::showLog(const JobRecord::Seen& seen)
{
    const std::uint64_t fresh = seen.lineCount - m_shownLines;
    const std::size_t from = fresh < seen.lines.size() ? seen.lines.size() - fresh : 0;
    for (std::size_t i = from; i < seen.lines.size(); ++i) {
        const JobLine& line = seen.lines[i];
        const auto at = std::chrono::time_point_cast<std::chrono::microseconds>(line.at);
        const QString said = QString::fromStdString(line.text);
        const QString words = QStringLiteral("%1  %2").arg(
            text::timeOnly(Moment(at.time_since_epoch()), context().zones.viewer),
            line.kind == JobLine::Kind::Warning ? tr("Warning: %1").arg(said) : said);
        m_log->appendPlainText(words);
        m_lastLine->setText(words);
    }
    m_shownLines = seen.lineCount;
}

QString RunStep::remains() const
{
    const QString place = QString::fromStdString(draft().choice.destination.string());
    const QString untouched = tr("The repository and the cluster are untouched.");
    return context().copyStarted
               ? tr("The files in %1 are whole and stay; the copy that replays is stopped. %2")
                     .arg(place, untouched)
               : tr("What is written so far stays in %1; no server can start from it, and the "
                    "next restore there goes on from it. %2")
                     .arg(place, untouched);
}

void RunStep::stopSafely()
{
    if (!m_job)
        return;
    m_job->cancel();
    m_stop->setEnabled(false);
    look();
}

void RunStep::ended(const Result<model::RestoreOutcome>& outcome)
{
    const JobRecord::Seen seen = m_job ? m_job->seen() : JobRecord::Seen{};
    auto ending = ProgressPanel::Ending::Done;
    if (!outcome.ok())
        ending = outcome.error().code == ErrorCode::Cancelled ? ProgressPanel::Ending::Stopped
                                                              : ProgressPanel::Ending::Failed;
    m_progress->update(seen.phases, monotonicNow(), ending);
    showLog(seen);
    context().copyStarted = hasStartedCopy(seen.phases);
    m_job.clear();
    m_stop->setEnabled(false);
    m_header->setSentence(outcome.ok()                               ? tr("The run has ended.")
                          : ending == ProgressPanel::Ending::Stopped ? tr("Stopped on request.")
                                                                     : tr("The run has failed."));
    context().outcome = outcome;
    Q_EMIT changed();
    Q_EMIT finished();
}

QString RunStep::answer() const
{
    if (!m_job)
        return {};
    const JobRecord::Seen seen = m_job->seen();
    return seen.phases.empty() ? tr("Starting") : QString::fromStdString(seen.phases.back().name);
}

QString RunStep::hint() const
{
    return isRunning() ? tr("Other pages can be opened; the restore goes on.") : QString();
}

} // namespace salvor::gui
