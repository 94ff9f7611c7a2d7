#include "gui/app/nav_bar.h"

#include "gui/widgets/marks.h"
#include "gui/widgets/style.h"

#include <QButtonGroup>
#include <QPainter>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

constexpr int wideWidth = 200;
constexpr int iconsWidth = 48;

} // namespace

NavButton::NavButton(const QString& words, QString icon, const QKeySequence& shortcut)
    : m_icon(std::move(icon))
    , m_shortcut(shortcut.toString(QKeySequence::NativeText))
{
    setText(words);
    setShortcut(shortcut);
    setAccessibleName(words);
    setToolTip(QStringLiteral("%1 (%2)").arg(words, m_shortcut));
    setCheckable(true);
    setFocusPolicy(Qt::StrongFocus);
    setFixedHeight(32);
}

void NavButton::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    if (isChecked()) {
        painter.fillRect(rect(), theme.raised);
        painter.fillRect(QRect(0, 0, 3, height()), theme.accent);
    } else if (underMouse()) {
        painter.fillRect(rect(), theme.surface);
    }
    const bool narrow = width() <= iconsWidth;
    const QRect icon(16, 8, 16, 16);
    painter.drawPixmap(icon, tintedIcon(m_icon, theme.text, icon.size(), devicePixelRatioF()));
    if (hasFocus()) {
        painter.setPen(QPen(theme.focus, theme.focusWidth()));
        painter.drawRect(rect().adjusted(1, 1, -2, -2));
    }
    if (narrow)
        return;
    painter.setPen(theme.text);
    painter.setFont(fontOf(isChecked() ? TextSize::Strong : TextSize::Body));
    painter.drawText(rect().adjusted(42, 0, -12, 0), Qt::AlignVCenter, text());
    painter.setPen(theme.muted);
    const int words = painter.fontMetrics().horizontalAdvance(text());
    painter.setFont(fontOf(TextSize::Note));
    // In a wide font the shortcut gives way; it stands in the tooltip too.
    if (42 + words + 12 + painter.fontMetrics().horizontalAdvance(m_shortcut) + 12 > width())
        return;
    painter.drawText(rect().adjusted(42, 0, -12, 0), Qt::AlignVCenter | Qt::AlignRight, m_shortcut);
}

NavBar::NavBar(QWidget* parent)
    : QWidget(parent)
    , m_group(new QButtonGroup(this))
    , m_column(new QVBoxLayout(this))
{
    m_column->setContentsMargins(0, 8, 1, 8);
    m_column->setSpacing(0);
    m_column->addStretch();
    setFixedWidth(wideWidth);
    connect(m_group, &QButtonGroup::idClicked, this, &NavBar::chosen);
}

void NavBar::add(int page, const QString& words, const QString& icon, const QKeySequence& shortcut)
{
    auto* button = new NavButton(words, icon, shortcut);
    button->setProperty("salvorOwnFocus", true);
    m_group->addButton(button, page);
    m_column->insertWidget(m_column->count() - 1, button);
}

void NavBar::setCurrent(int page)
{
    if (QAbstractButton* button = m_group->button(page))
        button->setChecked(true);
}

void NavBar::setWidth(Width width)
{
    setFixedWidth(width == Width::Words ? wideWidth : iconsWidth);
}

void NavBar::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    painter.setPen(themeOf(palette()).border);
    painter.drawLine(width() - 1, 0, width() - 1, height());
}

} // namespace salvor::gui
