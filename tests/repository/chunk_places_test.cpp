#include "core/repository/chunk_places.h"
#include "core/repository/copy.h"
#include "core/repository/stand_in.h"
#include "tests/repository/repository_test.h"
#include "tests/support/forwarding_driver.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"

namespace salvor::repository {
namespace {

/// Counts how often it is asked what it is, and may lose its packs.
class Counting final : public test::ForwardingDriver {
public:
    using ForwardingDriver::ForwardingDriver;
    Result<std::unique_ptr<storage::ReadStream>> openRead(const storage::ObjectKey& key,
                                                          storage::ByteRange range) override
    {
        probes += key == "salvor.json" ? 1 : 0;
        if (lacksPacks && key.starts_with("packs/"))
            return fail(ErrorCode::NotFound, "'" + key + "' is gone");
        return ForwardingDriver::openRead(key, range);
    }
    int probes = 0;
    bool lacksPacks = false;
};

class ChunkPlacesTest : public RepositoryTest {
protected:
    void SetUp() override
    {
        driver = std::make_shared<storage::MemoryDriver>();
        counting = std::make_shared<Counting>(driver);
        driver = counting;
        open(false);
        ASSERT_OK(repository->pushSegment(pinned(), {model::TimelineId{1}, 0},
                                          textData(identity.segmentSize, 0)));
        kept = *store({{"base/1", randomData(1'300'000, 1)}, {"base/2", randomData(900'000, 2)}},
                      "b1");
        copy = makeRepository(repository.get());
        TestJob job;
        const auto copied = copyRepository(*repository, *copy, {}, job.context);
        ASSERT_OK(copied);
        ASSERT_EQ(copied->backups.size(), 1U);
    }
    static std::unique_ptr<Repository> makeRepository(const Repository* copyOf)
    {
        const auto place = std::make_shared<storage::MemoryDriver>();
        InitOptions options;
        options.encrypted = false;
        options.copyOf = copyOf;
        test::must(Repository::init(*place, options));
        return test::must(Repository::open(place, {}));
    }
    [[nodiscard]] static ChunkPlaces::Place place(const std::string& name, const Repository& one)
    {
        return {name, [&one]() -> Result<std::shared_ptr<const Repository>> {
                    return std::shared_ptr<const Repository>(std::shared_ptr<void>(), &one);
                }};
    }
    /// From the first place and `second`, with packs lost in the first.
    Result<> readAll(const Repository& second)
    {
        counting->lacksPacks = true;
        counting->probes = 0;
        ChunkPlaces places({place("main", *repository), place("second", second)},
                           *repository->loadIndex(pinned()), events);
        SALVOR_TRY(const auto reader, places.reader());
        return copy->readTree(kept, [&](const TreeEntry& entry) -> Result<> {
            reader->willRead(entry.chunks);
            ByteCount left = entry.size;
            for (const ChunkId& id : entry.chunks) {
                SALVOR_TRY(const ByteView bytes,
                           reader->read(id, std::min<std::size_t>(chunkSize, left)));
                left -= bytes.size();
            }
            return {};
        });
    }

    std::shared_ptr<Counting> counting;
    std::unique_ptr<Repository> copy;
    model::Backup kept;
    test::KeptEvents events;
};

TEST_F(ChunkPlacesTest, OneThatMissesMuchIsProbedOnce)
{
    ASSERT_OK(readAll(*copy));

    EXPECT_EQ(counting->probes, 1);
    EXPECT_EQ(events.warnings.size(), 1U);
}

TEST_F(ChunkPlacesTest, NothingIsReadFromWhatIsNoCopy)
{
    const auto foreign = makeRepository(nullptr);
    EXPECT_FAILS(readAll(*foreign), Corrupt);
    ASSERT_EQ(events.warnings.size(), 2U);
    EXPECT_NE(events.warnings.back().find("'second' is not a copy of 'main'"), std::string::npos);
}

TEST_F(ChunkPlacesTest, NothingIsReadTwiceFromTheSame)
{
    EXPECT_FAILS(readAll(*repository), Corrupt);
    ASSERT_EQ(events.warnings.size(), 2U);
    EXPECT_NE(events.warnings.back().find("are one and the same"), std::string::npos);
}

TEST_F(ChunkPlacesTest, ACopyStandsInWhicheverWayItIsAsked)
{
    EXPECT_OK(checkStandsIn({"main", *repository}, {"second", *copy}));
    EXPECT_OK(checkStandsIn({"second", *copy}, {"main", *repository}));
}

} // namespace
} // namespace salvor::repository
