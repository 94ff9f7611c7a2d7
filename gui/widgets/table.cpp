#include "gui/widgets/table.h"

#include "gui/widgets/style.h"

#include <QHeaderView>
#include <QPainter>

#include <algorithm>

namespace salvor::gui {
namespace {

constexpr int cellMargin = 10;

} // namespace

Table::Table(RowHeight height, QWidget* parent)
    : QTableView(parent)
{
    setShowGrid(false);
    setSelectionBehavior(SelectRows);
    setSelectionMode(SingleSelection);
    setEditTriggers(NoEditTriggers);
    setFrameShape(NoFrame);
    setHorizontalScrollMode(ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setTabKeyNavigation(false);
    setWordWrap(false);
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    verticalHeader()->setDefaultSectionSize(static_cast<int>(height));
    verticalHeader()->setMinimumSectionSize(static_cast<int>(height));
    QHeaderView* header = horizontalHeader();
    header->setHighlightSections(false);
    header->setSectionsClickable(false);
    header->setFixedHeight(28);
    header->setFont(fontOf(TextSize::Strong));
    header->setStretchLastSection(false);
    header->setFocusPolicy(Qt::NoFocus);
}

void Table::setWidths(const std::vector<int>& widths)
{
    QHeaderView* header = horizontalHeader();
    header->setMinimumSectionSize(24);
    for (int column = 0; column < static_cast<int>(widths.size()); ++column) {
        const int width = widths[static_cast<std::size_t>(column)];
        header->setSectionResizeMode(column,
                                     width == 0 ? QHeaderView::Stretch : QHeaderView::Fixed);
        if (width != 0)
            header->resizeSection(column, width);
    }
}

int Table::currentRow() const
{
    const QModelIndex current = currentIndex();
    return current.isValid() && selectionModel()->isRowSelected(current.row(), {}) ? current.row()
                                                                                   : -1;
}

CellDelegate::CellDelegate(QObject* parent)
    : QStyledItemDelegate(parent)
{}

void CellDelegate::setMarks(int column, MarkOf markOf)
{
    m_markColumn = column;
    m_markOf = std::move(markOf);
}

void CellDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                         const QModelIndex& index) const
{
    painter->save();
    const Theme& theme = themeOf(option.palette);
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    painter->fillRect(option.rect, selected ? theme.select : theme.raised);
    painter->setPen(theme.border);
    painter->drawLine(option.rect.bottomLeft(), option.rect.bottomRight());
    QRect area = option.rect.adjusted(cellMargin, 0, -cellMargin, -1);

    std::optional<Mark> mark;
    if (index.column() == m_markColumn && m_markOf)
        mark = m_markOf(index);
    const QString first = index.data(Qt::DisplayRole).toString();
    const QString second = m_secondRole < 0 ? QString() : index.data(m_secondRole).toString();
    const auto alignment = Qt::Alignment(index.data(Qt::TextAlignmentRole).toInt());
    if (mark) {
        const qreal y = second.isEmpty() ? area.center().y() - 7 : area.top() + 8;
        paintMark(*painter, QRectF(area.left(), y, 16, 16), theme, *mark);
        area.setLeft(area.left() + 22);
    }
    const bool mono = std::find(m_mono.begin(), m_mono.end(), index.column()) != m_mono.end();
    const bool trouble = mark && (*mark == Mark::Warning || *mark == Mark::Breach);
    const QFont font = fontOf(mono                                    ? TextSize::Mono
                              : trouble || index.column() == m_strong ? TextSize::Strong
                                                                      : TextSize::Body);
    const auto line = [&](const QRect& box, const QFont& lineFont, const QColor& ink,
                          const QString& words, Qt::TextElideMode elide) {
        painter->setFont(lineFont);
        painter->setPen(ink);
        painter->drawText(
            box, static_cast<int>((alignment & Qt::AlignHorizontal_Mask) | Qt::AlignVCenter),
            QFontMetrics(lineFont).elidedText(words, elide, box.width()));
    };
    const QColor ink = trouble ? markColour(theme, *mark) : theme.text;
    if (second.isEmpty()) {
        line(area, font, ink, first, Qt::ElideMiddle);
    } else {
        line(QRect(area.left(), area.top() + 5, area.width(), 20), font, ink, first,
             Qt::ElideMiddle);
        line(QRect(area.left(), area.top() + 25, area.width(), 18), fontOf(TextSize::Note),
             theme.muted, second, Qt::ElideRight);
    }
    painter->restore();
}

} // namespace salvor::gui
