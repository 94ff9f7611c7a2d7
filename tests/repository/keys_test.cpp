#include "core/base/text.h"
#include "core/crypto/x25519.h"
#include "core/repository/check.h"
#include "tests/repository/repository_test.h"

#include <sys/stat.h>

namespace salvor::repository {

namespace {

class RepositoryKeys : public RepositoryTest {
protected:
    void SetUp() override { open(true); }
    [[nodiscard]] ErrorCode opening(const Unlock& unlock)
    {
        const auto opened = Repository::open(driver, unlock);
        return opened.ok() ? ErrorCode::Bug : opened.error().code;
    }
    [[nodiscard]] bool opens(const Unlock& unlock) { return Repository::open(driver, unlock).ok(); }
};

TEST_F(RepositoryKeys, AWrongKeyIsDeniedAndChangesNothing)
{
    const auto before = snapshot(*driver);

    const auto opened = Repository::open(driver, keyFile('x'));

    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::Denied);
    EXPECT_EQ(opened.error().message, "the key does not open the repository");
    EXPECT_FALSE(opened.error().hint.empty());
    EXPECT_EQ(snapshot(*driver), before);
}

TEST_F(RepositoryKeys, APassphraseOpensItsOwnSlotOnly)
{
    ASSERT_TRUE(repository->addSlot(passphrase("open sesame"), SlotAccess::Reader, "typed").ok());

    EXPECT_TRUE(opens(passphrase("open sesame")));
    EXPECT_EQ(opening(passphrase("open barley")), ErrorCode::Denied);
}

TEST_F(RepositoryKeys, APrivateKeyOpensTheSlotOfItsPublicKey)
{
    const auto pair = crypto::newKeyPair();
    const Unlock recipient{Unlock::Kind::PrivateKey, Secret(ByteView(pair->publicKey))};
    ASSERT_TRUE(repository->addSlot(recipient, SlotAccess::Reader, "safe").ok());

    EXPECT_TRUE(opens({Unlock::Kind::PrivateKey, pair->privateKey.duplicate()}));
    EXPECT_EQ(opening({Unlock::Kind::PrivateKey, Secret(std::string(32, 'p'))}), ErrorCode::Denied);
}

TEST_F(RepositoryKeys, NoKeyDoesNotOpenAnEncryptedRepository)
{
    EXPECT_EQ(opening({}), ErrorCode::Denied);
}

TEST_F(RepositoryKeys, ARemovedSlotDoesNotOpen)
{
    const auto slot = repository->addSlot(keyFile('b'), SlotAccess::Reader, "second");
    ASSERT_TRUE(opens(keyFile('b')));

    ASSERT_TRUE(repository->removeSlot(slot->id).ok());

    EXPECT_EQ(opening(keyFile('b')), ErrorCode::Denied);
    EXPECT_TRUE(opens(keyFile('k')));
}

TEST_F(RepositoryKeys, TheSlotInUseStays)
{
    const std::string own = repository->slots()->front().id;
    ASSERT_TRUE(repository->addSlot(keyFile('b'), SlotAccess::Reader, "second").ok());

    const auto removed = repository->removeSlot(own);

    EXPECT_EQ(removed.error().code, ErrorCode::NotReady);
    EXPECT_TRUE(opens(keyFile('k')));
}

TEST_F(RepositoryKeys, TheLastReaderSlotStays)
{
    ASSERT_TRUE(repository->addSlot(keyFile('w'), SlotAccess::Writer, "host").ok());
    const std::string first = repository->slots()->front().id;

    const auto removed = repository->removeSlot(first);

    EXPECT_EQ(removed.error().code, ErrorCode::NotReady);
    EXPECT_TRUE(opens(keyFile('k')));
}

TEST_F(RepositoryKeys, RemovingAnUnknownSlotIsNotFound)
{
    EXPECT_EQ(repository->removeSlot("0123").error().code, ErrorCode::NotFound);
}

TEST_F(RepositoryKeys, SlotsAreListedWithoutTheirSecrets)
{
    ASSERT_TRUE(repository->addSlot(keyFile('w'), SlotAccess::Writer, "host").ok());

    const auto slots = repository->slots();

    ASSERT_EQ(slots->size(), 2U);
    EXPECT_EQ(slots->at(0).label, "first key");
    EXPECT_EQ(slots->at(0).kind, "key-file");
    EXPECT_EQ(slots->at(1).access, SlotAccess::Writer);
}

TEST_F(RepositoryKeys, AWriterStoresButCannotReadContents)
{
    const Files files{{"base/1", textData(100000, 1)}};
    const Bytes segment = textData(identity.segmentSize, 2);
    ASSERT_TRUE(repository->addSlot(keyFile('w'), SlotAccess::Writer, "host").ok());
    reopen(keyFile('w'));

    const auto backup = store(files, "b1");
    const auto pushed = repository->pushSegment(pinned(), {model::TimelineId{1}, 3}, segment);

    ASSERT_TRUE(backup.ok()) << backup.error().message;
    EXPECT_TRUE(pushed.ok());
    EXPECT_FALSE(repository->keys().canReadContents());
    EXPECT_EQ(load(*backup).error().code, ErrorCode::Denied);
    EXPECT_EQ(repository->readSegment(pinned(), {model::TimelineId{1}, 3}).error().code,
              ErrorCode::Denied);
    TestJob job;
    EXPECT_EQ(checkPacks(*repository, pinned(), {100, 1, {}}, job.context).error().code,
              ErrorCode::Denied);
    reopen(keyFile('k'));
    EXPECT_EQ(*load(*backup), files);
    EXPECT_EQ(*repository->readSegment(pinned(), {model::TimelineId{1}, 3}), segment);
}

TEST_F(RepositoryKeys, AWriterCannotReadPartialSegments)
{
    ASSERT_TRUE(repository->addSlot(keyFile('w'), SlotAccess::Writer, "host").ok());
    reopen(keyFile('w'));
    const std::string name = "000000010000000000000008.partial";
    ASSERT_TRUE(repository->pushWalFile(pinned(), name, textData(5000, 1)).ok());

    EXPECT_EQ(repository->readWalFile(pinned(), name).error().code, ErrorCode::Denied);
}

TEST_F(RepositoryKeys, AWriterReadsTreesAndReusesChunks)
{
    const Files files{{"base/1", textData(3U << 20U, 1)}};
    ASSERT_TRUE(repository->addSlot(keyFile('w'), SlotAccess::Writer, "host").ok());
    reopen(keyFile('w'));
    const auto first = store(files, "b1");

    const auto second = store(files, "b2");

    EXPECT_EQ(second->newSize, 0U);
    EXPECT_TRUE(repository->readTree(*first, [](const TreeEntry&) { return Result<>(); }).ok());
}

TEST_F(RepositoryKeys, AWriterCannotChangeSlots)
{
    ASSERT_TRUE(repository->addSlot(keyFile('w'), SlotAccess::Writer, "host").ok());
    const std::string first = repository->slots()->front().id;
    reopen(keyFile('w'));

    EXPECT_EQ(repository->addSlot(keyFile('z'), SlotAccess::Reader, "").error().code,
              ErrorCode::Denied);
    EXPECT_EQ(repository->removeSlot(first).error().code, ErrorCode::Denied);
}

TEST_F(RepositoryKeys, UnfitKeysAreRefused)
{
    const Unlock shortKey{Unlock::Kind::KeyFile, Secret(std::string_view("short"))};
    const Unlock recipient{Unlock::Kind::PrivateKey, Secret(std::string(32, 'p'))};

    EXPECT_EQ(repository->addSlot({}, SlotAccess::Reader, "").error().code,
              ErrorCode::InvalidInput);
    EXPECT_EQ(repository->addSlot(shortKey, SlotAccess::Reader, "").error().code,
              ErrorCode::InvalidInput);
    EXPECT_EQ(repository->addSlot(recipient, SlotAccess::Writer, "").error().code,
              ErrorCode::InvalidInput);
}

TEST_F(RepositoryKeys, ADamagedSlotIsNamedWhenNoOtherOpens)
{
    const std::string key = keysBelow(*driver, "keys/").front();
    const Bytes text = *storage::readObject(*driver, key);
    overwrite(*driver, key, Bytes(text.begin(), text.begin() + 40));

    const auto opened = Repository::open(driver, keyFile('k'));

    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::Denied);
    EXPECT_NE(opened.error().hint.find(key), std::string::npos);
}

TEST_F(RepositoryKeys, EveryCutOrFlippedSlotIsRefusedWithoutACrash)
{
    const std::string key = keysBelow(*driver, "keys/").front();
    const Bytes text = *storage::readObject(*driver, key);
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        overwrite(*driver, key, Bytes(text.begin(), text.begin() + static_cast<long>(i)));
        EXPECT_NE(opening(keyFile('k')), ErrorCode::Bug) << i;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        Bytes flipped = text;
        flipped[i] ^= std::byte{4};
        overwrite(*driver, key, flipped);
        (void)Repository::open(driver, keyFile('k')); // The label may change without harm.
    }
}

TEST(RepositoryInit, APlainRepositoryOpensWithoutAKeyOnly)
{
    const auto driver = std::make_shared<storage::MemoryDriver>();
    ASSERT_TRUE(Repository::init(*driver, {.encrypted = false, .firstKey = {}}).ok());

    EXPECT_TRUE(Repository::open(driver, {}).ok());
    // Else somebody could replace an encrypted one and have everything sent in the clear.
    EXPECT_EQ(Repository::open(driver, keyFile('k')).error().code, ErrorCode::Denied);
}

TEST(RepositoryInit, APlainRepositoryHasNoSlots)
{
    const auto driver = std::make_shared<storage::MemoryDriver>();
    ASSERT_TRUE(Repository::init(*driver, {.encrypted = false, .firstKey = {}}).ok());
    const auto repository = Repository::open(driver, {});

    EXPECT_TRUE((*repository)->slots()->empty());
    EXPECT_EQ((*repository)->addSlot(keyFile('a'), SlotAccess::Reader, "").error().code,
              ErrorCode::InvalidInput);
}

TEST(RepositoryInit, AnEmptyPlaceIsNoRepository)
{
    const auto driver = std::make_shared<storage::MemoryDriver>();

    EXPECT_EQ(Repository::probe(*driver).error().code, ErrorCode::NotReady);
    EXPECT_EQ(Repository::open(driver, keyFile('k')).error().code, ErrorCode::NotReady);
}

TEST(RepositoryInit, ASecondInitIsRefused)
{
    storage::MemoryDriver driver;
    const auto first = Repository::init(driver, {.encrypted = true, .firstKey = keyFile('k')});
    const auto before = snapshot(driver);

    const auto second = Repository::init(driver, {.encrypted = true, .firstKey = keyFile('k')});

    EXPECT_EQ(second.error().code, ErrorCode::AlreadyExists);
    EXPECT_EQ(snapshot(driver), before);
    EXPECT_EQ(Repository::probe(driver)->id, first->id);
}

TEST(RepositoryInit, APlaceWithOtherThingsIsRefused)
{
    storage::MemoryDriver driver;
    ASSERT_TRUE(storage::writeObject(driver, "holiday.jpg", asBytes("x")).ok());

    const auto made = Repository::init(driver, {.encrypted = true, .firstKey = keyFile('k')});

    EXPECT_EQ(made.error().code, ErrorCode::AlreadyExists);
    EXPECT_NE(made.error().message.find("holiday.jpg"), std::string::npos);
}

TEST(RepositoryInit, AnInterruptedInitCanBeRepeated)
{
    const auto driver = std::make_shared<storage::MemoryDriver>();
    ASSERT_TRUE(Repository::init(*driver, {.encrypted = true, .firstKey = keyFile('a')}).ok());
    ASSERT_TRUE(driver->remove("salvor.json").ok());

    ASSERT_TRUE(Repository::init(*driver, {.encrypted = true, .firstKey = keyFile('b')}).ok());

    EXPECT_TRUE(Repository::open(driver, keyFile('b')).ok());
    EXPECT_EQ(keysBelow(*driver, "keys/").size(), 1U);
}

TEST(RepositoryInit, AnEncryptedOneNeedsAKey)
{
    storage::MemoryDriver driver;

    EXPECT_EQ(Repository::init(driver, {}).error().code, ErrorCode::InvalidInput);
    EXPECT_TRUE(snapshot(driver).empty());
}

TEST(RepositoryInit, ANewerFormatIsIncompatibleAndNamesBothVersions)
{
    const auto driver = std::make_shared<storage::MemoryDriver>();
    const std::string text = R"({"format":2,"id":"00","encryption":"none"})";
    ASSERT_TRUE(storage::writeObject(*driver, "salvor.json", asBytes(text)).ok());

    const auto opened = Repository::open(driver, {});

    EXPECT_EQ(opened.error().code, ErrorCode::Incompatible);
    EXPECT_NE(opened.error().message.find("format 2 found, this program supports format 1"),
              std::string::npos);
}

TEST(RepositoryInit, AnUnknownEncryptionIsIncompatible)
{
    storage::MemoryDriver driver;
    const std::string text = R"({"format":1,"id":"00","encryption":"rot13",)"
                             R"("created":"2026-11-20T21:05:06.123456Z"})";
    ASSERT_TRUE(storage::writeObject(driver, "salvor.json", asBytes(text)).ok());

    EXPECT_EQ(Repository::probe(driver).error().code, ErrorCode::Incompatible);
}

TEST(RepositoryInit, EveryCutInfoObjectIsCorrupt)
{
    storage::MemoryDriver driver;
    ASSERT_TRUE(Repository::init(driver, {.encrypted = false, .firstKey = {}}).ok());
    const Bytes text = *storage::readObject(driver, "salvor.json");
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        overwrite(driver, "salvor.json", Bytes(text.begin(), text.begin() + static_cast<long>(i)));
        const auto probed = Repository::probe(driver);
        EXPECT_TRUE(!probed.ok() && probed.error().code == ErrorCode::Corrupt) << i;
    }
}

TEST(KeyFile, ComesBackAsItWasMade)
{
    const auto folder = TemporaryDirectory::create();
    const auto made = createKeyFile(folder->path() / "key");

    const auto read = readKeyFile(folder->path() / "key");

    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->revealText(), made->revealText());
    EXPECT_EQ(read->size(), 32U);
}

TEST(KeyFile, IsNeverReplaced)
{
    const auto folder = TemporaryDirectory::create();
    const auto first = createKeyFile(folder->path() / "key");

    const auto second = createKeyFile(folder->path() / "key");

    EXPECT_EQ(second.error().code, ErrorCode::AlreadyExists);
    EXPECT_EQ(readKeyFile(folder->path() / "key")->revealText(), first->revealText());
}

TEST(KeyFile, ThatOthersCanReadIsDenied)
{
    const auto folder = TemporaryDirectory::create();
    const Path path = folder->path() / "key";
    ASSERT_TRUE(createKeyFile(path).ok());
    ASSERT_EQ(::chmod(path.c_str(), 0640), 0);

    EXPECT_EQ(readKeyFile(path).error().code, ErrorCode::Denied);
}

TEST(KeyFile, WithAnythingElseIsInvalid)
{
    const auto folder = TemporaryDirectory::create();
    const Path path = folder->path() / "key";
    for (const std::string_view text : {"", "not base64!", "c2hvcnQ=", "AAAA"}) {
        ASSERT_TRUE(writeFileDurably(path, asBytes(text)).ok());
        EXPECT_EQ(readKeyFile(path).error().code, ErrorCode::InvalidInput) << text;
    }
    EXPECT_EQ(readKeyFile(folder->path()).error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(readKeyFile(folder->path() / "none").error().code, ErrorCode::NotFound);
}

} // namespace

} // namespace salvor::repository
