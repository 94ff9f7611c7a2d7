#include "gui/widgets/progress_panel.h"

#include "gui/text/error_text.h"
#include "gui/text/units.h"

#include <QPainter>

#include <algorithm>

namespace salvor::gui {
namespace {

constexpr int headerHeight = 28;
constexpr int rowHeight = 40;
constexpr int visibleRows = 8;

struct Columns {
    QRect mark;
    QRect name;
    QRect bar;
    QRect done;
    QRect rate;
    QRect time;
};

Columns columnsOf(const QRect& box)
{
    const int right = box.right() - 12;
    const int time = 150;
    const int rate = 110;
    const int done = 190;
    const int bar = std::clamp(box.width() / 5, 120, 260);
    Columns columns;
    columns.mark = QRect(box.left() + 12, box.center().y() - 8, 16, 16);
    columns.time = QRect(right - time, box.top(), time, box.height());
    columns.rate = QRect(columns.time.left() - rate, box.top(), rate, box.height());
    columns.done = QRect(columns.rate.left() - done, box.top(), done, box.height());
    columns.bar = QRect(columns.done.left() - bar, box.center().y() - 4, bar, 10);
    columns.name =
        QRect(box.left() + 42, box.top(), columns.bar.left() - box.left() - 54, box.height());
    return columns;
}

} // namespace

ProgressPanel::ProgressPanel(QWidget* parent)
    : QWidget(parent)
{
    setAccessibleName(tr("Phases"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

ProgressPanel::Row ProgressPanel::rowOf(const JobPhase& phase, bool current, MonotonicTime now,
                                        Ending ending) const
{
    Row row;
    row.name = text::asSentence(phase.name);
    row.name.chop(1);
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(phase.endedAt.value_or(now)
                                                                       - phase.startedAt);
    if (phase.total > 0)
        row.share =
            std::min(1.0, static_cast<double>(phase.done) / static_cast<double>(phase.total));
    if (!current || ending == Ending::Done) {
        row.mark = Mark::Passed;
        row.done = phase.total > 0 || phase.done > 0 ? text::size(std::max(phase.done, phase.total))
                                                     : QString();
        row.share = 1.0;
        if (took.count() > 0 && phase.total > 0)
            row.rate =
                text::rate(static_cast<double>(phase.total) / static_cast<double>(took.count()));
        row.time = text::duration(took);
        return row;
    }
    row.done = m_meter.amount();
    if (ending == Ending::StillRunning) {
        row.mark = Mark::Running;
        row.rate = text::rate(m_meter.rate());
        row.time = m_meter.timeLeft();
    } else {
        row.mark = ending == Ending::Failed ? Mark::Breach : Mark::NoTarget;
        row.time = ending == Ending::Failed ? tr("failed after %1").arg(text::duration(took))
                                            : tr("stopped after %1").arg(text::duration(took));
    }
    return row;
}

void ProgressPanel::update(const std::vector<JobPhase>& phases, MonotonicTime now, Ending ending)
{
    if (phases.size() != m_phase) {
        m_meter.restart(now);
        m_phase = phases.size();
    }
    if (!phases.empty() && ending == Ending::StillRunning)
        m_meter.sample(now, phases.back().done, phases.back().total);
    m_rows.clear();
    for (std::size_t i = 0; i < phases.size(); ++i)
        m_rows.push_back(rowOf(phases[i], i + 1 == phases.size(), now, ending));
    setAccessibleDescription(words());
    updateGeometry();
    QWidget::update();
}

QString ProgressPanel::words() const
{
    QStringList lines;
    for (const Row& row : m_rows)
        lines << QStringList{row.name, row.done, row.rate, row.time}.join(QStringLiteral(", "));
    return lines.join(QLatin1Char('\n'));
}

QSize ProgressPanel::sizeHint() const
{
    const auto rows = std::clamp<int>(static_cast<int>(m_rows.size()), 1, visibleRows);
    return {900, headerHeight + rows * rowHeight + 2};
}

void ProgressPanel::paintRow(QPainter& painter, const QRect& box, const Row& row) const
{
    const Theme& theme = themeOf(palette());
    const bool running = row.mark == Mark::Running;
    if (running)
        painter.fillRect(box, theme.select);
    const Columns columns = columnsOf(box);
    paintMark(painter, columns.mark, theme, row.mark);
    painter.setPen(theme.text);
    painter.setFont(fontOf(running ? TextSize::Strong : TextSize::Body));
    painter.drawText(
        columns.name, Qt::AlignVCenter,
        painter.fontMetrics().elidedText(row.name, Qt::ElideMiddle, columns.name.width()));
    painter.setFont(fontOf(TextSize::Body));
    painter.drawText(columns.done, Qt::AlignVCenter | Qt::AlignRight, row.done);
    painter.drawText(columns.rate, Qt::AlignVCenter | Qt::AlignRight, row.rate);
    painter.drawText(columns.time, Qt::AlignVCenter | Qt::AlignRight, row.time);
    painter.fillRect(columns.bar, theme.sunken);
    if (row.share) {
        QRect filled = columns.bar;
        filled.setWidth(static_cast<int>(*row.share * columns.bar.width()));
        painter.fillRect(filled, running ? theme.accent : theme.band);
    }
    painter.setPen(theme.edge);
    painter.drawRect(columns.bar);
    painter.setPen(theme.border);
    painter.drawLine(box.bottomLeft(), box.bottomRight());
}

void ProgressPanel::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    painter.fillRect(rect(), theme.raised);
    const QRect header(0, 0, width(), headerHeight);
    painter.fillRect(header, theme.sunken);
    painter.setFont(fontOf(TextSize::Strong));
    painter.setPen(theme.text);
    const Columns columns = columnsOf(header);
    painter.drawText(columns.name, Qt::AlignVCenter, tr("Phase"));
    painter.drawText(QRect(columns.bar.left(), 0, columns.bar.width(), headerHeight),
                     Qt::AlignVCenter, tr("Progress"));
    painter.drawText(columns.done, Qt::AlignVCenter | Qt::AlignRight, tr("Done"));
    painter.drawText(columns.rate, Qt::AlignVCenter | Qt::AlignRight, tr("Rate"));
    painter.drawText(columns.time, Qt::AlignVCenter | Qt::AlignRight, tr("Time"));
    // The newest phases are the ones that matter when there are too many.
    const std::size_t first = m_rows.size() > visibleRows ? m_rows.size() - visibleRows : 0;
    int y = headerHeight;
    for (std::size_t i = first; i < m_rows.size(); ++i, y += rowHeight)
        paintRow(painter, QRect(0, y, width(), rowHeight), m_rows[i]);
    if (m_rows.empty()) {
        painter.setPen(theme.muted);
        painter.setFont(fontOf(TextSize::Body));
        painter.drawText(QRect(42, headerHeight, width(), rowHeight), Qt::AlignVCenter,
                         tr("Starting. How long it takes is unknown."));
    }
    painter.setPen(theme.border);
    painter.drawRect(rect().adjusted(0, 0, -1, -1));
}

} // namespace salvor::gui
