// What the tests of backups share: a server whose WAL is archived, a repository in memory, and a
// plain way back.
#pragma once

#include "core/backup/backup.h"
#include "core/wal/archive.h"
#include "tests/support/made_archive.h"
#include "tests/support/result_assertions.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <unistd.h>

namespace salvor::test {

inline void giveToServer(const Path& path)
{
    if (const auto user = serverUser())
        if (::lchown(path.c_str(), user->uid, user->gid) != 0)
            throw std::runtime_error("cannot chown " + path.native());
}

/// Puts what the server copied into a folder into the repository, as archive_command would.
class Shipper {
public:
    Shipper(const repository::Repository& repository, Path folder)
        : m_thread([&repository, folder = std::move(folder)](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                for (const auto& entry : std::filesystem::directory_iterator(folder))
                    if (entry.path().extension() != ".part")
                        (void)wal::archivePush(repository, "orders", entry.path());
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
            }
        })
    {}

private:
    std::jthread m_thread;
};

inline ClusterOptions archivingOptions(int major, const Path& folder)
{
    return {.major = major,
            .walSegmentMegabytes = 1,
            .settings = {{"archive_mode", "on"},
                         {"archive_command", "cp %p " + folder.native() + "/%f.part && mv "
                                                 + folder.native() + "/%f.part " + folder.native()
                                                 + "/%f"},
                         {"wal_level", "replica"}},
            .ownIdentity = true};
}

struct BackedUpServer {
    explicit BackedUpServer(int major = 15)
        : cluster(archivingOptions(major, archive.path()))
        , driver(std::make_shared<storage::MemoryDriver>())
    {
        cluster.start();
        must(repository::Repository::init(*driver, {.encrypted = false}));
        repository = must(repository::Repository::open(driver, {}));
        shipper = std::make_unique<Shipper>(*repository, archive.path());
    }

    [[nodiscard]] backup::BackupRequest request(model::BackupMode mode) const
    {
        backup::BackupRequest request;
        request.cluster = "orders";
        request.connection = cluster.conninfo();
        request.mode = mode;
        if (mode == model::BackupMode::Host)
            request.dataDirectory = cluster.dataDirectory();
        request.walTimeout = std::chrono::seconds(60);
        return request;
    }
    Result<model::Backup> run(const backup::BackupRequest& what)
    {
        return backup::runBackup(what, *repository, job);
    }
    std::map<std::string, repository::TreeEntry> tree(const model::Backup& backup)
    {
        std::map<std::string, repository::TreeEntry> entries;
        auto read = repository->readTree(backup, [&](const repository::TreeEntry& entry) {
            entries[entry.path] = entry;
            return Result<>();
        });
        EXPECT_OK(read);
        return entries;
    }
    /// No session is in backup mode and no slot is left.
    bool isServerClean()
    {
        return cluster.value("SELECT count(*) FROM pg_replication_slots") == "0"
               && cluster.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                                "'salvor'")
                      == "0";
    }

    ServerDirectory archive;
    TestCluster cluster;
    std::shared_ptr<storage::MemoryDriver> driver;
    std::unique_ptr<repository::Repository> repository;
    Progress progress;
    KeptEvents events;
    JobContext job{{}, progress, events};
    std::unique_ptr<Shipper> shipper;
};

/// The files of a backup in a folder, tablespaces beside it.
class Extracted {
public:
    Extracted(const repository::Repository& repository, const model::Backup& backup)
    {
        const auto index = must(repository.loadIndex(backup.incarnation));
        const auto reader = must(repository::ChunkReader::create(repository, index));
        ::chmod(m_folder.path().c_str(), 0700);
        must(repository.readTree(backup, [&](const repository::TreeEntry& entry) -> Result<> {
            const Path path = m_folder.path() / entry.path;
            if (entry.path.starts_with("/"))
                return {};
            if (entry.kind == repository::TreeKind::Link) {
                const Path target = m_spaces.path() / path.filename();
                make(target);
                make(path.parent_path());
                std::filesystem::create_directory_symlink(target, path);
                giveToServer(path);
                return {};
            }
            if (entry.kind != repository::TreeKind::File) {
                make(path);
                return {};
            }
            make(path.parent_path());
            Bytes content;
            for (const auto& chunk : entry.chunks) {
                const auto size =
                    std::min<std::uint64_t>(repository::chunkSize, entry.size - content.size());
                SALVOR_TRY(const ByteView bytes, reader->read(chunk, size));
                append(content, bytes);
            }
            EXPECT_EQ(crypto::crc32c(content), entry.crc32c) << entry.path;
            std::ofstream(path, std::ios::binary) << asText(content);
            ::chmod(path.c_str(), 0600);
            giveToServer(path);
            return {};
        }));
    }
    [[nodiscard]] const Path& path() const { return m_folder.path(); }

    /// Puts the archive's segments where a start finds them.
    void addWal(const repository::Repository& repository, const model::Backup& backup)
    {
        const auto all = must(repository.segments(backup.incarnation));
        for (const auto& stored : all) {
            const auto& [segment, object, size, at] = stored;
            const auto name =
                must(model::segmentName(segment, backup.incarnation.identity.segmentSize));
            const Path path = m_folder.path() / "pg_wal" / name;
            const Bytes bytes = must(repository.readSegment(backup.incarnation, segment));
            std::ofstream(path, std::ios::binary) << asText(bytes);
            ::chmod(path.c_str(), 0600);
            giveToServer(path);
        }
    }

private:
    void make(const Path& path)
    {
        if (std::filesystem::exists(path))
            return;
        make(path.parent_path());
        std::filesystem::create_directory(path);
        ::chmod(path.c_str(), 0700);
        giveToServer(path);
    }

    ServerDirectory m_folder;
    ServerDirectory m_spaces;
};

/// A server on an extracted backup, stopped with the object.
class StartedCopy {
public:
    StartedCopy(TestCluster& cluster, const Path& data)
        : m_cluster(cluster)
        , m_data(data)
        , m_port(freePort())
    {
        const auto started = cluster.run(
            "pg_ctl", {"-D", data.native(), "-w", "-t", "60", "-l", (data / "log").native(), "-o",
                       "-p " + std::to_string(m_port) + " -c unix_socket_directories="
                           + data.native() + " -c listen_addresses= -c archive_mode=off",
                       "start"});
        if (started.status != 0)
            throw std::runtime_error("the copy did not start: " + must(readTextFile(data / "log")));
    }
    ~StartedCopy()
    {
        (void)m_cluster.run("pg_ctl", {"-D", m_data.native(), "-m", "immediate", "stop"});
    }
    StartedCopy(const StartedCopy&) = delete;
    StartedCopy& operator=(const StartedCopy&) = delete;
    std::string value(const std::string& sql)
    {
        std::string text = m_cluster.runChecked(
            "psql", {"-h", m_data.native(), "-p", std::to_string(m_port), "-Atc", sql, "postgres"});
        while (!text.empty() && text.back() == '\n')
            text.pop_back();
        return text;
    }

private:
    TestCluster& m_cluster;
    Path m_data;
    int m_port;
};

constexpr const char* balancesAgree =
    "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(tbalance) FROM "
    "pgbench_tellers) AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) "
    "FROM pgbench_tellers)";

} // namespace salvor::test
