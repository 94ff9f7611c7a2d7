#include "gui/models/cluster_model.h"

#include "gui/text/units.h"

#include <algorithm>

namespace salvor::gui {
namespace {

bool sameNames(const std::vector<console::ClusterSummary>& left,
               const std::vector<console::ClusterSummary>& right)
{
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const auto& a, const auto& b) {
                          return a.name == b.name && a.repository == b.repository;
                      });
}

} // namespace

ClusterState stateOf(const console::ClusterSummary& cluster)
{
    // The core warns of an empty cluster only when it could not be read: nobody knows what is
    // there.
    if (cluster.ranges.empty() && cluster.backups.empty())
        return cluster.warnings.empty() ? ClusterState::NoBackup : ClusterState::Unread;
    return cluster.warnings.empty() && cluster.gaps.empty() ? ClusterState::Fine
                                                            : ClusterState::Warning;
}

QString titleOf(const console::ClusterSummary& cluster)
{
    return cluster.name.empty()
               ? ClusterModel::tr("clusters of %1").arg(QString::fromStdString(cluster.repository))
               : QString::fromStdString(cluster.name);
}

std::optional<Moment> newestRestorable(const console::ClusterSummary& cluster)
{
    std::optional<Moment> newest;
    for (const auto& range : cluster.ranges)
        newest = newest ? std::max(*newest, range.toTime) : range.toTime;
    return newest;
}

std::optional<Moment> oldestRestorable(const console::ClusterSummary& cluster)
{
    std::optional<Moment> oldest;
    for (const auto& range : cluster.ranges)
        oldest = oldest ? std::min(*oldest, range.fromTime) : range.fromTime;
    return oldest;
}

ClusterModel::ClusterModel(text::Zones zones, const Clock& clock, QObject* parent)
    : QAbstractTableModel(parent)
    , m_zones(std::move(zones))
    , m_clock(clock)
{
    m_second.callOnTimeout(this, [this] {
        if (!m_clusters.empty())
            Q_EMIT dataChanged(index(0, LastBackup), index(rowCount() - 1, Restorable),
                               {SecondRole});
    });
    m_second.start(std::chrono::seconds(1));
}

void ClusterModel::setClusters(const std::vector<console::ClusterSummary>& clusters)
{
    std::vector<console::ClusterSummary> sorted = clusters;
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        const auto worse = static_cast<int>(stateOf(a)) - static_cast<int>(stateOf(b));
        return worse != 0 ? worse > 0 : a.name < b.name;
    });
    if (sameNames(sorted, m_clusters)) {
        m_clusters = std::move(sorted);
        if (!m_clusters.empty())
            Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_clusters = std::move(sorted);
    endResetModel();
}

const console::ClusterSummary* ClusterModel::at(int row) const
{
    const auto at = static_cast<std::size_t>(row);
    return row >= 0 && at < m_clusters.size() ? &m_clusters[at] : nullptr;
}

int ClusterModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_clusters.size());
}

int ClusterModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QString ClusterModel::firstLine(const console::ClusterSummary& cluster, int column) const
{
    const auto newest = newestRestorable(cluster);
    switch (column) {
    case Name:
        return titleOf(cluster);
    case Backups:
        return stateOf(cluster) == ClusterState::Unread ? tr("unknown")
                                                        : text::count(cluster.backups.size());
    case LastBackup:
        if (stateOf(cluster) == ClusterState::Unread)
            return tr("unknown");
        return cluster.backups.empty()
                   ? tr("never")
                   : text::inZone(cluster.backups.back().finishedAt, m_zones.viewer);
    case Restorable:
        if (stateOf(cluster) == ClusterState::Unread)
            return tr("unknown");
        return newest ? text::inZone(*newest, m_zones.viewer) : tr("nothing");
    case Repository:
        return QString::fromStdString(cluster.repository);
    case Status:
        switch (stateOf(cluster)) {
        case ClusterState::Fine:
            return tr("Restorable");
        case ClusterState::Warning:
            if (cluster.gaps.empty())
                return tr("Warning");
            return cluster.gaps.size() == 1 ? tr("1 gap") : tr("%1 gaps").arg(cluster.gaps.size());
        case ClusterState::NoBackup:
            return tr("No backup");
        case ClusterState::Unread:
            return tr("Could not be read");
        }
        return {};
    default:
        return {};
    }
}

QString ClusterModel::secondLine(const console::ClusterSummary& cluster, int column) const
{
    const auto newest = newestRestorable(cluster);
    switch (column) {
    case Name: {
        // What matters most first: the end of the line may have no room.
        QStringList parts;
        if (!cluster.configured)
            parts << tr("not configured here");
        if (cluster.incarnation)
            parts << tr("version %1").arg(cluster.incarnation->identity.majorVersion);
        if (!cluster.backups.empty())
            parts << text::size(cluster.backups.back().logicalSize);
        return parts.join(QStringLiteral(" · "));
    }
    case LastBackup:
        if (cluster.backups.empty())
            return {};
        return tr("%1 ago").arg(text::duration(std::chrono::duration_cast<std::chrono::seconds>(
            m_clock.now() - cluster.backups.back().finishedAt)));
    case Restorable:
        return newest ? tr("%1 old").arg(text::duration(
                   std::chrono::duration_cast<std::chrono::seconds>(m_clock.now() - *newest)))
                      : QString();
    case Status:
        return cluster.warnings.empty() ? QString()
                                        : QString::fromStdString(cluster.warnings.front());
    default:
        return {};
    }
}

QVariant ClusterModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const auto& cluster = m_clusters[static_cast<std::size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return firstLine(cluster, index.column());
    case SecondRole:
        return secondLine(cluster, index.column());
    case NameRole:
        return QString::fromStdString(cluster.name);
    case StateRole:
        return static_cast<int>(stateOf(cluster));
    case Qt::TextAlignmentRole:
        return static_cast<int>((index.column() == Backups ? Qt::AlignRight : Qt::AlignLeft)
                                | Qt::AlignVCenter);
    case Qt::ToolTipRole: {
        QStringList sentences;
        for (const auto& warning : cluster.warnings)
            sentences << QString::fromStdString(warning);
        return index.column() == Status && !sentences.isEmpty() ? QVariant(sentences.join(u'\n'))
                                                                : QVariant();
    }
    case Qt::AccessibleTextRole: {
        const QString second = secondLine(cluster, index.column());
        const QString first = firstLine(cluster, index.column());
        return second.isEmpty() ? first : tr("%1, %2").arg(first, second);
    }
    default:
        return {};
    }
}

QVariant ClusterModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == Backups ? Qt::AlignRight : Qt::AlignLeft)
                                | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case Name:
        return tr("Cluster");
    case Backups:
        return tr("Backups");
    case LastBackup:
        return tr("Last backup");
    case Restorable:
        return tr("Newest restorable moment");
    case Repository:
        return tr("Repository");
    case Status:
        return tr("Status, worst first");
    default:
        return {};
    }
}

} // namespace salvor::gui
