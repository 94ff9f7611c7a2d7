#include "gui/pages/clusters_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

std::optional<Mark> markOfCluster(const QModelIndex& index)
{
    switch (static_cast<ClusterState>(index.data(ClusterModel::StateRole).toInt())) {
    case ClusterState::Fine:
        return Mark::Passed;
    case ClusterState::Warning:
        return Mark::Warning;
    case ClusterState::NoBackup:
    case ClusterState::Unread:
        return Mark::Breach;
    }
    return std::nullopt;
}

} // namespace

ClustersPage::ClustersPage(Catalog& catalog, const Clock& clock, text::Zones zones, QWidget* parent)
    : QWidget(parent)
    , m_catalog(catalog)
    , m_zones(std::move(zones))
    , m_model(new ClusterModel(m_zones, clock, this))
    , m_header(new PageHeader(tr("Clusters")))
    , m_notice(new Notice(Notice::Kind::Breach))
    , m_table(new Table(Table::RowHeight::TwoLines))
    , m_state(new StateView(m_table))
    , m_points(
          makeButton(tr("Show recovery &points"), ButtonRole::Secondary, QStringLiteral("points")))
    , m_refresh(makeButton(tr("Read &again"), ButtonRole::Secondary, QStringLiteral("refresh")))
    , m_restore(
          makeButton(tr("&Restore a cluster"), ButtonRole::Primary, QStringLiteral("restore")))
{
    auto* add = makeButton(tr("Add &repository"), ButtonRole::Secondary, QStringLiteral("plus"));
    m_header->addAction(m_refresh);
    m_header->addAction(add);
    m_header->addAction(m_restore);

    m_table->setModel(m_model);
    m_table->setAccessibleName(tr("Clusters"));
    auto* delegate = new CellDelegate(m_table);
    delegate->setSecondLine(ClusterModel::SecondRole);
    delegate->setStrong(ClusterModel::Name);
    delegate->setMarks(ClusterModel::Status, markOfCluster);
    m_table->setItemDelegate(delegate);
    m_table->setWidths({230, 80, 215, 240, 130, 0});

    auto* panel = new Panel;
    panel->body()->setContentsMargins(1, 1, 1, 1);
    panel->body()->addWidget(m_state);

    auto* below = new QHBoxLayout;
    below->addWidget(m_points);
    below->addStretch();

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addWidget(m_notice);
    column->addWidget(panel, 1);
    column->addLayout(below);

    connect(m_refresh, &QPushButton::clicked, &m_catalog, &Catalog::refresh);
    connect(add, &QPushButton::clicked, this, &ClustersPage::addRepositoryWanted);
    connect(m_restore, &QPushButton::clicked, this, [this] { Q_EMIT restoreWanted(selected()); });
    connect(m_points, &QPushButton::clicked, this, [this] { Q_EMIT pointsWanted(selected()); });
    connect(m_table, &QAbstractItemView::activated, this,
            [this] { Q_EMIT pointsWanted(selected()); });
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &ClustersPage::showSelection);
    connect(m_model, &QAbstractItemModel::modelReset, this, &ClustersPage::showSelection);
    connect(&m_catalog, &Catalog::changed, this, &ClustersPage::showCatalog);
    setFocusProxy(m_table);
    showCatalog();
}

QString ClustersPage::selected() const
{
    const auto* cluster = m_model->at(m_table->currentRow());
    return cluster == nullptr ? QString() : QString::fromStdString(cluster->name);
}

QString ClustersPage::summary() const
{
    int warnings = 0;
    int without = 0;
    int unread = 0;
    for (const auto& cluster : *m_catalog.clusters()) {
        warnings += stateOf(cluster) == ClusterState::Warning ? 1 : 0;
        unread += stateOf(cluster) == ClusterState::Unread ? 1 : 0;
        without += stateOf(cluster) == ClusterState::NoBackup ? 1 : 0;
    }
    const auto all = static_cast<int>(m_catalog.clusters()->size());
    const QString clusters = all == 1 ? tr("1 cluster.") : tr("%1 clusters.").arg(all);
    if (warnings == 0 && without == 0 && unread == 0)
        return tr("%1 Each can be restored. Nothing needs you now.").arg(clusters);
    QStringList parts{clusters};
    if (unread > 0)
        parts << (unread == 1 ? tr("1 could not be read.")
                              : tr("%1 could not be read.").arg(unread));
    if (without > 0)
        parts << (without == 1 ? tr("1 cannot be restored.")
                               : tr("%1 cannot be restored.").arg(without));
    if (warnings > 0)
        parts << (warnings == 1 ? tr("1 needs attention.")
                                : tr("%1 need attention.").arg(warnings));
    return parts.join(QLatin1Char(' '));
}

void ClustersPage::showSelection()
{
    m_points->setEnabled(!selected().isEmpty());
}

void ClustersPage::showCatalog()
{
    m_model->setClusters(*m_catalog.clusters());
    m_refresh->setEnabled(m_catalog.state() != Catalog::State::Reading);
    m_restore->setEnabled(m_model->rowCount() > 0);
    m_notice->hide();
    const auto retry = [this] { m_catalog.refresh(); };
    const bool known = m_catalog.readAt().has_value();
    if (m_catalog.state() == Catalog::State::Failed && !known) {
        m_header->setSentence(tr("Could not read the repositories."));
        m_state->showFailed(*m_catalog.error(), retry);
    } else if (!known) {
        m_header->setSentence({});
        m_state->showReading(tr("Reading the repositories"));
    } else if (m_model->rowCount() == 0) {
        m_header->setSentence({});
        m_state->showEmpty(tr("No clusters"),
                           tr("Neither the configuration nor a repository names one. "
                              "Checked at %1.")
                               .arg(text::inZone(*m_catalog.readAt(), m_zones.viewer)),
                           tr("Add repository"), [this] { Q_EMIT addRepositoryWanted(); });
    } else {
        m_header->setSentence(summary());
        m_state->showContent();
    }
    if (m_catalog.error() && known) {
        m_notice->showError(*m_catalog.error(), retry);
        m_header->setSentence(tr("Could not read again. Shown as of %1.")
                                  .arg(text::inZone(*m_catalog.readAt(), m_zones.viewer)));
        m_notice->show();
    }
    showSelection();
}

} // namespace salvor::gui
