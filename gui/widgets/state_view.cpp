#include "gui/widgets/state_view.h"

#include <QPainter>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

/// A bar without movement: how far it is, nobody knows.
class GreyBar final : public QWidget {
public:
    GreyBar() { setFixedHeight(6); }

protected:
    void paintEvent(QPaintEvent* /*event*/) override
    {
        QPainter painter(this);
        painter.fillRect(QRect(0, 0, std::min(width(), 320), height()), themeOf(palette()).band2);
    }
};

QVBoxLayout* columnOf(QWidget* page)
{
    auto* column = new QVBoxLayout(page);
    column->setContentsMargins(24, 24, 24, 24);
    column->setSpacing(8);
    return column;
}

} // namespace

StateView::StateView(QWidget* content, QWidget* parent)
    : QStackedWidget(parent)
    , m_content(content)
    , m_reading(new QWidget)
    , m_readingWords(new Text({}, TextSize::Sentence, Ink::Muted))
    , m_empty(new QWidget)
    , m_emptyTitle(new Text({}, TextSize::PanelTitle))
    , m_emptySentence(new Text({}, TextSize::Body, Ink::Muted))
    , m_emptyButton(makeButton({}))
    , m_failed(new QWidget)
    , m_failure(new Notice(Notice::Kind::Breach))
{
    auto* reading = columnOf(m_reading);
    reading->addWidget(m_readingWords);
    reading->addWidget(new GreyBar);
    reading->addStretch();
    auto* empty = columnOf(m_empty);
    empty->addWidget(m_emptyTitle);
    empty->addWidget(m_emptySentence);
    empty->addWidget(m_emptyButton, 0, Qt::AlignLeft);
    empty->addStretch();
    auto* failed = columnOf(m_failed);
    failed->addWidget(m_failure);
    failed->addStretch();
    for (QWidget* page : {m_content, m_reading, m_empty, m_failed})
        addWidget(page);
    connect(m_emptyButton, &QPushButton::clicked, this, [this] {
        if (m_emptyAction)
            m_emptyAction();
    });
}

void StateView::showContent()
{
    setCurrentWidget(m_content);
}

void StateView::showReading(const QString& sentence)
{
    m_readingWords->setText(sentence);
    setCurrentWidget(m_reading);
}

void StateView::showEmpty(const QString& title, const QString& sentence, const QString& verb,
                          std::function<void()> action)
{
    m_emptyTitle->setText(title);
    m_emptySentence->setText(sentence);
    m_emptyButton->setText(verb);
    m_emptyButton->setVisible(!verb.isEmpty());
    m_emptyAction = std::move(action);
    setCurrentWidget(m_empty);
}

void StateView::showFailed(const Error& error, std::function<void()> retry)
{
    m_failure->showError(error, std::move(retry));
    setCurrentWidget(m_failed);
}

} // namespace salvor::gui
