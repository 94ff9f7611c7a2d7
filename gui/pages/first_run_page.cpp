#include "gui/pages/first_run_page.h"

#include "gui/widgets/parts.h"

#include <QVBoxLayout>

namespace salvor::gui {

FirstRunPage::FirstRunPage(const Backend& backend, QWidget* parent)
    : QWidget(parent)
{
    auto* header = new PageHeader(tr("Where are your backups?"));
    header->setSentence(tr("There is no configuration yet. Begin with the repository: a folder or "
                           "S3 storage that holds backups and WAL, or will."));
    auto* panel = new Panel;
    panel->body()->setSpacing(12);
    panel->body()->addWidget(new Text(tr("Add a repository"), TextSize::PanelTitle));
    panel->body()->addWidget(
        new Text(tr("Salvor tests the place first, and changes nothing in a repository that is "
                    "there already. The configuration is then written to:")));
    panel->body()->addWidget(
        new Text(QString::fromStdString(backend.configFile().string()), TextSize::Mono));
    auto* add = makeButton(tr("&Add repository"), ButtonRole::Primary, QStringLiteral("plus"));
    panel->body()->addWidget(add, 0, Qt::AlignLeft);
    panel->body()->addWidget(new Text(
        tr("Clusters that are backed up into it appear by themselves. To back up a cluster from "
           "this machine, add a section [cluster NAME] to that file."),
        TextSize::Note, Ink::Muted));
    panel->setMaximumWidth(760);

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(header);
    column->addWidget(panel);
    column->addStretch();
    connect(add, &QPushButton::clicked, this, &FirstRunPage::addRepositoryWanted);
}

} // namespace salvor::gui
