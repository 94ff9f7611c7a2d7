#include "gui/app/main_window.h"
#include "gui/flows/restore_flow.h"
#include "gui/pages/repository_dialog.h"
#include "gui/widgets/parts.h"
#include "tests/gui/fake_backend.h"

#include <QAbstractItemView>
#include <QAbstractScrollArea>
#include <QAccessible>
#include <QPlainTextEdit>
#include <QScrollArea>
#include <QScrollBar>
#include <QStackedWidget>
#include <QTableView>

namespace salvor::gui {
namespace {

using test::eventually;

struct Window : testing::Test {
    std::shared_ptr<test::FakeBackend> backend = std::make_shared<test::FakeBackend>();
    test::FixedClock clock;
    TemporaryDirectory folder = *TemporaryDirectory::create();
    std::unique_ptr<MainWindow> window;

    void start(MainWindow::Start how = MainWindow::Start::WithConfiguration)
    {
        window = std::make_unique<MainWindow>(WindowParts{backend,
                                                          std::make_shared<PassphraseDesk>(),
                                                          clock,
                                                          {},
                                                          folder.path(),
                                                          Path("/home/dba/salvor-restores")},
                                              how);
        window->show();
        ASSERT_TRUE(eventually([this] {
            return window->catalog().state() == Catalog::State::Read
                   || window->catalog().state() == Catalog::State::Never;
        }));
    }
    /// Shows every page of the window and of the flow in turn.
    template <typename Visit>
    void visitPages(Visit visit)
    {
        for (const auto page : {MainWindow::Clusters, MainWindow::Points, MainWindow::Settings}) {
            window->open(page);
            visit();
        }
        window->flow().begin(QStringLiteral("orders-prod"), {});
        window->open(MainWindow::Restore);
        visit();
        while (window->flow().step() < RestoreStep::Result) {
            auto* primary = window->flow().primaryButton();
            const RestoreStep before = window->flow().step();
            if (before == RestoreStep::Run) {
                visit();
                backend->holdApply = false;
            } else {
                ASSERT_TRUE(eventually([primary] { return primary->isEnabled(); }));
                visit();
                QTest::mouseClick(primary, Qt::LeftButton);
            }
            ASSERT_TRUE(eventually([&] { return window->flow().step() != before; }));
        }
        visit();
    }
};

/// Focusable controls without a name that a screen reader could say.
QStringList unnamedIn(QWidget& root)
{
    QStringList unnamed;
    for (auto* widget : root.findChildren<QWidget*>()) {
        if (!widget->isVisible() || widget->focusPolicy() == Qt::NoFocus
            || qobject_cast<QScrollArea*>(widget) != nullptr
            || widget->objectName().startsWith(QStringLiteral("qt_")))
            continue;
        QAccessibleInterface* face = QAccessible::queryAccessibleInterface(widget);
        if (face == nullptr || !face->text(QAccessible::Name).isEmpty())
            continue;
        // The parts of a control are named by it.
        if (widget->parentWidget() != nullptr
            && (widget->parentWidget()->inherits("QComboBox")
                || widget->parentWidget()->inherits("QAbstractSpinBox")))
            continue;
        unnamed << QStringLiteral("%1 in %2")
                       .arg(QString::fromLatin1(widget->metaObject()->className()),
                            QString::fromLatin1(
                                widget->parentWidget() == nullptr
                                    ? "nothing"
                                    : widget->parentWidget()->metaObject()->className()));
    }
    return unnamed;
}

/// Where Tab goes up or, in a line, to the left.
QStringList jumpsOf(const QWidget& page)
{
    QStringList jumps;
    std::vector<QWidget*> way;
    auto* first = const_cast<QWidget*>(&page); // NOLINT(cppcoreguidelines-pro-type-const-cast)
    for (QWidget* at = page.nextInFocusChain(); at != first; at = at->nextInFocusChain())
        if (page.isAncestorOf(at) && at->isVisible() && at->isEnabled()
            && (at->focusPolicy() & Qt::TabFocus) != 0 && at->focusProxy() == nullptr)
            way.push_back(at);
    for (std::size_t i = 1; i < way.size(); ++i) {
        const QRect before(way[i - 1]->mapTo(first, QPoint()), way[i - 1]->size());
        const QRect here(way[i]->mapTo(first, QPoint()), way[i]->size());
        const bool sameLine = here.top() < before.bottom() && before.top() < here.bottom();
        if (sameLine ? here.left() < before.left() : here.bottom() < before.top())
            jumps << QStringLiteral("%1 after %2")
                         .arg(
                             QAccessible::queryAccessibleInterface(way[i])->text(QAccessible::Name),
                             QAccessible::queryAccessibleInterface(way[i - 1])
                                 ->text(QAccessible::Name));
    }
    return jumps;
}

TEST_F(Window, EveryControlHasANameOnEveryPage)
{
    backend->holdApply = true;
    start();
    visitPages(
        [this] { EXPECT_EQ(unnamedIn(*window).join(QStringLiteral("; ")).toStdString(), ""); });
}

TEST_F(Window, NoPageScrollsAndNothingIsCutAtTheSmallestScreen)
{
    backend->holdApply = true;
    start();
    window->resize(1366, 768);
    visitPages([this] {
        EXPECT_LE(window->width(), 1366);
        EXPECT_LE(window->height(), 768);
        auto* pages = window->findChild<QStackedWidget*>();
        EXPECT_LE(pages->currentWidget()->minimumSizeHint().height(), pages->height())
            << pages->currentWidget()->metaObject()->className();
        for (auto* area : window->findChildren<QScrollArea*>())
            if (area->isVisible()) {
                EXPECT_FALSE(area->verticalScrollBar()->isVisible());
                EXPECT_FALSE(area->horizontalScrollBar()->isVisible());
            }
    });
}

TEST_F(Window, TabGoesDownEveryPage)
{
    backend->holdApply = true;
    start();
    QApplication::setActiveWindow(window.get());
    visitPages([this] {
        const auto* page = window->findChild<QStackedWidget*>()->currentWidget();
        EXPECT_EQ(jumpsOf(*page).join(QStringLiteral("; ")).toStdString(), "");
    });
}

TEST_F(Window, ShowsAPageWithTheFocusInItsList)
{
    start();
    QApplication::setActiveWindow(window.get());

    for (auto* table : window->findChildren<QTableView*>())
        if (table->isVisible())
            table->setCurrentIndex(table->model()
                                       ->match(table->model()->index(0, 0), Qt::DisplayRole,
                                               QStringLiteral("orders-prod"))
                                       .value(0));

    for (auto* button : window->findChildren<QPushButton*>())
        if (button->isVisible() && button->text() == QStringLiteral("Show recovery &points"))
            QTest::mouseClick(button, Qt::LeftButton);

    EXPECT_NE(qobject_cast<QAbstractItemView*>(window->focusWidget()), nullptr);
}

TEST_F(Window, EveryDialogControlHasAName)
{
    RepositoryDialog dialog(backend, nullptr);
    dialog.open();

    EXPECT_EQ(unnamedIn(dialog).join(QStringLiteral("; ")).toStdString(), "");
}

TEST_F(Window, WithoutAConfigurationBeginsWithTheRepository)
{
    start(MainWindow::Start::FirstRun);

    bool said = false;
    for (auto* label : window->findChildren<QLabel*>())
        said = said
               || (label->isVisible()
                   && label->text().contains(QStringLiteral("Where are your backups?")));
    EXPECT_TRUE(said);
    window->openAddRepository();
    EXPECT_NE(window->findChild<RepositoryDialog*>(), nullptr);
}

TEST_F(Window, OffersToContinueWhatACrashLeftBehind)
{
    RestoreDraft draft;
    draft.id = newDraftId(clock.now());
    draft.step = RestoreStep::Run;
    draft.planHash = "9f41c07a5be2";
    draft.choice.cluster = "orders-prod";
    draft.choice.destination = "/srv/restore/orders";
    draft.savedAt = clock.now();
    ASSERT_TRUE(DraftStore(folder.path() / "flows").save(draft).ok());
    start();

    for (auto* button : window->findChildren<QPushButton*>())
        if (button->isVisible() && button->text() == QStringLiteral("Continue the restore")) {
            QTest::mouseClick(button, Qt::LeftButton);
            break;
        }

    EXPECT_EQ(window->flow().step(), RestoreStep::Checks);
    EXPECT_EQ(window->flow().context().draft.choice.destination, Path("/srv/restore/orders"));
}

TEST_F(Window, DoesNotCloseOverARunningRestore)
{
    backend->holdApply = true;
    start();
    window->flow().begin(QStringLiteral("orders-prod"), {});
    window->open(MainWindow::Restore);
    while (window->flow().step() < RestoreStep::Run) {
        ASSERT_TRUE(eventually([this] { return window->flow().primaryButton()->isEnabled(); }));
        QTest::mouseClick(window->flow().primaryButton(), Qt::LeftButton);
    }

    EXPECT_FALSE(window->close());
    EXPECT_TRUE(window->flow().isRunning());
    backend->holdApply = false;
    ASSERT_TRUE(eventually([this] { return !window->flow().isRunning(); }));
    EXPECT_TRUE(window->close());
}

TEST_F(Window, RemembersItsColours)
{
    start();
    const WindowSettings settings(folder.path());
    EXPECT_EQ(settings.look(), Look::Light);

    ASSERT_TRUE(settings.setLook(Look::Dark).ok());

    EXPECT_EQ(settings.look(), Look::Dark);
}

} // namespace
} // namespace salvor::gui
