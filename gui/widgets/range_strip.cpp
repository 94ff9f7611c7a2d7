#include "gui/widgets/range_strip.h"

#include "gui/text/units.h"
#include "gui/widgets/marks.h"
#include "gui/widgets/style.h"

#include <QAccessibleWidget>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include <algorithm>
#include <array>

namespace salvor::gui {
namespace {

constexpr int labelWidth = 92;
constexpr int rightMargin = 18;
constexpr int axisHeight = 40;
constexpr int laneGap = 10;
constexpr int cardHeight = 46;
constexpr int reasonHeight = 22;
enum Lane { BackupLane, WalLane, RestorableLane };
constexpr std::array<int, 3> laneHeights = {16, 14, 20};

std::chrono::seconds secondsOf(std::chrono::microseconds span)
{
    return std::chrono::duration_cast<std::chrono::seconds>(span);
}

/// Steps that read well on an axis, about 110 px apart.
std::chrono::seconds tickOf(const Span& axis, qreal width)
{
    constexpr std::array<int, 19> steps = {1,      5,      15,      30,      60,     300,   900,
                                           1800,   3600,   7200,    14400,   21600,  43200, 86400,
                                           172800, 604800, 1209600, 2592000, 7776000};
    const double wanted =
        static_cast<double>(secondsOf(axis.to - axis.from).count()) / std::max(1.0, width / 120);
    for (const int step : steps)
        if (step >= wanted)
            return std::chrono::seconds(step);
    return std::chrono::seconds(31536000);
}

} // namespace

RangeStrip::RangeStrip(Mode mode, text::Zones zones, QWidget* parent)
    : QWidget(parent)
    , m_mode(mode)
    , m_zones(std::move(zones))
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(mode == Mode::Cursor ? tr("Moment to restore") : tr("Recovery range"));
    if (mode == Mode::Cursor)
        setFocusPolicy(Qt::StrongFocus);
    setProperty("salvorOwnFocus", true); // The ring goes round the read-out card.
}

void RangeStrip::setCluster(const console::ClusterSummary& cluster, Moment now)
{
    m_coverage = Coverage(cluster);
    m_refused.clear();
    if (!m_coverage.isEmpty()) {
        m_axis = m_coverage.window();
        if (!m_coverage.backups().empty())
            m_axis.from = std::min(m_axis.from, m_coverage.backups().front().span.from);
        // A little air, so that the edges are seen to be edges; a distant "now" would squeeze all.
        const auto air = std::max<std::chrono::microseconds>((m_axis.to - m_axis.from) / 40,
                                                             std::chrono::seconds(5));
        const Moment latest = m_axis.to + air * 3;
        m_axis.from -= air;
        m_axis.to = std::clamp(now, m_axis.to + air, latest);
        m_cursor = m_cursor ? m_coverage.nearest(*m_cursor) : m_coverage.window().to;
    } else {
        m_cursor.reset();
    }
    setAccessibleDescription(sentence());
    update();
}

void RangeStrip::setZones(text::Zones zones)
{
    m_zones = std::move(zones);
    update();
}

void RangeStrip::setCursor(Moment moment)
{
    if (m_coverage.isEmpty())
        return;
    m_cursor = m_coverage.nearest(moment);
    m_refused.clear();
    update();
}

void RangeStrip::setMarkedBackup(const std::string& id)
{
    m_marked = id;
    update();
}

QString RangeStrip::sentence() const
{
    if (m_coverage.isEmpty())
        return tr("Nothing can be restored.");
    const Span all = m_coverage.window();
    const QString from = text::inZone(all.from, m_zones.viewer);
    const QString to = text::inZone(all.to, m_zones.viewer);
    if (m_coverage.gaps().empty())
        return tr("Any moment from %1 to %2 can be restored.").arg(from, to);
    const CoverageGap& gap = m_coverage.gaps().back();
    const QString gapText = tr("%1 to %2")
                                .arg(text::inZone(gap.span.from, m_zones.viewer),
                                     text::inZone(gap.span.to, m_zones.viewer));
    if (m_coverage.gaps().size() == 1)
        return tr("Any moment from %1 to %2, but for one gap: %3.").arg(from, to, gapText);
    return tr("Any moment from %1 to %2, but for %3 gaps, the newest %4.")
        .arg(from, to)
        .arg(m_coverage.gaps().size())
        .arg(gapText);
}

QString RangeStrip::cursorWords() const
{
    if (!m_cursor)
        return tr("Nothing can be restored.");
    const QString moment = text::inZone(*m_cursor, m_zones.viewer, text::Digits::Microseconds);
    return m_refused.isEmpty() ? moment : tr("%1. %2").arg(moment, m_refused);
}

int RangeStrip::top() const
{
    return m_mode == Mode::Cursor ? axisHeight + cardHeight + 6 : axisHeight;
}

QSize RangeStrip::sizeHint() const
{
    int height = top() + reasonHeight + 4;
    for (const int lane : laneHeights)
        height += lane + laneGap;
    return {600, height};
}

QRectF RangeStrip::lane(int number) const
{
    int y = top();
    for (int i = 0; i < number; ++i)
        y += laneHeights.at(static_cast<std::size_t>(i)) + laneGap;
    return {static_cast<qreal>(labelWidth), static_cast<qreal>(y),
            static_cast<qreal>(width() - labelWidth - rightMargin),
            static_cast<qreal>(laneHeights.at(static_cast<std::size_t>(number)))};
}

qreal RangeStrip::xOf(Moment moment) const
{
    const auto whole = static_cast<double>((m_axis.to - m_axis.from).count());
    const auto part = static_cast<double>((moment - m_axis.from).count());
    const qreal width = this->width() - labelWidth - rightMargin;
    return labelWidth + (whole <= 0 ? 0 : width * std::clamp(part / whole, 0.0, 1.0));
}

Moment RangeStrip::momentAt(qreal x) const
{
    const qreal width = this->width() - labelWidth - rightMargin;
    const double share = std::clamp((x - labelWidth) / std::max(1.0, width), 0.0, 1.0);
    const auto whole = static_cast<double>((m_axis.to - m_axis.from).count());
    return m_axis.from + std::chrono::microseconds(static_cast<std::int64_t>(whole * share));
}

QRectF RangeStrip::spanBox(const Span& span, const QRectF& lane) const
{
    const qreal left = xOf(span.from);
    return {left, lane.top(), std::max(2.0, xOf(span.to) - left), lane.height()};
}

void RangeStrip::paintAxis(QPainter& painter, const Theme& theme) const
{
    const qreal axisWidth = width() - labelWidth - rightMargin;
    const std::chrono::seconds step = tickOf(m_axis, axisWidth);
    const auto shift =
        std::chrono::seconds(m_zones.viewer.offsetFromUtc(text::toDateTime(m_axis.from)));
    const bool days = step.count() >= 86400;
    painter.setFont(fontOf(TextSize::Note));
    painter.setPen(theme.muted);
    painter.drawText(QRectF(12, 2, labelWidth - 12, 16), Qt::AlignVCenter,
                     text::offset(m_axis.from, m_zones.viewer));
    if (!days)
        painter.drawText(QRectF(12, 18, labelWidth - 12, 16), Qt::AlignVCenter,
                         QStringLiteral("UTC"));
    const auto first = std::chrono::floor<std::chrono::seconds>(m_axis.from) + shift;
    const std::int64_t count = first.time_since_epoch().count() / step.count() + 1;
    for (Moment tick = Moment(std::chrono::seconds(count * step.count()) - shift); tick < m_axis.to;
         tick += step) {
        const qreal x = xOf(tick);
        painter.setPen(theme.border);
        painter.drawLine(QPointF(x, axisHeight - 4), QPointF(x, lane(RestorableLane).bottom()));
        if (x < labelWidth + 20 || x > width() - rightMargin - 20)
            continue;
        const QString local = text::inZone(tick, m_zones.viewer);
        const bool midnight = local.mid(11, 8) == QStringLiteral("00:00:00");
        const bool seconds = step.count() < 60;
        painter.setPen(theme.text);
        painter.drawText(QRectF(x - 60, 2, 120, 16), Qt::AlignCenter,
                         days || midnight ? text::dayOnly(tick, m_zones.viewer)
                                          : local.mid(11, seconds ? 8 : 5));
        painter.setPen(theme.muted);
        if (!days)
            painter.drawText(QRectF(x - 60, 18, 120, 16), Qt::AlignCenter,
                             text::inUtc(tick).mid(11, seconds ? 8 : 5));
    }
}

void RangeStrip::paintLanes(QPainter& painter, const Theme& theme) const
{
    painter.setPen(theme.muted);
    painter.setFont(fontOf(TextSize::Note));
    const auto label = [&](int number, const QString& words) {
        painter.drawText(
            QRectF(12, lane(number).top() - 4, labelWidth - 16, lane(number).height() + 8),
            Qt::AlignVCenter, words);
    };
    label(BackupLane, tr("Backups"));
    label(WalLane, tr("WAL"));
    QFont strong = fontOf(TextSize::Note);
    strong.setWeight(QFont::DemiBold);
    painter.setFont(strong);
    painter.setPen(theme.text);
    label(RestorableLane, tr("Restorable"));

    for (const auto& backup : m_coverage.backups()) {
        QRectF box = spanBox(backup.span, lane(BackupLane));
        box.setWidth(std::max(4.0, box.width()));
        painter.fillRect(box, backup.id == m_marked ? theme.accent : theme.text);
        painter.setPen(QPen(theme.edge, 1, Qt::DotLine));
        const qreal end = xOf(backup.span.to);
        painter.drawLine(QPointF(end, box.bottom()), QPointF(end, lane(RestorableLane).top()));
    }
    const auto& wal = m_coverage.wal();
    for (std::size_t i = 0; i < wal.size(); ++i) {
        painter.fillRect(spanBox(wal[i], lane(WalLane)), theme.band2);
        if (i + 1 < wal.size())
            paintHatch(painter, spanBox({wal[i].to, wal[i + 1].from}, lane(WalLane)), theme,
                       Hatch::Gap);
    }
    for (const Span& span : m_coverage.restorable())
        painter.fillRect(spanBox(span, lane(RestorableLane)), theme.ink2);
    for (const CoverageGap& gap : m_coverage.gaps())
        paintHatch(painter, spanBox(gap.span, lane(RestorableLane)), theme, Hatch::NotRestorable);
}

void RangeStrip::paintReasons(QPainter& painter, const Theme& theme) const
{
    painter.setFont(fontOf(TextSize::Note));
    painter.setPen(theme.text);
    const qreal y = lane(RestorableLane).bottom() + 3;
    const QFontMetrics metrics(painter.font());
    // Newest first: where two collide, the newer gap keeps its words.
    qreal limit = width() - rightMargin;
    // NOLINTNEXTLINE(modernize-loop-convert): C++20's reverse views are beyond this clang-tidy.
    for (auto gap = m_coverage.gaps().rbegin(); gap != m_coverage.gaps().rend(); ++gap) {
        const qreal wanted = metrics.horizontalAdvance(gap->reason) + 4.0;
        const qreal start = xOf(gap->span.from);
        qreal left = std::min(start, limit - wanted);
        left = std::max(left, static_cast<qreal>(labelWidth));
        const qreal room = limit - left;
        if (room < 60)
            break;
        painter.drawText(QRectF(left, y, room, 16), Qt::AlignVCenter,
                         metrics.elidedText(gap->reason, Qt::ElideRight, static_cast<int>(room)));
        limit = left - 16;
    }
}

void RangeStrip::paintCursor(QPainter& painter, const Theme& theme) const
{
    const qreal x = xOf(*m_cursor);
    const QRectF bottom = lane(RestorableLane);
    const qreal end = xOf(m_coverage.window().to);
    const std::chrono::seconds lost = secondsOf(m_coverage.window().to - *m_cursor);
    if (end > x)
        paintHatch(
            painter,
            QRectF(x, axisHeight + cardHeight, end - x, bottom.bottom() - axisHeight - cardHeight),
            theme, Hatch::Lost);
    paintLanes(painter, theme);
    painter.fillRect(QRectF(x - 3, axisHeight, 6, bottom.bottom() - axisHeight + 4), theme.raised);
    painter.fillRect(QRectF(x - 1, axisHeight, 2, bottom.bottom() - axisHeight + 4), theme.plan);
    QPolygonF foot(
        {{x, bottom.bottom() - 2}, {x + 6, bottom.bottom() + 6}, {x - 6, bottom.bottom() + 6}});
    painter.setBrush(theme.plan);
    painter.setPen(Qt::NoPen);
    painter.drawPolygon(foot);

    const bool left = x > labelWidth + (width() - labelWidth) / 2.0;
    const qreal cardWidth = 330;
    const QRectF card(left ? x - cardWidth : x, axisHeight, cardWidth, cardHeight);
    painter.setPen(QPen(theme.plan, 2));
    painter.setBrush(theme.planTint);
    painter.drawRect(card.adjusted(1, 1, -1, -1));
    painter.setFont(fontOf(TextSize::Strong));
    painter.setPen(theme.plan);
    painter.drawText(card.adjusted(10, 5, -8, -22), Qt::AlignVCenter,
                     text::inZone(*m_cursor, m_zones.viewer, text::Digits::Microseconds));
    painter.setFont(fontOf(TextSize::Note));
    painter.setPen(theme.text);
    const QString below =
        m_refused.isEmpty() ? text::inUtc(*m_cursor, text::Digits::Microseconds) : m_refused;
    painter.drawText(card.adjusted(10, 23, -8, -4), Qt::AlignVCenter,
                     QFontMetrics(painter.font())
                         .elidedText(below, Qt::ElideRight, static_cast<int>(card.width()) - 20));
    if (lost.count() > 0) {
        painter.setFont(fontOf(TextSize::Strong));
        painter.setPen(theme.plan);
        const QString words = tr("%1 lost").arg(text::duration(lost));
        const qreal wordsWidth = QFontMetrics(painter.font()).horizontalAdvance(words) + 4.0;
        const QRectF box(left ? std::min(x + 10, width() - wordsWidth) : card.right() + 10,
                         axisHeight, wordsWidth, 22);
        painter.drawText(box, Qt::AlignVCenter, words);
    }
    if (hasFocus()) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(theme.focus, theme.focusWidth()));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(card.adjusted(-3, -3, 3, 3), 3, 3);
    }
}

void RangeStrip::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    if (m_coverage.isEmpty()) {
        painter.setPen(theme.muted);
        painter.drawText(rect(), Qt::AlignCenter, sentence());
        return;
    }
    paintAxis(painter, theme);
    if (m_mode == Mode::Cursor)
        paintCursor(painter, theme);
    else
        paintLanes(painter, theme);
    paintReasons(painter, theme);
}

void RangeStrip::moveCursor(Moment wanted)
{
    if (!m_cursor)
        return;
    const Coverage::Move move = m_coverage.move(*m_cursor, wanted);
    m_cursor = move.to;
    m_refused = move.refused;
    update();
    QAccessibleValueChangeEvent changed(this, cursorWords());
    QAccessible::updateAccessibility(&changed);
    Q_EMIT cursorMoved(*m_cursor);
}

void RangeStrip::keyPressEvent(QKeyEvent* event)
{
    if (m_mode != Mode::Cursor || !m_cursor) {
        QWidget::keyPressEvent(event);
        return;
    }
    std::chrono::seconds step(1);
    if (event->modifiers().testFlag(Qt::ControlModifier))
        step = std::chrono::hours(1);
    else if (event->modifiers().testFlag(Qt::ShiftModifier))
        step = std::chrono::minutes(1);
    const bool shift = event->modifiers().testFlag(Qt::ShiftModifier);
    const auto jump = [this](std::optional<Moment> to) {
        if (to)
            moveCursor(*to);
    };
    switch (event->key()) {
    case Qt::Key_Left:
        moveCursor(*m_cursor - step);
        break;
    case Qt::Key_Right:
        moveCursor(*m_cursor + step);
        break;
    case Qt::Key_Home:
        moveCursor(m_coverage.window().from);
        break;
    case Qt::Key_End:
        moveCursor(m_coverage.window().to);
        break;
    case Qt::Key_N:
        jump(shift ? m_coverage.previousBackup(*m_cursor) : m_coverage.nextBackup(*m_cursor));
        break;
    case Qt::Key_G:
        jump(m_coverage.nextGap(*m_cursor));
        break;
    default:
        QWidget::keyPressEvent(event);
        return;
    }
    event->accept();
}

void RangeStrip::mousePressEvent(QMouseEvent* event)
{
    if (m_mode == Mode::Cursor && m_cursor && event->button() == Qt::LeftButton)
        moveCursor(momentAt(event->position().x()));
}

void RangeStrip::mouseMoveEvent(QMouseEvent* event)
{
    if (m_mode == Mode::Cursor && m_cursor && event->buttons().testFlag(Qt::LeftButton))
        moveCursor(momentAt(event->position().x()));
}

bool RangeStrip::event(QEvent* event)
{
    if (event->type() != QEvent::ToolTip || m_coverage.isEmpty())
        return QWidget::event(event);
    const auto* help = dynamic_cast<QHelpEvent*>(event);
    if (help == nullptr)
        return QWidget::event(event);
    const Moment moment = momentAt(help->pos().x());
    QString words = text::readBack(moment, m_zones);
    for (const auto& gap : m_coverage.gaps())
        if (gap.span.from < moment && moment < gap.span.to)
            words += QLatin1Char('\n') + gap.reason;
    QToolTip::showText(help->globalPos(), words, this);
    return true;
}

namespace {

/// The strip as a slider: its value is the cursor in seconds since 1970.
class AccessibleStrip final : public QAccessibleWidget, public QAccessibleValueInterface {
public:
    explicit AccessibleStrip(RangeStrip* strip)
        : QAccessibleWidget(strip, QAccessible::Slider)
    {}

    void* interface_cast(QAccessible::InterfaceType type) override
    {
        if (type == QAccessible::ValueInterface)
            return static_cast<QAccessibleValueInterface*>(this);
        return QAccessibleWidget::interface_cast(type);
    }
    [[nodiscard]] QString text(QAccessible::Text kind) const override
    {
        return kind == QAccessible::Value ? strip()->cursorWords() : QAccessibleWidget::text(kind);
    }
    [[nodiscard]] QVariant currentValue() const override
    {
        return strip()->cursor() ? asValue(*strip()->cursor()) : QVariant(0.0);
    }
    void setCurrentValue(const QVariant& value) override
    {
        strip()->moveCursor(Moment(std::chrono::seconds(value.toLongLong())));
    }
    [[nodiscard]] QVariant maximumValue() const override
    {
        return strip()->coverage().isEmpty() ? QVariant(0.0)
                                             : asValue(strip()->coverage().window().to);
    }
    [[nodiscard]] QVariant minimumValue() const override
    {
        return strip()->coverage().isEmpty() ? QVariant(0.0)
                                             : asValue(strip()->coverage().window().from);
    }
    [[nodiscard]] QVariant minimumStepSize() const override { return 1.0; }

private:
    [[nodiscard]] static QVariant asValue(Moment moment)
    {
        return static_cast<double>(secondsOf(moment.time_since_epoch()).count());
    }
    [[nodiscard]] RangeStrip* strip() const { return qobject_cast<RangeStrip*>(widget()); }
};

QAccessibleInterface* makeAccessible(const QString& /*className*/, QObject* object)
{
    auto* strip = qobject_cast<RangeStrip*>(object);
    return strip == nullptr ? nullptr : new AccessibleStrip(strip);
}

} // namespace

void installStripAccessibility()
{
    QAccessible::installFactory(makeAccessible);
}

} // namespace salvor::gui
