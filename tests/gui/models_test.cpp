#include "gui/models/backup_model.h"
#include "gui/models/cluster_model.h"
#include "gui/models/job_bridge.h"
#include "gui/models/passphrase_desk.h"
#include "tests/gui/fake_backend.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>

#include <thread>

namespace salvor::gui {
namespace {

using test::at;
using test::eventually;

text::Zones berlin()
{
    return {QTimeZone("Europe/Berlin"), std::nullopt};
}

std::vector<model::Backup> orders()
{
    return test::someClusters().front().backups;
}

struct Backups : testing::Test {
    BackupModel model{berlin()};
    QAbstractItemModelTester tester{&model, QAbstractItemModelTester::FailureReportingMode::Fatal};
    BackupFilter filter;

    Backups() { filter.setSourceModel(&model); }
    QString cell(int row, int column) { return filter.index(row, column).data().toString(); }
};

TEST_F(Backups, ShowTimesWithTheirOffset)
{
    model.setBackups(orders());

    EXPECT_EQ(model.index(0, BackupModel::Completed).data().toString(),
              QStringLiteral("2026-11-03 01:20:15 +01:00"));
}

TEST_F(Backups, SortSizesAsNumbers)
{
    std::vector<model::Backup> two{orders()[0], orders()[1]};
    two[0].logicalSize = 100;
    two[1].logicalSize = 9;
    model.setBackups(two);

    filter.sort(BackupModel::Size, Qt::AscendingOrder);

    EXPECT_EQ(cell(0, BackupModel::Size), QStringLiteral("9 bytes"));
    EXPECT_EQ(cell(1, BackupModel::Size), QStringLiteral("100 bytes"));
}

TEST_F(Backups, SortNewBytesTimelinesAndLsnsAsNumbers)
{
    std::vector<model::Backup> two{orders()[0], orders()[1]};
    two[0].newSize = 100;
    two[1].newSize = 9;
    two[0].timeline = model::TimelineId{100};
    two[1].timeline = model::TimelineId{9};
    two[0].stopLsn = model::Lsn{0x10000000000U};
    two[1].stopLsn = model::Lsn{0x900000000U};
    model.setBackups(two);

    filter.sort(BackupModel::New, Qt::AscendingOrder);
    EXPECT_EQ(cell(0, BackupModel::New), QStringLiteral("9 bytes"));
    filter.sort(BackupModel::Timeline, Qt::AscendingOrder);
    EXPECT_EQ(cell(0, BackupModel::Timeline), QStringLiteral("9"));
    filter.sort(BackupModel::EndsAt, Qt::AscendingOrder);
    EXPECT_EQ(cell(0, BackupModel::EndsAt), QStringLiteral("9/0"));
}

TEST_F(Backups, AreFoundByDateLsnNameAndAnnotation)
{
    model.setBackups(orders());

    filter.setSearch(QStringLiteral("2026-11-09"));
    EXPECT_EQ(filter.rowCount(), 1);
    filter.setSearch(QStringLiteral("chg-4471"));
    EXPECT_EQ(filter.rowCount(), 1);
    filter.setSearch(QString::fromStdString(orders()[3].id));
    EXPECT_EQ(filter.rowCount(), 1);
    filter.setSearch(QString::fromStdString(model::formatLsn(orders()[4].stopLsn)));
    EXPECT_EQ(filter.rowCount(), 1);
    filter.setSearch(QStringLiteral("no such thing"));
    EXPECT_EQ(filter.rowCount(), 0);
}

TEST_F(Backups, AreFilteredByType)
{
    model.setBackups(orders());

    filter.setMode(QStringLiteral("stream"));

    EXPECT_EQ(filter.rowCount(), 3);
}

TEST_F(Backups, SayWhatWasVerifiedAndSortDamageFirst)
{
    const std::vector<model::Backup> three{orders()[0], orders()[1], orders()[2]};
    const auto note = [](const model::Backup& backup, model::AssuranceLevel level, bool good) {
        return model::Verification{
            backup.id, level, good, good ? "" : "a pack is missing", "dba@host", backup.finishedAt};
    };
    model.setBackups(three);
    QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);

    model.setBackups(three,
                     model::assurancesOf({note(three[1], model::AssuranceLevel::Contents, true),
                                          note(three[2], model::AssuranceLevel::Restored, false)}));

    EXPECT_EQ(changed.count(), 2);
    filter.sort(BackupModel::Proof, Qt::AscendingOrder);
    EXPECT_EQ(cell(0, BackupModel::Proof), QStringLiteral("Damaged"));
    EXPECT_EQ(cell(1, BackupModel::Proof), QStringLiteral("Listed"));
    EXPECT_EQ(cell(2, BackupModel::Proof), QStringLiteral("Read completely"));
}

TEST_F(Backups, ARefreshKeepsRowsThatStayed)
{
    model.setBackups(orders());
    const QPersistentModelIndex kept(model.index(5, 0));
    std::vector<model::Backup> fewer = orders();
    fewer.erase(fewer.begin(), fewer.begin() + 2);
    fewer[0].annotations = {{"kept", "yes"}};

    model.setBackups(fewer);

    EXPECT_EQ(model.rowCount(), 13);
    EXPECT_EQ(kept.row(), 3);
}

TEST(Clusters, StandWorstFirst)
{
    test::FixedClock clock;
    ClusterModel model(berlin(), clock);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);

    model.setClusters(test::someClusters());

    EXPECT_EQ(model.at(0)->name, "analytics-stage");
    EXPECT_EQ(model.at(1)->name, "orders-prod");
    EXPECT_EQ(model.at(2)->name, "billing-prod");
    EXPECT_EQ(model.index(0, ClusterModel::LastBackup).data().toString(), QStringLiteral("never"));
    EXPECT_EQ(model.at(3), nullptr);
}

TEST(Clusters, AgesAreShownAgainWhileNothingElseChanges)
{
    test::FixedClock clock;
    ClusterModel model(berlin(), clock);
    model.setClusters(test::someClusters());
    QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);

    ASSERT_TRUE(eventually([&] { return changed.count() > 0; }));

    const auto from = changed[0][0].toModelIndex();
    const auto to = changed[0][1].toModelIndex();
    EXPECT_LE(from.column(), ClusterModel::LastBackup);
    EXPECT_GE(to.column(), ClusterModel::Restorable);
    EXPECT_EQ(to.row(), 2);
}

TEST(Clusters, WhatCouldNotBeReadIsNotCalledEmpty)
{
    test::FixedClock clock;
    ClusterModel model(berlin(), clock);
    console::ClusterSummary unread;
    unread.repository = "s3-eu";
    unread.warnings = {"Repository 's3-eu' could not be read: no answer."};

    model.setClusters({unread, console::ClusterSummary{.name = "empty", .repository = "nas"}});

    EXPECT_EQ(model.index(0, ClusterModel::Name).data().toString(),
              QStringLiteral("clusters of s3-eu"));
    EXPECT_EQ(model.index(0, ClusterModel::Status).data().toString(),
              QStringLiteral("Could not be read"));
    EXPECT_EQ(model.index(0, ClusterModel::Backups).data().toString(), QStringLiteral("unknown"));
    EXPECT_EQ(model.index(1, ClusterModel::Status).data().toString(), QStringLiteral("No backup"));
}

TEST(Jobs, TellTheirPhasesLinesAndOutcome)
{
    JobBridge bridge([](JobContext& job) -> Result<> {
        job.phase("one", 10);
        job.progress.add(10);
        job.events.warning("look at this.");
        job.phase("two", 0);
        return fail(ErrorCode::NoSpace, "the disk is full");
    });
    QSignalSpy finished(&bridge, &JobBridge::finished);

    ASSERT_TRUE(eventually([&] { return finished.count() == 1; }));

    const JobRecord::Seen seen = bridge.seen();
    ASSERT_EQ(seen.phases.size(), 2U);
    EXPECT_EQ(seen.phases[0].done, 10U);
    EXPECT_TRUE(seen.phases[0].endedAt.has_value());
    EXPECT_EQ(seen.warningCount, 1U);
    EXPECT_EQ(seen.lineCount, 3U);
}

TEST(Jobs, ThatThrowEndAsABug)
{
    std::optional<Result<int>> got;
    QObject parent;
    startJob<int>(
        &parent, [](JobContext&) -> Result<int> { throw std::runtime_error("no memory"); },
        [&got](const Result<int>& result) { got = result; });

    ASSERT_TRUE(eventually([&] { return got.has_value(); }));

    ASSERT_FALSE(got->ok());
    EXPECT_EQ(got->error().code, ErrorCode::Bug);
}

TEST(Jobs, AreStoppedAndJoinedWithTheirParent)
{
    std::atomic<bool> stopped{false};
    auto parent = std::make_unique<QObject>();
    startJob<int>(
        parent.get(),
        [&stopped](JobContext& job) -> Result<int> {
            while (job.proceed().ok())
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            stopped = true;
            return 1;
        },
        [](const Result<int>&) { FAIL() << "nobody is there to hear it"; });

    parent.reset();

    EXPECT_TRUE(stopped);
}

TEST(Snapshots, AFailedReadingKeepsTheOldOne)
{
    test::World world;
    world.read();
    world.backend->clustersError = fail(ErrorCode::Unavailable, "nas-02 does not answer");

    world.read();

    EXPECT_EQ(world.catalog.state(), Catalog::State::Failed);
    EXPECT_EQ(world.catalog.clusters()->size(), 3U);
    EXPECT_TRUE(world.catalog.readAt().has_value());
    EXPECT_EQ(world.catalog.error()->code, ErrorCode::Unavailable);
}

TEST(Passphrases, ReachTheJobThatAsked)
{
    PassphraseDesk desk;
    std::optional<Result<Secret>> got;
    std::thread job([&] { got.emplace(desk.ask("nas-02")); });
    std::optional<std::string> question;
    ASSERT_TRUE(eventually([&] { return (question = desk.takeQuestion()).has_value(); }));

    desk.answer(Secret(std::string_view("open sesame")));
    job.join();

    EXPECT_EQ(*question, "nas-02");
    ASSERT_TRUE(got->ok());
    EXPECT_EQ((**got).revealText(), "open sesame");
}

TEST(Passphrases, AClosedDeskDeclines)
{
    PassphraseDesk desk;
    std::optional<Result<Secret>> got;
    std::thread job([&] { got.emplace(desk.ask("nas-02")); });
    ASSERT_TRUE(eventually([&] { return desk.takeQuestion().has_value(); }));

    desk.close();
    job.join();

    ASSERT_FALSE(got->ok());
    EXPECT_EQ(got->error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace salvor::gui
