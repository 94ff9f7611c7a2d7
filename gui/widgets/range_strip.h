// The recovery range strip: what can be restored, on a line of time, with a cursor.
#pragma once

#include "gui/text/moments.h"
#include "gui/widgets/coverage.h"
#include "gui/widgets/theme.h"

#include <QWidget>

namespace salvor::gui {

/// Backups as bars, WAL, and the restorable lane with gaps hatched and their reason. With a cursor
/// it rests only where a restore is possible. Keys: left and right 1 s, with Shift 1 min, with Ctrl
/// 1 h; Home and End; N the next backup (Shift the one before); G the next gap. A screen reader is
/// given name and value.
class RangeStrip final : public QWidget {
    Q_OBJECT
public:
    enum class Mode { Overview, Cursor };
    RangeStrip(Mode mode, text::Zones zones, QWidget* parent = nullptr);

    /// `now` bounds the axis at the right.
    void setCluster(const console::ClusterSummary& cluster, Moment now);
    /// The zone of the axis and of the read-out.
    void setZones(text::Zones zones);
    [[nodiscard]] const Coverage& coverage() const { return m_coverage; }
    [[nodiscard]] std::optional<Moment> cursor() const { return m_cursor; }
    /// Moves the cursor to the restorable moment nearest to it. No signal.
    void setCursor(Moment moment);
    /// Marks a backup; empty for none.
    void setMarkedBackup(const std::string& id);
    /// The sentence that stands for the picture: also the accessible description.
    [[nodiscard]] QString sentence() const;
    /// What the cursor says: the moment and, when a move was refused, why.
    [[nodiscard]] QString cursorWords() const;
    /// Where a moment stands, in pixels.
    [[nodiscard]] qreal xOf(Moment moment) const;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

    /// As a key or a screen reader moves it: emits cursorMoved() and says why it was refused.
    void moveCursor(Moment wanted);

Q_SIGNALS:
    void cursorMoved(salvor::Moment moment);

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    bool event(QEvent* event) override;

private:
    [[nodiscard]] QRectF lane(int number) const;
    [[nodiscard]] QRectF spanBox(const Span& span, const QRectF& lane) const;
    [[nodiscard]] Moment momentAt(qreal x) const;
    void paintAxis(QPainter& painter, const Theme& theme) const;
    void paintLanes(QPainter& painter, const Theme& theme) const;
    void paintReasons(QPainter& painter, const Theme& theme) const;
    void paintCursor(QPainter& painter, const Theme& theme) const;
    [[nodiscard]] int top() const;

    Mode m_mode;
    text::Zones m_zones;
    Coverage m_coverage;
    Span m_axis;
    std::optional<Moment> m_cursor;
    std::string m_marked;
    QString m_refused;
};

/// Teaches Qt how screen readers see the strip. Once, at the start of the program.
void installStripAccessibility();

} // namespace salvor::gui
