#include "core/repository/check.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"

namespace salvor::repository {

namespace {

class DamageTest : public RepositoryTest {
protected:
    void SetUp() override
    {
        open(GetParam());
        files["base/1"] = randomData(3U << 20U, 1);
        files["base/2"] = textData(200000, 2);
        auto stored = store(files, "b1");
        ASSERT_TRUE(stored.ok()) << stored.error().message;
        backup = *stored;
    }

    [[nodiscard]] std::vector<PackDamage> check(int percent = 100,
                                                const std::vector<model::Backup>& only = {})
    {
        TestJob job;
        auto found = checkPacks(*repository, backup.incarnation, {percent, 1, only}, job.context);
        EXPECT_TRUE(found.ok()) << found.error().message;
        return found.ok() ? std::move(*found) : std::vector<PackDamage>();
    }
    [[nodiscard]] std::vector<PackDamage> list()
    {
        TestJob job;
        auto found = listDamage(*repository, backup.incarnation, job.context);
        EXPECT_TRUE(found.ok()) << found.error().message;
        return found.ok() ? std::move(*found) : std::vector<PackDamage>();
    }
    void flip(const std::string& key, std::size_t at)
    {
        Bytes bytes = *storage::readObject(*driver, key);
        bytes[at] ^= std::byte{1};
        overwrite(*driver, key, bytes);
    }
    void cut(const std::string& key, std::size_t size)
    {
        Bytes bytes = *storage::readObject(*driver, key);
        bytes.resize(size);
        overwrite(*driver, key, bytes);
    }
    /// The largest pack: of contents.
    [[nodiscard]] std::string largePack()
    {
        auto objects = *storage::listObjects(*driver, "packs/");
        return std::max_element(objects.begin(), objects.end(),
                                [](const auto& a, const auto& b) { return a.size < b.size; })
            ->key;
    }

    Files files;
    model::Backup backup;
};
INSTANTIATE_TEST_SUITE_P(Encryption, DamageTest, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Encrypted" : "Plain"; });

TEST_P(DamageTest, ASoundRepositoryHasNone)
{
    EXPECT_TRUE(check().empty());
    EXPECT_TRUE(check(30).empty());
    EXPECT_TRUE(list().empty());
}

TEST_P(DamageTest, AMissingPackIsNamedWithItsChunks)
{
    const std::string pack = largePack();
    ASSERT_TRUE(driver->remove(pack).ok());

    const auto listed = list();
    const auto checked = check();

    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].damage.object, pack);
    EXPECT_EQ(listed[0].damage.what, "is missing");
    EXPECT_GT(listed[0].chunks.size(), 10U);
    ASSERT_EQ(checked.size(), 1U);
    const auto loaded = load(backup);
    EXPECT_EQ(loaded.error().code, ErrorCode::Corrupt);
    EXPECT_NE(loaded.error().message.find(pack), std::string::npos);
    EXPECT_NE(loaded.error().message.find("is missing"), std::string::npos);
}

TEST_P(DamageTest, APackThatGoesMissingWhileReadingIsCorruptToo)
{
    const auto index = repository->loadIndex(backup.incarnation);
    const auto reader = ChunkReader::create(*repository, *index);
    std::vector<ChunkId> chunks;
    ASSERT_TRUE(repository
                    ->readTree(backup,
                               [&](const TreeEntry& entry) {
                                   chunks = entry.chunks;
                                   return Result<>();
                               })
                    .ok());
    const std::string pack = (*reader)->packKey((*reader)->find(chunks[0])->pack);
    ASSERT_TRUE(driver->remove(pack).ok());

    const auto read = (*reader)->read(chunks[0], chunkSize);

    EXPECT_EQ(read.error().code, ErrorCode::Corrupt);
    EXPECT_NE(read.error().message.find(pack), std::string::npos);
}

TEST_P(DamageTest, ACutPackIsNamedWithBothSizes)
{
    const std::string pack = largePack();
    cut(pack, 100000);

    const auto listed = list();

    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].damage.object, pack);
    EXPECT_TRUE(listed[0].damage.what.starts_with("is cut short: 100000 bytes of "));
    EXPECT_EQ(load(backup).error().code, ErrorCode::Corrupt);
}

TEST_P(DamageTest, AFlippedBitInAFrameNamesTheFrameAndItsChunks)
{
    const std::string pack = largePack();
    flip(pack, 150000);

    const auto checked = check();

    EXPECT_TRUE(list().empty());
    ASSERT_EQ(checked.size(), 1U);
    EXPECT_EQ(checked[0].damage.object, pack);
    EXPECT_NE(checked[0].damage.what.find("frame 1 "), std::string::npos);
    EXPECT_GT(checked[0].chunks.size(), 0U);
    EXPECT_LE(checked[0].chunks.size(), 4U);
    EXPECT_EQ(load(backup).error().code, ErrorCode::Corrupt);
}

TEST_P(DamageTest, AFlippedBitInADirectoryIsFoundAlthoughTheIndexStillKnows)
{
    const std::string pack = largePack();
    flip(pack, driver->stat(pack)->size - 60);

    const auto checked = check();

    ASSERT_EQ(checked.size(), 1U);
    EXPECT_EQ(checked[0].damage.what, "does not have the checksum in its name");
    EXPECT_TRUE(checked[0].chunks.empty());
    EXPECT_EQ(*load(backup), files);
}

TEST_P(DamageTest, ALostPackIsHealedByTheNextBackup)
{
    ASSERT_TRUE(driver->remove(largePack()).ok());
    ASSERT_FALSE(load(backup).ok());

    const auto second = store(files, "b2");

    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(*load(*second), files);
    EXPECT_EQ(*load(backup), files);
    // A plain pack comes back under its old name; a sealed one is another, and the old one is told.
    const auto listed = list();
    EXPECT_EQ(listed.size(), GetParam() ? 1U : 0U);
    EXPECT_TRUE(listed.empty() || listed[0].chunks.empty());
}

TEST_P(DamageTest, AnEntryWhoseChunksAreLostIsRefused)
{
    std::vector<TreeEntry> entries;
    ASSERT_TRUE(repository
                    ->readTree(backup,
                               [&](const TreeEntry& entry) {
                                   entries.push_back(entry);
                                   return Result<>();
                               })
                    .ok());
    ASSERT_TRUE(driver->remove(largePack()).ok());
    const auto builder = newBuilder();

    const auto added = builder->addEntry(entries[0]);

    EXPECT_FALSE(builder->knows(entries[0].chunks));
    EXPECT_EQ(added.error().code, ErrorCode::NotFound);
    EXPECT_NE(added.error().message.find("base/1"), std::string::npos);
}

TEST_P(DamageTest, ADamagedIndexObjectIsNamedAndMadeGoodFromThePacks)
{
    const std::string object = keysBelow(*driver, "index/").front();
    flip(object, 40);

    const auto listed = list();

    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].damage.object, object);
    EXPECT_EQ(*load(backup), files);
}

TEST_P(DamageTest, AMissingIndexIsMadeGoodFromThePacks)
{
    for (const std::string& key : keysBelow(*driver, "index/"))
        ASSERT_TRUE(driver->remove(key).ok());

    EXPECT_EQ(*load(backup), files);
    const auto second = store(files, "b2");
    EXPECT_EQ(second->newSize, 0U);
    EXPECT_FALSE(keysBelow(*driver, "index/").empty());
}

TEST_P(DamageTest, ADamagedBackupObjectIsNamed)
{
    flip("backups/prod/b1", 30);

    const auto found = repository->backups("prod");

    EXPECT_EQ(found.error().code, ErrorCode::Corrupt);
    EXPECT_NE(found.error().message.find("backups/prod/b1"), std::string::npos);
}

TEST_P(DamageTest, ABackupObjectUnderAnotherNameIsCorrupt)
{
    const Bytes object = *storage::readObject(*driver, "backups/prod/b1");
    ASSERT_TRUE(storage::writeObject(*driver, "backups/prod/b2", object).ok());

    EXPECT_EQ(repository->backup("b2").error().code, ErrorCode::Corrupt);
}

TEST_P(DamageTest, AMissingMetadataPackIsNamedByItsTree)
{
    for (const std::string& key : keysBelow(*driver, "packs/")) {
        const bool isMetadata = storage::readObject(*driver, key)->at(9) == std::byte{2};
        ASSERT_TRUE(!isMetadata || driver->remove(key).ok());
    }

    const auto loaded = load(backup);

    EXPECT_EQ(loaded.error().code, ErrorCode::Corrupt);
    EXPECT_NE(loaded.error().message.find("files of backup 'b1'"), std::string::npos);
    EXPECT_NE(loaded.error().message.find("is missing"), std::string::npos);
}

class SmallDamage : public RepositoryTest {
protected:
    void SetUp() override { open(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Encryption, SmallDamage, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Encrypted" : "Plain"; });

TEST_P(SmallDamage, NoCutOrFlippedObjectCrashesOrComesBackWrong)
{
    const Files files{{"base/1", randomData(40000, 1)}, {"base/2", textData(2000, 2)}};
    const model::Backup backup = *store(files, "b1");
    const auto sound = snapshot(*driver);
    for (const auto& [key, bytes] : sound) {
        for (std::size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 40) {
            Bytes flipped = bytes;
            flipped[i] ^= std::byte{0x10};
            overwrite(*driver, key, flipped);
            const auto opened = Repository::open(driver, GetParam() ? keyFile('k') : Unlock{});
            if (opened.ok())
                reopen(GetParam() ? keyFile('k') : Unlock{});
            const auto loaded = load(backup);
            EXPECT_TRUE(!loaded.ok() || *loaded == files) << key << " " << i;
            overwrite(*driver, key, Bytes(bytes.begin(), bytes.begin() + static_cast<long>(i)));
            const auto cutLoaded = load(backup);
            EXPECT_TRUE(!cutLoaded.ok() || *cutLoaded == files) << key << " " << i;
        }
        overwrite(*driver, key, bytes);
    }
}

TEST_P(DamageTest, OnlyThePacksOfTheBackupsThatAreNamedAreRead)
{
    const std::string pack = largePack();
    const auto other = store({{"base/9", randomData(50'000, 9)}}, "b2");
    ASSERT_OK(other);
    flip(pack, 2000);

    EXPECT_TRUE(check(100, {*other}).empty());
    const auto found = check(100, {backup});

    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().damage.object, pack);
    EXPECT_FALSE(found.front().chunks.empty());
}

TEST_P(DamageTest, AStoppedCheckIsCancelled)
{
    TestJob job;
    job.source.request_stop();

    EXPECT_EQ(checkPacks(*repository, backup.incarnation, {100, 1, {}}, job.context).error().code,
              ErrorCode::Cancelled);
}

} // namespace

} // namespace salvor::repository
