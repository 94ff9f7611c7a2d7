#include "gui/pages/settings_page.h"

#include <QComboBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QVBoxLayout>

namespace salvor::gui {

SettingsPage::SettingsPage(const Backend& backend, Look look, QWidget* parent)
    : QWidget(parent)
    , m_look(new QComboBox)
{
    auto* header = new PageHeader(tr("Settings"));
    header->setSentence(tr("Of this window. Repositories and clusters stand in the configuration "
                           "file, which salvorctl reads too."));
    m_look->addItem(tr("Light"), static_cast<int>(Look::Light));
    m_look->addItem(tr("Dark"), static_cast<int>(Look::Dark));
    m_look->addItem(tr("High contrast"), static_cast<int>(Look::HighContrast));
    m_look->setCurrentIndex(m_look->findData(static_cast<int>(look)));
    m_look->setMinimumWidth(200);

    auto* panel = new Panel;
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(24);
    form->setVerticalSpacing(12);
    form->setLabelAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    form->setFieldGrowthPolicy(QFormLayout::FieldsStayAtSizeHint);
    form->addRow(tr("&Colours"), m_look);
    QString path = QString::fromStdString(backend.configFile().string());
    auto* file = new QWidget;
    auto* fileRow = new QHBoxLayout(file);
    fileRow->setContentsMargins(0, 0, 0, 0);
    fileRow->setSpacing(12);
    auto* label = new Text(path, TextSize::Mono);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    fileRow->addWidget(label);
    fileRow->addWidget(makeCopyButton(tr("Copy path"), [path] { return path; }));
    form->addRow(tr("Configuration"), file);
    panel->body()->addLayout(form);

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(header);
    column->addWidget(panel);
    column->addStretch();
    connect(m_look, &QComboBox::currentIndexChanged, this,
            [this] { Q_EMIT lookChosen(static_cast<Look>(m_look->currentData().toInt())); });
}

} // namespace salvor::gui
