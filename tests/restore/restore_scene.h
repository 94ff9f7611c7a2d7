// What the tests of restores share: a repository in memory with a backup that no server made, but
// whose control file is a real one.
#pragma once

#include "core/crypto/crc32c.h"
#include "core/postgres/control_file.h"
#include "core/restore/restore.h"
#include "core/storage/memory_driver.h"
#include "tests/support/result_assertions.h"
#include "tests/support/test_cluster.h"

#include <algorithm>
#include <map>
#include <unistd.h>

namespace salvor::restore {

class RestoreTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        SALVOR_NEED_POSTGRES(15);
        const test::TestCluster cluster;
        const auto control = readFile(cluster.dataDirectory() / "global" / "pg_control");
        ASSERT_OK(control);
        identity = postgres::parseControlFile(*control)->identity;
        ASSERT_OK(repository::Repository::init(*driver, {.encrypted = false}));
        auto opened = repository::Repository::open(driver, {});
        ASSERT_OK(opened);
        repository = *std::move(opened);
        files["global/pg_control"] = *control;
        files["backup_label"] = text("START WAL LOCATION: 0/2000028\n");
        files["PG_VERSION"] = text("15\n");
        files["base/5/1259"] = noise(100000, 1);
        files["base/5/empty"] = {};
        files["postgresql.auto.conf"] =
            text("primary_conninfo = 'host=original'\nrecovery_target_name = 'old'\n"
                 "work_mem = '5MB'\n");
        Bytes holes = noise(400000, 2);
        std::fill(holes.begin() + 32768, holes.begin() + 32768 * 9, std::byte{0});
        files["base/5/holes"] = holes;
    }

    static Bytes text(std::string_view content)
    {
        const ByteView view = asBytes(content);
        return {view.begin(), view.end()};
    }
    static Bytes noise(std::size_t size, unsigned seed)
    {
        Bytes bytes(size);
        unsigned state = seed * 2654435761U + 1;
        for (std::byte& byte : bytes) {
            state = state * 1664525U + 1013904223U;
            byte = static_cast<std::byte>(state >> 24U);
        }
        return bytes;
    }

    /// Stores the files as a backup, with one segment of WAL.
    void store(const std::string& id = "20261120T205651Z-3f9a")
    {
        const auto incarnation = repository->pin("prod", identity);
        ASSERT_OK(incarnation);
        auto builder = repository::BackupBuilder::create(*repository, *incarnation, {}, job);
        ASSERT_OK(builder);
        const auto worker = (*builder)->worker();
        for (const auto& [path, content] : files)
            ASSERT_OK((*builder)->addEntry(entryOf(path, content, *worker)));
        for (const char* below : {"base", "base/5", "global", "pg_wal", "pg_tblspc"})
            ASSERT_OK((*builder)->addEntry(folderEntry(below)));
        for (const repository::TreeEntry& entry : moreEntries)
            ASSERT_OK((*builder)->addEntry(entry));
        ASSERT_OK(worker->flush());
        backup.id = id;
        backup.incarnation = *incarnation;
        backup.timeline = model::TimelineId{1};
        backup.startLsn = model::Lsn{0x2000028};
        backup.stopLsn = model::Lsn{0x2000100};
        backup.owner = owner();
        backup.dataDirectory = original;
        auto finished = (*builder)->finish(backup, job);
        ASSERT_OK(finished);
        backup = *finished;
        ASSERT_OK(repository->pushSegment(*incarnation, {model::TimelineId{1}, 2},
                                          noise(identity.segmentSize, 3)));
    }

    static repository::TreeEntry entryOf(const std::string& path, const Bytes& content,
                                         repository::BackupBuilder::Worker& worker)
    {
        repository::TreeEntry entry;
        entry.path = path;
        entry.mode = 0640;
        entry.owner = entry.group = "postgres";
        entry.modifiedAt = Moment(std::chrono::microseconds(1700000000123456));
        entry.size = content.size();
        entry.crc32c = crypto::crc32c(content);
        for (std::size_t at = 0; at < content.size(); at += repository::chunkSize)
            entry.chunks.push_back(*worker.add(ByteView(content).subspan(
                at, std::min<std::size_t>(repository::chunkSize, content.size() - at))));
        return entry;
    }
    static repository::TreeEntry folderEntry(const std::string& path)
    {
        repository::TreeEntry entry;
        entry.path = path;
        entry.kind = repository::TreeKind::Directory;
        entry.mode = 0700;
        return entry;
    }

    static std::string owner()
    {
        const auto user = test::serverUser();
        return user ? user->name : findUser(::geteuid())->name;
    }

    PlanRequest request()
    {
        PlanRequest wanted;
        wanted.repository = "here";
        wanted.backup = backup;
        wanted.target.timeline = model::TimelineId{1};
        wanted.walNeeded = {{model::TimelineId{1}, 2, 2}};
        wanted.destination = folder.path() / "copy";
        return wanted;
    }
    Result<model::RestorePlan> plan(const PlanRequest& wanted)
    {
        return makePlan(*repository, wanted, job);
    }
    Result<model::RestorePlan> plan() { return plan(request()); }
    Result<model::RestoreOutcome> carryOut(const model::RestorePlan& made)
    {
        return apply(made, *repository,
                     {.restoreCommand = "salvorctl archive-get prod %f %p",
                      .instancesFolder = folder.path() / "instances"},
                     job);
    }

    /// The first blocker's sentence, or nothing.
    static std::string blocker(const Result<model::RestorePlan>& made)
    {
        if (!made.ok())
            return made.error().message;
        for (const model::Check& check : made->checks)
            if (check.level == model::Check::Level::Blocker)
                return check.found;
        return {};
    }

    [[nodiscard]] ByteCount totalSize() const
    {
        ByteCount total = 0;
        for (const auto& [path, bytes] : files)
            total += bytes.size();
        return total;
    }
    std::string content(const std::string& path)
    {
        const auto read = readTextFile(folder.path() / path);
        return read.ok() ? *read : read.error().message;
    }
    bool exists(const std::string& path) { return std::filesystem::exists(folder.path() / path); }
    std::string firstKey(const std::string& prefix)
    {
        const auto objects = storage::listObjects(*driver, prefix);
        return objects.ok() && !objects->empty() ? objects->front().key : std::string();
    }
    /// Of a pack, the middle: contents.
    void flipBitIn(const std::string& key)
    {
        Bytes bytes = *storage::readObject(*driver, key);
        bytes[bytes.size() / 2] ^= std::byte{1};
        ASSERT_OK(driver->remove(key));
        ASSERT_OK(storage::writeObject(*driver, key, bytes));
    }
    /// The largest pack: that of contents.
    std::string contentPack()
    {
        const auto objects = storage::listObjects(*driver, "packs/");
        const auto largest =
            std::max_element(objects->begin(), objects->end(),
                             [](const auto& a, const auto& b) { return a.size < b.size; });
        return largest->key;
    }

    std::shared_ptr<storage::Driver> driver = std::make_shared<storage::MemoryDriver>();
    std::unique_ptr<repository::Repository> repository;
    model::ClusterIdentity identity;
    std::map<std::string, Bytes> files;
    std::vector<repository::TreeEntry> moreEntries;
    model::Backup backup;
    std::string original = "/srv/original"; ///< The directory that store() says was backed up.
    test::ServerDirectory folder;
    std::stop_source source;
    Progress progress;
    JobContext job{source.get_token(), progress, discardEvents()};
};

} // namespace salvor::restore
