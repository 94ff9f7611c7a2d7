#include "gui/flows/restore_flow.h"

#include "gui/flows/checks_step.h"
#include "gui/flows/cluster_step.h"
#include "gui/flows/moment_step.h"
#include "gui/flows/result_step.h"
#include "gui/flows/review_step.h"
#include "gui/flows/run_step.h"
#include "gui/flows/where_step.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QMessageBox>
#include <QPainter>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

constexpr int stepsWidth = 206;
constexpr int footHeight = 52;
constexpr int lineHeight = 30; // Of a step in the list, and with its answer.
constexpr int twoLinesHeight = 46;

} // namespace

StepList::StepList(QWidget* parent)
    : QWidget(parent)
{
    setFixedWidth(stepsWidth);
}

void StepList::setSteps(const QString& title, std::vector<Step> steps, int current)
{
    m_title = title;
    m_steps = std::move(steps);
    m_current = current;
    const auto at = static_cast<std::size_t>(current);
    setAccessibleName(tr("Step %1 of %2: %3")
                          .arg(current + 1)
                          .arg(m_steps.size())
                          .arg(at < m_steps.size() ? m_steps[at].question : QString()));
    update();
}

void StepList::paintStep(QPainter& painter, int number, const QRect& box) const
{
    const Theme& theme = themeOf(palette());
    const Step& step = m_steps[static_cast<std::size_t>(number)];
    const bool current = number == m_current;
    painter.setRenderHint(QPainter::Antialiasing);
    if (current) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.select);
        painter.drawRoundedRect(QRect(6, box.top() - 2, width() - 13, box.height()), 4, 4);
    }
    const QRectF mark(14, box.top() + 5, 16, 16);
    if (number < m_current) {
        paintMark(painter, mark, theme, step.mark);
    } else {
        painter.setPen(QPen(current ? theme.accent : theme.muted, 1.2));
        painter.setBrush(current ? QBrush(theme.accent) : QBrush(Qt::NoBrush));
        painter.drawEllipse(mark.adjusted(0.5, 0.5, -0.5, -0.5));
        painter.setPen(current ? theme.accentText : theme.muted);
        painter.setFont(fontOf(TextSize::Note));
        painter.drawText(mark, Qt::AlignCenter, QString::number(number + 1));
    }
    painter.setPen(number <= m_current ? theme.text : theme.muted);
    painter.setFont(fontOf(current ? TextSize::Strong : TextSize::Body));
    painter.drawText(QRect(42, box.top(), width() - 56, 24), Qt::AlignVCenter, step.question);
    if (box.height() == lineHeight)
        return;
    painter.setPen(theme.muted);
    painter.setFont(fontOf(TextSize::Note));
    painter.drawText(QRect(42, box.top() + 22, width() - 56, 18), Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(step.answer, Qt::ElideMiddle, width() - 56));
}

void StepList::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    painter.fillRect(rect(), theme.surface);
    painter.setPen(theme.border);
    painter.drawLine(width() - 1, 0, width() - 1, height());
    painter.setPen(theme.text);
    painter.setFont(fontOf(TextSize::Strong));
    painter.drawText(QRect(14, 12, width() - 24, 20), Qt::AlignVCenter, m_title);
    int y = 44;
    for (int i = 0; i < static_cast<int>(m_steps.size()); ++i) {
        const bool answered = !m_steps[static_cast<std::size_t>(i)].answer.isEmpty();
        const int height = answered && i <= m_current ? twoLinesHeight : lineHeight;
        paintStep(painter, i, QRect(0, y, width(), height));
        y += height;
    }
    painter.setPen(theme.muted);
    painter.setFont(fontOf(TextSize::Note));
    painter.drawText(QRect(14, height() - 72, width() - 28, 60), Qt::TextWordWrap | Qt::AlignBottom,
                     tr("Saved on this computer at every step. You can close Salvor and continue "
                        "later."));
}

RestoreFlow::RestoreFlow(std::unique_ptr<FlowContext> context, DraftStore store, Path home,
                         QWidget* parent)
    : QWidget(parent)
    , m_context(std::move(context))
    , m_store(std::move(store))
    , m_home(std::move(home))
    , m_steps(new StepList)
    , m_stack(new QStackedWidget)
    , m_back(makeButton(tr("Back")))
    , m_primary(makeButton({}, ButtonRole::Primary))
    , m_hint(new Text({}, TextSize::Note, Ink::Muted))
    , m_notSaved(new Notice(Notice::Kind::Warning))
{
    m_arming.setSingleShot(true);
    m_arming.setInterval(700);
    connect(&m_arming, &QTimer::timeout, this, &RestoreFlow::showState);
    makePages();
    auto* right = new QVBoxLayout;
    right->setContentsMargins(0, 0, 0, 0);
    right->setSpacing(0);
    right->addWidget(m_notSaved);
    right->addWidget(m_stack, 1);
    right->addWidget(makeFoot());
    m_notSaved->hide();
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    row->addWidget(m_steps);
    row->addLayout(right, 1);
}

RestoreFlow::~RestoreFlow()
{
    // Pages look at the context, which goes before the widgets otherwise would.
    delete m_stack;
}

void RestoreFlow::makePages()
{
    m_run = new RunStep(*m_context);
    m_pages = {new ClusterStep(*m_context), new MomentStep(*m_context), new WhereStep(*m_context),
               new ChecksStep(*m_context),  new ReviewStep(*m_context), m_run,
               new ResultStep(*m_context)};
    for (FlowPage* page : m_pages) {
        m_stack->addWidget(page);
        connect(page, &FlowPage::changed, this, &RestoreFlow::showState);
    }
    connect(m_run, &FlowPage::finished, this, [this] {
        if (step() == RestoreStep::Run)
            go(RestoreStep::Result);
    });
}

QWidget* RestoreFlow::makeFoot()
{
    auto* foot = new QWidget;
    foot->setFixedHeight(footHeight);
    auto* row = new QHBoxLayout(foot);
    row->setContentsMargins(24, 0, 24, 0);
    row->setSpacing(12);
    m_hint->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    row->addWidget(m_back);
    row->addWidget(m_hint, 1);
    row->addWidget(m_primary);
    connect(m_back, &QPushButton::clicked, this, &RestoreFlow::back);
    connect(m_primary, &QPushButton::clicked, this, &RestoreFlow::next);
    return foot;
}

RestoreStep RestoreFlow::step() const
{
    return m_context->draft.step;
}

QWidget* RestoreFlow::page() const
{
    return m_stack->currentWidget();
}

bool RestoreFlow::isRunning() const
{
    return m_run->isRunning();
}

void RestoreFlow::stopSafely()
{
    m_run->stopSafely();
}

void RestoreFlow::begin(const QString& cluster, const QString& backup)
{
    const Moment now = m_context->clock.now();
    m_context->draft = {};
    m_context->plan.reset();
    m_context->outcome.reset();
    m_context->draft.id = newDraftId(now);
    console::RestoreChoice& choice = m_context->draft.choice;
    choice.cluster = cluster.toStdString();
    choice.backupId = backup.toStdString();
    if (!backup.isEmpty())
        choice.target.point = model::ImmediateTarget{};
    m_open = true;
    go(cluster.isEmpty() ? RestoreStep::Cluster : RestoreStep::Moment);
}

void RestoreFlow::resume(RestoreDraft draft)
{
    m_context->draft = std::move(draft);
    m_context->plan.reset();
    m_context->outcome.reset();
    m_open = true;
    // The plan is not kept: it is made again, so that it is never stale.
    RestoreStep at = m_context->draft.step;
    if (at > RestoreStep::Checks)
        at = RestoreStep::Checks;
    else if (at == RestoreStep::Where)
        at = RestoreStep::Moment;
    go(at);
}

void RestoreFlow::go(RestoreStep step)
{
    RestoreDraft& draft = m_context->draft;
    if (step > RestoreStep::Cluster && draft.choice.destination.empty()) {
        draft.choice.destination = m_home / (draft.choice.cluster + "-" + draft.id.substr(2));
        draft.choice.startOptions.start = true;
        draft.choice.action = model::AtTarget::Pause;
    }
    draft.step = step;
    save();
    FlowPage* page = m_pages.at(static_cast<std::size_t>(step));
    m_stack->setCurrentWidget(page);
    page->enter();
    if (step == RestoreStep::Review) {
        // The button just pressed now says "Restore": neither a double click nor Space may press
        // it.
        m_arming.start();
        m_back->setFocus();
    }
    showState();
    if (step == RestoreStep::Result)
        m_primary->setFocus();
}

void RestoreFlow::next()
{
    if (!m_pages.at(static_cast<std::size_t>(step()))->isComplete())
        return;
    switch (step()) {
    case RestoreStep::Review:
        m_context->draft.planHash = m_context->backend->planHash(*m_context->plan);
        go(RestoreStep::Run);
        break;
    case RestoreStep::Result:
        finish();
        break;
    default:
        go(static_cast<RestoreStep>(static_cast<int>(step()) + 1));
    }
}

void RestoreFlow::back()
{
    switch (step()) {
    case RestoreStep::Cluster:
        Q_EMIT left();
        break;
    case RestoreStep::Run:
    case RestoreStep::Result:
        go(RestoreStep::Checks);
        break;
    default:
        go(static_cast<RestoreStep>(static_cast<int>(step()) - 1));
    }
}

void RestoreFlow::save()
{
    RestoreDraft& draft = m_context->draft;
    // Before a cluster is chosen there is nothing worth keeping.
    if (draft.choice.cluster.empty())
        return;
    draft.savedAt = m_context->clock.now();
    const Result<> done = m_store.save(draft);
    m_notSaved->setVisible(!done.ok());
    if (!done.ok()) {
        m_notSaved->showError(done.error(), [this] { save(); });
        return;
    }
    Q_EMIT saved(tr("Restore %1 saved at %2")
                     .arg(QString::fromStdString(draft.id),
                          text::timeOnly(draft.savedAt, m_context->zones.viewer)));
}

void RestoreFlow::finish()
{
    m_open = false;
    // Only a draft that was ended by its own page goes; a failure to remove it costs an offer to
    // continue, no more.
    if (const Result<> removed = m_store.remove(m_context->draft.id); !removed.ok())
        Q_EMIT saved(tr("The draft of this restore could not be removed."));
    Q_EMIT left();
}

void RestoreFlow::showState()
{
    const int current = static_cast<int>(step());
    std::vector<StepList::Step> steps;
    for (const FlowPage* page : m_pages)
        steps.push_back({page->question(), page->answer(), Mark::Passed});
    if (const auto& outcome = m_context->outcome; outcome && !outcome->ok())
        steps[static_cast<std::size_t>(RestoreStep::Run)].mark =
            outcome->error().code == ErrorCode::Cancelled ? Mark::NoTarget : Mark::Breach;
    m_steps->setSteps(tr("Restore"), std::move(steps), current);
    const FlowPage* page = m_pages.at(static_cast<std::size_t>(current));
    m_primary->setText(page->verb());
    m_primary->setEnabled(page->isComplete()
                          && !(step() == RestoreStep::Review && m_arming.isActive()));
    m_hint->setText(page->hint());
    m_back->setVisible(!isRunning());
    m_back->setText(step() == RestoreStep::Result ? tr("Back to the checks") : tr("Back"));
    const bool done =
        step() == RestoreStep::Result && m_context->outcome && m_context->outcome->ok();
    if (done)
        m_back->hide();
    m_primary->setVisible(step() != RestoreStep::Run || m_context->outcome.has_value());
}

void RestoreFlow::askToStop(const QString& title)
{
    auto* box = new QMessageBox(QMessageBox::NoIcon, tr("A restore is running"), title,
                                QMessageBox::NoButton, this);
    box->setInformativeText(m_run->remains());
    box->setAttribute(Qt::WA_DeleteOnClose);
    auto* stop = box->addButton(tr("Stop safely"), QMessageBox::DestructiveRole);
    auto* keep = box->addButton(tr("Keep running"), QMessageBox::RejectRole);
    box->setDefaultButton(keep);
    box->setEscapeButton(keep);
    connect(stop, &QAbstractButton::clicked, this, &RestoreFlow::stopSafely);
    box->open();
}

void RestoreFlow::keyPressEvent(QKeyEvent* event)
{
    switch (event->key()) {
    case Qt::Key_Escape:
        if (isRunning())
            askToStop(tr("Stop the restore?"));
        else
            Q_EMIT left();
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        // Return goes on through the questions, but never starts anything.
        if (step() < RestoreStep::Review && m_primary->isEnabled())
            next();
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

void RestoreFlow::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    const QRect foot(stepsWidth, height() - footHeight, width() - stepsWidth, footHeight);
    painter.fillRect(foot, theme.surface);
    painter.setPen(theme.border);
    painter.drawLine(foot.topLeft(), foot.topRight());
}

} // namespace salvor::gui
