// Pictures of every page in every look: artefacts for people, not assertions.
#include "gui/app/main_window.h"
#include "gui/flows/restore_flow.h"
#include "gui/pages/repository_dialog.h"
#include "gui/widgets/style.h"
#include "tests/gui/fake_backend.h"

#include <QDir>
#include <QLineEdit>
#include <QPushButton>

namespace salvor::gui {
namespace {

using test::eventually;

class Screenshots : public testing::TestWithParam<Look> {
protected:
    std::shared_ptr<test::FakeBackend> backend = std::make_shared<test::FakeBackend>();
    test::FixedClock clock;
    TemporaryDirectory folder = *TemporaryDirectory::create();
    QString place = qEnvironmentVariable("SALVOR_SCREENSHOTS");

    void SetUp() override
    {
        if (place.isEmpty())
            GTEST_SKIP() << "SALVOR_SCREENSHOTS names no folder";
        ASSERT_TRUE(QDir().mkpath(place));
        applyLook(GetParam());
    }
    void TearDown() override { applyLook(Look::Light); }
    void take(QWidget& widget, const QString& name)
    {
        QTest::qWait(20);
        ASSERT_TRUE(widget.grab().save(
            QStringLiteral("%1/%2-%3.png").arg(place, name, lookName(GetParam()))));
    }
    std::unique_ptr<MainWindow> makeWindow(MainWindow::Start start)
    {
        auto window = std::make_unique<MainWindow>(WindowParts{backend,
                                                               std::make_shared<PassphraseDesk>(),
                                                               clock,
                                                               {},
                                                               folder.path(),
                                                               Path("/srv/restores")},
                                                   start);
        window->resize(1366, 768);
        window->show();
        QApplication::setActiveWindow(window.get());
        return window;
    }
    static bool press(QWidget& root, const QString& words)
    {
        for (auto* button : root.findChildren<QPushButton*>())
            if (button->isVisible() && button->isEnabled()
                && QString(button->text()).remove(QLatin1Char('&')).startsWith(words)) {
                QTest::mouseClick(button, Qt::LeftButton);
                return true;
            }
        return false;
    }
};

TEST_P(Screenshots, OfThePages)
{
    auto window = makeWindow(MainWindow::Start::WithConfiguration);
    ASSERT_TRUE(eventually([&] { return window->catalog().state() == Catalog::State::Read; }));
    take(*window, QStringLiteral("clusters"));
    window->open(MainWindow::Points);
    take(*window, QStringLiteral("points"));
    window->open(MainWindow::Settings);
    take(*window, QStringLiteral("settings"));
    backend->clustersError = fail(ErrorCode::Unavailable, "nas-02: connection refused",
                                  "Start the file server or check the network.");
    window->catalog().refresh();
    ASSERT_TRUE(eventually([&] { return window->catalog().state() == Catalog::State::Failed; }));
    window->open(MainWindow::Clusters);
    take(*window, QStringLiteral("clusters-as-of"));
}

TEST_P(Screenshots, OfRepositoriesThatCannotBeRead)
{
    backend->clustersError = fail(ErrorCode::Unavailable, "nas-02: connection refused",
                                  "Start the file server or check the network.");
    auto window = makeWindow(MainWindow::Start::WithConfiguration);
    ASSERT_TRUE(eventually([&] { return window->catalog().state() == Catalog::State::Failed; }));
    take(*window, QStringLiteral("clusters-not-read"));
    backend->clustersError.reset();
    console::ClusterSummary unread;
    unread.repository = "s3-eu";
    unread.warnings = {"Repository 's3-eu' could not be read: access was refused."};
    backend->answer.push_back(unread);
    window->catalog().refresh();
    ASSERT_TRUE(eventually([&] { return window->catalog().state() == Catalog::State::Read; }));
    take(*window, QStringLiteral("clusters-one-not-read"));
}

TEST_P(Screenshots, OfTheFlow)
{
    backend->holdApply = true;
    auto window = makeWindow(MainWindow::Start::WithConfiguration);
    ASSERT_TRUE(eventually([&] { return window->catalog().state() == Catalog::State::Read; }));
    RestoreFlow& flow = window->flow();
    const auto ready = [&] { return flow.primaryButton()->isEnabled(); };
    const auto next = [&] { QTest::mouseClick(flow.primaryButton(), Qt::LeftButton); };
    flow.begin({}, {});
    window->open(MainWindow::Restore);
    take(*window, QStringLiteral("restore-1-cluster"));
    flow.begin(QStringLiteral("orders-prod"), {});
    ASSERT_TRUE(eventually(ready));
    ASSERT_TRUE(press(flow, QStringLiteral("Time")));
    for (auto* field : flow.page()->findChildren<QLineEdit*>())
        if (field->accessibleName() == QStringLiteral("Time with its offset"))
            field->setText(QStringLiteral("2026-11-14 02:30:00"));
    take(*window, QStringLiteral("restore-2-moment-no-offset"));
    ASSERT_TRUE(press(flow, QStringLiteral("+01:00")));
    ASSERT_TRUE(eventually(ready));
    take(*window, QStringLiteral("restore-2-moment"));
    next();
    take(*window, QStringLiteral("restore-3-where"));
    next();
    ASSERT_TRUE(eventually(ready));
    take(*window, QStringLiteral("restore-4-checks"));
    next();
    ASSERT_TRUE(eventually(ready));
    take(*window, QStringLiteral("restore-5-review"));
    next();
    QTest::qWait(2500);
    take(*window, QStringLiteral("restore-6-run"));
    backend->holdApply = false;
    ASSERT_TRUE(eventually([&] { return flow.step() == RestoreStep::Result; }));
    take(*window, QStringLiteral("restore-7-result"));
}

TEST_P(Screenshots, OfWhatGoesWrong)
{
    auto window = makeWindow(MainWindow::Start::WithConfiguration);
    ASSERT_TRUE(eventually([&] { return window->catalog().state() == Catalog::State::Read; }));
    RestoreFlow& flow = window->flow();
    backend->planError =
        fail(ErrorCode::NotReady, "2026-11-07 20:00:00 UTC lies in a gap of 1 095 WAL segments");
    backend->offerNearest = true;
    flow.begin(QStringLiteral("orders-prod"), {});
    window->open(MainWindow::Restore);
    QTest::qWait(900);
    take(*window, QStringLiteral("restore-2-moment-unreachable"));
    backend->planError.reset();
    backend->applyError = fail(ErrorCode::NoSpace, "cannot write '/srv/restores/x/base/5/1259': "
                                                   "No space left on device (ENOSPC)");
    ASSERT_TRUE(press(flow, QStringLiteral("First after")));
    while (flow.step() < RestoreStep::Run) {
        ASSERT_TRUE(eventually([&] { return flow.primaryButton()->isEnabled(); }));
        QTest::mouseClick(flow.primaryButton(), Qt::LeftButton);
    }
    ASSERT_TRUE(eventually([&] { return flow.step() == RestoreStep::Result; }));
    take(*window, QStringLiteral("restore-7-failed"));
}

TEST_P(Screenshots, OfTheFirstRunAndTheRepositoryDialog)
{
    auto window = makeWindow(MainWindow::Start::FirstRun);
    take(*window, QStringLiteral("first-run"));
    backend->connection = {true,
                           {"an object was written and read back",
                            "a listing shows what was written",
                            "a second write to the same name was refused"},
                           {},
                           false};
    RepositoryDialog dialog(backend, window.get());
    dialog.open();
    dialog.findChildren<QLineEdit*>()[0]->setText(QStringLiteral("s3-eu"));
    ASSERT_TRUE(press(dialog, QStringLiteral("S3")));
    for (auto* field : dialog.findChildren<QLineEdit*>())
        if (field->placeholderText().startsWith(QStringLiteral("bucket")))
            field->setText(QStringLiteral("dr-backups/postgres"));
    ASSERT_TRUE(press(dialog, QStringLiteral("Test connection")));
    QTest::qWait(400);
    take(dialog, QStringLiteral("repository-dialog"));
}

INSTANTIATE_TEST_SUITE_P(Looks, Screenshots,
                         testing::Values(Look::Light, Look::Dark, Look::HighContrast));

} // namespace
} // namespace salvor::gui
