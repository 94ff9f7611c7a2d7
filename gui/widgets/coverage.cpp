#include "gui/widgets/coverage.h"

#include "gui/text/error_text.h"

#include <QCoreApplication>

#include <algorithm>

namespace salvor::gui {
namespace {

struct CoverageWords {
    Q_DECLARE_TR_FUNCTIONS(salvor::gui::Coverage)
};

std::vector<Span> merged(std::vector<Span> spans)
{
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return a.from < b.from; });
    std::vector<Span> result;
    for (const Span& span : spans) {
        if (span.to < span.from)
            continue;
        if (!result.empty() && span.from <= result.back().to)
            result.back().to = std::max(result.back().to, span.to);
        else
            result.push_back(span);
    }
    return result;
}

} // namespace

Coverage::Coverage(const console::ClusterSummary& cluster)
{
    std::vector<Span> restorable;
    std::vector<Span> wal;
    for (const auto& range : cluster.ranges) {
        restorable.push_back({range.fromTime, range.toTime});
        const auto backup =
            std::find_if(cluster.backups.begin(), cluster.backups.end(),
                         [&range](const auto& one) { return one.id == range.backupId; });
        wal.push_back(
            {backup == cluster.backups.end() ? range.fromTime : backup->startedAt, range.toTime});
    }
    m_restorable = merged(std::move(restorable));
    m_wal = merged(std::move(wal));
    for (const auto& backup : cluster.backups)
        m_backups.push_back({{backup.startedAt, backup.finishedAt}, backup.id});
    const auto reasonAt = [&cluster](Moment end) {
        for (const auto& range : cluster.ranges)
            if (range.toTime == end && !range.endsBecause.empty())
                return text::asSentence(range.endsBecause);
        return QString();
    };
    for (std::size_t i = 0; i + 1 < m_restorable.size(); ++i) {
        QString reason = reasonAt(m_restorable[i].to);
        if (reason.isEmpty())
            reason = CoverageWords::tr("Nothing between here and the end of the next backup can be "
                                       "restored.");
        m_gaps.push_back({{m_restorable[i].to, m_restorable[i + 1].from}, reason});
    }
    if (m_restorable.empty())
        return;
    m_endReason = reasonAt(m_restorable.back().to);
    if (m_endReason.isEmpty())
        m_endReason = CoverageWords::tr("Nothing later is archived.");
}

Span Coverage::window() const
{
    return {m_restorable.front().from, m_restorable.back().to};
}

bool Coverage::contains(Moment moment) const
{
    return std::any_of(m_restorable.begin(), m_restorable.end(), [moment](const Span& span) {
        return span.from <= moment && moment <= span.to;
    });
}

Moment Coverage::nearest(Moment moment) const
{
    Moment best = m_restorable.front().from;
    for (const Span& span : m_restorable) {
        const Moment candidate = std::clamp(moment, span.from, span.to);
        if (std::chrono::abs(candidate - moment) < std::chrono::abs(best - moment))
            best = candidate;
    }
    return best;
}

Coverage::Move Coverage::move(Moment from, Moment to) const
{
    if (contains(to)) {
        return {to, {}};
    }
    const Span all = window();
    if (to < all.from)
        return {all.from, CoverageWords::tr("The oldest backup ends here: nothing earlier can be "
                                            "restored.")};
    if (to > all.to)
        return {all.to, m_endReason};
    for (const CoverageGap& gap : m_gaps) {
        if (to <= gap.span.from || to >= gap.span.to)
            continue;
        const bool forward = to > from;
        const Moment near = forward ? gap.span.from : gap.span.to;
        const Moment far = forward ? gap.span.to : gap.span.from;
        return {from == near ? far : near, gap.reason};
    }
    return {nearest(to), {}};
}

std::optional<Moment> Coverage::nextBackup(Moment from) const
{
    for (const auto& backup : m_backups)
        if (backup.span.to > from && contains(backup.span.to))
            return backup.span.to;
    return std::nullopt;
}

std::optional<Moment> Coverage::previousBackup(Moment from) const
{
    const auto found = std::find_if(m_backups.rbegin(), m_backups.rend(), [&](const auto& backup) {
        return backup.span.to < from && contains(backup.span.to);
    });
    return found == m_backups.rend() ? std::nullopt : std::optional(found->span.to);
}

std::optional<Moment> Coverage::nextGap(Moment from) const
{
    for (const auto& gap : m_gaps)
        if (gap.span.from > from)
            return gap.span.from;
    return std::nullopt;
}

} // namespace salvor::gui
