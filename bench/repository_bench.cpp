// What a core does with chunks: hash, compress, seal, pack; and back.
#include "core/crypto/aead.h"
#include "core/crypto/hash.h"
#include "core/repository/repository.h"
#include "core/storage/memory_driver.h"

#include <benchmark/benchmark.h>
#include <random>

namespace salvor::repository {

namespace {

constexpr std::size_t dataSize = std::size_t{64} << 20U;

/// Takes what it is given and forgets packs: measures the processor, not memory.
class ForgetfulDriver final : public storage::Driver {
public:
    [[nodiscard]] storage::Capabilities capabilities() const noexcept override { return {}; }
    [[nodiscard]] std::string location() const override { return "nowhere://"; }
    Result<storage::ObjectInfo> stat(const storage::ObjectKey& key) override
    {
        return m_kept.stat(key);
    }
    Result<> list(const storage::ObjectKey& prefix, const storage::ObjectVisitor& visit) override
    {
        return m_kept.list(prefix, visit);
    }
    Result<std::unique_ptr<storage::ReadStream>> openRead(const storage::ObjectKey& key,
                                                          storage::ByteRange range) override
    {
        return m_kept.openRead(key, range);
    }
    Result<std::unique_ptr<storage::WriteStream>>
    openWrite(const storage::ObjectKey& key, const storage::WriteOptions& how) override
    {
        if (!key.starts_with("packs/"))
            return m_kept.openWrite(key, how);
        return std::unique_ptr<storage::WriteStream>(std::make_unique<Drain>());
    }
    Result<> remove(const storage::ObjectKey& key) override { return m_kept.remove(key); }

private:
    class Drain final : public storage::WriteStream {
    public:
        Result<> write(ByteView) override { return {}; }
        Result<> commit() override { return {}; }
    };
    storage::MemoryDriver m_kept;
};

/// About what a heap page holds: compresses to a third.
Bytes rows()
{
    std::mt19937_64 random(1);
    Bytes bytes;
    bytes.reserve(dataSize + 100);
    while (bytes.size() < dataSize)
        append(bytes, asBytes("00000" + std::to_string(random() % 10000000)
                              + " a name of somebody                    "
                              + std::to_string(random() % 1000)));
    bytes.resize(dataSize);
    return bytes;
}

Bytes noise()
{
    std::mt19937_64 random(2);
    Bytes bytes(dataSize);
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
        const std::uint64_t word = random();
        std::memcpy(&bytes[i], &word, 8);
    }
    return bytes;
}

std::unique_ptr<Repository> openNew(const std::shared_ptr<storage::Driver>& driver)
{
    const auto key = [] { return Unlock{Unlock::Kind::KeyFile, Secret(std::string(32, 'k'))}; };
    (void)Repository::init(*driver, {.encrypted = true, .firstKey = key()});
    return *Repository::open(driver, key());
}

model::Incarnation pinned(const Repository& repository)
{
    return *repository.pin("bench", {1, 15, ByteCount{16} << 20U});
}

std::vector<ChunkId> addAll(BackupBuilder& builder, const Bytes& data)
{
    const auto worker = builder.worker();
    std::vector<ChunkId> ids;
    for (std::size_t at = 0; at < data.size(); at += chunkSize)
        ids.push_back(*worker->add(ByteView(data).subspan(at, chunkSize)));
    (void)worker->flush();
    return ids;
}

void writeChunks(benchmark::State& state, const Bytes& data)
{
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    for (auto _ : state) {
        state.PauseTiming();
        const auto repository = openNew(std::make_shared<ForgetfulDriver>());
        auto builder = *BackupBuilder::create(*repository, pinned(*repository), {}, job);
        state.ResumeTiming();
        addAll(*builder, data);
        state.PauseTiming();
        builder.reset();
        state.ResumeTiming();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

void BM_WriteCompressible(benchmark::State& state)
{
    writeChunks(state, rows());
}
void BM_WriteIncompressible(benchmark::State& state)
{
    writeChunks(state, noise());
}

void BM_WriteKnown(benchmark::State& state)
{
    const Bytes data = rows();
    const auto repository = openNew(std::make_shared<storage::MemoryDriver>());
    const model::Incarnation incarnation = pinned(*repository);
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    auto first = *BackupBuilder::create(*repository, incarnation, {}, job);
    addAll(*first, data);
    model::Backup backup;
    backup.id = "b1";
    (void)first->finish(backup, job);
    auto second = *BackupBuilder::create(*repository, incarnation, {}, job);
    for (auto _ : state)
        addAll(*second, data);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

void BM_Read(benchmark::State& state)
{
    const Bytes data = rows();
    const auto repository = openNew(std::make_shared<storage::MemoryDriver>());
    const model::Incarnation incarnation = pinned(*repository);
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    auto builder = *BackupBuilder::create(*repository, incarnation, {}, job);
    const std::vector<ChunkId> ids = addAll(*builder, data);
    model::Backup backup;
    backup.id = "b1";
    (void)builder->finish(backup, job);
    const auto index = *repository->loadIndex(incarnation);
    for (auto _ : state) {
        const auto reader = *ChunkReader::create(*repository, index);
        reader->willRead(ids);
        for (const ChunkId& id : ids)
            benchmark::DoNotOptimize(reader->read(id, chunkSize).ok());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

void BM_PushSegment(benchmark::State& state)
{
    Bytes data = rows();
    data.resize(std::size_t{16} << 20U);
    const auto repository = openNew(std::make_shared<storage::MemoryDriver>());
    const model::Incarnation incarnation = pinned(*repository);
    std::uint64_t number = 1;
    for (auto _ : state)
        (void)repository->pushSegment(incarnation, {model::TimelineId{1}, number++}, data);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

void BM_Hmac(benchmark::State& state)
{
    const Bytes data = rows();
    crypto::HmacSha256 hash(Bytes(32));
    for (auto _ : state)
        for (std::size_t at = 0; at < data.size(); at += chunkSize)
            benchmark::DoNotOptimize(hash.of(ByteView(data).subspan(at, chunkSize)));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

BENCHMARK(BM_Hmac)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_WriteCompressible)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_WriteIncompressible)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_WriteKnown)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Read)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PushSegment)->Unit(benchmark::kMillisecond);

} // namespace

} // namespace salvor::repository

BENCHMARK_MAIN();
