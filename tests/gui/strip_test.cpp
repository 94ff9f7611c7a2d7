#include "gui/widgets/range_strip.h"
#include "tests/gui/fake_backend.h"

#include <QAccessible>
#include <QSignalSpy>

namespace salvor::gui {
namespace {

using test::at;
using namespace std::chrono_literals;

struct Strip : testing::Test {
    test::FixedClock clock;
    RangeStrip strip{RangeStrip::Mode::Cursor, {QTimeZone("Europe/Berlin"), std::nullopt}};
    Moment last = at("2026-11-17T01:30:12.402118Z");
    Moment gapFrom = at("2026-11-07T16:12:09Z");
    Moment gapTo;

    Strip()
    {
        const auto cluster = test::someClusters().front();
        gapTo = cluster.backups[5].finishedAt;
        strip.resize(1000, 200);
        strip.setCluster(cluster, clock.now());
    }
    void press(Qt::Key key, Qt::KeyboardModifiers with = Qt::NoModifier)
    {
        QTest::keyClick(&strip, key, with);
    }
};

TEST_F(Strip, BeginsAtTheLatestMoment)
{
    EXPECT_EQ(strip.cursor(), last);
}

TEST_F(Strip, MovesASecondAMinuteOrAnHour)
{
    press(Qt::Key_Left);
    EXPECT_EQ(strip.cursor(), last - 1s);
    press(Qt::Key_Left, Qt::ShiftModifier);
    EXPECT_EQ(strip.cursor(), last - 61s);
    press(Qt::Key_Left, Qt::ControlModifier);
    EXPECT_EQ(strip.cursor(), last - 61s - 1h);
}

TEST_F(Strip, DoesNotGoPastItsEndsAndSaysWhy)
{
    press(Qt::Key_Right);
    EXPECT_EQ(strip.cursor(), last);
    EXPECT_TRUE(strip.cursorWords().contains(QStringLiteral("Nothing later is archived")));

    press(Qt::Key_Home);
    press(Qt::Key_Left);
    EXPECT_EQ(strip.cursor(), strip.coverage().window().from);
    EXPECT_TRUE(strip.cursorWords().contains(QStringLiteral("nothing earlier")));
}

TEST_F(Strip, NeverRestsInAGapAndSaysItsCause)
{
    strip.setCursor(gapFrom - 10min);
    press(Qt::Key_Right, Qt::ControlModifier);

    EXPECT_EQ(strip.cursor(), gapFrom);
    EXPECT_TRUE(strip.cursorWords().contains(QStringLiteral("segments are missing")));

    press(Qt::Key_Right);
    EXPECT_EQ(strip.cursor(), gapTo);
    press(Qt::Key_Left);
    EXPECT_EQ(strip.cursor(), gapFrom);
}

TEST_F(Strip, GoesToBackupsAndGaps)
{
    strip.setCursor(at("2026-11-12T12:00:00Z"));
    press(Qt::Key_N);
    EXPECT_EQ(strip.cursor(), strip.coverage().backups()[10].span.to);
    press(Qt::Key_N, Qt::ShiftModifier);
    EXPECT_EQ(strip.cursor(), strip.coverage().backups()[9].span.to);
    press(Qt::Key_Home);
    press(Qt::Key_G);
    EXPECT_EQ(strip.cursor(), gapFrom);
}

TEST_F(Strip, AClickInAGapGoesToTheNearerEdge)
{
    QSignalSpy moved(&strip, &RangeStrip::cursorMoved);
    const auto middle = static_cast<int>((strip.xOf(gapFrom) + strip.xOf(gapTo)) / 2);

    QTest::mouseClick(&strip, Qt::LeftButton, {}, {middle, 120});

    EXPECT_EQ(moved.count(), 1);
    EXPECT_TRUE(strip.coverage().contains(*strip.cursor()));
}

TEST_F(Strip, IsASliderToAScreenReader)
{
    QAccessibleInterface* face = QAccessible::queryAccessibleInterface(&strip);

    ASSERT_NE(face, nullptr);
    EXPECT_EQ(face->role(), QAccessible::Slider);
    EXPECT_EQ(face->text(QAccessible::Name), QStringLiteral("Moment to restore"));
    EXPECT_TRUE(face->text(QAccessible::Value).contains(QStringLiteral("+01:00")));
    ASSERT_NE(face->valueInterface(), nullptr);
    face->valueInterface()->setCurrentValue(face->valueInterface()->minimumValue());
    EXPECT_LT(*strip.cursor(), strip.coverage().window().from + 1s);
}

TEST_F(Strip, SaysInASentenceWhatItShows)
{
    EXPECT_TRUE(strip.sentence().contains(QStringLiteral("one gap")))
        << strip.sentence().toStdString();
}

TEST(EmptyStrip, HasNoCursorAndSaysSo)
{
    RangeStrip strip(RangeStrip::Mode::Cursor, {});
    strip.setCluster({}, at("2026-11-17T01:31:09Z"));
    strip.resize(600, 200);

    QTest::keyClick(&strip, Qt::Key_Right);

    EXPECT_FALSE(strip.cursor());
    EXPECT_EQ(strip.sentence(), QStringLiteral("Nothing can be restored."));
    EXPECT_FALSE(strip.grab().isNull());
}

} // namespace
} // namespace salvor::gui
