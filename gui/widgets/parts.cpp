#include "gui/widgets/parts.h"

#include "gui/text/error_text.h"

#include <QClipboard>
#include <QEvent>
#include <QGridLayout>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QPainter>
#include <QTimer>
#include <QVBoxLayout>

namespace salvor::gui {
namespace {

constexpr int markSize = 16;

QColor inkColour(const Theme& theme, Ink ink)
{
    switch (ink) {
    case Ink::Muted:
        return theme.muted;
    case Ink::Plan:
        return theme.plan;
    case Ink::Warn:
        return theme.warn;
    case Ink::Breach:
        return theme.breach;
    case Ink::Ok:
        return theme.ok;
    case Ink::Text:
        break;
    }
    return theme.text;
}

} // namespace

Text::Text(const QString& text, TextSize size, Ink ink, QWidget* parent)
    : QLabel(text, parent)
    , m_ink(ink)
{
    setFont(fontOf(size));
    setWordWrap(size != TextSize::Mono);
    setTextFormat(Qt::PlainText);
    tint();
}

void Text::setInk(Ink ink)
{
    m_ink = ink;
    tint();
}

void Text::tint()
{
    // Setting a palette makes Qt send another PaletteChange.
    m_tinting = true;
    QPalette own = QGuiApplication::palette();
    own.setColor(QPalette::WindowText, inkColour(themeOf(own), m_ink));
    setPalette(own);
    m_tinting = false;
}

void Text::changeEvent(QEvent* event)
{
    QLabel::changeEvent(event);
    if ((event->type() == QEvent::PaletteChange
         || event->type() == QEvent::ApplicationPaletteChange)
        && !m_tinting)
        tint();
}

Badge::Badge(Mark mark, const QString& word, QWidget* parent)
    : QWidget(parent)
    , m_mark(mark)
{
    set(mark, word);
}

void Badge::set(Mark mark, const QString& word)
{
    m_mark = mark;
    m_word = word;
    setAccessibleName(word);
    updateGeometry();
    update();
}

QSize Badge::sizeHint() const
{
    return {markSize + 6 + QFontMetrics(fontOf(TextSize::Strong)).horizontalAdvance(m_word) + 2,
            20};
}

void Badge::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    paintMark(painter, QRectF(0, (height() - markSize) / 2.0, markSize, markSize), theme, m_mark);
    const bool trouble = m_mark == Mark::Warning || m_mark == Mark::Breach;
    painter.setFont(fontOf(trouble ? TextSize::Strong : TextSize::Body));
    painter.setPen(trouble ? markColour(theme, m_mark) : theme.text);
    painter.drawText(rect().adjusted(markSize + 6, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft,
                     m_word);
}

Panel::Panel(Edge edge, QWidget* parent)
    : QFrame(parent)
    , m_edge(edge)
    , m_body(new QVBoxLayout(this))
{
    m_body->setContentsMargins(16, edge == Edge::None ? 12 : 14, 16, 12);
    m_body->setSpacing(8);
}

void Panel::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const Theme& theme = themeOf(palette());
    const QRectF box = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.setPen(QPen(theme.border, 1));
    painter.setBrush(theme.raised);
    painter.drawRoundedRect(box, 6, 6);
    if (m_edge == Edge::None)
        return;
    painter.setClipRect(QRectF(0, 0, width(), 4));
    painter.setPen(Qt::NoPen);
    painter.setBrush(m_edge == Edge::Plan ? theme.plan : theme.breach);
    painter.drawRoundedRect(box, 6, 6);
}

Notice::Notice(Kind kind, QWidget* parent)
    : QWidget(parent)
    , m_kind(kind)
    , m_title(new Text({}, TextSize::Strong))
    , m_sentence(new Text({}, TextSize::Body))
    , m_details(new Text({}, TextSize::Mono, Ink::Muted))
    , m_row(new QHBoxLayout(this))
{
    auto* words = new QVBoxLayout;
    words->setSpacing(2);
    words->addWidget(m_title);
    words->addWidget(m_sentence);
    words->addWidget(m_details);
    m_details->setWordWrap(true);
    m_details->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_details->hide();
    m_title->hide();
    m_sentence->hide();
    m_row->setContentsMargins(16, 8, 12, 8);
    m_row->setSpacing(8);
    m_row->addLayout(words, 1);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
}

void Notice::setKind(Kind kind)
{
    m_kind = kind;
    const bool breach = kind == Kind::Breach;
    m_row->setContentsMargins(breach || kind == Kind::Warning ? 40 : 16, 8, 12, 8);
    update();
}

void Notice::setWords(const QString& title, const QString& sentence)
{
    setKind(m_kind);
    m_title->setText(title);
    m_title->setVisible(!title.isEmpty());
    m_sentence->setText(sentence);
    m_sentence->setVisible(!sentence.isEmpty());
    m_details->hide();
    setAccessibleName(words());
}

QString Notice::words() const
{
    return (m_title->text() + QLatin1Char(' ') + m_sentence->text()).trimmed();
}

QPushButton* Notice::addButton(const QString& verb)
{
    auto* button = makeButton(verb);
    m_row->addWidget(button, 0, Qt::AlignVCenter);
    m_buttons.push_back(button);
    return button;
}

void Notice::clearButtons()
{
    for (QPushButton* button : m_buttons) {
        button->hide();
        button->deleteLater(); // It may be the one being pressed.
    }
    m_buttons.clear();
}

void Notice::showError(const Error& error, std::function<void()> retry)
{
    const text::ErrorText words = text::explain(error);
    clearButtons();
    setKind(Kind::Breach);
    setWords(words.title, words.sentence);
    m_details->setText(words.details);
    QPushButton* details = addButton(tr("Details"));
    details->setCheckable(true);
    connect(details, &QPushButton::toggled, m_details, &QWidget::setVisible);
    QPushButton* copy = makeCopyButton(tr("Copy"), [text = words.details] { return text; });
    m_row->addWidget(copy, 0, Qt::AlignVCenter);
    m_buttons.push_back(copy);
    if (!words.button.isEmpty() && retry)
        connect(addButton(words.button), &QPushButton::clicked, this, std::move(retry));
}

void Notice::paintEvent(QPaintEvent* /*event*/)
{
    QPainter painter(this);
    const Theme& theme = themeOf(palette());
    QColor edge = theme.info;
    QColor tint = theme.infoTint;
    if (m_kind == Kind::Warning) {
        edge = theme.warn;
        tint = theme.warnTint;
    } else if (m_kind == Kind::Breach) {
        edge = theme.breach;
        tint = theme.breachTint;
    } else if (m_kind == Kind::Plan) {
        edge = theme.plan;
        tint = theme.planTint;
    }
    painter.fillRect(rect(), tint);
    painter.fillRect(QRect(0, 0, 4, height()), edge);
    if (theme.look == Look::HighContrast) {
        painter.setPen(edge);
        painter.drawRect(rect().adjusted(0, 0, -1, -1));
    }
    const QRectF mark(14, m_title->isVisible() ? m_title->y() + 1.0 : (height() - 16) / 2.0, 16,
                      16);
    if (m_kind == Kind::Warning)
        paintMark(painter, mark, theme, Mark::Warning);
    else if (m_kind == Kind::Breach)
        paintMark(painter, mark, theme, Mark::Breach);
}

PageHeader::PageHeader(const QString& title, QWidget* parent)
    : QWidget(parent)
    , m_title(new Text(title, TextSize::Title))
    , m_sentence(new Text({}, TextSize::Sentence, Ink::Muted))
    , m_actions(new QHBoxLayout)
{
    auto* words = new QVBoxLayout;
    words->setSpacing(4);
    words->addWidget(m_title);
    words->addWidget(m_sentence);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->addLayout(words, 1);
    m_actions->setSpacing(12);
    row->addLayout(m_actions);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
}

void PageHeader::setTitle(const QString& title)
{
    m_title->setText(title);
}

void PageHeader::setSentence(const QString& sentence)
{
    m_sentence->setText(sentence);
}

void PageHeader::addAction(QWidget* widget)
{
    m_actions->addWidget(widget, 0, Qt::AlignBottom);
}

Facts::Facts(QWidget* parent)
    : QWidget(parent)
    , m_grid(new QGridLayout(this))
{
    m_grid->setContentsMargins(0, 0, 0, 0);
    m_grid->setHorizontalSpacing(16);
    m_grid->setVerticalSpacing(6);
    m_grid->setColumnStretch(1, 1);
}

void Facts::clear()
{
    while (QLayoutItem* item = m_grid->takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

void Facts::add(const QString& label, const QString& value, TextSize size)
{
    const int row = m_grid->rowCount();
    auto* name = new Text(label, TextSize::Body, Ink::Muted);
    name->setWordWrap(false);
    auto* fact = new Text(value, size);
    fact->setWordWrap(true);
    fact->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_grid->addWidget(name, row, 0, Qt::AlignTop);
    m_grid->addWidget(fact, row, 1, Qt::AlignTop);
}

QPushButton* makeButton(const QString& verb, ButtonRole role, const QString& icon)
{
    auto* button = new QPushButton(verb);
    button->setAutoDefault(false);
    setRole(*button, role);
    if (!icon.isEmpty()) {
        button->setIcon(
            themedIcon(icon, role == ButtonRole::Primary ? IconInk::AccentText : IconInk::Text));
        button->setIconSize({20, 16});
    }
    return button;
}

QPushButton* makeCopyButton(const QString& verb, std::function<QString()> text)
{
    auto* button = makeButton(verb, ButtonRole::Secondary, QStringLiteral("copy"));
    QObject::connect(button, &QPushButton::clicked, button, [button, verb, text = std::move(text)] {
        QGuiApplication::clipboard()->setText(text());
        button->setText(Notice::tr("Copied"));
        QTimer::singleShot(2000, button, [button, verb] { button->setText(verb); });
    });
    return button;
}

} // namespace salvor::gui
