// The whole way through the window, by mouse and keys: a real PostgreSQL 15, a real repository.
#include "gui/app/console_backend.h"
#include "gui/app/main_window.h"
#include "gui/flows/restore_flow.h"
#include "gui/pages/repository_dialog.h"
#include "tests/gui/real_site.h"
#include "tests/support/result_assertions.h"

#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QTableView>
#include <QTest>

#include <condition_variable>
#include <fstream>

namespace salvor::gui {
namespace {

template <typename Condition>
bool eventually(Condition condition)
{
    return QTest::qWaitFor(condition, 60000);
}

/// Keeps a job in a phase until it is stopped.
class StaysIn final : public EventSink {
public:
    StaysIn(JobContext& job, std::string phase)
        : m_job(job)
        , m_phase(std::move(phase))
    {}
    void phase(std::string_view name, ByteCount total) override
    {
        m_job.events.phase(name, total);
        std::unique_lock lock(m_mutex);
        if (name == m_phase)
            m_stopped.wait(lock, m_job.stop, [] { return false; });
    }
    void note(std::string_view sentence) override { m_job.events.note(sentence); }
    void warning(std::string_view sentence) override { m_job.events.warning(sentence); }

private:
    JobContext& m_job;
    std::string m_phase;
    std::mutex m_mutex;
    std::condition_variable_any m_stopped;
};

/// The window's own backend, whose restores can be kept in a phase.
class RealBackend final : public ConsoleBackend {
public:
    using ConsoleBackend::ConsoleBackend;
    Result<model::RestoreOutcome> applyRestore(const model::RestorePlan& plan,
                                               JobContext& job) override
    {
        StaysIn events(job, stayIn);
        JobContext kept{job.stop, job.progress, events};
        return ConsoleBackend::applyRestore(plan, kept);
    }
    std::string stayIn; ///< Set before a restore starts.
};

class RealRepository : public testing::Test {
protected:
    static inline std::unique_ptr<test::RealSite> site;
    std::shared_ptr<RealBackend> backend;
    std::unique_ptr<MainWindow> window;

    static void SetUpTestSuite()
    {
        if (!salvor::test::programsOf(15).empty())
            site = std::make_unique<test::RealSite>();
    }
    static void TearDownTestSuite() { site.reset(); }
    void SetUp() override { SALVOR_NEED_POSTGRES(15); }
    void TearDown() override
    {
        if (window && window->flow().isRunning()) {
            window->flow().stopSafely();
            EXPECT_TRUE(eventually([this] { return !window->flow().isRunning(); }));
        }
        window.reset();
        if (site)
            site->removeCopies();
    }

    void openWindow(const Path& config)
    {
        auto desk = std::make_shared<PassphraseDesk>();
        backend = std::make_shared<RealBackend>(config, config, site->surroundings(), desk);
        const auto start = backend->hasConfiguration() ? MainWindow::Start::WithConfiguration
                                                       : MainWindow::Start::FirstRun;
        window = std::make_unique<MainWindow>(WindowParts{backend,
                                                          desk,
                                                          systemClock(),
                                                          {},
                                                          site->surroundings().stateFolder,
                                                          site->restores()},
                                              start);
        window->show();
        QApplication::setActiveWindow(window.get());
        if (start == MainWindow::Start::WithConfiguration) {
            ASSERT_TRUE(eventually([this] { return isRead(); }));
        }
    }
    [[nodiscard]] bool isRead() const { return window->catalog().state() == Catalog::State::Read; }
    [[nodiscard]] RestoreFlow& flow() const { return window->flow(); }

    /// Presses the button that begins with these words, once it can be pressed.
    static testing::AssertionResult press(QWidget& root, const QString& words)
    {
        QAbstractButton* found = nullptr;
        const bool ready = eventually([&] {
            for (auto* button : root.findChildren<QAbstractButton*>())
                if (button->isVisible() && button->isEnabled()
                    && QString(button->text()).remove(QLatin1Char('&')).startsWith(words))
                    found = button;
            return found != nullptr;
        });
        if (!ready)
            return testing::AssertionFailure() << "no button " << words.toStdString();
        QTest::mouseClick(found, Qt::LeftButton);
        return testing::AssertionSuccess();
    }
    static testing::AssertionResult type(QWidget& root, const QString& field, const Path& words)
    {
        for (auto* candidate : root.findChildren<QLineEdit*>())
            if (candidate->isVisible() && candidate->accessibleName() == field) {
                candidate->selectAll();
                QTest::keyClicks(candidate, QString::fromStdString(words.native()));
                return testing::AssertionSuccess();
            }
        return testing::AssertionFailure() << "no field " << field.toStdString();
    }
    /// Clicks the row whose first column is `words`.
    static testing::AssertionResult choose(QWidget& root, const QString& words)
    {
        const auto tables = root.findChildren<QTableView*>();
        const auto visible = std::find_if(tables.begin(), tables.end(),
                                          [](const auto* one) { return one->isVisible(); });
        if (visible == tables.end())
            return testing::AssertionFailure() << "no table";
        auto* table = *visible;
        for (int row = 0; row < table->model()->rowCount(); ++row) {
            const QModelIndex index = table->model()->index(row, 0);
            if (index.data().toString() != words)
                continue;
            QTest::mouseClick(table->viewport(), Qt::LeftButton, Qt::NoModifier,
                              table->visualRect(index).center());
            return testing::AssertionSuccess();
        }
        return testing::AssertionFailure() << "no row " << words.toStdString();
    }
    /// What a person can read on a page, line by line.
    static QStringList words(const QWidget& root)
    {
        QStringList all;
        for (const auto* label : root.findChildren<QLabel*>())
            if (label->isVisible())
                all << label->text();
        return all;
    }
    static testing::AssertionResult says(const QWidget& root, const QString& what)
    {
        const QString all = words(root).join(QLatin1Char('\n'));
        return (all.contains(what) ? testing::AssertionSuccess() : testing::AssertionFailure())
               << "the page says:\n"
               << all.toStdString();
    }
    /// The command on the page that has this in it, as a person copies it.
    [[nodiscard]] std::string command(const QString& part) const
    {
        const QStringList found = words(*flow().page()).filter(part);
        return found.isEmpty() ? "false" : found.front().toStdString();
    }
    /// Asks the copy as the page says.
    [[nodiscard]] std::string rowsOf(const std::string& table) const
    {
        return site->typed(command(QStringLiteral("psql")) + " -XAtc \"SELECT count(*) FROM "
                           + table + '"');
    }
    static void picture(QWidget& widget, const QString& name)
    {
        if (qEnvironmentVariableIsEmpty("SALVOR_SCREENSHOTS"))
            return;
        QTest::qWait(20);
        EXPECT_TRUE(widget.grab().save(name + QStringLiteral(".png")));
    }

    /// Goes on from a page that is answered, and stands on the next.
    [[nodiscard]] testing::AssertionResult goOn()
    {
        const RestoreStep before = flow().step();
        if (!eventually([this] { return flow().primaryButton()->isEnabled(); }))
            return says(*flow().page(), QStringLiteral("what keeps the flow from going on"));
        QTest::mouseClick(flow().primaryButton(), Qt::LeftButton);
        return eventually([&] { return flow().step() != before; })
                   ? testing::AssertionSuccess()
                   : testing::AssertionFailure() << "the page stays";
    }
    /// From the list of clusters to the question of the moment.
    void beginRestore()
    {
        ASSERT_TRUE(press(*window, QStringLiteral("Restore a cluster")));
        ASSERT_EQ(flow().step(), RestoreStep::Cluster);
        ASSERT_TRUE(choose(*flow().page(), QStringLiteral("orders")));
        ASSERT_TRUE(goOn());
        ASSERT_EQ(flow().step(), RestoreStep::Moment);
    }
    /// From the question of the moment, with the newest one, to the review.
    void planLatestIn(const Path& directory)
    {
        ASSERT_TRUE(goOn());
        ASSERT_TRUE(type(*flow().page(), QStringLiteral("New directory"), directory));
        ASSERT_TRUE(goOn());
        ASSERT_TRUE(goOn());
        ASSERT_EQ(flow().step(), RestoreStep::Review);
    }
    void waitForResult()
    {
        ASSERT_TRUE(eventually([this] { return flow().step() == RestoreStep::Result; }));
        // What the page has just added is shown with the next event.
        QCoreApplication::processEvents();
    }
    void addRepository(const QString& name, const Path& folder, const Path& key)
    {
        ASSERT_TRUE(press(*window, QStringLiteral("Add repository")));
        auto* dialog = window->findChild<RepositoryDialog*>();
        ASSERT_NE(dialog, nullptr);
        // The label of the first field names it, as a screen reader hears.
        QTest::keyClicks(dialog->findChildren<QLineEdit*>()[0], name);
        ASSERT_TRUE(type(*dialog, QStringLiteral("Folder"), folder));
        ASSERT_TRUE(type(*dialog, QStringLiteral("Key file"), key));
        ASSERT_TRUE(press(*dialog, QStringLiteral("Test connection")));
        const auto isTested = [&] { return dialog->findChild<QListWidget*>()->count() > 0; };
        ASSERT_TRUE(eventually(isTested));
        picture(*dialog, QStringLiteral("add-%1").arg(name));
        ASSERT_TRUE(press(*dialog, QStringLiteral("Add ")));
        ASSERT_TRUE(eventually([this] { return isRead(); }));
    }
};

TEST_F(RealRepository, AFirstRunMakesANewOneThatIsEmpty)
{
    const Path config = site->folder() / "new" / "salvor.conf";
    openWindow(config);
    picture(*window, QStringLiteral("first-run"));

    addRepository(QStringLiteral("fresh"), site->folder() / "fresh", site->folder() / "fresh.key");

    EXPECT_TRUE(says(*window, QStringLiteral("No clusters")));
    picture(*window, QStringLiteral("empty"));
    EXPECT_OK(
        console::Console(*settings::loadConfig(config), site->surroundings(), {}).keys("fresh"));
}

TEST_F(RealRepository, AFirstRunFindsTheClustersOfOneThatIsThere)
{
    openWindow(site->folder() / "found" / "salvor.conf");

    addRepository(QStringLiteral("found"), site->repository(), site->keyFile());

    ASSERT_TRUE(choose(*window, QStringLiteral("orders")));
    picture(*window, QStringLiteral("clusters-found"));
    ASSERT_TRUE(press(*window, QStringLiteral("Show recovery points")));
    EXPECT_TRUE(says(*window, QStringLiteral("Recovery points of orders")));
    EXPECT_TRUE(says(*window, QStringLiteral("1 backup")));
}

TEST_F(RealRepository, BringsADroppedTableBack)
{
    openWindow(site->config());
    ASSERT_TRUE(choose(*window, QStringLiteral("orders")));
    picture(*window, QStringLiteral("1-clusters"));
    ASSERT_TRUE(press(*window, QStringLiteral("Show recovery points")));
    picture(*window, QStringLiteral("2-points"));
    window->open(MainWindow::Clusters);
    beginRestore();
    ASSERT_TRUE(press(*flow().page(), QStringLiteral("Time")));
    ASSERT_TRUE(
        type(*flow().page(), QStringLiteral("Time with its offset"), site->beforeTheDrop()));
    ASSERT_TRUE(eventually([this] { return flow().context().plan.has_value(); }));
    picture(*window, QStringLiteral("3-moment"));
    ASSERT_TRUE(goOn());
    const Path copy = site->restores() / "before-the-drop";
    ASSERT_TRUE(type(*flow().page(), QStringLiteral("New directory"), copy));
    picture(*window, QStringLiteral("4-where"));
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(eventually([this] { return flow().context().plan.has_value(); }));
    ASSERT_TRUE(press(*flow().page(), QStringLiteral("Show the")));
    picture(*window, QStringLiteral("5-checks"));
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(eventually([this] { return flow().primaryButton()->isEnabled(); }));
    picture(*window, QStringLiteral("6-review"));
    site->holdFetching(true);
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(copy / "postmaster.pid"); }));
    QTest::qWait(1200);
    picture(*window, QStringLiteral("7-run"));
    site->holdFetching(false);
    waitForResult();
    picture(*window, QStringLiteral("8-result"));

    EXPECT_TRUE(says(*flow().page(), QStringLiteral("orders is back and answered a query")));
    EXPECT_EQ(rowsOf("orders"), "1250\n");
    site->typed(command(QStringLiteral("instance stop")));
    EXPECT_FALSE(std::filesystem::exists(copy));
    EXPECT_TRUE(site->console().instances()->empty());
}

TEST_F(RealRepository, TheLatestMomentHasWhatCameLast)
{
    openWindow(site->config());
    beginRestore();
    planLatestIn(site->restores() / "latest");

    ASSERT_TRUE(goOn());
    waitForResult();

    EXPECT_TRUE(says(*flow().page(), QStringLiteral("orders is back and answered a query")));
    EXPECT_EQ(rowsOf("invoices"), "30\n");
    EXPECT_EQ(rowsOf("pg_tables WHERE tablename = 'orders'"), "0\n");
}

TEST_F(RealRepository, ADirectoryThatHoldsSomethingIsNotRestoredInto)
{
    const Path precious = site->restores() / "taken" / "precious.txt";
    std::filesystem::create_directories(precious.parent_path());
    std::ofstream(precious) << "keep me";
    openWindow(site->config());
    beginRestore();
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(type(*flow().page(), QStringLiteral("New directory"), precious.parent_path()));
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(eventually([this] { return flow().context().plan.has_value(); }));
    picture(*window, QStringLiteral("5-checks-taken"));

    EXPECT_FALSE(flow().primaryButton()->isEnabled());
    EXPECT_TRUE(says(*flow().page(), QStringLiteral("1 blocker must be solved first")));
    EXPECT_TRUE(says(*flow().page(), QStringLiteral("not empty")));
    ASSERT_TRUE(press(flow(), QStringLiteral("Back")));
    ASSERT_EQ(flow().step(), RestoreStep::Where);
    ASSERT_TRUE(type(*flow().page(), QStringLiteral("New directory"), site->restores() / "free"));
    ASSERT_TRUE(goOn());
    EXPECT_TRUE(goOn());
    EXPECT_EQ(flow().step(), RestoreStep::Review);
    EXPECT_EQ(*readTextFile(precious), "keep me");
}

TEST_F(RealRepository, StoppedWhileItWritesItLeavesNothingThatStartsAndCanBeDoneAgain)
{
    const Path copy = site->restores() / "stopped";
    openWindow(site->config());
    beginRestore();
    planLatestIn(copy);
    backend->stayIn = "make durable";
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(copy / "PG_VERSION"); }));
    picture(*window, QStringLiteral("7-run-writing"));

    ASSERT_TRUE(press(*flow().page(), QStringLiteral("Stop safely")));
    waitForResult();
    picture(*window, QStringLiteral("8-result-stopped"));

    EXPECT_TRUE(says(*flow().page(), QStringLiteral("The restore of orders was stopped")));
    EXPECT_TRUE(says(*flow().page(), QStringLiteral("which no server can start")));
    EXPECT_FALSE(std::filesystem::exists(copy / "global" / "pg_control"));
    EXPECT_TRUE(site->console().instances()->empty());
    backend->stayIn.clear();
    ASSERT_TRUE(press(flow(), QStringLiteral("Back to the checks")));
    ASSERT_TRUE(eventually([this] { return flow().context().plan.has_value(); }));
    picture(*window, QStringLiteral("5-checks-again"));
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(goOn());
    waitForResult();
    EXPECT_TRUE(says(*flow().page(), QStringLiteral("orders is back and answered a query")));
}

TEST_F(RealRepository, StoppedWhileItReplaysTheCopyIsStoppedAndThePageSaysHowToRemoveIt)
{
    const Path copy = site->restores() / "stopped-late";
    openWindow(site->config());
    beginRestore();
    planLatestIn(copy);
    site->holdFetching(true);
    ASSERT_TRUE(goOn());
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(copy / "postmaster.pid"); }));

    ASSERT_TRUE(press(*flow().page(), QStringLiteral("Stop safely")));
    waitForResult();
    picture(*window, QStringLiteral("8-result-stopped-late"));

    EXPECT_TRUE(says(*flow().page(), QStringLiteral("The restore of orders was stopped")));
    EXPECT_TRUE(says(*flow().page(), QStringLiteral("are whole and the copy is stopped")));
    EXPECT_FALSE(std::filesystem::exists(copy / "postmaster.pid"));
    const auto left = site->console().instances();
    ASSERT_OK(left);
    ASSERT_EQ(left->size(), 1U);
    EXPECT_TRUE(says(*flow().page(), QStringLiteral("salvorctl instance remove ")
                                         + QString::fromStdString(left->front().name)));
    site->removeCopies();
    EXPECT_FALSE(std::filesystem::exists(copy));
}

} // namespace
} // namespace salvor::gui
