#include "gui/flows/result_step.h"

#include "core/restore/words.h"
#include "gui/text/error_text.h"

#include <QHBoxLayout>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

void clearLayout(QWidget* box)
{
    while (QLayoutItem* item = box->layout()->takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

QVBoxLayout* columnIn(QWidget* box)
{
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(8);
    return column;
}

QString quoted(const std::string& word)
{
    return QString::fromStdString(restore::shellWord(word));
}

QString lsnText(model::Lsn lsn)
{
    return QString::fromStdString(model::formatLsn(lsn));
}

} // namespace

ResultStep::ResultStep(FlowContext& context)
    : FlowPage(context)
    , m_header(new PageHeader({}))
    , m_notice(new Notice(Notice::Kind::Info))
    , m_panels(new QWidget)
    , m_checks(new QWidget)
    , m_facts(new Facts)
    , m_next(new QWidget)
{
    columnIn(m_checks);
    columnIn(m_next);
    auto* proof = new Panel;
    proof->body()->addWidget(new Text(tr("What was shown"), TextSize::PanelTitle));
    proof->body()->addWidget(m_checks);
    proof->body()->addSpacing(4);
    proof->body()->addWidget(m_facts);
    proof->body()->addStretch();
    auto* next = new Panel;
    next->body()->addWidget(new Text(tr("What to do now"), TextSize::PanelTitle));
    next->body()->addWidget(m_next);
    next->body()->addStretch();
    auto* halves = new QHBoxLayout(m_panels);
    halves->setContentsMargins(0, 0, 0, 0);
    halves->setSpacing(12);
    halves->addWidget(proof, 1);
    halves->addWidget(next, 1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addWidget(m_notice);
    column->addWidget(m_panels, 1);
}

void ResultStep::enter()
{
    if (!context().outcome)
        return;
    clearLayout(m_checks);
    clearLayout(m_next);
    m_facts->clear();
    m_notice->clearButtons();
    if (context().outcome->ok())
        showOutcome(**context().outcome);
    else
        showFailure(context().outcome->error());
}

void ResultStep::addCheck(Mark mark, const QString& words)
{
    m_checks->layout()->addWidget(new Badge(mark, words));
}

void ResultStep::addStep(const QString& words, const QString& command)
{
    m_next->layout()->addWidget(new Text(words));
    if (command.isEmpty())
        return;
    auto* row = new QWidget;
    auto* line = new QHBoxLayout(row);
    line->setContentsMargins(0, 0, 0, 4);
    auto* text = new Text(command, TextSize::Mono);
    text->setWordWrap(true);
    text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    line->addWidget(text, 1);
    line->addWidget(makeCopyButton(tr("Copy"), [command] { return command; }), 0, Qt::AlignTop);
    m_next->layout()->addWidget(row);
}

void ResultStep::showOutcome(const model::RestoreOutcome& outcome)
{
    using State = model::RestoreState;
    const QString name = cluster();
    const QString place = QString::fromStdString(outcome.destination);
    const bool replayed = outcome.state != State::Files;
    const bool answered = outcome.state == State::Answered;
    if (answered) {
        m_header->setTitle(tr("%1 is back and answered a query").arg(name));
        m_header->setSentence(tr("The copy runs in %1.").arg(place));
    } else if (replayed) {
        m_header->setTitle(tr("%1 reached the moment but did not answer a query").arg(name));
        m_header->setSentence(tr("The copy in %1 is not proven yet.").arg(place));
    } else {
        m_header->setTitle(tr("The files of %1 are there; nothing is replayed yet").arg(name));
        m_header->setSentence(tr("No server has started from them, so this is not a proven "
                                 "restore yet."));
    }
    m_notice->setKind(answered ? Notice::Kind::Info : Notice::Kind::Warning);
    QStringList warnings;
    for (const auto& warning : outcome.warnings)
        warnings << text::asSentence(warning);
    if (!warnings.isEmpty())
        m_notice->setKind(Notice::Kind::Warning);
    if (answered)
        m_notice->setWords(outcome.lastCommitAt
                               ? tr("Newest commit: %1.")
                                     .arg(text::readBack(*outcome.lastCommitAt, context().zones,
                                                         text::Digits::Microseconds))
                               : tr("The server knows of no commit time."),
                           warnings.join(QLatin1Char(' ')));
    else
        m_notice->setWords(tr("Only a server that answers proves a restore"),
                           warnings.isEmpty()
                               ? tr("Start it and look, before anybody relies on it.")
                               : warnings.join(QLatin1Char(' ')));

    addCheck(Mark::Passed, tr("Files written, each compared with its digest"));
    addCheck(replayed ? Mark::Passed : Mark::NotTested,
             replayed ? tr("WAL replayed to the moment") : tr("WAL not replayed yet"));
    addCheck(answered ? Mark::Passed : Mark::NotTested,
             answered ? tr("A query was answered") : tr("No query was answered yet"));
    m_facts->add(tr("Directory"), place, TextSize::Mono);
    if (outcome.reachedLsn)
        m_facts->add(tr("Replayed to"), lsnText(*outcome.reachedLsn), TextSize::Mono);
    if (outcome.timeline)
        m_facts->add(tr("Timeline"), QString::number(model::value(*outcome.timeline)));
    if (outcome.port > 0)
        m_facts->add(tr("Port"), QString::number(outcome.port));
    if (!outcome.socketDirectory.empty())
        m_facts->add(tr("Socket"), QString::fromStdString(outcome.socketDirectory), TextSize::Mono);
    showNext(outcome);
}

void ResultStep::showNext(const model::RestoreOutcome& outcome)
{
    if (outcome.state == model::RestoreState::Files) {
        addStep(tr("Start it; it replays WAL to the moment by itself:"),
                QString::fromStdString(outcome.startCommand));
        addStep(tr("Then connect and ask for the rows you need."));
        return;
    }
    if (outcome.port > 0 && !outcome.socketDirectory.empty())
        addStep(tr("Look whether the data you need is there:"),
                QStringLiteral("psql -h %1 -p %2 -U postgres -d postgres")
                    .arg(quoted(outcome.socketDirectory))
                    .arg(outcome.port));
    const QString name = quoted(outcome.instance);
    const QString instance = instanceCommand();
    const bool paused = context().plan && context().plan->action == model::AtTarget::Pause;
    if (!outcome.instance.empty() && paused)
        addStep(tr("It waits at the moment, read-only. When it is the right one, open it for "
                   "writing:"),
                QStringLiteral("%1 promote %2").arg(instance, name));
    if (!outcome.instance.empty())
        addStep(tr("When you are done with it, stop it and remove it:"),
                QStringLiteral("%1 stop %2 && %1 remove %2").arg(instance, name));
    if (!paused)
        addStep(tr("Before it is used in earnest: take a fresh backup of it and set up archiving; "
                   "it has a timeline of its own."));
}

void ResultStep::showFailure(const Error& error)
{
    const QString place = QString::fromStdString(draft().choice.destination.string());
    const bool stopped = error.code == ErrorCode::Cancelled;
    m_header->setTitle(stopped ? tr("The restore of %1 was stopped").arg(cluster())
                               : tr("The restore of %1 failed").arg(cluster()));
    m_header->setSentence(tr("The repository and the cluster are untouched."));
    if (stopped) {
        m_notice->setKind(Notice::Kind::Info);
        m_notice->setWords(tr("Stopped on request"), error.hint.empty()
                                                         ? tr("Nothing was written.")
                                                         : text::asSentence(error.hint));
    } else {
        m_notice->showError(error);
    }
    addCheck(Mark::NotTested, tr("No query was answered"));
    m_facts->add(tr("Directory"), place, TextSize::Mono);
    if (!stopped)
        m_facts->add(tr("Reported"), text::asSentence(error.message));
    if (context().copyStarted)
        addStep(tr("A copy was started. This says its name and how it stands now, to look at it "
                   "or to remove it:"),
                instanceCommand() + QStringLiteral(" list"));
    addStep(tr("To try again, go back to the checks; they say what is in the way."));
}

QString ResultStep::instanceCommand() const
{
    return QStringLiteral("salvorctl --config %1 instance")
        .arg(quoted(context().backend->configFile().native()));
}

QString ResultStep::cluster() const
{
    return QString::fromStdString(draft().choice.cluster);
}

QString ResultStep::answer() const
{
    const auto& outcome = context().outcome;
    if (!outcome)
        return {};
    if (!outcome->ok())
        return outcome->error().code == ErrorCode::Cancelled ? tr("Stopped") : tr("Failed");
    switch ((*outcome)->state) {
    case model::RestoreState::Files:
        return tr("Files only");
    case model::RestoreState::Reached:
        return tr("Reached, no answer");
    case model::RestoreState::Answered:
        break;
    }
    return tr("Answered a query");
}

} // namespace salvor::gui
