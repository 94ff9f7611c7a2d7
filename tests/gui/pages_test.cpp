#include "gui/pages/clusters_page.h"
#include "gui/pages/points_page.h"
#include "gui/widgets/progress_panel.h"
#include "tests/gui/fake_backend.h"

#include <QLineEdit>
#include <QSignalSpy>

namespace salvor::gui {
namespace {

using test::eventually;

QAbstractButton* buttonOf(QWidget& page, const QString& words)
{
    for (auto* button : page.findChildren<QAbstractButton*>())
        // Before it is laid out it cannot be clicked.
        if (button->isVisible() && button->height() > 0
            && QString(button->text()).remove(QLatin1Char('&')).startsWith(words))
            return button;
    return nullptr;
}

bool says(QWidget& page, const QString& words)
{
    for (auto* label : page.findChildren<QLabel*>())
        if (label->isVisible() && label->text().contains(words))
            return true;
    return false;
}

TEST(ClustersList, ThatCannotBeReadSaysSoAndTriesAgain)
{
    test::World world;
    world.backend->clustersError = fail(ErrorCode::Unavailable, "nas-02 does not answer");
    ClustersPage page(world.catalog, world.clock, {});
    page.resize(1166, 700);
    page.show();
    world.read();
    ASSERT_TRUE(says(page, QStringLiteral("No answer")));
    ASSERT_TRUE(eventually([&] { return buttonOf(page, QStringLiteral("Try again")) != nullptr; }));
    world.backend->clustersError.reset();

    QTest::mouseClick(buttonOf(page, QStringLiteral("Try again")), Qt::LeftButton);

    EXPECT_TRUE(eventually([&] { return says(page, QStringLiteral("need")); }));
}

TEST(ClustersList, OldDataStayWithTheirTimeWhenAReadingFails)
{
    test::World world;
    ClustersPage page(world.catalog, world.clock, {});
    page.resize(1166, 700);
    page.show();
    world.read();
    world.backend->clustersError = fail(ErrorCode::Unavailable, "nas-02 does not answer");

    world.read();

    EXPECT_TRUE(says(page, QStringLiteral("Shown as of")));
    EXPECT_EQ(page.findChild<QAbstractItemView*>()->model()->rowCount(), 3);
}

TEST(ClustersList, ThatIsReallyEmptySaysWhenThatWasChecked)
{
    test::World world;
    world.backend->answer.clear();
    ClustersPage page(world.catalog, world.clock, {});
    page.resize(1166, 700);
    page.show();

    world.read();

    EXPECT_TRUE(says(page, QStringLiteral("Checked at")));
    EXPECT_NE(buttonOf(page, QStringLiteral("Add repository")), nullptr);
}

TEST(RecoveryPoints, ShowTheDetailOfTheSelectedBackup)
{
    test::World world;
    PointsPage page(world.catalog, world.clock, {QTimeZone("Europe/Berlin"), std::nullopt});
    page.resize(1166, 700);
    page.show();
    world.read();
    page.setCluster(QStringLiteral("orders-prod"));
    QSignalSpy wanted(&page, &PointsPage::restoreWanted);

    EXPECT_TRUE(eventually([&] { return says(page, QStringLiteral("CHG-4471")); }));
    QTest::mouseClick(buttonOf(page, QStringLiteral("Restore from here")), Qt::LeftButton);

    ASSERT_EQ(wanted.count(), 1);
    EXPECT_EQ(wanted[0][1].toString().toStdString(),
              world.catalog.find("orders-prod")->backups.back().id);
}

TEST(RecoveryPoints, ASearchWithoutAHitSaysHowManyThereAre)
{
    test::World world;
    PointsPage page(world.catalog, world.clock, {});
    page.show();
    world.read();
    page.setCluster(QStringLiteral("orders-prod"));

    page.findChild<QLineEdit*>()->setText(QStringLiteral("no such thing"));

    EXPECT_TRUE(says(page, QStringLiteral("15 backups are there")));
}

TEST(ProgressRows, SayUnknownAndStalled)
{
    ProgressPanel panel;
    const std::vector<JobPhase> phases{{"fetch", 10, 0, MonotonicTime(0), std::nullopt}};

    panel.update(phases, MonotonicTime(1000), ProgressPanel::Ending::StillRunning);
    EXPECT_TRUE(panel.words().contains(QStringLiteral("unknown")));
    panel.update(phases, MonotonicTime(41000), ProgressPanel::Ending::StillRunning);

    EXPECT_TRUE(panel.words().contains(QStringLiteral("stalled for 40 s")))
        << panel.words().toStdString();
}

} // namespace
} // namespace salvor::gui
