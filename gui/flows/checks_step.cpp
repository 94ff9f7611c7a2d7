#include "gui/flows/checks_step.h"

#include "gui/text/error_text.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QScrollArea>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

namespace salvor::gui {
namespace {

using Level = model::Check::Level;

Mark markOf(Level level)
{
    switch (level) {
    case Level::Blocker:
        return Mark::Breach;
    case Level::Warning:
        return Mark::Warning;
    case Level::Note:
        return Mark::Note;
    case Level::Passed:
        break;
    }
    return Mark::Passed;
}

QString wordOf(Level level)
{
    switch (level) {
    case Level::Blocker:
        return ChecksStep::tr("Blocker");
    case Level::Warning:
        return ChecksStep::tr("Warning");
    case Level::Note:
        return ChecksStep::tr("Note");
    case Level::Passed:
        break;
    }
    return ChecksStep::tr("Passed");
}

} // namespace

ChecksStep::ChecksStep(FlowContext& context)
    : FlowPage(context)
    , m_header(new PageHeader(question()))
    , m_interrupted(new Notice(Notice::Kind::Warning))
    , m_grid(new QGridLayout)
    , m_rows(new QWidget)
    , m_fold(makeButton({}, ButtonRole::Flat))
    , m_again(makeButton(tr("Check &again"), ButtonRole::Secondary, QStringLiteral("refresh")))
    , m_plan(new PlanJob(context.backend, this))
{
    m_header->addAction(m_again);
    m_interrupted->hide();
    m_grid->setContentsMargins(12, 12, 12, 12);
    m_grid->setHorizontalSpacing(16);
    m_grid->setVerticalSpacing(12);
    m_grid->setColumnMinimumWidth(0, 96);
    m_grid->setColumnMinimumWidth(1, 110);
    m_grid->setColumnStretch(2, 3);
    m_grid->setColumnStretch(3, 3);
    m_grid->setColumnStretch(4, 3);
    auto* content = new QWidget;
    auto* contentColumn = new QVBoxLayout(content);
    contentColumn->setContentsMargins(4, 0, 4, 4);
    m_rows->setLayout(m_grid);
    contentColumn->addWidget(m_rows);
    contentColumn->addWidget(m_fold, 0, Qt::AlignLeft);
    contentColumn->addStretch();
    m_fold->setCheckable(true);
    auto* area = new QScrollArea;
    area->setFrameShape(QFrame::NoFrame);
    area->setWidgetResizable(true);
    area->setWidget(content);
    area->viewport()->setAutoFillBackground(false);
    content->setAutoFillBackground(false);
    area->setFocusPolicy(Qt::NoFocus);
    m_state = new StateView(area);
    auto* panel = new Panel;
    panel->body()->setContentsMargins(1, 1, 1, 8);
    panel->body()->addWidget(m_state);

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addWidget(m_interrupted);
    column->addWidget(panel, 1);
    connect(m_plan, &PlanJob::answered, this, &ChecksStep::showAnswer);
    connect(m_again, &QPushButton::clicked, this, &ChecksStep::ask);
    connect(m_fold, &QPushButton::toggled, this, &ChecksStep::showChecks);
}

void ChecksStep::enter()
{
    const bool interrupted = !draft().planHash.empty();
    if (interrupted)
        m_interrupted->setWords(
            tr("This restore was started before and did not end"),
            tr("Plan %1, into %2. The checks say what it left there and what becomes of that. Or "
               "go "
               "back and choose another directory.")
                .arg(QString::fromStdString(draft().planHash).left(12),
                     QString::fromStdString(draft().choice.destination.string())));
    m_interrupted->setVisible(interrupted);
    ask();
    m_fold->setFocus();
}

void ChecksStep::ask()
{
    context().plan.reset();
    m_again->setEnabled(false);
    m_header->setSentence(tr("Looking only: nothing is written."));
    m_state->showReading(tr("Checking files, WAL, key, space and the target"));
    m_plan->ask(draft().choice);
    Q_EMIT changed();
}

void ChecksStep::showAnswer(const PlanAnswer& answer)
{
    m_again->setEnabled(true);
    if (answer.plan.ok()) {
        context().plan = *answer.plan;
        showChecks();
        m_state->showContent();
    } else {
        m_header->setSentence(tr("The checks could not be made."));
        m_state->showFailed(answer.plan.error(), [this] { ask(); });
    }
    Q_EMIT changed();
}

int ChecksStep::count(Level level) const
{
    if (!context().plan)
        return 0;
    const auto& checks = context().plan->checks;
    return static_cast<int>(
        std::count_if(checks.begin(), checks.end(),
                      [level](const model::Check& check) { return check.level == level; }));
}

void ChecksStep::addRow(const model::Check& check)
{
    const int row = m_grid->rowCount();
    m_grid->addWidget(new Badge(markOf(check.level), wordOf(check.level)), row, 0, Qt::AlignTop);
    auto* name = new Text(QString::fromStdString(check.name), TextSize::Strong);
    m_grid->addWidget(name, row, 1, Qt::AlignTop);
    const bool onlyFound = check.cause.empty() && check.fix.empty();
    m_grid->addWidget(new Text(text::asSentence(check.found)), row, 2, 1, onlyFound ? 3 : 1,
                      Qt::AlignTop);
    if (onlyFound)
        return;
    m_grid->addWidget(new Text(text::asSentence(check.cause), TextSize::Body, Ink::Muted), row, 3,
                      Qt::AlignTop);
    m_grid->addWidget(new Text(text::asSentence(check.fix)), row, 4, Qt::AlignTop);
}

void ChecksStep::showChecks()
{
    if (!context().plan)
        return;
    while (QLayoutItem* item = m_grid->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    const std::array<QString, 5> titles = {tr("Result"), tr("Check"), tr("Found"),
                                           tr("Why it matters"), tr("What to do")};
    for (int i = 0; i < 5; ++i)
        m_grid->addWidget(
            new Text(titles.at(static_cast<std::size_t>(i)), TextSize::Strong, Ink::Muted), 0, i);
    for (const Level level : {Level::Blocker, Level::Warning, Level::Note, Level::Passed})
        for (const model::Check& check : context().plan->checks)
            if (check.level == level && (level != Level::Passed || m_fold->isChecked()))
                addRow(check);
    const int passed = count(Level::Passed);
    const bool onlyPassed = passed == static_cast<int>(context().plan->checks.size());
    m_rows->setVisible(!onlyPassed || m_fold->isChecked());
    m_fold->setText(m_fold->isChecked() ? tr("Hide the %1 that passed").arg(passed)
                                        : tr("Show the %1 that passed").arg(passed));
    m_fold->setVisible(passed > 0);
    const int blockers = count(Level::Blocker);
    const int warnings = count(Level::Warning);
    const QString rest = tr("%1 passed.").arg(passed);
    if (blockers > 0)
        m_header->setSentence(
            blockers == 1 ? tr("1 blocker must be solved first. %1").arg(rest)
                          : tr("%1 blockers must be solved first. %2").arg(blockers).arg(rest));
    else if (warnings > 0)
        m_header->setSentence(
            warnings == 1
                ? tr("Nothing blocks the restore. 1 warning. %1").arg(rest)
                : tr("Nothing blocks the restore. %1 warnings. %2").arg(warnings).arg(rest));
    else
        m_header->setSentence(tr("Nothing blocks the restore. %1").arg(rest));
}

QString ChecksStep::answer() const
{
    if (!context().plan)
        return {};
    const int warnings = count(Level::Warning);
    const int blockers = count(Level::Blocker);
    if (blockers > 0)
        return blockers == 1 ? tr("1 blocker") : tr("%1 blockers").arg(blockers);
    QString passed = tr("%1 passed").arg(count(Level::Passed));
    if (warnings == 0)
        return passed;
    return warnings == 1 ? tr("%1, 1 warning").arg(passed)
                         : tr("%1, %2 warnings").arg(passed).arg(warnings);
}

bool ChecksStep::isComplete() const
{
    return context().plan && count(Level::Blocker) == 0;
}

QString ChecksStep::hint() const
{
    if (!context().plan)
        return m_plan->isBusy() ? tr("The checks are running.") : QString();
    return count(Level::Blocker) > 0 ? tr("A blocker stands in the way.") : QString();
}

} // namespace salvor::gui
