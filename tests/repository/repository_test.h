// What the tests of the repository share: a place in memory, keys, data, and a backup of it.
#pragma once

#include "core/repository/repository.h"
#include "core/storage/memory_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>

namespace salvor::repository {

inline Bytes randomData(std::size_t size, std::uint64_t seed)
{
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> words(size / sizeof(std::uint64_t) + 1);
    std::generate(words.begin(), words.end(), std::ref(random));
    Bytes bytes(size);
    std::memcpy(bytes.data(), words.data(), size);
    return bytes;
}

/// Bytes that compress to about a third.
inline Bytes textData(std::size_t size, std::uint64_t seed)
{
    std::mt19937_64 random(seed);
    Bytes bytes;
    while (bytes.size() < size)
        append(bytes, asBytes("row " + std::to_string(random() % 100000) + " of a table\n"));
    bytes.resize(size);
    return bytes;
}

inline Unlock passphrase(std::string_view text)
{
    return {Unlock::Kind::Passphrase, Secret(text)};
}
/// A key file's content made of one character; fast, unlike a passphrase.
inline Unlock keyFile(char fill)
{
    return {Unlock::Kind::KeyFile, Secret(std::string(32, fill))};
}

/// The whole content of a place, to compare and to put back.
inline std::map<std::string, Bytes> snapshot(storage::Driver& driver)
{
    std::map<std::string, Bytes> all;
    const auto objects = storage::listObjects(driver, "");
    for (const storage::ObjectInfo& object : *objects)
        all[object.key] = *storage::readObject(driver, object.key);
    return all;
}

/// Replaces an object, which the repository itself never does.
inline void overwrite(storage::Driver& driver, const std::string& key, const Bytes& bytes)
{
    ASSERT_TRUE(driver.remove(key).ok());
    ASSERT_TRUE(storage::writeObject(driver, key, bytes).ok());
}

inline std::vector<std::string> keysBelow(storage::Driver& driver, const std::string& prefix)
{
    std::vector<std::string> keys;
    const auto objects = storage::listObjects(driver, prefix);
    for (const storage::ObjectInfo& object : *objects)
        keys.push_back(object.key);
    return keys;
}

/// A job that nobody stops.
struct TestJob {
    std::stop_source source;
    Progress progress;
    JobContext context{source.get_token(), progress, discardEvents()};
};

using Files = std::map<std::string, Bytes>;

struct Made {
    model::Backup backup;
    Files files;
};

class RepositoryTest : public ::testing::TestWithParam<bool> {
protected:
    /// A new repository, encrypted or plain, opened with its first key.
    void open(bool encrypted)
    {
        InitOptions options;
        options.encrypted = encrypted;
        if (encrypted)
            options.firstKey = keyFile('k');
        ASSERT_TRUE(Repository::init(*driver, options).ok());
        reopen(encrypted ? keyFile('k') : Unlock{});
    }
    void reopen(const Unlock& unlock)
    {
        auto opened = Repository::open(driver, unlock);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        repository = std::move(*opened);
    }
    [[nodiscard]] model::Incarnation pinned(const std::string& cluster = "prod") const
    {
        return *repository->pin(cluster, identity);
    }

    [[nodiscard]] std::unique_ptr<BackupBuilder>
    newBuilder(const BackupBuilder::Options& options = smallPacks)
    {
        TestJob job;
        return *BackupBuilder::create(*repository, pinned(), options, job.context);
    }

    /// Errors: whatever the repository says.
    Result<model::Backup> store(const Files& files, const std::string& id,
                                const BackupBuilder::Options& options = smallPacks)
    {
        SALVOR_TRY(const model::Incarnation incarnation, repository->pin("prod", identity));
        TestJob job;
        SALVOR_TRY(auto builder,
                   BackupBuilder::create(*repository, incarnation, options, job.context));
        const auto worker = builder->worker();
        for (const auto& [path, content] : files) {
            TreeEntry entry;
            entry.path = path;
            entry.mode = 0600;
            entry.owner = entry.group = "postgres";
            entry.size = content.size();
            for (std::size_t at = 0; at < content.size(); at += chunkSize) {
                const auto part = ByteView(content).subspan(
                    at, std::min<std::size_t>(chunkSize, content.size() - at));
                SALVOR_TRY(const ChunkId chunk, worker->add(part));
                entry.chunks.push_back(chunk);
            }
            SALVOR_CHECK(builder->addEntry(std::move(entry)));
        }
        SALVOR_CHECK(worker->flush());
        model::Backup backup;
        backup.id = id;
        backup.startedAt = Moment(std::chrono::microseconds(++backupsMade));
        backup.timeline = model::TimelineId{1};
        backup.startLsn = model::Lsn{1};
        backup.stopLsn = model::Lsn{2};
        return builder->finish(backup, job.context);
    }

    /// Every file of a backup, read back.
    Result<Files> load(const model::Backup& backup)
    {
        SALVOR_TRY(const auto index, repository->loadIndex(backup.incarnation));
        SALVOR_TRY(const auto reader, ChunkReader::create(*repository, index));
        Files files;
        SALVOR_CHECK(repository->readTree(backup, [&](const TreeEntry& entry) -> Result<> {
            reader->willRead(entry.chunks);
            Bytes content;
            for (const ChunkId& chunk : entry.chunks) {
                const auto size = std::min<std::uint64_t>(chunkSize, entry.size - content.size());
                SALVOR_TRY(const ByteView bytes, reader->read(chunk, size));
                append(content, bytes);
            }
            files[entry.path] = std::move(content);
            return {};
        }));
        return files;
    }

    static constexpr BackupBuilder::Options smallPacks{
        .compressionLevel = 1, .packSize = ByteCount{1} << 20U, .frameSize = 128U << 10U};

    std::shared_ptr<storage::Driver> driver = std::make_shared<storage::MemoryDriver>();
    std::unique_ptr<Repository> repository;
    model::ClusterIdentity identity{.systemIdentifier = 7370000000000000001ULL,
                                    .majorVersion = 15,
                                    .segmentSize = ByteCount{1} << 20U};
    int backupsMade = 0;
};

} // namespace salvor::repository
