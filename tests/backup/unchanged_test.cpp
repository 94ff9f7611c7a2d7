#include "core/backup/unchanged.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"

using namespace salvor;
using namespace salvor::backup;
using namespace salvor::repository;
using namespace std::chrono_literals;
using model::Backup;
using postgres::DataEntry;

namespace {

const Moment noon{std::chrono::hours(12)};

DataEntry fileEntry(const std::string& path, ByteCount size)
{
    DataEntry entry;
    entry.path = path;
    entry.size = size;
    return entry;
}

TreeEntry storedEntry()
{
    TreeEntry entry;
    entry.path = "base/5/1259";
    entry.kind = TreeKind::File;
    entry.size = 8192;
    entry.modifiedAt = noon - 1h;
    return entry;
}

DataEntry restingEntry()
{
    DataEntry entry = fileEntry("base/5/1259", 8192);
    entry.modifiedAt = entry.changedAt = noon - 1h;
    return entry;
}

Backup hostBackup(const std::string& id, Moment at)
{
    Backup backup;
    backup.id = id;
    backup.host = "db1";
    backup.dataDirectory = "/srv/pg";
    backup.timeline = model::TimelineId{1};
    backup.startedAt = at;
    backup.filesystemTime = at;
    return backup;
}

/// A stored backup to compare with, and the next one on its way.
class TakeOver : public RepositoryTest {
protected:
    TakeOver()
    {
        open(false);
        files = {{"base/5/1", textData(100000, 1)}, {"base/5/2", textData(50000, 2)}};
        basis = *store(files, "b1");
        basis.filesystemTime = noon;
        builder = newBuilder();
    }
    Result<> takeOver(std::vector<DataEntry>& entries)
    {
        return takeOverUnchanged({*repository, basis, 10s}, entries, taken, *builder, job.context);
    }
    [[nodiscard]] std::vector<DataEntry> allEntries() const
    {
        return {fileEntry("base/5/1", 100000), fileEntry("base/5/2", 50000)};
    }

    Files files;
    Backup basis;
    std::unique_ptr<BackupBuilder> builder;
    TakenOver taken;
    TestJob job;
};

} // namespace

TEST(Unchanged, AFileThatRestedIsUnchanged)
{
    EXPECT_TRUE(isUnchanged(restingEntry(), storedEntry(), noon, 10s));
}

TEST(Unchanged, AnotherSizeOrTimeIsAChange)
{
    DataEntry longer = restingEntry();
    longer.size += 8192;
    DataEntry later = restingEntry();
    later.modifiedAt += 1us;
    EXPECT_FALSE(isUnchanged(longer, storedEntry(), noon, 10s));
    EXPECT_FALSE(isUnchanged(later, storedEntry(), noon, 10s));
}

TEST(Unchanged, ATimeThatWasSetBackShowsInTheInode)
{
    DataEntry restored = restingEntry();
    restored.changedAt = noon + 5min;
    EXPECT_FALSE(isUnchanged(restored, storedEntry(), noon, 10s));
}

TEST(Unchanged, AFileWrittenJustBeforeTheBackupIsReadAgain)
{
    DataEntry entry = restingEntry();
    TreeEntry stored = storedEntry();
    entry.modifiedAt = entry.changedAt = stored.modifiedAt = noon - 10s + 1us;
    EXPECT_FALSE(isUnchanged(entry, stored, noon, 10s));
    entry.modifiedAt = entry.changedAt = stored.modifiedAt = noon - 10s;
    EXPECT_TRUE(isUnchanged(entry, stored, noon, 10s));
}

TEST(Unchanged, AFolderOfTheNameIsNoFile)
{
    DataEntry folder = restingEntry();
    folder.kind = postgres::EntryKind::Directory;
    EXPECT_FALSE(isUnchanged(folder, storedEntry(), noon, 10s));
}

TEST(Basis, IsTheNewestOfTheSameDirectoryAndTimeline)
{
    std::vector<Backup> backups{hostBackup("new", noon), hostBackup("old", noon - 1h)};
    for (int i = 0; i < 6; ++i)
        backups.push_back(hostBackup("foreign", noon + 1h));
    backups[2].host = "db2";
    backups[3].dataDirectory = "/srv/other";
    backups[4].timeline = model::TimelineId{2};
    backups[5].fromStandby = true;
    backups[6].mode = model::BackupMode::Stream;
    backups[7].filesystemTime.reset();

    const Backup* basis = findBasis(backups, hostBackup("next", noon + 2h), noon - 30min);

    ASSERT_NE(basis, nullptr);
    EXPECT_EQ(basis->id, "new");
    EXPECT_EQ(findBasis({backups.begin() + 2, backups.end()}, hostBackup("next", noon + 2h),
                        noon - 30min),
              nullptr);
    EXPECT_EQ(findBasis(backups, hostBackup("next", noon + 2h), noon), nullptr);
}

TEST_F(TakeOver, OnlyWhatChangedIsLeftToRead)
{
    auto entries = allEntries();
    entries[0].modifiedAt = noon;
    DataEntry fresh = fileEntry("base/5/3", 10);
    entries.insert(entries.begin(), fileEntry("a", 1));
    entries.push_back(fresh);

    ASSERT_OK(takeOver(entries));

    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].path, "a");
    EXPECT_EQ(entries[1].path, "base/5/1");
    EXPECT_EQ(entries[2].path, "base/5/3");
    ASSERT_EQ(taken.files.size(), 1U);
    EXPECT_EQ(taken.files[0].path, "base/5/2");
    Backup next;
    next.id = "b2";
    const auto made = builder->finish(next, job.context);
    ASSERT_OK(made);
    EXPECT_EQ(*load(*made), (Files{{"base/5/2", files.at("base/5/2")}}));
}

TEST_F(TakeOver, WhatWasDamagedIsStillDamaged)
{
    basis.damaged = {{"base/5/1", {7}}, {"base/5/gone", {1}}};
    auto entries = allEntries();

    ASSERT_OK(takeOver(entries));

    EXPECT_EQ(taken.damaged, (std::vector<model::DamagedPages>{{"base/5/1", {7}}}));
}

TEST_F(TakeOver, AFileWhosePackIsGoneIsReadAgain)
{
    // The index objects still name the pack; the listing does not.
    for (const auto& key : keysBelow(*driver, "packs/")) {
        const auto contents = *storage::readObject(*driver, key);
        if (std::to_integer<int>(contents[9]) == 1) {
            ASSERT_OK(driver->remove(key));
        }
    }
    builder.reset();
    reopen({});
    builder = newBuilder();
    auto entries = allEntries();

    ASSERT_OK(takeOver(entries));

    EXPECT_EQ(entries.size(), 2U);
    EXPECT_TRUE(taken.files.empty());
}

TEST_F(TakeOver, ADamagedTreeIsAnErrorAndLosesNoFile)
{
    for (const auto& key : keysBelow(*driver, "packs/")) {
        const auto contents = *storage::readObject(*driver, key);
        if (std::to_integer<int>(contents[9]) == 2) {
            ASSERT_OK(driver->remove(key));
        }
    }
    builder.reset();
    reopen({});
    builder = newBuilder();
    auto entries = allEntries();

    EXPECT_FAILS(takeOver(entries), Corrupt);

    EXPECT_EQ(entries.size() + taken.files.size(), 2U);
}

TEST_F(TakeOver, AStopIsObeyed)
{
    job.source.request_stop();
    auto entries = allEntries();

    EXPECT_FAILS(takeOver(entries), Cancelled);

    EXPECT_EQ(entries.size(), 2U);
}
