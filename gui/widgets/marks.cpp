#include "gui/widgets/marks.h"

#include <QGuiApplication>
#include <QIconEngine>
#include <QPainter>
#include <QPainterPath>
#include <QPixmapCache>
#include <QPolygonF>
#include <QSvgRenderer>

#include <algorithm>

namespace salvor::gui {
namespace {

constexpr qreal stroke = 1.5;

QPolygonF octagon(const QRectF& box)
{
    const qreal cut = box.width() * 0.3;
    return QPolygonF({{box.left() + cut, box.top()},
                      {box.right() - cut, box.top()},
                      {box.right(), box.top() + cut},
                      {box.right(), box.bottom() - cut},
                      {box.right() - cut, box.bottom()},
                      {box.left() + cut, box.bottom()},
                      {box.left(), box.bottom() - cut},
                      {box.left(), box.top() + cut}});
}

void paintTick(QPainter& painter, const QRectF& box)
{
    painter.drawEllipse(box);
    const auto at = [&box](qreal x, qreal y) {
        return QPointF(box.left() + box.width() * x, box.top() + box.height() * y);
    };
    painter.drawPolyline(QPolygonF({at(0.28, 0.52), at(0.44, 0.68), at(0.73, 0.36)}));
}

void paintTriangle(QPainter& painter, const QRectF& box)
{
    painter.drawPolygon(
        QPolygonF({{box.center().x(), box.top()}, box.bottomRight(), box.bottomLeft()}));
    const qreal x = box.center().x();
    painter.drawLine(QPointF(x, box.top() + box.height() * 0.42),
                     QPointF(x, box.top() + box.height() * 0.66));
    painter.drawPoint(QPointF(x, box.top() + box.height() * 0.83));
}

void paintOctagon(QPainter& painter, const QRectF& box, const Theme& theme)
{
    painter.setBrush(theme.breachFill);
    painter.setPen(QPen(theme.breachFill, 1));
    painter.drawPolygon(octagon(box));
    painter.setPen(QPen(theme.breachFillText, stroke, Qt::SolidLine, Qt::RoundCap));
    const QRectF cross = box.adjusted(box.width() * 0.3, box.height() * 0.3, -box.width() * 0.3,
                                      -box.height() * 0.3);
    painter.drawLine(cross.topLeft(), cross.bottomRight());
    painter.drawLine(cross.topRight(), cross.bottomLeft());
}

void paintNote(QPainter& painter, const QRectF& box)
{
    painter.drawRoundedRect(box, 2, 2);
    const qreal x = box.center().x();
    painter.drawPoint(QPointF(x, box.top() + box.height() * 0.28));
    painter.drawLine(QPointF(x, box.top() + box.height() * 0.48),
                     QPointF(x, box.top() + box.height() * 0.75));
}

class ThemedIconEngine final : public QIconEngine {
public:
    ThemedIconEngine(QString name, IconInk ink)
        : m_name(std::move(name))
        , m_ink(ink)
    {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override
    {
        painter->drawPixmap(rect, tintedIcon(m_name, colour(mode), rect.size(),
                                             painter->device()->devicePixelRatioF()));
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State /*state*/) override
    {
        return tintedIcon(m_name, colour(mode), size, 1);
    }
    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State /*state*/,
                         qreal scale) override
    {
        return tintedIcon(m_name, colour(mode), size / scale, scale);
    }
    [[nodiscard]] QIconEngine* clone() const override { return new ThemedIconEngine(*this); }

private:
    [[nodiscard]] QColor colour(QIcon::Mode mode) const
    {
        const Theme& theme = themeOf(QGuiApplication::palette());
        if (mode == QIcon::Disabled || m_ink == IconInk::Muted)
            return theme.muted;
        return m_ink == IconInk::AccentText ? theme.accentText : theme.text;
    }

    QString m_name;
    IconInk m_ink;
};

} // namespace

QColor markColour(const Theme& theme, Mark mark)
{
    switch (mark) {
    case Mark::Passed:
        return theme.ok;
    case Mark::Warning:
        return theme.warn;
    case Mark::Breach:
        return theme.breach;
    case Mark::Note:
        return theme.info;
    case Mark::Running:
        return theme.accent;
    case Mark::NotTested:
    case Mark::NoTarget:
    case Mark::ToDo:
        break;
    }
    return theme.muted;
}

void paintMark(QPainter& painter, const QRectF& box, const Theme& theme, Mark mark)
{
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor colour = markColour(theme, mark);
    QPen pen(colour, stroke, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
    painter.setBrush(Qt::NoBrush);
    const QRectF inner = box.adjusted(1, 1, -1, -1);
    switch (mark) {
    case Mark::Passed:
        painter.setPen(pen);
        paintTick(painter, inner);
        break;
    case Mark::Warning:
        painter.setPen(pen);
        paintTriangle(painter, inner);
        break;
    case Mark::Breach:
        paintOctagon(painter, inner, theme);
        break;
    case Mark::NotTested:
        pen.setDashPattern({2, 2});
        painter.setPen(pen);
        painter.drawPolygon(QPolygonF({{inner.center().x(), inner.top()},
                                       {inner.right(), inner.center().y()},
                                       {inner.center().x(), inner.bottom()},
                                       {inner.left(), inner.center().y()}}));
        break;
    case Mark::NoTarget:
        painter.setPen(pen);
        painter.drawLine(QPointF(inner.left() + 2, inner.center().y()),
                         QPointF(inner.right() - 2, inner.center().y()));
        break;
    case Mark::Running:
        painter.setPen(pen);
        painter.drawEllipse(inner);
        painter.setBrush(colour);
        painter.drawPie(inner, 90 * 16, 180 * 16);
        break;
    case Mark::ToDo:
        painter.setPen(pen);
        painter.drawEllipse(inner);
        break;
    case Mark::Note:
        painter.setPen(pen);
        paintNote(painter, inner);
        break;
    }
    painter.restore();
}

QPixmap tintedIcon(const QString& name, const QColor& colour, QSize size, qreal devicePixelRatio)
{
    const QString key = QStringLiteral("salvor:%1:%2:%3x%4@%5")
                            .arg(name, colour.name())
                            .arg(size.width())
                            .arg(size.height())
                            .arg(devicePixelRatio);
    QPixmap pixmap;
    if (QPixmapCache::find(key, &pixmap))
        return pixmap;
    pixmap = QPixmap(size * devicePixelRatio);
    pixmap.setDevicePixelRatio(devicePixelRatio);
    pixmap.fill(Qt::transparent);
    QSvgRenderer renderer(QStringLiteral(":/icons/%1.svg").arg(name));
    QPainter painter(&pixmap);
    // A wider box leaves air between the icon and the words of a button.
    const qreal side = std::min(size.width(), size.height());
    renderer.render(&painter, QRectF(0, (size.height() - side) / 2, side, side));
    painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
    painter.fillRect(QRectF(QPointF(), QSizeF(size)), colour);
    painter.end();
    QPixmapCache::insert(key, pixmap);
    return pixmap;
}

QIcon themedIcon(const QString& name, IconInk ink)
{
    return QIcon(new ThemedIconEngine(name, ink));
}

void paintHatch(QPainter& painter, const QRectF& box, const Theme& theme, Hatch hatch)
{
    painter.save();
    painter.setClipRect(box, Qt::IntersectClip);
    painter.setRenderHint(QPainter::Antialiasing);
    if (hatch == Hatch::Lost) {
        painter.setPen(Qt::NoPen);
        painter.fillRect(box, theme.planTint);
        painter.setBrush(theme.plan);
        constexpr int step = 6;
        for (int y = step / 2; y < box.height(); y += step)
            for (int x = step / 2; x < box.width(); x += step)
                painter.drawEllipse(box.topLeft() + QPointF(x, y), 0.9, 0.9);
    } else {
        const bool gap = hatch == Hatch::Gap;
        painter.fillRect(box, theme.raised);
        painter.setPen(QPen(gap ? theme.text : theme.ink2, gap ? 2 : 1));
        const int step = gap ? 6 : 7;
        for (int x = 0; x < box.width() + box.height(); x += step)
            painter.drawLine(box.bottomLeft() + QPointF(x - box.height(), 0),
                             box.topLeft() + QPointF(x, 0));
    }
    painter.restore();
    if (hatch != Hatch::Lost) {
        painter.save();
        painter.setPen(QPen(theme.edge, 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5));
        painter.restore();
    }
}

} // namespace salvor::gui
