// Shapes that carry a status together with a word, and tinted icons.
#pragma once

#include "gui/widgets/theme.h"

#include <QIcon>
#include <QPixmap>
#include <QRectF>
#include <QString>

class QPainter;

namespace salvor::gui {

/// Shape and colour of a status; never shown without a word.
enum class Mark { Passed, Warning, Breach, NotTested, NoTarget, Running, ToDo, Note };

/// The colour of the mark and of its word.
[[nodiscard]] QColor markColour(const Theme& theme, Mark mark);
void paintMark(QPainter& painter, const QRectF& box, const Theme& theme, Mark mark);

/// A monochrome icon of the application in one colour.
[[nodiscard]] QPixmap tintedIcon(const QString& name, const QColor& colour, QSize size,
                                 qreal devicePixelRatio);
/// Which colour an icon takes from the palette at the time it is painted.
enum class IconInk { Text, Muted, AccentText };
/// An icon that follows the palette.
[[nodiscard]] QIcon themedIcon(const QString& name, IconInk ink = IconInk::Text);

enum class Hatch { Gap, NotRestorable, Lost };
/// The pattern of a gap, of what cannot be restored, or of what will be lost.
void paintHatch(QPainter& painter, const QRectF& box, const Theme& theme, Hatch hatch);

} // namespace salvor::gui
