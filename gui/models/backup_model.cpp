#include "gui/models/backup_model.h"

#include "gui/text/proof_words.h"
#include "gui/text/units.h"

#include <algorithm>
#include <set>

namespace salvor::gui {
namespace {

QString searchTextOf(const model::Backup& backup, const text::Zones& zones)
{
    QStringList parts{QString::fromStdString(backup.id),
                      text::inZone(backup.finishedAt, zones.viewer),
                      text::inUtc(backup.finishedAt),
                      QString::fromStdString(model::formatLsn(backup.startLsn)),
                      QString::fromStdString(model::formatLsn(backup.stopLsn)),
                      QString::fromStdString(backup.incarnation.cluster)};
    for (const auto& [key, value] : backup.annotations)
        parts << QString::fromStdString(key) + QLatin1Char('=') + QString::fromStdString(value);
    return parts.join(QLatin1Char('\n'));
}

/// Damage first, that of the repository before that of the server.
int proofKey(const model::Backup& backup, const model::Assurance& assurance)
{
    if (assurance.damaged)
        return -2;
    return backup.damaged.empty() ? static_cast<int>(assurance.level) : -1;
}

} // namespace

BackupModel::BackupModel(text::Zones zones, QObject* parent)
    : QAbstractTableModel(parent)
    , m_zones(std::move(zones))
{}

void BackupModel::remove(const std::vector<model::Backup>& kept)
{
    std::set<std::string> ids;
    for (const auto& backup : kept)
        ids.insert(backup.id);
    for (auto row = static_cast<int>(m_backups.size()) - 1; row >= 0; --row) {
        if (ids.contains(m_backups[static_cast<std::size_t>(row)].id))
            continue;
        beginRemoveRows({}, row, row);
        m_backups.erase(m_backups.begin() + row);
        endRemoveRows();
    }
}

void BackupModel::setAssurances(model::Assurances assurances)
{
    m_assurances.swap(assurances);
    for (std::size_t row = 0; row < m_backups.size(); ++row) {
        const std::string& id = m_backups[row].id;
        const QModelIndex cell = index(static_cast<int>(row), Proof);
        if (!(model::assuranceOf(m_assurances, id) == model::assuranceOf(assurances, id)))
            Q_EMIT dataChanged(cell, cell);
    }
}

void BackupModel::setBackups(std::vector<model::Backup> backups, model::Assurances assurances)
{
    remove(backups);
    setAssurances(std::move(assurances));
    std::map<std::string, std::size_t> rows;
    for (std::size_t row = 0; row < m_backups.size(); ++row)
        rows.emplace(m_backups[row].id, row);
    std::vector<model::Backup> added;
    for (auto& backup : backups) {
        const auto known = rows.find(backup.id);
        if (known == rows.end()) {
            added.push_back(std::move(backup));
        } else if (!(m_backups[known->second] == backup)) {
            const auto row = static_cast<int>(known->second);
            m_backups[known->second] = std::move(backup);
            Q_EMIT dataChanged(index(row, 0), index(row, ColumnCount - 1));
        }
    }
    if (added.empty())
        return;
    const auto first = static_cast<int>(m_backups.size());
    beginInsertRows({}, first, first + static_cast<int>(added.size()) - 1);
    std::move(added.begin(), added.end(), std::back_inserter(m_backups));
    endInsertRows();
}

const model::Backup* BackupModel::at(int row) const
{
    const auto at = static_cast<std::size_t>(row);
    return row >= 0 && at < m_backups.size() ? &m_backups[at] : nullptr;
}

int BackupModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_backups.size());
}

int BackupModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QString BackupModel::textOf(const model::Backup& backup, int column) const
{
    switch (column) {
    case Completed:
        return text::inZone(backup.finishedAt, m_zones.viewer);
    case Mode:
        return backup.mode == model::BackupMode::Host ? tr("Host") : tr("Stream");
    case Size:
        return text::size(backup.logicalSize);
    case New:
        return text::size(backup.newSize);
    case Timeline:
        return QString::number(model::value(backup.timeline));
    case EndsAt:
        return QString::fromStdString(model::formatLsn(backup.stopLsn));
    case Cluster:
        return QString::fromStdString(backup.incarnation.cluster);
    case Proof:
        return text::proofWord(backup, assuranceOf(backup));
    default:
        return {};
    }
}

QVariant BackupModel::sortKeyOf(const model::Backup& backup, int column) const
{
    switch (column) {
    case Completed:
        return static_cast<qlonglong>(backup.finishedAt.time_since_epoch().count());
    case Size:
        return static_cast<qulonglong>(backup.logicalSize);
    case New:
        return static_cast<qulonglong>(backup.newSize);
    case Timeline:
        return static_cast<qulonglong>(model::value(backup.timeline));
    case EndsAt:
        return static_cast<qulonglong>(model::value(backup.stopLsn));
    case Cluster:
        return QString::fromStdString(backup.incarnation.cluster);
    case Mode:
        return static_cast<int>(backup.mode);
    case Proof:
        return proofKey(backup, assuranceOf(backup));
    default:
        return {};
    }
}

QVariant BackupModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const model::Backup& backup = m_backups[static_cast<std::size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return textOf(backup, index.column());
    case SortRole:
        return sortKeyOf(backup, index.column());
    case IdRole:
        return QString::fromStdString(backup.id);
    case SearchRole:
        return searchTextOf(backup, m_zones);
    case ModeRole:
        return QString::fromUtf8(backup.mode == model::BackupMode::Host ? "host" : "stream");
    case ClusterRole:
        return QString::fromStdString(backup.incarnation.cluster);
    case Qt::TextAlignmentRole: {
        const bool number =
            index.column() == Size || index.column() == New || index.column() == Timeline;
        return static_cast<int>((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    case Qt::ToolTipRole:
        return index.column() == Completed ? tr("%1, backup %2")
                                                 .arg(text::readBack(backup.finishedAt, m_zones),
                                                      QString::fromStdString(backup.id))
                                           : QVariant();
    default:
        return {};
    }
}

QVariant BackupModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole) {
        const bool number = section == Size || section == New || section == Timeline;
        return static_cast<int>((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case Completed:
        return tr("Completed");
    case Mode:
        return tr("Type");
    case Size:
        return tr("Size");
    case New:
        return tr("New");
    case Timeline:
        return tr("Timeline");
    case EndsAt:
        return tr("Ends at LSN");
    case Cluster:
        return tr("Cluster");
    case Proof:
        return tr("Proof");
    default:
        return {};
    }
}

BackupFilter::BackupFilter(QObject* parent)
    : QSortFilterProxyModel(parent)
{
    setSortRole(BackupModel::SortRole);
    setDynamicSortFilter(true);
}

void BackupFilter::setSearch(const QString& text)
{
    m_search = text.trimmed();
    invalidateFilter();
}

void BackupFilter::setMode(const QString& mode)
{
    m_mode = mode;
    invalidateFilter();
}

void BackupFilter::setCluster(const QString& cluster)
{
    m_cluster = cluster;
    invalidateFilter();
}

bool BackupFilter::filterAcceptsRow(int row, const QModelIndex& parent) const
{
    const QModelIndex index = sourceModel()->index(row, 0, parent);
    if (!m_mode.isEmpty() && index.data(BackupModel::ModeRole).toString() != m_mode)
        return false;
    if (!m_cluster.isEmpty() && index.data(BackupModel::ClusterRole).toString() != m_cluster)
        return false;
    return m_search.isEmpty()
           || index.data(BackupModel::SearchRole)
                  .toString()
                  .contains(m_search, Qt::CaseInsensitive);
}

} // namespace salvor::gui
