// Tables as the design has them: row lines, one or two lines a cell, marks beside words.
#pragma once

#include "gui/widgets/marks.h"

#include <QStyledItemDelegate>
#include <QTableView>

#include <functional>
#include <optional>
#include <vector>

namespace salvor::gui {

/// A read-only table of whole rows, one selected at a time. Return and double click activate a row.
class Table final : public QTableView {
    Q_OBJECT
public:
    enum class RowHeight { OneLine = 32, TwoLines = 48 };
    explicit Table(RowHeight height, QWidget* parent = nullptr);
    /// Widths in pixels, in order of columns; 0 shares what is left.
    void setWidths(const std::vector<int>& widths);
    /// The row of the source that is selected, or -1.
    [[nodiscard]] int currentRow() const;
};

/// Paints cells: the second line in muted, mono columns, and a mark before the words of a column.
class CellDelegate final : public QStyledItemDelegate {
    Q_OBJECT
public:
    using MarkOf = std::function<std::optional<Mark>(const QModelIndex&)>;

    explicit CellDelegate(QObject* parent = nullptr);
    /// The role whose text stands in the second line.
    void setSecondLine(int role) { m_secondRole = role; }
    void setMono(std::vector<int> columns) { m_mono = std::move(columns); }
    void setStrong(int column) { m_strong = column; }
    void setMarks(int column, MarkOf markOf);

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;

private:
    int m_secondRole = -1;
    int m_strong = -1;
    int m_markColumn = -1;
    std::vector<int> m_mono;
    MarkOf m_markOf;
};

} // namespace salvor::gui
