#include "core/repository/wal_pieces.h"
#include "core/verify/verify.h"
#include "tests/restore/restore_scene.h"
#include "tests/support/made_archive.h"

namespace salvor::verify {
namespace {

class VerifyTest : public restore::RestoreTest {
protected:
    Result<VerifyReport> verifyAll(VerifyRequest request = {})
    {
        return verify(*repository, request, job);
    }
    /// The findings of a whole verification, as one text.
    std::string findings()
    {
        const auto report = verifyAll();
        if (!report.ok())
            return "error: " + report.error().message;
        std::string text;
        for (const Finding& finding : report->findings) {
            text += finding.object + ": " + finding.what + "\n";
            for (const std::string& file : finding.files)
                text += "  " + file + "\n";
            for (const std::string& id : finding.backups)
                text += "  backup " + id + "\n";
        }
        return text;
    }
    bool contains(const std::string& text, const std::string& part)
    {
        return text.find(part) != std::string::npos;
    }
};

/// The segment of the scene is noise, so its header is always a finding.
constexpr const char* noiseSegment = "cannot be replayed";

TEST_F(VerifyTest, WholeBackupHasNoFindingButTheSegmentThatIsNoWal)
{
    store();

    const auto report = verifyAll();

    ASSERT_OK(report);
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_TRUE(contains(report->findings[0].what, noiseSegment));
    EXPECT_EQ(report->findings[0].backups, std::vector<std::string>{backup.id});
    EXPECT_EQ(report->backups.size(), 1U);
    EXPECT_EQ(report->segmentsChecked, 1U);
    EXPECT_GT(report->packsChecked, 0U);
}

TEST_F(VerifyTest, MissingPackNamesBackupAndFiles)
{
    store();
    const std::string pack = contentPack();
    ASSERT_OK(driver->remove(pack));

    const std::string found = findings();

    EXPECT_TRUE(contains(found, pack)) << found;
    EXPECT_TRUE(contains(found, backup.id + ": base/5/1259")) << found;
    EXPECT_TRUE(contains(found, "backup " + backup.id)) << found;
}

TEST_F(VerifyTest, FlippedBitNamesBackupAndFile)
{
    store();
    flipBitIn(contentPack());

    const std::string found = findings();

    EXPECT_TRUE(contains(found, contentPack())) << found;
    EXPECT_TRUE(contains(found, "base/5/")) << found;
}

TEST_F(VerifyTest, MissingSegmentOfABackupIsFound)
{
    store();
    ASSERT_OK(driver->remove(firstKey("wal/")));

    EXPECT_TRUE(contains(findings(), "is missing: a backup is not consistent without it"));
}

TEST_F(VerifyTest, NotesThatAPruneNeedsAreFindingsWhenTheyCannotBeRead)
{
    store();
    const std::string cluster = backup.incarnation.cluster;
    ASSERT_OK(storage::writeObject(*driver, "holds/" + cluster + "/x", asBytes("noise")));
    ASSERT_OK(storage::writeObject(
        *driver, "marks/" + cluster + "/" + std::to_string(backup.incarnation.number) + "/swept",
        asBytes("noise")));

    const std::string found = findings();

    EXPECT_TRUE(contains(found, "holds/" + cluster + "/x")) << found;
    EXPECT_TRUE(contains(found, "/swept")) << found;
}

TEST_F(VerifyTest, AnOutcomeIsThatOfTheBackupsThatWereHit)
{
    VerifyReport report;
    report.backups.resize(2);
    report.backups[0].id = "a";
    report.backups[1].id = "b";
    report.findings = {{"packs/x", "is missing", {"b"}, {}}, {"wal/y", "does not open", {}, {}}};

    const auto whole = outcomes(report, 100);
    const auto sampled = outcomes(report, 5);

    ASSERT_EQ(whole.size(), 2U);
    EXPECT_TRUE(whole[0].good);
    EXPECT_EQ(whole[0].level, model::AssuranceLevel::Contents);
    EXPECT_FALSE(whole[1].good);
    EXPECT_EQ(whole[1].finding, "is missing");
    EXPECT_EQ(sampled[0].level, model::AssuranceLevel::Structure);
    // The next sample may miss it.
    EXPECT_FALSE(sampled[1].good);
    EXPECT_EQ(sampled[1].level, model::AssuranceLevel::Contents);
}

TEST_F(VerifyTest, SampleOfNothingStillChecksTheStructure)
{
    store();
    ASSERT_OK(driver->remove(contentPack()));

    const auto report = verifyAll({.samplePercent = 0});

    ASSERT_OK(report);
    EXPECT_EQ(report->segmentsChecked, 0U);
    EXPECT_FALSE(report->findings.empty());
}

TEST_F(VerifyTest, UnknownBackupAndBadPercentageAreErrors)
{
    store();

    EXPECT_FAILS(verifyAll({.backupIds = {"no-such"}}), NotFound);
    EXPECT_FAILS(verifyAll({.samplePercent = 101}), InvalidInput);
}

/// A repository with WAL that a receiver stored before it was whole.
class VerifyPieces : public ::testing::Test {
protected:
    VerifyPieces()
    {
        archive.wal.filler(5000);
        bytes = archive.wal.segments().begin()->second;
        push(0, 1000);
        push(1000, 3000);
    }
    void push(ByteCount from, ByteCount to)
    {
        test::must(repository::pushPiece(*archive.repository, archive.incarnation, segment, from,
                                         ByteView(bytes).subspan(from, to - from)));
    }
    std::vector<Finding> findings()
    {
        return test::must(verify(*archive.repository, {}, archive.job)).findings;
    }
    std::string piece(std::size_t index)
    {
        return repository::pieces(*archive.repository, archive.incarnation)->at(index).object;
    }

    test::MadeArchive archive;
    const model::Segment segment{model::TimelineId{1}, 1};
    Bytes bytes;
};

TEST_F(VerifyPieces, OfABegunSegmentAreRead)
{
    EXPECT_TRUE(findings().empty());
    const std::string second = piece(1);
    Bytes object = *storage::readObject(*archive.driver, second);
    object.back() ^= std::byte{1};
    ASSERT_OK(archive.driver->remove(second));
    ASSERT_OK(storage::writeObject(*archive.driver, second, object));

    const auto found = findings();

    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].object, second);
}

TEST_F(VerifyPieces, OfWhichOneIsMissingAreAFinding)
{
    ASSERT_OK(archive.driver->remove(piece(0)));

    const auto found = findings();

    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].what.find("do not fit"), std::string::npos) << found[0].what;
}

TEST_F(VerifyPieces, ThatContradictTheirWholeSegmentAreAFinding)
{
    ASSERT_OK(archive.repository->pushSegment(archive.incarnation, segment, bytes));
    EXPECT_TRUE(findings().empty());
    bytes[2000] ^= std::byte{1};
    push(1500, 2500);

    const auto found = findings();

    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].what.find("holds other bytes than"), std::string::npos) << found[0].what;
}

} // namespace
} // namespace salvor::verify
