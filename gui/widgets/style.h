// How controls are drawn: Fusion, with the design's buttons, fields and headers.
#pragma once

#include "gui/widgets/theme.h"

#include <QProxyStyle>

class QAbstractButton;
class QApplication;
class QFocusFrame;

namespace salvor::gui {

/// What a button is for; decides how it looks.
enum class ButtonRole { Secondary, Primary, Destructive, Flat };
void setRole(QAbstractButton& button, ButtonRole role);

class Style final : public QProxyStyle {
    Q_OBJECT
public:
    Style();

    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                       const QWidget* widget) const override;
    void drawControl(ControlElement element, const QStyleOption* option, QPainter* painter,
                     const QWidget* widget) const override;
    void drawComplexControl(ComplexControl control, const QStyleOptionComplex* option,
                            QPainter* painter, const QWidget* widget) const override;
    [[nodiscard]] QSize sizeFromContents(ContentsType type, const QStyleOption* option,
                                         const QSize& size, const QWidget* widget) const override;
    [[nodiscard]] QRect subElementRect(SubElement element, const QStyleOption* option,
                                       const QWidget* widget) const override;
    [[nodiscard]] QRect subControlRect(ComplexControl control, const QStyleOptionComplex* option,
                                       SubControl part, const QWidget* widget) const override;
    [[nodiscard]] int pixelMetric(PixelMetric metric, const QStyleOption* option,
                                  const QWidget* widget) const override;
    [[nodiscard]] int styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                                QStyleHintReturn* data) const override;
};

/// Style, font and palette; from here on a change of look is applyLook() alone. A ring follows the
/// focus.
void setUpStyle(QApplication& application, Look look);
void applyLook(Look look);

/// Fonts of the design, from the application's own: page title 16 semibold, panel title 12
/// semibold, sentence 11, note 9, mono 9.
enum class TextSize { Title, PanelTitle, Sentence, Body, Strong, Note, Mono };
[[nodiscard]] QFont fontOf(TextSize size);

} // namespace salvor::gui
