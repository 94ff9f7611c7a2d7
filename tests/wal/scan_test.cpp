#include "core/wal/archive.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::wal;
using model::WalEvent;

namespace {

const Moment noon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(12);

class WalScan : public ::testing::Test {
protected:
    Result<ScanEnd> scan(model::Lsn from, std::optional<model::Lsn> to = std::nullopt,
                         std::uint32_t timeline = 1)
    {
        auto path = test::must(
            timelinePath(*archive.repository, archive.incarnation, model::TimelineId{timeline}));
        const EventVisitor keep = [this](const WalEvent& event) -> Result<bool> {
            events.push_back(event);
            return events.size() < limit;
        };
        const auto segments = test::must(
            PathSegments::list(*archive.repository, archive.incarnation, std::move(path)));
        return scanEvents({*archive.repository, archive.incarnation, segments, from, to}, keep,
                          archive.job);
    }
    std::vector<std::uint64_t> xids() const
    {
        std::vector<std::uint64_t> all;
        for (const WalEvent& event : events)
            all.push_back(event.xid);
        return all;
    }

    test::MadeArchive archive;
    std::vector<WalEvent> events;
    std::size_t limit = 1000;
};

using Xids = std::vector<std::uint64_t>;

} // namespace

TEST_F(WalScan, CommitsRollbacksAndRestorePointsComeInOrderWithTheirPlaces)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    const auto commit = archive.wal.commit(100, noon, {101, 102});
    const auto abort = archive.wal.abort(103, noon);
    const auto point = archive.wal.restorePoint("before upgrade", noon);
    const auto prepared = archive.wal.commitPrepared(104, noon);
    archive.wal.switchSegment();
    archive.push(archive.wal);

    const auto end = scan(begin);

    ASSERT_OK(end);
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(xids(), (Xids{100, 103, 0, 104}));
    EXPECT_EQ(events[0].start, commit.start);
    EXPECT_EQ(events[0].end, commit.end);
    EXPECT_EQ(events[0].at, noon);
    EXPECT_EQ(events[0].subtransactions, (std::vector<std::uint32_t>{101, 102}));
    EXPECT_EQ(events[1].kind, WalEvent::Kind::Abort);
    EXPECT_EQ(events[1].start, abort.start);
    EXPECT_EQ(events[2].name, "before upgrade");
    EXPECT_EQ(events[2].start, point.start);
    EXPECT_TRUE(events[3].prepared);
    EXPECT_EQ(events[3].start, prepared.start);
    EXPECT_EQ(end->at, archive.wal.position());
    EXPECT_NE(end->because.find("000000010000000000000002"), std::string::npos) << end->because;
}

TEST_F(WalScan, RecordsThatCrossSegmentsAreRead)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    for (std::uint32_t xid = 100; xid < 112; ++xid) {
        archive.wal.filler(400000);
        archive.wal.commit(xid, noon);
    }
    archive.wal.switchSegment();
    archive.push(archive.wal);

    const auto end = scan(begin);

    ASSERT_OK(end);
    EXPECT_EQ(events.size(), 12U);
    EXPECT_GT(archive.wal.segments().size(), 4U);
}

TEST_F(WalScan, XidsGetTheirEpochFromTheCheckpointAlsoThoseBeforeIt)
{
    const std::uint64_t epoch = std::uint64_t{3} << 32U;
    const model::Lsn begin = archive.wal.commit(0xfffffff0U, noon).start;
    archive.wal.checkpoint(epoch + 5);
    archive.wal.commit(7, noon);
    archive.wal.switchSegment();
    archive.push(archive.wal);

    ASSERT_OK(scan(begin));

    EXPECT_EQ(xids(), (Xids{epoch - 16, epoch + 7}));
}

TEST_F(WalScan, AGapEndsTheScanAndIsNamed)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    for (std::uint32_t xid = 100; xid < 104; ++xid) {
        archive.wal.commit(xid, noon);
        archive.wal.switchSegment();
    }
    archive.push(archive.wal, {3});

    const auto end = scan(begin);

    ASSERT_OK(end);
    EXPECT_EQ(xids(), (Xids{100, 101}));
    EXPECT_NE(end->because.find("000000010000000000000003"), std::string::npos);
    EXPECT_NE(end->because.find("later"), std::string::npos);
}

TEST_F(WalScan, ADamagedSegmentEndsTheScanAndIsNamed)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    for (std::uint32_t xid = 100; xid < 103; ++xid) {
        archive.wal.commit(xid, noon);
        archive.wal.switchSegment();
    }
    archive.push(archive.wal);
    const auto object = archive.repository->segments(archive.incarnation)->at(1).object;
    Bytes stored = *storage::readObject(*archive.driver, object);
    stored[stored.size() / 2] ^= std::byte{4};
    ASSERT_OK(storage::writeObject(*archive.driver, object, stored));

    const auto end = scan(begin);

    ASSERT_OK(end);
    EXPECT_EQ(xids(), (Xids{100}));
    EXPECT_NE(end->because.find("damaged"), std::string::npos) << end->because;
}

TEST_F(WalScan, AWrongRecordEndsTheScan)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    archive.wal.commit(100, noon);
    const auto bad = archive.wal.commit(101, noon);
    archive.wal.switchSegment();
    Bytes segment = archive.wal.segments().begin()->second;
    segment[(value(bad.start) + 26) % archive.wal.segmentSize()] ^= std::byte{1};
    test::must(
        archive.repository->pushSegment(archive.incarnation, {archive.wal.timeline(), 1}, segment));

    const auto end = scan(begin);

    ASSERT_OK(end);
    EXPECT_EQ(xids(), (Xids{100}));
    EXPECT_EQ(end->at, bad.start);
}

TEST_F(WalScan, ASegmentFilledWithZerosEndsTheScanWhereItsWalEnds)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    archive.wal.commit(100, noon);
    archive.push(archive.wal);

    const auto end = scan(begin);

    ASSERT_OK(end);
    EXPECT_EQ(end->at, archive.wal.position());
    EXPECT_NE(end->because.find("ends within"), std::string::npos) << end->because;
}

TEST_F(WalScan, TheVisitorAndTheEndAskedForStopTheScan)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    archive.wal.commit(100, noon);
    const auto second = archive.wal.commit(101, noon);
    archive.wal.commit(102, noon);
    archive.wal.switchSegment();
    archive.push(archive.wal);

    const auto bounded = scan(begin, second.start);
    ASSERT_OK(bounded);
    EXPECT_EQ(xids(), (Xids{100}));
    EXPECT_FALSE(bounded->stoppedByVisitor);
    EXPECT_EQ(bounded->at, second.start);
    events.clear();
    limit = 2;
    const auto enough = scan(begin);
    ASSERT_OK(enough);
    EXPECT_TRUE(enough->stoppedByVisitor);
    EXPECT_EQ(enough->at, second.end);
}

TEST_F(WalScan, AStopRequestCancels)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    archive.wal.switchSegment();
    archive.push(archive.wal);
    const auto source = std::make_unique<std::stop_source>();
    source->request_stop();
    archive.job.stop = source->get_token();

    EXPECT_FAILS(scan(begin), Cancelled);
}

TEST_F(WalScan, AtAForkTheChildsCopyStandsForTheParents)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    archive.wal.switchSegment();
    archive.wal.commit(100, noon);
    test::WalWriter child = archive.wal.fork(2);
    archive.wal.commit(200, noon); // Of the old primary, after the fork.
    archive.wal.switchSegment();
    child.commit(101, noon);
    child.switchSegment();
    archive.push(archive.wal, {2});
    archive.push(child);

    const auto end = scan(begin, std::nullopt, 2);

    ASSERT_OK(end);
    EXPECT_EQ(xids(), (Xids{100, 101}));
    EXPECT_EQ(events[0].timeline, model::TimelineId{1});
    EXPECT_EQ(events[1].timeline, model::TimelineId{2});
}

TEST_F(WalScan, WithoutTheChildsCopyTheParentsIsReadUpToTheFork)
{
    const model::Lsn begin = archive.wal.checkpoint(100).start;
    archive.wal.commit(100, noon);
    test::WalWriter child = archive.wal.fork(2);
    archive.wal.commit(200, noon);
    archive.wal.switchSegment();
    child.commit(101, noon);
    child.switchSegment();
    archive.push(archive.wal);
    archive.push(child, {1});

    const auto end = scan(begin, std::nullopt, 2);

    ASSERT_OK(end);
    EXPECT_EQ(xids(), (Xids{100}));
    EXPECT_NE(end->because.find("000000020000000000000001"), std::string::npos) << end->because;
}
