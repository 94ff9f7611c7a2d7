#include "gui/pages/points_page.h"

#include "gui/models/cluster_model.h"
#include "gui/text/proof_words.h"
#include "gui/text/units.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLineEdit>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

/// Of what BackupModel gives to sort proofs by.
Mark markOf(int proof)
{
    constexpr int contents = static_cast<int>(model::AssuranceLevel::Contents);
    if (proof < 0)
        return Mark::Warning;
    return proof >= contents ? Mark::Passed : Mark::Note;
}

std::optional<Mark> markOfBackup(const QModelIndex& index)
{
    return markOf(index.data(BackupModel::SortRole).toInt());
}

} // namespace

PointsPage::PointsPage(Catalog& catalog, const Clock& clock, text::Zones zones, QWidget* parent)
    : QWidget(parent)
    , m_catalog(catalog)
    , m_clock(clock)
    , m_zones(std::move(zones))
    , m_model(new BackupModel(m_zones, this))
    , m_filter(new BackupFilter(this))
    , m_header(new PageHeader(tr("Recovery points")))
    , m_notice(new Notice(Notice::Kind::Breach))
    , m_chooser(new QComboBox)
    , m_strip(new RangeStrip(RangeStrip::Mode::Overview, m_zones))
    , m_search(new QLineEdit)
    , m_mode(new QComboBox)
    , m_count(new Text({}, TextSize::Note, Ink::Muted))
    , m_table(new Table(Table::RowHeight::OneLine))
    , m_state(new StateView(m_table))
    , m_detailTitle(new Text({}, TextSize::PanelTitle))
    , m_detailSentence(new Text({}, TextSize::Note, Ink::Muted))
    , m_facts(new Facts)
    , m_proof(new Badge(Mark::Note, tr("Listed")))
    , m_proofWords(new Text({}, TextSize::Note, Ink::Muted))
    , m_restore(
          makeButton(tr("&Restore from here"), ButtonRole::Primary, QStringLiteral("restore")))
{
    m_chooser->setAccessibleName(tr("Cluster"));
    m_chooser->setMinimumWidth(160);
    m_header->addAction(m_chooser);

    auto* strip = new Panel;
    strip->body()->setContentsMargins(8, 8, 8, 4);
    strip->body()->addWidget(m_strip);

    auto* halves = new QHBoxLayout;
    halves->setSpacing(12);
    halves->addWidget(makeList(), 1);
    halves->addWidget(makeDetail());

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(m_header);
    column->addWidget(m_notice);
    column->addWidget(strip);
    column->addLayout(halves, 1);

    connect(m_chooser, &QComboBox::currentTextChanged, this, &PointsPage::setCluster);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_filter->setSearch(text);
        showCount();
    });
    connect(m_mode, &QComboBox::currentIndexChanged, this, [this] {
        m_filter->setMode(m_mode->currentData().toString());
        showCount();
    });
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &PointsPage::showDetail);
    connect(m_restore, &QPushButton::clicked, this, [this] {
        if (const auto* backup = selected())
            Q_EMIT restoreWanted(m_cluster, QString::fromStdString(backup->id));
    });
    connect(&m_catalog, &Catalog::changed, this, &PointsPage::showCatalog);
    setFocusProxy(m_table);
    showCatalog();
}

QWidget* PointsPage::makeList()
{
    m_search->setPlaceholderText(tr("Date, LSN, name or annotation"));
    m_search->setAccessibleName(tr("Search backups"));
    m_search->setClearButtonEnabled(true);
    m_search->addAction(themedIcon(QStringLiteral("search"), IconInk::Muted),
                        QLineEdit::LeadingPosition);
    m_mode->addItem(tr("All types"), QString());
    m_mode->addItem(tr("Host"), QStringLiteral("host"));
    m_mode->addItem(tr("Stream"), QStringLiteral("stream"));
    m_mode->setAccessibleName(tr("Type"));
    m_count->setWordWrap(false);

    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(m_search, 1);
    row->addWidget(m_mode);
    row->addWidget(m_count);

    m_filter->setSourceModel(m_model);
    m_table->setModel(m_filter);
    m_table->setAccessibleName(tr("Backups"));
    m_table->setSortingEnabled(true);
    m_table->horizontalHeader()->setSectionsClickable(true);
    m_table->sortByColumn(BackupModel::Completed, Qt::DescendingOrder);
    // What is new and which timeline stand beside the list: the words of the proof need the room.
    for (const int column : {BackupModel::Cluster, BackupModel::New, BackupModel::Timeline})
        m_table->setColumnHidden(column, true);
    m_table->setWidths({216, 76, 90, 84, 86, 108, 0, 0});
    m_table->horizontalHeader()->setSectionResizeMode(BackupModel::Cluster, QHeaderView::Fixed);
    auto* delegate = new CellDelegate(m_table);
    delegate->setMono({BackupModel::EndsAt});
    delegate->setMarks(BackupModel::Proof, markOfBackup);
    m_table->setItemDelegate(delegate);

    auto* panel = new Panel;
    panel->body()->setContentsMargins(1, 1, 1, 1);
    panel->body()->addWidget(m_state);
    auto* list = new QWidget;
    auto* column = new QVBoxLayout(list);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(8);
    column->addLayout(row);
    column->addWidget(panel, 1);
    return list;
}

QWidget* PointsPage::makeDetail()
{
    auto* panel = new Panel;
    panel->setFixedWidth(344);
    panel->body()->addWidget(m_detailTitle);
    panel->body()->addWidget(m_detailSentence);
    panel->body()->addWidget(m_facts);
    panel->body()->addSpacing(4);
    panel->body()->addWidget(new Text(tr("How sure are we?"), TextSize::Strong));
    panel->body()->addWidget(m_proof);
    panel->body()->addWidget(m_proofWords);
    panel->body()->addStretch();
    panel->body()->addWidget(m_restore, 0, Qt::AlignLeft);
    return panel;
}

void PointsPage::setCluster(const QString& cluster)
{
    if (cluster == m_cluster || m_catalog.find(cluster.toStdString()) == nullptr)
        return;
    m_cluster = cluster;
    m_table->clearSelection();
    showCatalog();
}

const model::Backup* PointsPage::selected() const
{
    const int row = m_table->currentRow();
    return row < 0 ? nullptr : m_model->at(m_filter->mapToSource(m_filter->index(row, 0)).row());
}

void PointsPage::showCatalog()
{
    const auto& clusters = *m_catalog.clusters();
    {
        const QSignalBlocker quiet(m_chooser);
        m_chooser->clear();
        for (const auto& cluster : clusters)
            if (!cluster.name.empty())
                m_chooser->addItem(QString::fromStdString(cluster.name));
        if (m_cluster.isEmpty() || m_catalog.find(m_cluster.toStdString()) == nullptr)
            m_cluster = m_chooser->itemText(0);
        m_chooser->setCurrentText(m_cluster);
        m_chooser->setEnabled(m_chooser->count() > 1);
    }
    m_notice->hide();
    const auto retry = [this] { m_catalog.refresh(); };
    if (const auto* cluster = m_catalog.find(m_cluster.toStdString())) {
        showCluster(*cluster);
        if (m_catalog.error()) {
            m_notice->showError(*m_catalog.error(), retry);
            m_notice->show();
        }
    } else if (m_catalog.state() == Catalog::State::Failed) {
        m_state->showFailed(*m_catalog.error(), retry);
    } else if (!m_catalog.readAt()) {
        m_state->showReading(tr("Reading the repositories"));
    } else {
        m_state->showEmpty(
            tr("No clusters"),
            tr("Checked at %1.").arg(text::inZone(*m_catalog.readAt(), m_zones.viewer)));
    }
    showDetail();
    showCount();
}

void PointsPage::showCluster(const console::ClusterSummary& cluster)
{
    m_header->setTitle(tr("Recovery points of %1").arg(QString::fromStdString(cluster.name)));
    m_strip->setCluster(cluster, m_clock.now());
    QString sentence = m_strip->sentence();
    if (m_catalog.error())
        sentence = tr("As of %1. %2").arg(text::inZone(cluster.readAt, m_zones.viewer), sentence);
    m_header->setSentence(sentence);
    m_model->setBackups(cluster.backups, cluster.assurances);
    if (stateOf(cluster) == ClusterState::Unread) {
        m_header->setSentence({});
        m_state->showEmpty(
            tr("Could not read the backups of %1").arg(QString::fromStdString(cluster.name)),
            QString::fromStdString(cluster.warnings.front()), tr("Try again"),
            [this] { m_catalog.refresh(); });
        return;
    }
    if (cluster.backups.empty()) {
        m_state->showEmpty(tr("No backups of %1").arg(QString::fromStdString(cluster.name)),
                           tr("Nothing is in %1. Checked at %2. Take one with: "
                              "salvorctl backup %3")
                               .arg(QString::fromStdString(cluster.repository),
                                    text::inZone(cluster.readAt, m_zones.viewer),
                                    QString::fromStdString(cluster.name)));
        return;
    }
    m_state->showContent();
    if (m_table->currentRow() < 0)
        m_table->selectRow(0);
}

void PointsPage::showCount()
{
    const int shown = m_filter->rowCount();
    const int all = m_model->rowCount();
    m_count->setText(shown == all ? (all == 1 ? tr("1 backup") : tr("%1 backups").arg(all))
                                  : tr("%1 of %2 backups").arg(shown).arg(all));
    if (all > 0 && shown == 0)
        m_state->showEmpty(tr("No backup matches"), tr("%1 backups are there.").arg(all),
                           tr("Show all"), [this] {
                               m_search->clear();
                               m_mode->setCurrentIndex(0);
                           });
    else if (all > 0)
        m_state->showContent();
}

void PointsPage::showDetail()
{
    const model::Backup* backup = selected();
    m_restore->setEnabled(backup != nullptr);
    m_facts->clear();
    m_proof->setVisible(backup != nullptr);
    if (backup == nullptr) {
        m_strip->setMarkedBackup({});
        m_detailTitle->setText(tr("No backup is selected"));
        m_detailSentence->setText(tr("Select one in the list."));
        m_proofWords->setText({});
        return;
    }
    m_strip->setMarkedBackup(backup->id);
    const auto lsn = [](model::Lsn at) { return QString::fromStdString(model::formatLsn(at)); };
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(backup->finishedAt - backup->startedAt);
    m_detailTitle->setText(QString::fromStdString(backup->id));
    m_detailSentence->setText(tr("A full backup; it needs no other. Restores from its end on, "
                                 "not earlier."));
    m_facts->add(tr("Completed"), text::inZone(backup->finishedAt, m_zones.viewer));
    m_facts->add(QString(), text::inUtc(backup->finishedAt));
    m_facts->add(tr("Took"), text::duration(seconds));
    m_facts->add(tr("Size"),
                 tr("%1, of which %2 new")
                     .arg(text::size(backup->logicalSize), text::size(backup->newSize)));
    m_facts->add(tr("WAL"),
                 QStringLiteral("%1 – %2").arg(lsn(backup->startLsn), lsn(backup->stopLsn)),
                 TextSize::Mono);
    m_facts->add(tr("Timeline"), QString::number(model::value(backup->timeline)));
    m_facts->add(tr("Server"), tr("PostgreSQL %1.%2 on %3%4")
                                   .arg(backup->serverVersion / 10000)
                                   .arg(backup->serverVersion % 10000)
                                   .arg(QString::fromStdString(backup->host),
                                        backup->fromStandby ? tr(", a standby") : QString()));
    m_facts->add(tr("Checksums"), backup->pageChecksums ? tr("on, verified while reading")
                                                        : tr("off on the server"));
    for (const auto& [key, value] : backup->annotations)
        m_facts->add(QString::fromStdString(key), QString::fromStdString(value));
    showProof(*backup);
}

void PointsPage::showProof(const model::Backup& backup)
{
    const QModelIndex row = m_filter->index(m_table->currentRow(), BackupModel::Proof);
    m_proof->set(markOf(row.data(BackupModel::SortRole).toInt()), row.data().toString());
    m_proofWords->setText(text::proofSentence(backup, m_model->assuranceOf(backup), m_zones));
}

} // namespace salvor::gui
