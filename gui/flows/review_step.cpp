#include "gui/flows/review_step.h"

#include "gui/text/error_text.h"
#include "gui/text/units.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

QString commandsOf(const model::RestorePlan& plan)
{
    QStringList lines;
    for (const auto& command : plan.commands)
        lines << QString::fromStdString(command);
    return lines.join(QLatin1Char('\n'));
}

/// "9f41 c07a 5be2 … 77d0": enough to compare by eye.
QString shortHash(const std::string& hash)
{
    QString all = QString::fromStdString(hash);
    if (all.size() < 16)
        return all;
    return QStringLiteral("%1 %2 %3 … %4")
        .arg(all.left(4), all.mid(4, 4), all.mid(8, 4), all.right(4));
}

} // namespace

ReviewStep::ReviewStep(FlowContext& context)
    : FlowPage(context)
    , m_header(new PageHeader(question()))
    , m_created(new Facts)
    , m_destroyedRows(new QWidget)
    , m_warnings(new Notice(Notice::Kind::Warning))
    , m_command(new Text({}, TextSize::Mono))
    , m_hash(new Text({}, TextSize::Mono, Ink::Muted))
{
    auto* created = new Panel(Panel::Edge::Plan);
    created->body()->addWidget(new Text(tr("Will be created"), TextSize::PanelTitle));
    created->body()->addWidget(m_created);
    created->body()->addStretch();
    auto* destroyed = new Panel(Panel::Edge::Breach);
    destroyed->body()->addWidget(
        new Text(tr("Will be destroyed"), TextSize::PanelTitle, Ink::Breach));
    m_destroyed = new QVBoxLayout(m_destroyedRows);
    m_destroyed->setContentsMargins(0, 0, 0, 0);
    m_destroyed->setSpacing(6);
    destroyed->body()->addWidget(m_destroyedRows);
    destroyed->body()->addStretch();
    auto* halves = new QHBoxLayout;
    halves->setSpacing(12);
    halves->addWidget(created, 1);
    halves->addWidget(destroyed, 1);

    auto* command = new Panel;
    auto* title = new QHBoxLayout;
    title->setSpacing(12);
    title->addWidget(new Text(tr("The same as a command"), TextSize::Strong), 1);
    auto* hashLabel = new Text(tr("Plan hash"), TextSize::Note, Ink::Muted);
    hashLabel->setWordWrap(false);
    title->addWidget(hashLabel);
    title->addWidget(m_hash);
    title->addWidget(makeCopyButton(tr("Copy hash"), [this] {
        return this->context().plan ? QString::fromStdString(
                   this->context().backend->planHash(*this->context().plan))
                                    : QString();
    }));
    title->addWidget(makeCopyButton(tr("Copy command"), [this] { return m_command->text(); }));
    command->body()->addLayout(title);
    m_command->setWordWrap(true);
    m_command->setTextInteractionFlags(Qt::TextSelectableByMouse);
    command->body()->addWidget(m_command);

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addLayout(halves);
    column->addWidget(m_warnings);
    column->addWidget(command);
    column->addStretch();
}

void ReviewStep::showCreated(const model::RestorePlan& plan)
{
    m_created->clear();
    m_created->add(tr("Cluster"), tr("a copy of %1, PostgreSQL %2, timeline %3")
                                      .arg(QString::fromStdString(plan.cluster))
                                      .arg(plan.backup.incarnation.identity.majorVersion)
                                      .arg(model::value(plan.target.timeline)));
    m_created->add(tr("On"), QString::fromStdString(plan.destination), TextSize::Mono);
    m_created->add(tr("State"), text::asSentence(plan.target.words));
    if (plan.target.lastCommitAt)
        m_created->add(
            tr("Newest commit"),
            text::readBack(*plan.target.lastCommitAt, context().zones, text::Digits::Microseconds));
    std::uint64_t segments = 0;
    for (const auto& range : plan.walNeeded)
        segments += range.lastSegment - range.firstSegment + 1;
    m_created->add(tr("From"),
                   tr("backup %1 and %2 WAL segments")
                       .arg(QString::fromStdString(plan.backup.id), text::count(segments)));
    m_created->add(tr("Space"),
                   tr("%1, of which %2 are fetched")
                       .arg(text::size(plan.bytesToWrite), text::size(plan.bytesToFetch)));
    QStringList creates;
    for (const auto& sentence : plan.creates)
        creates << text::asSentence(sentence);
    if (!creates.isEmpty())
        m_created->add(tr("Also"), creates.join(QLatin1Char('\n')));
}

void ReviewStep::showDestroyed(const model::RestorePlan& plan)
{
    while (QLayoutItem* item = m_destroyed->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    if (plan.destroys.empty())
        m_destroyed->addWidget(new Text(tr("Nothing. The directory is new, and the cluster %1 goes "
                                           "on as it is.")
                                            .arg(QString::fromStdString(plan.cluster))));
    for (const auto& sentence : plan.destroys)
        m_destroyed->addWidget(new Text(text::asSentence(sentence), TextSize::Strong, Ink::Breach));
    if (plan.losses.empty())
        return;
    m_destroyed->addSpacing(8);
    m_destroyed->addWidget(new Text(tr("Missing from the copy"), TextSize::Strong));
    for (const auto& sentence : plan.losses)
        m_destroyed->addWidget(new Text(text::asSentence(sentence), TextSize::Body, Ink::Plan));
}

void ReviewStep::enter()
{
    if (!context().plan)
        return;
    const model::RestorePlan& plan = *context().plan;
    m_header->setTitle(
        tr("Review: restore %1 to a new directory").arg(QString::fromStdString(plan.cluster)));
    m_header->setSentence(
        tr("Nothing has been changed yet. Only this page can start the restore."));
    showCreated(plan);
    showDestroyed(plan);
    QStringList warnings;
    for (const auto& check : plan.checks)
        if (check.level == model::Check::Level::Warning)
            warnings << text::asSentence(check.found);
    m_warnings->setWords(warnings.size() == 1
                             ? tr("1 warning goes with this restore")
                             : tr("%1 warnings go with this restore").arg(warnings.size()),
                         warnings.join(QLatin1Char(' ')));
    m_warnings->setVisible(!warnings.isEmpty());
    m_command->setText(commandsOf(plan));
    m_hash->setText(shortHash(context().backend->planHash(plan)));
}

QString ReviewStep::answer() const
{
    return draft().planHash.empty()
               ? QString()
               : tr("Plan %1").arg(QString::fromStdString(draft().planHash).left(8));
}

bool ReviewStep::isComplete() const
{
    return context().plan.has_value();
}

} // namespace salvor::gui
