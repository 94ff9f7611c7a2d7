#include "gui/widgets/style.h"

#include "gui/widgets/marks.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QApplication>
#include <QFocusFrame>
#include <QFontDatabase>
#include <QPainter>
#include <QPixmapCache>
#include <QPointer>
#include <QStyleFactory>
#include <QStyleOption>

namespace salvor::gui {
namespace {

constexpr const char* roleProperty = "salvorRole";
constexpr int controlHeight = 32;
constexpr int radius = 4;
constexpr int focusGap = 2;
constexpr int fieldPadding = 6;
constexpr int headerMargin = 8; // As the cells below.

ButtonRole roleOf(const QWidget* widget)
{
    return widget == nullptr ? ButtonRole::Secondary
                             : static_cast<ButtonRole>(widget->property(roleProperty).toInt());
}

void paintFrame(QPainter& painter, const QRect& rect, const QColor& fill, const QPen& pen)
{
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(fill);
    painter.setPen(pen);
    painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
    painter.restore();
}

void paintButton(QPainter& painter, const QStyleOption& option, ButtonRole role)
{
    const Theme& theme = themeOf(option.palette);
    const bool enabled = option.state.testFlag(QStyle::State_Enabled);
    const bool down =
        option.state.testFlag(QStyle::State_Sunken) || option.state.testFlag(QStyle::State_On);
    const bool hover = option.state.testFlag(QStyle::State_MouseOver);
    if (!enabled) {
        paintFrame(painter, option.rect, Qt::transparent, QPen(theme.edge, 1, Qt::DashLine));
        return;
    }
    if (role == ButtonRole::Flat) {
        if (down || hover)
            paintFrame(painter, option.rect, theme.select, Qt::NoPen);
        return;
    }
    if (role == ButtonRole::Secondary) {
        const bool on = option.state.testFlag(QStyle::State_On);
        paintFrame(painter, option.rect,
                   on      ? theme.accent
                   : down  ? theme.select
                   : hover ? theme.surface
                           : theme.raised,
                   QPen(theme.edge, 1));
        return;
    }
    const QColor fill = role == ButtonRole::Primary ? theme.accent : theme.breachFill;
    paintFrame(painter, option.rect, down ? fill.darker(115) : fill,
               hover ? QPen(theme.text, 1) : QPen(Qt::NoPen));
}

/// Fusion's own outline is too faint on black.
void paintIndicator(QPainter& painter, const QStyleOption& option, bool round)
{
    const Theme& theme = themeOf(option.palette);
    const bool enabled = option.state.testFlag(QStyle::State_Enabled);
    const qreal corner = round ? option.rect.width() / 2.0 : 2;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme.edge, 1.2));
    painter.setBrush(enabled ? theme.raised : theme.sunken);
    const QRectF box = QRectF(option.rect).adjusted(0.6, 0.6, -0.6, -0.6);
    painter.drawRoundedRect(box, corner, corner);
    if (option.state.testFlag(QStyle::State_On)) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(enabled ? theme.accent : theme.muted);
        const qreal inset = box.width() * 0.26;
        painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), round ? corner : 1,
                                round ? corner : 1);
    }
    painter.restore();
}

QColor labelColour(const QStyleOption& option, ButtonRole role)
{
    const Theme& theme = themeOf(option.palette);
    if (!option.state.testFlag(QStyle::State_Enabled))
        return theme.muted;
    if (role == ButtonRole::Primary
        || (role == ButtonRole::Secondary && option.state.testFlag(QStyle::State_On)))
        return theme.accentText;
    return role == ButtonRole::Destructive ? theme.breachFillText : theme.text;
}

/// Moves one ring to whatever has the focus, outside its own area where there is room.
class FocusRing final : public QObject {
public:
    explicit FocusRing(QApplication& application)
        : QObject(&application)
    {
        connect(&application, &QApplication::focusChanged, this,
                [this](QWidget*, QWidget* now) { follow(now); });
    }

private:
    void follow(QWidget* now)
    {
        delete m_frame;
        if (now == nullptr || now->isWindow() || now->focusPolicy() == Qt::NoFocus
            || now->property("salvorOwnFocus").toBool())
            return;
        m_frame = new QFocusFrame(now->parentWidget());
        m_frame->setWidget(now);
    }

    QPointer<QFocusFrame> m_frame; // Goes with its parent, or here.
};

} // namespace

void setRole(QAbstractButton& button, ButtonRole role)
{
    button.setProperty(roleProperty, static_cast<int>(role));
    if (role == ButtonRole::Primary || role == ButtonRole::Destructive) {
        QFont font = button.font();
        font.setWeight(QFont::DemiBold);
        button.setFont(font);
    }
    button.update();
}

Style::Style()
    : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion")))
{}

void Style::drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                          const QWidget* widget) const
{
    const Theme& theme = themeOf(option->palette);
    switch (element) {
    case PE_PanelButtonCommand:
    case PE_PanelButtonTool:
        paintButton(*painter, *option, roleOf(widget));
        return;
    case PE_PanelLineEdit:
    case PE_FrameLineEdit: {
        const auto* panel = qstyleoption_cast<const QStyleOptionFrame*>(option);
        if (element == PE_PanelLineEdit && (panel == nullptr || panel->lineWidth <= 0)) {
            painter->fillRect(option->rect, option->palette.brush(QPalette::Base));
            return;
        }
        const bool open =
            option->state.testFlag(State_Enabled) && !option->state.testFlag(State_ReadOnly);
        paintFrame(*painter, option->rect, open ? theme.raised : theme.sunken,
                   QPen(open ? theme.edge : theme.border, 1));
        return;
    }
    case PE_IndicatorRadioButton:
    case PE_IndicatorCheckBox:
        paintIndicator(*painter, *option, element == PE_IndicatorRadioButton);
        return;
    case PE_FrameFocusRect: // The ring says it.
        return;
    default:
        QProxyStyle::drawPrimitive(element, option, painter, widget);
    }
}

void Style::drawControl(ControlElement element, const QStyleOption* option, QPainter* painter,
                        const QWidget* widget) const
{
    const Theme& theme = themeOf(option->palette);
    switch (element) {
    case CE_FocusFrame: {
        const int width = theme.focusWidth();
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(QPen(theme.focus, width));
        painter->setBrush(Qt::NoBrush);
        const qreal half = width / 2.0;
        painter->drawRoundedRect(QRectF(option->rect).adjusted(half, half, -half, -half),
                                 radius + focusGap, radius + focusGap);
        painter->restore();
        return;
    }
    case CE_PushButtonLabel: {
        const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option);
        if (button == nullptr)
            break;
        QStyleOptionButton copy = *button;
        copy.palette.setColor(QPalette::ButtonText, labelColour(*option, roleOf(widget)));
        QProxyStyle::drawControl(element, &copy, painter, widget);
        return;
    }
    case CE_HeaderSection:
    case CE_HeaderEmptyArea:
        painter->fillRect(option->rect, theme.sunken);
        painter->setPen(theme.border);
        painter->drawLine(option->rect.bottomLeft(), option->rect.bottomRight());
        return;
    case CE_HeaderLabel: {
        const auto* header = qstyleoption_cast<const QStyleOptionHeader*>(option);
        if (header == nullptr)
            break;
        QStyleOptionHeader copy = *header;
        copy.rect.adjust(headerMargin, 0, -headerMargin, 0);
        QProxyStyle::drawControl(element, &copy, painter, widget);
        return;
    }
    case CE_MenuBarItem: {
        const auto* item = qstyleoption_cast<const QStyleOptionMenuItem*>(option);
        if (item == nullptr)
            break;
        const bool open = option->state.testFlag(State_Selected);
        painter->fillRect(option->rect, open ? theme.select : theme.surface);
        painter->setPen(theme.text);
        painter->drawText(option->rect, Qt::AlignCenter | Qt::TextShowMnemonic, item->text);
        return;
    }
    case CE_MenuBarEmptyArea:
        painter->fillRect(option->rect, theme.surface);
        return;
    default:
        break;
    }
    QProxyStyle::drawControl(element, option, painter, widget);
}

void Style::drawComplexControl(ComplexControl control, const QStyleOptionComplex* option,
                               QPainter* painter, const QWidget* widget) const
{
    const Theme& theme = themeOf(option->palette);
    const bool enabled = option->state.testFlag(State_Enabled);
    if (control == CC_ComboBox) {
        paintFrame(*painter, option->rect, enabled ? theme.raised : theme.sunken,
                   QPen(theme.edge, 1));
        const QRect arrow = subControlRect(CC_ComboBox, option, SC_ComboBoxArrow, widget);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(QPen(enabled ? theme.text : theme.muted, 1.5, Qt::SolidLine, Qt::RoundCap,
                             Qt::RoundJoin));
        const QPointF middle = QRectF(arrow).center();
        painter->drawPolyline(
            QPolygonF({middle + QPointF(-4, -2), middle + QPointF(0, 2), middle + QPointF(4, -2)}));
        painter->restore();
        return;
    }
    const auto* spin = qstyleoption_cast<const QStyleOptionSpinBox*>(option);
    if (control == CC_SpinBox && spin != nullptr
        && spin->buttonSymbols == QAbstractSpinBox::NoButtons) {
        paintFrame(*painter, option->rect, enabled ? theme.raised : theme.sunken,
                   QPen(theme.edge, 1));
        return;
    }
    QProxyStyle::drawComplexControl(control, option, painter, widget);
}

QSize Style::sizeFromContents(ContentsType type, const QStyleOption* option, const QSize& size,
                              const QWidget* widget) const
{
    QSize result = QProxyStyle::sizeFromContents(type, option, size, widget);
    switch (type) {
    case CT_PushButton:
        result.setWidth(std::max(result.width(), size.width() + 28));
        result.setHeight(controlHeight);
        break;
    case CT_LineEdit:
    case CT_ComboBox:
    case CT_SpinBox:
        result.setHeight(controlHeight);
        break;
    case CT_HeaderSection:
    case CT_MenuBarItem:
        result.setHeight(28);
        break;
    default:
        break;
    }
    return result;
}

QRect Style::subElementRect(SubElement element, const QStyleOption* option,
                            const QWidget* widget) const
{
    const QRect rect = QProxyStyle::subElementRect(element, option, widget);
    return element == SE_LineEditContents ? rect.adjusted(fieldPadding, 0, -fieldPadding, 0) : rect;
}

QRect Style::subControlRect(ComplexControl control, const QStyleOptionComplex* option,
                            SubControl part, const QWidget* widget) const
{
    const QRect rect = QProxyStyle::subControlRect(control, option, part, widget);
    return control == CC_ComboBox && part == SC_ComboBoxEditField
               ? rect.adjusted(fieldPadding, 0, 0, 0)
               : rect;
}

int Style::pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const
{
    switch (metric) {
    case PM_FocusFrameHMargin:
    case PM_FocusFrameVMargin:
        return focusGap + themeOf(QApplication::palette()).focusWidth();
    case PM_ButtonShiftHorizontal:
    case PM_ButtonShiftVertical:
        return 0;
    default:
        return QProxyStyle::pixelMetric(metric, option, widget);
    }
}

int Style::styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                     QStyleHintReturn* data) const
{
    switch (hint) {
    case SH_FocusFrame_AboveWidget:
        return 1;
    case SH_Header_ArrowAlignment:
        return Qt::AlignRight | Qt::AlignVCenter;
    case SH_FocusFrame_Mask:
    case SH_ComboBox_Popup:
    case SH_Widget_Animate:
    case SH_Widget_Animation_Duration:
        return 0;
    default:
        return QProxyStyle::styleHint(hint, option, widget, data);
    }
}

void setUpStyle(QApplication& application, Look look)
{
    QApplication::setStyle(new Style);
    QFont font = QApplication::font();
    font.setPointSize(10);
    QApplication::setFont(font);
    new FocusRing(application);
    applyLook(look);
}

void applyLook(Look look)
{
    QPixmapCache::clear();
    QApplication::setPalette(themeOf(look).palette());
}

QFont fontOf(TextSize size)
{
    QFont font = QApplication::font();
    switch (size) {
    case TextSize::Title:
        font.setPointSize(16);
        font.setWeight(QFont::DemiBold);
        break;
    case TextSize::PanelTitle:
        font.setPointSize(12);
        font.setWeight(QFont::DemiBold);
        break;
    case TextSize::Sentence:
        font.setPointSize(11);
        break;
    case TextSize::Body:
        break;
    case TextSize::Strong:
        font.setWeight(QFont::DemiBold);
        break;
    case TextSize::Note:
        font.setPointSize(9);
        break;
    case TextSize::Mono:
        font = QFontDatabase::systemFont(QFontDatabase::FixedFont);
        font.setPointSize(9);
        break;
    }
    return font;
}

} // namespace salvor::gui
