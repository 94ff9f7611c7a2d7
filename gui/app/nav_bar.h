// The list of pages at the left of the window.
#pragma once

#include <QAbstractButton>
#include <QWidget>

class QButtonGroup;
class QVBoxLayout;

namespace salvor::gui {

/// One entry: icon, words, shortcut.
class NavButton final : public QAbstractButton {
    Q_OBJECT
public:
    NavButton(const QString& words, QString icon, const QKeySequence& shortcut);
    [[nodiscard]] QSize sizeHint() const override { return {200, 32}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString m_icon;
    QString m_shortcut;
};

/// 200 px wide with words, 48 px with icons alone while a flow needs the room.
class NavBar final : public QWidget {
    Q_OBJECT
public:
    enum class Width { Words, Icons };
    explicit NavBar(QWidget* parent = nullptr);
    void add(int page, const QString& words, const QString& icon, const QKeySequence& shortcut);
    void setCurrent(int page);
    void setWidth(Width width);

Q_SIGNALS:
    void chosen(int page);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QButtonGroup* m_group;
    QVBoxLayout* m_column;
};

} // namespace salvor::gui
