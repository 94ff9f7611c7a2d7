#include "gui/flows/cluster_step.h"

#include <QSignalBlocker>
#include <QVBoxLayout>

namespace salvor::gui {

ClusterStep::ClusterStep(FlowContext& context)
    : FlowPage(context)
    , m_model(new ClusterModel(context.zones, context.clock, this))
    , m_table(new Table(Table::RowHeight::TwoLines))
    , m_state(new StateView(m_table))
{
    auto* header = new PageHeader(question());
    header->setSentence(tr("The one whose data you want back. Nothing is chosen for you, and the "
                           "cluster itself is not touched."));
    m_table->setModel(m_model);
    m_table->setAccessibleName(tr("Clusters"));
    auto* delegate = new CellDelegate(m_table);
    delegate->setSecondLine(ClusterModel::SecondRole);
    delegate->setStrong(ClusterModel::Name);
    delegate->setMarks(ClusterModel::Status, [](const QModelIndex& index) -> std::optional<Mark> {
        switch (static_cast<ClusterState>(index.data(ClusterModel::StateRole).toInt())) {
        case ClusterState::Fine:
            return Mark::Passed;
        case ClusterState::Warning:
            return Mark::Warning;
        case ClusterState::NoBackup:
        case ClusterState::Unread:
            break;
        }
        return Mark::Breach;
    });
    m_table->setItemDelegate(delegate);
    m_table->setWidths({190, 90, 215, 240, 110, 0});
    auto* panel = new Panel;
    panel->body()->setContentsMargins(1, 1, 1, 1);
    panel->body()->addWidget(m_state);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(header);
    column->addWidget(panel, 1);
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &ClusterStep::take);
    connect(&context.catalog, &Catalog::changed, this, &ClusterStep::showCatalog);
}

void ClusterStep::enter()
{
    showCatalog();
    const QSignalBlocker quiet(m_table->selectionModel());
    m_table->clearSelection();
    m_table->setCurrentIndex({});
    for (int row = 0; row < m_model->rowCount(); ++row)
        if (m_model->at(row)->name == draft().choice.cluster)
            m_table->selectRow(row);
    m_table->viewport()->update();
    m_table->setFocus();
}

void ClusterStep::showCatalog()
{
    Catalog& catalog = context().catalog;
    m_model->setClusters(*catalog.clusters());
    if (m_model->rowCount() > 0)
        m_state->showContent();
    else if (catalog.state() == Catalog::State::Failed)
        m_state->showFailed(*catalog.error(), [&catalog] { catalog.refresh(); });
    else if (!catalog.readAt())
        m_state->showReading(tr("Reading the repositories"));
    else
        m_state->showEmpty(tr("No clusters"),
                           tr("There is nothing to restore. Checked at %1.")
                               .arg(text::inZone(*catalog.readAt(), context().zones.viewer)));
    Q_EMIT changed();
}

void ClusterStep::take()
{
    const auto* cluster = m_model->at(m_table->currentRow());
    if (cluster != nullptr && cluster->name != draft().choice.cluster) {
        // Another cluster makes everything after it void.
        draft().choice = {};
        draft().choice.cluster = cluster->name;
        draft().typedTime.clear();
        context().plan.reset();
    }
    Q_EMIT changed();
}

QString ClusterStep::answer() const
{
    return QString::fromStdString(draft().choice.cluster);
}

bool ClusterStep::isComplete() const
{
    const auto* cluster = context().cluster();
    return cluster != nullptr && !cluster->backups.empty();
}

QString ClusterStep::hint() const
{
    const auto* cluster = context().cluster();
    if (cluster == nullptr)
        return tr("Select a cluster.");
    if (stateOf(*cluster) == ClusterState::Unread)
        return tr("It could not be read, so nobody knows what can be restored.");
    return cluster->backups.empty()
               ? tr("There is no backup of %1, so nothing can be restored.").arg(answer())
               : QString();
}

} // namespace salvor::gui
