#include "gui/flows/moment_step.h"

#include "core/base/text.h"
#include "gui/text/error_text.h"
#include "gui/text/units.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QDateTimeEdit>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QRadioButton>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <array>

namespace salvor::gui {
namespace {

QHBoxLayout* rowOf(QWidget* page)
{
    auto* row = new QHBoxLayout(page);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(12);
    return row;
}

} // namespace

MomentStep::MomentStep(FlowContext& context)
    : FlowPage(context)
    , m_header(new PageHeader(question()))
    , m_strip(new RangeStrip(RangeStrip::Mode::Cursor, context.zones))
    , m_kinds(new QButtonGroup(this))
    , m_fields(new QStackedWidget)
    , m_utc(new QDateTimeEdit)
    , m_typed(new QLineEdit)
    , m_serverZone(new QComboBox)
    , m_restorePoint(new QLineEdit)
    , m_lsn(new QLineEdit)
    , m_xid(new QLineEdit)
    , m_backup(new QComboBox)
    , m_keep(new QRadioButton)
    , m_leaveOut(new QRadioButton)
    , m_notice(new Notice(Notice::Kind::Plan))
    , m_plan(new PlanJob(context.backend, this))
{
    auto* strip = new Panel;
    strip->body()->setContentsMargins(8, 8, 8, 8);
    strip->body()->addWidget(m_strip);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addWidget(strip);
    column->addWidget(makeChooser());
    column->addWidget(m_notice);
    column->addStretch();
    m_pause.setSingleShot(true);
    m_pause.setInterval(300);
    connectFields();
}

QWidget* MomentStep::makeChooser()
{
    auto* panel = new Panel;
    auto* kinds = new QHBoxLayout;
    kinds->setSpacing(8);
    auto* label = new Text(tr("Choose by"), TextSize::Body, Ink::Muted);
    label->setWordWrap(false);
    kinds->addWidget(label);
    const std::array<QString, 6> words = {tr("&Latest"), tr("&Time"), tr("Restore &point"),
                                          tr("LS&N"),    tr("&XID"),  tr("End of a &backup")};
    for (int i = 0; i < static_cast<int>(words.size()); ++i) {
        auto* button = makeButton(words.at(static_cast<std::size_t>(i)));
        button->setCheckable(true);
        m_kinds->addButton(button, i);
        kinds->addWidget(button);
    }
    kinds->addStretch();

    auto* latest = new QWidget;
    rowOf(latest)->addWidget(new Text(tr("The last commit that is archived without a gap.")));
    m_fields->addWidget(latest);
    m_fields->addWidget(makeTimeFields());
    m_fields->addWidget(makeLineField(m_restorePoint, tr("Restore point"),
                                      QStringLiteral("before-release-412"),
                                      tr("As pg_create_restore_point() was told.")));
    m_fields->addWidget(makeLineField(m_lsn, tr("LSN"), QStringLiteral("2A4/7F0412E8"),
                                      tr("Becomes the record that it falls on.")));
    m_fields->addWidget(makeLineField(m_xid, tr("Transaction id"), QStringLiteral("733241"),
                                      tr("As txid_current() or the server's log says.")));
    auto* backupPage = new QWidget;
    auto* backupRow = rowOf(backupPage);
    m_backup->setAccessibleName(tr("Backup"));
    m_backup->setMinimumWidth(420);
    backupRow->addWidget(m_backup);
    backupRow->addWidget(
        new Text(tr("Nothing later than the backup itself."), TextSize::Note, Ink::Muted), 1);
    m_fields->addWidget(backupPage);

    auto* choice = new QHBoxLayout;
    choice->setSpacing(24);
    choice->addWidget(m_keep);
    choice->addWidget(m_leaveOut);
    choice->addStretch();
    panel->body()->setSpacing(10);
    panel->body()->addLayout(kinds);
    panel->body()->addWidget(m_fields);
    panel->body()->addLayout(choice);
    return panel;
}

QWidget* MomentStep::makeTimeFields()
{
    auto* page = new QWidget;
    auto* row = rowOf(page);
    // Before setDateTime(), which otherwise shows the local time.
    m_utc->setTimeSpec(Qt::UTC);
    m_utc->setDisplayFormat(QStringLiteral("yyyy-MM-dd HH:mm:ss '+00:00'"));
    m_utc->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_utc->setAccessibleName(tr("Time in UTC"));
    m_utc->setMinimumWidth(210);
    m_utc->setFont(fontOf(TextSize::Mono));
    m_typed->setFont(fontOf(TextSize::Mono));
    m_typed->setMinimumWidth(290);
    m_typed->setPlaceholderText(QStringLiteral("2026-11-17 02:46:18.402 +01:00"));
    m_typed->setAccessibleName(tr("Time with its offset"));
    m_serverZone->addItem(tr("not known"), QByteArray());
    for (const QByteArray& id : QTimeZone::availableTimeZoneIds())
        m_serverZone->addItem(QString::fromLatin1(id), id);
    m_serverZone->setAccessibleName(tr("Zone of the server"));
    m_serverZone->setMaxVisibleItems(16);
    m_serverZone->setFixedWidth(190);
    const auto label = [](const QString& words) {
        auto* text = new Text(words, TextSize::Body, Ink::Muted);
        text->setWordWrap(false);
        return text;
    };
    row->addWidget(label(tr("With an offset")));
    row->addWidget(m_typed);
    row->addWidget(label(QStringLiteral("UTC")));
    row->addWidget(m_utc);
    row->addStretch();
    row->addWidget(label(tr("Server's zone")));
    row->addWidget(m_serverZone);
    return page;
}

QWidget* MomentStep::makeLineField(QLineEdit* field, const QString& label,
                                   const QString& placeholder, const QString& note)
{
    auto* page = new QWidget;
    auto* row = rowOf(page);
    field->setPlaceholderText(placeholder);
    field->setAccessibleName(label);
    field->setFont(fontOf(TextSize::Mono));
    field->setMinimumWidth(290);
    auto* words = new Text(label, TextSize::Body, Ink::Muted);
    words->setWordWrap(false);
    row->addWidget(words);
    row->addWidget(field);
    row->addWidget(new Text(note, TextSize::Note, Ink::Muted), 1);
    return page;
}

void MomentStep::connectFields()
{
    connect(m_kinds, &QButtonGroup::idClicked, this,
            [this](int id) { chooseKind(static_cast<Kind>(id)); });
    connect(m_strip, &RangeStrip::cursorMoved, this, [this](Moment moment) {
        m_kinds->button(Time)->setChecked(true);
        showKind();
        setMoment(moment);
    });
    connect(m_utc, &QDateTimeEdit::dateTimeChanged, this, [this](const QDateTime& time) {
        if (m_filling)
            return;
        m_typed->setText(text::inZone(text::fromDateTime(time), context().zones.viewer,
                                      text::Digits::Microseconds));
    });
    connect(m_typed, &QLineEdit::textChanged, this, &MomentStep::typedTimeChanged);
    connect(m_serverZone, &QComboBox::currentIndexChanged, this, [this] {
        draft().serverZone = m_serverZone->currentData().toByteArray().toStdString();
        fieldsChanged();
    });
    for (QLineEdit* field : {m_restorePoint, m_lsn, m_xid})
        connect(field, &QLineEdit::textChanged, this, &MomentStep::fieldsChanged);
    connect(m_backup, &QComboBox::currentIndexChanged, this, &MomentStep::fieldsChanged);
    connect(m_leaveOut, &QRadioButton::toggled, this, &MomentStep::fieldsChanged);
    connect(&m_pause, &QTimer::timeout, this, &MomentStep::ask);
    connect(m_plan, &PlanJob::answered, this, &MomentStep::showAnswer);
}

MomentStep::Kind MomentStep::kind() const
{
    return static_cast<Kind>(m_kinds->checkedId());
}

text::Zones MomentStep::zones() const
{
    text::Zones zones = context().zones;
    const QByteArray id = QByteArray::fromStdString(draft().serverZone);
    if (QTimeZone::isTimeZoneIdAvailable(id))
        zones.server = QTimeZone(id);
    return zones;
}

void MomentStep::enter()
{
    const auto* cluster = context().cluster();
    if (cluster == nullptr)
        return;
    m_filling = true;
    m_header->setSentence(tr("%1. The cursor stops only where a restore is possible.")
                              .arg(QString::fromStdString(cluster->name)));
    m_strip->setCluster(*cluster, context().clock.now());
    m_backup->clear();
    for (const auto& backup : cluster->backups) // The newest on top.
        m_backup->insertItem(
            0,
            tr("%1, %2").arg(text::inZone(backup.finishedAt, context().zones.viewer),
                             QString::fromStdString(backup.id)),
            QString::fromStdString(backup.id));
    m_backup->setCurrentIndex(0);
    fillFromDraft();
    m_filling = false;
    showKind();
    fieldsChanged();
    m_strip->setFocus();
}

void MomentStep::fillFromDraft()
{
    const model::RecoveryTarget& asked = draft().choice.target;
    Kind kind = Latest;
    if (const auto* time = std::get_if<model::TimeTarget>(&asked.point)) {
        kind = Time;
        setMoment(time->at);
        m_strip->setCursor(time->at);
    } else if (const auto* name = std::get_if<model::RestorePointTarget>(&asked.point)) {
        kind = RestorePoint;
        m_restorePoint->setText(QString::fromStdString(name->name));
    } else if (const auto* lsn = std::get_if<model::LsnTarget>(&asked.point)) {
        kind = LsnKind;
        m_lsn->setText(QString::fromStdString(model::formatLsn(lsn->lsn)));
    } else if (const auto* xid = std::get_if<model::XidTarget>(&asked.point)) {
        kind = XidKind;
        m_xid->setText(QString::number(xid->xid));
    } else if (std::holds_alternative<model::ImmediateTarget>(asked.point)) {
        kind = BackupEnd;
        m_backup->setCurrentIndex(
            std::max(0, m_backup->findData(QString::fromStdString(draft().choice.backupId))));
    }
    if (!draft().typedTime.empty())
        m_typed->setText(QString::fromStdString(draft().typedTime));
    else if (kind != Time && m_strip->cursor())
        setMoment(*m_strip->cursor());
    (asked.exclusive ? m_leaveOut : m_keep)->setChecked(true);
    const int zone = m_serverZone->findData(QByteArray::fromStdString(draft().serverZone));
    m_serverZone->setCurrentIndex(std::max(0, zone));
    m_kinds->button(kind)->setChecked(true);
}

void MomentStep::chooseKind(Kind kind)
{
    m_kinds->button(kind)->setChecked(true);
    showKind();
    fieldsChanged();
}

void MomentStep::showKind()
{
    m_fields->setCurrentIndex(kind());
    const bool edge = kind() == Time || kind() == LsnKind || kind() == XidKind;
    m_keep->setVisible(edge);
    m_leaveOut->setVisible(edge);
    m_keep->setText(kind() == Time ? tr("&Keep what was committed at exactly this moment")
                                   : tr("&Keep this commit"));
    m_leaveOut->setText(kind() == Time ? tr("Leave it &out") : tr("Leave this commit &out"));
}

void MomentStep::setMoment(Moment moment)
{
    m_typed->setText(text::inZone(moment, context().zones.viewer, text::Digits::Microseconds));
}

void MomentStep::typedTimeChanged()
{
    const text::TypedMoment read = text::readTyped(m_typed->text(), zones());
    if (read.moment) {
        const bool before = std::exchange(m_filling, true);
        m_utc->setDateTime(text::toDateTime(*read.moment));
        m_filling = before;
        // Out of reach, the cursor waits at the nearest moment that can be had.
        if (m_strip->cursor() != read.moment)
            m_strip->setCursor(*read.moment);
    }
    fieldsChanged();
}

std::optional<model::TimeTarget> MomentStep::typedMoment()
{
    const text::TypedMoment read = text::readTyped(m_typed->text(), zones());
    if (read.moment)
        return model::TimeTarget{*read.moment};
    showProblem(read.problem);
    for (const QString& text : read.completions) {
        QPushButton* button = m_notice->addButton(text.right(6));
        button->setAccessibleName(tr("Offset %1").arg(text.right(6)));
        connect(button, &QPushButton::clicked, this, [this, text] {
            // The button goes, and the focus would go to whatever comes next in the window.
            m_typed->setFocus();
            m_typed->setText(text);
        });
    }
    return std::nullopt;
}

std::optional<model::RestorePointTarget> MomentStep::typedRestorePoint()
{
    const QString name = m_restorePoint->text().trimmed();
    if (!name.isEmpty())
        return model::RestorePointTarget{name.toStdString()};
    showProblem(tr("Name the restore point."));
    return std::nullopt;
}

std::optional<model::LsnTarget> MomentStep::typedLsn()
{
    const auto lsn = model::parseLsn(m_lsn->text().trimmed().toStdString());
    if (lsn.ok())
        return model::LsnTarget{*lsn};
    showProblem(tr("Write the LSN like 2A4/7F0412E8."));
    return std::nullopt;
}

std::optional<model::XidTarget> MomentStep::typedXid()
{
    if (const auto xid = parseUnsigned(m_xid->text().trimmed().toStdString()))
        return model::XidTarget{*xid};
    showProblem(tr("Write the transaction id as a number."));
    return std::nullopt;
}

std::optional<model::RecoveryTarget> MomentStep::target()
{
    model::RecoveryTarget target;
    target.exclusive = m_leaveOut->isChecked() && m_leaveOut->isVisibleTo(this);
    const auto with = [&target](const auto& point) {
        if (point)
            target.point = *point;
        return point ? std::optional(target) : std::nullopt;
    };
    switch (kind()) {
    case Time:
        return with(typedMoment());
    case RestorePoint:
        return with(typedRestorePoint());
    case LsnKind:
        return with(typedLsn());
    case XidKind:
        return with(typedXid());
    case BackupEnd:
        target.point = model::ImmediateTarget{};
        break;
    case Latest:
        break;
    }
    return target;
}

void MomentStep::fieldsChanged()
{
    if (m_filling)
        return;
    m_pause.stop();
    m_plan->cancel();
    context().plan.reset();
    m_problem.clear();
    draft().typedTime = kind() == Time ? m_typed->text().toStdString() : std::string();
    if (const auto wanted = target()) {
        draft().choice.target = *wanted;
        draft().choice.backupId =
            kind() == BackupEnd ? m_backup->currentData().toString().toStdString() : std::string();
        m_notice->clearButtons();
        m_notice->setKind(Notice::Kind::Plan);
        m_notice->setWords(tr("Looking whether this moment can be restored"), {});
        m_pause.start();
    }
    Q_EMIT changed();
}

void MomentStep::ask()
{
    m_plan->ask(draft().choice);
    Q_EMIT changed();
}

void MomentStep::showProblem(const QString& sentence)
{
    m_problem = sentence;
    m_notice->clearButtons();
    m_notice->setKind(Notice::Kind::Warning);
    m_notice->setWords(sentence, {});
}

void MomentStep::showAnswer(const PlanAnswer& answer)
{
    m_notice->clearButtons();
    if (answer.plan.ok()) {
        context().plan = *answer.plan;
        showReadBack(*answer.plan);
    } else if (answer.nearest.before || answer.nearest.after) {
        showUnreachable(answer.plan.error(), answer.nearest);
    } else {
        m_problem = text::explain(answer.plan.error()).title;
        m_notice->showError(answer.plan.error(), [this] { ask(); });
    }
    Q_EMIT changed(); // NOLINT(readability-misleading-indentation): it takes Q_EMIT for nothing.
}

void MomentStep::showUnreachable(const Error& error, const finder::Nearest& nearest)
{
    m_problem = tr("This moment cannot be restored.");
    m_notice->setKind(Notice::Kind::Breach);
    const QString hint = text::asSentence(error.hint);
    m_notice->setWords(m_problem, text::asSentence(error.message)
                                      + (hint.isEmpty() ? QString() : QLatin1Char(' ') + hint));
    const auto offer = [this](const std::optional<model::WalEvent>& event, const QString& words) {
        if (!event)
            return;
        auto* button =
            m_notice->addButton(words.arg(text::inZone(event->at, context().zones.viewer)));
        button->setToolTip(text::readBack(event->at, zones(), text::Digits::Microseconds));
        connect(button, &QPushButton::clicked, this, [this, lsn = event->start] {
            m_lsn->setText(QString::fromStdString(model::formatLsn(lsn)));
            m_keep->setChecked(true);
            chooseKind(LsnKind);
            m_lsn->setFocus();
        });
    };
    offer(nearest.before, tr("Last before: %1"));
    offer(nearest.after, tr("First after: %1"));
}

void MomentStep::showReadBack(const model::RestorePlan& plan)
{
    m_notice->setKind(Notice::Kind::Plan);
    QString title;
    if (kind() == Time) {
        const auto at = std::get<model::TimeTarget>(plan.asked.point).at;
        const QString moment = text::readBack(at, zones(), text::Digits::Microseconds);
        title = plan.asked.exclusive ? tr("Recover to just before %1.").arg(moment)
                                     : tr("Recover to %1.").arg(moment);
    } else {
        title = tr("Recover %1.").arg(QString::fromStdString(plan.target.words));
        if (plan.target.lastCommitAt)
            title += QLatin1Char(' ')
                     + tr("Newest commit: %1.")
                           .arg(text::readBack(*plan.target.lastCommitAt, zones(),
                                               text::Digits::Microseconds));
    }
    QStringList below;
    for (const auto& loss : plan.losses)
        below << text::asSentence(loss);
    if (below.isEmpty())
        below << tr("No archived work will be missing.");
    m_notice->setWords(title, below.join(QLatin1Char(' ')));
}

QString MomentStep::answer() const
{
    const model::RecoveryTarget& asked = draft().choice.target;
    if (const auto* time = std::get_if<model::TimeTarget>(&asked.point))
        return text::inZone(time->at, context().zones.viewer).mid(5);
    if (const auto* lsn = std::get_if<model::LsnTarget>(&asked.point))
        return tr("LSN %1").arg(QString::fromStdString(model::formatLsn(lsn->lsn)));
    if (const auto* xid = std::get_if<model::XidTarget>(&asked.point))
        return tr("XID %1").arg(xid->xid);
    if (const auto* name = std::get_if<model::RestorePointTarget>(&asked.point))
        return QString::fromStdString(name->name);
    return std::holds_alternative<model::ImmediateTarget>(asked.point) ? tr("End of a backup")
                                                                       : tr("Latest");
}

bool MomentStep::isComplete() const
{
    return context().plan.has_value();
}

QString MomentStep::hint() const
{
    if (!m_problem.isEmpty())
        return m_problem;
    if (!context().plan)
        return tr("Looking whether this moment can be restored.");
    return tr("From backup %1: %2.")
        .arg(QString::fromStdString(context().plan->backup.id),
             QString::fromStdString(context().plan->backupChosenBecause));
}

} // namespace salvor::gui
