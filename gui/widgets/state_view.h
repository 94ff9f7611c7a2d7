// What stands in the place of a list that has nothing to show: reading, empty, or not readable.
#pragma once

#include "gui/widgets/parts.h"

#include <QStackedWidget>

#include <functional>

namespace salvor::gui {

/// Shows its content, or says why there is none. The three empty states never look alike.
class StateView final : public QStackedWidget {
    Q_OBJECT
public:
    explicit StateView(QWidget* content, QWidget* parent = nullptr);
    void showContent();
    /// "Reading nas-02": a grey bar.
    void showReading(const QString& sentence);
    /// What is not there, when that was checked, and the next action, if any.
    void showEmpty(const QString& title, const QString& sentence, const QString& verb = {},
                   std::function<void()> action = {});
    void showFailed(const Error& error, std::function<void()> retry);

private:
    QWidget* m_content;
    QWidget* m_reading;
    Text* m_readingWords;
    QWidget* m_empty;
    Text* m_emptyTitle;
    Text* m_emptySentence;
    QPushButton* m_emptyButton;
    std::function<void()> m_emptyAction;
    QWidget* m_failed;
    Notice* m_failure;
};

} // namespace salvor::gui
