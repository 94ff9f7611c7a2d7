#include "gui/flows/where_step.h"

#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QRadioButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace salvor::gui {
namespace {

QFormLayout* makeForm()
{
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(8);
    form->setLabelAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    form->setFieldGrowthPolicy(QFormLayout::ExpandingFieldsGrow);
    return form;
}

QString actionWords(model::AtTarget action)
{
    switch (action) {
    case model::AtTarget::Pause:
        return WhereStep::tr("The copy can be read but not written. You look at it, then promote "
                             "it, go on later or restore an earlier moment.");
    case model::AtTarget::Promote:
        return WhereStep::tr("The copy starts a timeline of its own and can be written. It cannot "
                             "be moved to another moment any more.");
    case model::AtTarget::Shutdown:
        break;
    }
    return WhereStep::tr("The copy replays to the moment, then stops. Start it later to look at it "
                         "or go on.");
}

} // namespace

WhereStep::WhereStep(FlowContext& context)
    : FlowPage(context)
    , m_directory(new QLineEdit)
    , m_tablespaceForm(makeForm())
    , m_tablespaceBox(new QWidget)
    , m_owner(new QLineEdit)
    , m_start(new QRadioButton(tr("&Start a copy here and ask it a query")))
    , m_files(new QRadioButton(tr("&Files only; I start the server myself")))
    , m_port(new QSpinBox)
    , m_action(new QComboBox)
    , m_actionWords(new Text({}, TextSize::Note, Ink::Muted))
{
    auto* header = new PageHeader(question());
    header->setSentence(tr("A new directory on this machine. Nothing that exists is touched."));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(header);
    column->addWidget(makePlace());
    column->addWidget(makeAfterwards());
    column->addStretch();

    for (QLineEdit* field : {m_directory, m_owner})
        connect(field, &QLineEdit::textChanged, this, &WhereStep::take);
    connect(m_start, &QRadioButton::toggled, this, [this] {
        if (m_filling)
            return;
        showActions();
        take();
    });
    connect(m_port, &QSpinBox::valueChanged, this, &WhereStep::take);
    connect(m_action, &QComboBox::currentIndexChanged, this, &WhereStep::take);
}

QWidget* WhereStep::makePlace()
{
    auto* panel = new Panel;
    panel->body()->addWidget(new Text(tr("New directory"), TextSize::PanelTitle));
    m_directory->setFont(fontOf(TextSize::Mono));
    m_directory->setAccessibleName(tr("New directory"));
    auto* browseButton = makeButton(tr("&Browse"), ButtonRole::Secondary, QStringLiteral("folder"));
    connect(browseButton, &QPushButton::clicked, this, &WhereStep::browse);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(m_directory, 1);
    row->addWidget(browseButton);
    auto* form = makeForm();
    form->addRow(tr("Directory"), row);
    m_owner->setPlaceholderText(tr("the user who runs Salvor"));
    form->addRow(tr("&Owner"), m_owner);
    panel->body()->addLayout(form);
    m_tablespaceBox->setLayout(m_tablespaceForm);
    m_tablespaceForm->setContentsMargins(0, 0, 0, 0);
    panel->body()->addWidget(m_tablespaceBox);
    return panel;
}

QWidget* WhereStep::makeAfterwards()
{
    auto* panel = new Panel;
    panel->body()->addWidget(new Text(tr("Afterwards"), TextSize::PanelTitle));
    panel->body()->addWidget(m_start);
    auto* note = new Text(tr("It listens on this machine only, archives nothing and sends nothing. "
                             "The restore counts as successful once it answered."),
                          TextSize::Note, Ink::Muted);
    note->setContentsMargins(24, 0, 0, 4);
    panel->body()->addWidget(note);
    panel->body()->addWidget(m_files);
    m_port->setRange(0, 65535);
    m_port->setSpecialValueText(tr("a free one"));
    m_port->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_port->setFixedWidth(120);
    m_action->setMinimumWidth(320);
    auto* form = makeForm();
    form->setFieldGrowthPolicy(QFormLayout::FieldsStayAtSizeHint);
    form->addRow(tr("&Port"), m_port);
    form->addRow(tr("At the &moment"), m_action);
    panel->body()->addLayout(form);
    panel->body()->addWidget(m_actionWords);
    return panel;
}

void WhereStep::enter()
{
    m_filling = true;
    const console::RestoreChoice& choice = draft().choice;
    m_directory->setText(QString::fromStdString(choice.destination.string()));
    m_owner->setText(QString::fromStdString(choice.owner));
    (choice.startOptions.start ? m_start : m_files)->setChecked(true);
    m_port->setValue(choice.startOptions.port);
    showActions();
    if (choice.action)
        m_action->setCurrentIndex(m_action->findData(static_cast<int>(*choice.action)));
    showTablespaces();
    m_filling = false;
    take();
    m_directory->setFocus();
    m_directory->end(false);
}

void WhereStep::showActions()
{
    const bool before = std::exchange(m_filling, true);
    const bool start = m_start->isChecked();
    m_action->clear();
    m_action->addItem(tr("Stop there and wait, read-only"),
                      static_cast<int>(model::AtTarget::Pause));
    m_action->addItem(tr("Promote: open it for writing"),
                      static_cast<int>(model::AtTarget::Promote));
    m_action->addItem(tr("Shut down"), static_cast<int>(model::AtTarget::Shutdown));
    const auto usual = start ? model::AtTarget::Pause : model::AtTarget::Promote;
    m_action->setCurrentIndex(m_action->findData(static_cast<int>(usual)));
    m_port->setEnabled(start);
    m_filling = before;
}

void WhereStep::showTablespaces()
{
    m_tablespaces.clear();
    while (m_tablespaceForm->rowCount() > 0)
        m_tablespaceForm->removeRow(0);
    const auto& plan = context().plan;
    m_tablespaceBox->setVisible(plan && !plan->backup.tablespaces.empty());
    if (!plan)
        return;
    for (const auto& tablespace : plan->backup.tablespaces) {
        auto* field = new QLineEdit;
        const auto& chosen = draft().choice.tablespaces;
        const auto known = chosen.find(tablespace.oid);
        field->setText(QString::fromStdString(
            known != chosen.end() ? known->second
                                  : draft().choice.destination.string() + ".tablespaces/"
                                        + std::to_string(tablespace.oid)));
        field->setFont(fontOf(TextSize::Mono));
        field->setAccessibleName(tr("New place of tablespace %1").arg(tablespace.oid));
        field->setToolTip(tr("Was at %1").arg(QString::fromStdString(tablespace.path)));
        connect(field, &QLineEdit::textChanged, this, &WhereStep::take);
        m_tablespaceForm->addRow(tr("Tablespace %1").arg(tablespace.oid), field);
        m_tablespaces[tablespace.oid] = field;
    }
}

void WhereStep::take()
{
    if (m_filling)
        return;
    console::RestoreChoice& choice = draft().choice;
    choice.destination = m_directory->text().trimmed().toStdString();
    choice.owner = m_owner->text().trimmed().toStdString();
    choice.startOptions.start = m_start->isChecked();
    choice.startOptions.port = m_start->isChecked() ? m_port->value() : 0;
    choice.action = static_cast<model::AtTarget>(m_action->currentData().toInt());
    choice.tablespaces.clear();
    for (const auto& [oid, field] : m_tablespaces)
        choice.tablespaces[oid] = field->text().trimmed().toStdString();
    m_actionWords->setText(actionWords(*choice.action));
    Q_EMIT changed();
}

void WhereStep::browse()
{
    auto* dialog = new QFileDialog(this, tr("Folder in which the new directory is made"),
                                   QDir(m_directory->text()).filePath(QStringLiteral("..")));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::Directory);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& parent) {
        m_directory->setText(parent + QLatin1Char('/') + QDir(m_directory->text()).dirName());
    });
    dialog->open();
}

QString WhereStep::problem() const
{
    if (!draft().choice.destination.is_absolute())
        return tr("Name the directory from the root on.");
    const auto& places = draft().choice.tablespaces;
    const bool bad = std::any_of(places.begin(), places.end(), [](const auto& place) {
        return !Path(place.second).is_absolute();
    });
    return bad ? tr("Name the new place of each tablespace from the root on.") : QString();
}

QString WhereStep::answer() const
{
    return QString::fromStdString(draft().choice.destination.string());
}

} // namespace salvor::gui
