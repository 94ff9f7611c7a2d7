#include "gui/flows/moment_step.h"
#include "gui/flows/restore_flow.h"
#include "tests/gui/fake_backend.h"

#include <QComboBox>
#include <QDateTimeEdit>
#include <QDialog>
#include <QLineEdit>
#include <QRadioButton>
#include <QSignalSpy>
#include <QTableView>

namespace salvor::gui {
namespace {

using test::at;
using test::eventually;

struct Flow : testing::Test {
    test::World world;
    DraftStore store{world.folder.path() / "flows"};
    std::unique_ptr<RestoreFlow> flow;

    void SetUp() override
    {
        world.read();
        flow = std::make_unique<RestoreFlow>(
            std::make_unique<FlowContext>(FlowContext{
                world.backend, world.catalog, world.clock, {}, {}, std::nullopt, std::nullopt}),
            store, Path("/home/dba/salvor-restores"));
        flow->resize(1318, 690);
        flow->show();
        QApplication::setActiveWindow(flow.get());
    }
    template <typename T>
    T* named(const QString& name)
    {
        for (T* widget : flow->page()->findChildren<T*>())
            if (widget->accessibleName() == name)
                return widget;
        return nullptr;
    }
    QAbstractButton* button(const QString& words)
    {
        for (auto* candidate : flow->findChildren<QAbstractButton*>())
            if (candidate->isVisible()
                && QString(candidate->text()).remove(QLatin1Char('&')).startsWith(words))
                return candidate;
        return nullptr;
    }
    bool nextIsReady()
    {
        return eventually([this] { return flow->primaryButton()->isEnabled(); });
    }
    bool nextWhenReady()
    {
        if (!nextIsReady())
            return false;
        QTest::mouseClick(flow->primaryButton(), Qt::LeftButton);
        return true;
    }
    /// From an empty flow to the page named.
    void walkTo(RestoreStep step)
    {
        flow->begin(QStringLiteral("orders-prod"), {});
        while (flow->step() < step)
            ASSERT_TRUE(nextWhenReady());
    }
};

TEST_F(Flow, NeverChoosesTheCluster)
{
    flow->begin({}, {});

    EXPECT_EQ(flow->step(), RestoreStep::Cluster);
    EXPECT_FALSE(flow->page()->findChild<QTableView*>()->selectionModel()->hasSelection());
    EXPECT_FALSE(flow->primaryButton()->isEnabled());
}

TEST_F(Flow, AClusterWithoutABackupCannotBeChosen)
{
    flow->begin({}, {});

    flow->page()->findChild<QTableView*>()->selectRow(0);

    EXPECT_EQ(flow->context().draft.choice.cluster, "analytics-stage");
    EXPECT_FALSE(flow->primaryButton()->isEnabled());
}

TEST_F(Flow, TheTimeFieldMeansUtcInEveryZone)
{
    walkTo(RestoreStep::Moment);
    QTest::mouseClick(button(QStringLiteral("Time")), Qt::LeftButton);

    named<QLineEdit>(QStringLiteral("Time with its offset"))
        ->setText(QStringLiteral("2026-11-17 02:10:48 +01:00"));

    auto* utc = named<QDateTimeEdit>(QStringLiteral("Time in UTC"));
    EXPECT_EQ(utc->text(), QStringLiteral("2026-11-17 01:10:48 +00:00"));
    const auto& point = flow->context().draft.choice.target.point;
    ASSERT_TRUE(std::holds_alternative<model::TimeTarget>(point));
    EXPECT_EQ(std::get<model::TimeTarget>(point).at, at("2026-11-17T01:10:48Z"));

    utc->setDateTime(QDateTime({2026, 11, 17}, {0, 30}, Qt::UTC));

    EXPECT_EQ(std::get<model::TimeTarget>(flow->context().draft.choice.target.point).at,
              at("2026-11-17T00:30:00Z"));
}

TEST_F(Flow, ATimeWithoutAnOffsetGoesNowhere)
{
    walkTo(RestoreStep::Moment);
    QTest::mouseClick(button(QStringLiteral("Time")), Qt::LeftButton);

    named<QLineEdit>(QStringLiteral("Time with its offset"))
        ->setText(QStringLiteral("2026-11-17 02:10:48"));
    QTest::qWait(500);

    EXPECT_FALSE(flow->primaryButton()->isEnabled());
    QTest::mouseClick(named<QPushButton>(QStringLiteral("Offset +00:00")), Qt::LeftButton);
    EXPECT_EQ(flow->focusWidget(), named<QLineEdit>(QStringLiteral("Time with its offset")));
    EXPECT_TRUE(eventually([this] { return flow->primaryButton()->isEnabled(); }));
    EXPECT_EQ(std::get<model::TimeTarget>(flow->context().draft.choice.target.point).at,
              at("2026-11-17T02:10:48Z"));
}

TEST_F(Flow, AMomentOutOfReachOffersTheNearestOnes)
{
    world.backend->planError =
        fail(ErrorCode::NotReady, "2026-11-07 20:00:00 UTC lies in a gap of 1 095 segments");
    world.backend->offerNearest = true;
    flow->begin(QStringLiteral("orders-prod"), {});
    ASSERT_TRUE(eventually([this] { return button(QStringLiteral("Last before")) != nullptr; }));
    EXPECT_FALSE(flow->primaryButton()->isEnabled());
    world.backend->planError.reset();

    QTest::mouseClick(button(QStringLiteral("First after")), Qt::LeftButton);

    EXPECT_EQ(flow->focusWidget(), named<QLineEdit>(QStringLiteral("LSN")));
    ASSERT_TRUE(eventually([this] { return flow->primaryButton()->isEnabled(); }));
    EXPECT_EQ(std::get<model::LsnTarget>(flow->context().draft.choice.target.point).lsn,
              model::Lsn{0xE000000000U});
}

TEST_F(Flow, ExclusiveIsAskedInWords)
{
    walkTo(RestoreStep::Moment);
    QTest::mouseClick(button(QStringLiteral("LSN")), Qt::LeftButton);
    named<QLineEdit>(QStringLiteral("LSN"))->setText(QStringLiteral("2A4/7F0412E8"));

    QTest::mouseClick(button(QStringLiteral("Leave this commit out")), Qt::LeftButton);

    EXPECT_TRUE(flow->context().draft.choice.target.exclusive);
}

TEST_F(Flow, ABlockerStandsInTheWay)
{
    world.backend->checks = {{model::Check::Level::Blocker, "destination",
                              "the directory is not empty", "a restore would mix two clusters",
                              "choose another directory"}};
    walkTo(RestoreStep::Checks);
    ASSERT_TRUE(eventually([this] { return flow->context().plan.has_value(); }));

    EXPECT_FALSE(flow->primaryButton()->isEnabled());
}

TEST_F(Flow, ReturnGoesThroughTheQuestionsButDoesNotStartTheRestore)
{
    walkTo(RestoreStep::Checks);
    ASSERT_TRUE(eventually([this] { return flow->primaryButton()->isEnabled(); }));
    QTest::keyClick(flow.get(), Qt::Key_Return);
    ASSERT_EQ(flow->step(), RestoreStep::Review);

    QTest::keyClick(flow.get(), Qt::Key_Return);
    QTest::keyClick(flow.get(), Qt::Key_Enter);
    ASSERT_TRUE(nextIsReady());
    flow->primaryButton()->setFocus();
    QTest::keyClick(flow->primaryButton(), Qt::Key_Return);

    EXPECT_EQ(flow->step(), RestoreStep::Review);
    EXPECT_EQ(world.backend->applied, 0);
    EXPECT_FALSE(flow->primaryButton()->isDefault());
}

TEST_F(Flow, ASecondClickOnReviewDoesNotStartTheRestore)
{
    walkTo(RestoreStep::Checks);
    ASSERT_TRUE(nextIsReady());

    QTest::mouseClick(flow->primaryButton(), Qt::LeftButton);
    QTest::mouseClick(flow->primaryButton(), Qt::LeftButton);

    EXPECT_EQ(flow->step(), RestoreStep::Review);
    EXPECT_FALSE(flow->primaryButton()->hasFocus());
}

TEST_F(Flow, BackLosesNothing)
{
    walkTo(RestoreStep::Where);
    named<QLineEdit>(QStringLiteral("New directory"))->setText(QStringLiteral("/srv/elsewhere"));
    QTest::mouseClick(button(QStringLiteral("Files only")), Qt::LeftButton);
    const Json before = flow->context().draft.toJson();

    QTest::mouseClick(button(QStringLiteral("Back")), Qt::LeftButton);
    ASSERT_EQ(flow->step(), RestoreStep::Moment);
    ASSERT_TRUE(nextWhenReady());

    EXPECT_EQ(flow->context().draft.toJson(), before);
}

TEST_F(Flow, OnlyAnAnswerIsASuccess)
{
    walkTo(RestoreStep::Result);
    ASSERT_TRUE(eventually([this] { return flow->step() == RestoreStep::Result; }));

    bool said = false;
    for (auto* label : flow->page()->findChildren<QLabel*>())
        said = said || label->text().contains(QStringLiteral("answered a query"));
    EXPECT_TRUE(said);
}

TEST_F(Flow, FilesAloneAreNotCalledASuccess)
{
    world.backend->applyState = model::RestoreState::Files;
    walkTo(RestoreStep::Review);
    ASSERT_TRUE(nextWhenReady());
    ASSERT_TRUE(eventually([this] { return flow->step() == RestoreStep::Result; }));

    bool said = false;
    for (auto* label : flow->page()->findChildren<QLabel*>())
        said = said || label->text().contains(QStringLiteral("not a proven restore"));
    EXPECT_TRUE(said);
}

TEST_F(Flow, StopsSafelyAndSaysThatNothingFailed)
{
    world.backend->holdApply = true;
    walkTo(RestoreStep::Review);
    ASSERT_TRUE(nextWhenReady());
    ASSERT_TRUE(eventually([this] { return flow->isRunning(); }));

    QTest::mouseClick(button(QStringLiteral("Stop safely")), Qt::LeftButton);

    ASSERT_TRUE(eventually([this] { return flow->step() == RestoreStep::Result; }));
    bool said = false;
    for (auto* label : flow->page()->findChildren<QLabel*>())
        said = said || label->text().contains(QStringLiteral("was stopped"));
    EXPECT_TRUE(said);
}

TEST_F(Flow, EscapeAsksOnlyWhileSomethingRuns)
{
    QSignalSpy left(flow.get(), &RestoreFlow::left);
    walkTo(RestoreStep::Where);
    QTest::keyClick(flow.get(), Qt::Key_Escape);
    EXPECT_EQ(left.count(), 1);

    world.backend->holdApply = true;
    walkTo(RestoreStep::Review);
    ASSERT_TRUE(nextWhenReady());
    ASSERT_TRUE(eventually([this] { return flow->isRunning(); }));
    QTest::keyClick(flow.get(), Qt::Key_Escape);

    EXPECT_EQ(left.count(), 1);
    EXPECT_TRUE(flow->isRunning());
    EXPECT_NE(flow->findChild<QDialog*>(), nullptr);
    world.backend->holdApply = false;
    ASSERT_TRUE(eventually([this] { return !flow->isRunning(); }));
}

TEST_F(Flow, EveryPageIsOnDiskAndAStartedRestoreResumesAtTheChecks)
{
    walkTo(RestoreStep::Where);
    ASSERT_EQ(store.newest()->step, RestoreStep::Where);
    RestoreDraft crashed = *store.newest();
    crashed.step = RestoreStep::Run;
    crashed.planHash = "9f41c07a5be2";

    flow->resume(crashed);

    EXPECT_EQ(flow->step(), RestoreStep::Checks);
    bool said = false;
    for (auto* label : flow->page()->findChildren<QLabel*>())
        said = said || label->text().contains(QStringLiteral("was started before"));
    EXPECT_TRUE(said);
}

TEST_F(Flow, ADraftThatCannotBeSavedIsSaid)
{
    const auto folder = world.folder.path() / "flows";
    // A file where the folder should be fails for root too.
    ASSERT_TRUE(writeFileDurably(folder, asBytes("no folder")).ok());

    flow->begin(QStringLiteral("orders-prod"), {});

    EXPECT_TRUE(eventually([this] { return button(QStringLiteral("Details")) != nullptr; }));
}

TEST_F(Flow, FromARecoveryPointItRestoresThatBackup)
{
    const std::string id = world.catalog.find("orders-prod")->backups[3].id;

    flow->begin(QStringLiteral("orders-prod"), QString::fromStdString(id));

    EXPECT_EQ(flow->step(), RestoreStep::Moment);
    EXPECT_EQ(flow->context().draft.choice.backupId, id);
    EXPECT_TRUE(
        std::holds_alternative<model::ImmediateTarget>(flow->context().draft.choice.target.point));
}

} // namespace
} // namespace salvor::gui
