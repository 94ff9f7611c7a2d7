// Small parts that pages are made of: labels, badges, notices, panels, page headers.
#pragma once

#include "core/base/error.h"
#include "gui/widgets/marks.h"
#include "gui/widgets/style.h"

#include <QFrame>
#include <QLabel>
#include <QPushButton>

#include <functional>

class QGridLayout;
class QHBoxLayout;
class QVBoxLayout;

namespace salvor::gui {

enum class Ink { Text, Muted, Plan, Warn, Breach, Ok };

/// A label in one of the design's sizes and inks, which follows the palette. Wraps unless it is
/// mono.
class Text final : public QLabel {
    Q_OBJECT
public:
    explicit Text(const QString& text, TextSize size = TextSize::Body, Ink ink = Ink::Text,
                  QWidget* parent = nullptr);
    void setInk(Ink ink);

protected:
    void changeEvent(QEvent* event) override;

private:
    void tint();
    Ink m_ink;
    bool m_tinting = false;
};

/// Shape and word.
class Badge final : public QWidget {
    Q_OBJECT
public:
    explicit Badge(Mark mark, const QString& word, QWidget* parent = nullptr);
    void set(Mark mark, const QString& word);
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Mark m_mark;
    QString m_word;
};

/// A raised area with a thin line around, radius 6; optionally an edge of 3 px at its top.
class Panel : public QFrame {
    Q_OBJECT
public:
    enum class Edge { None, Plan, Breach };
    explicit Panel(Edge edge = Edge::None, QWidget* parent = nullptr);
    /// Margins and spacing are set; use it for the content.
    [[nodiscard]] QVBoxLayout* body() const { return m_body; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Edge m_edge;
    QVBoxLayout* m_body;
};

/// A tinted bar with a 4 px left edge: what happened, what it means, and buttons.
class Notice final : public QWidget {
    Q_OBJECT
public:
    enum class Kind { Info, Warning, Breach, Plan };
    explicit Notice(Kind kind, QWidget* parent = nullptr);
    void setKind(Kind kind);
    /// The strong line, and the one below it; either may be empty.
    void setWords(const QString& title, const QString& sentence);
    /// Adds a button at the right; the caller connects it.
    QPushButton* addButton(const QString& verb);
    void clearButtons();
    /// Shows an error in a person's words, its message under "Details", with "Try again" when that
    /// may help and `retry` is given.
    void showError(const Error& error, std::function<void()> retry = {});
    [[nodiscard]] QString words() const;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Kind m_kind;
    Text* m_title;
    Text* m_sentence;
    Text* m_details;
    QHBoxLayout* m_row;
    std::vector<QPushButton*> m_buttons;
};

/// Title, sentence and actions at the top of a page.
class PageHeader final : public QWidget {
    Q_OBJECT
public:
    explicit PageHeader(const QString& title, QWidget* parent = nullptr);
    void setTitle(const QString& title);
    void setSentence(const QString& sentence);
    [[nodiscard]] QString title() const { return m_title->text(); }
    void addAction(QWidget* widget);

private:
    Text* m_title;
    Text* m_sentence;
    QHBoxLayout* m_actions;
};

/// Label and value in two columns.
class Facts final : public QWidget {
    Q_OBJECT
public:
    explicit Facts(QWidget* parent = nullptr);
    void clear();
    /// Mono is for LSNs, hashes, paths.
    void add(const QString& label, const QString& value, TextSize size = TextSize::Body);

private:
    QGridLayout* m_grid;
};

[[nodiscard]] QPushButton* makeButton(const QString& verb, ButtonRole role = ButtonRole::Secondary,
                                      const QString& icon = {});
/// Copies the text to the clipboard when pressed, and says so for two seconds.
[[nodiscard]] QPushButton* makeCopyButton(const QString& verb, std::function<QString()> text);

} // namespace salvor::gui
