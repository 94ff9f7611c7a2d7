// Data directories of real servers: what we list beside what pg_basebackup sends, the pages in it,
// and manifests that pg_verifybackup reads.
#include "core/crypto/crc32c.h"
#include "core/postgres/backup_label.h"
#include "core/postgres/backup_manifest.h"
#include "core/postgres/control_file.h"
#include "core/postgres/data_directory.h"
#include "core/postgres/page.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::postgres {
namespace {

namespace fs = std::filesystem;

class DataDirectoryOracle : public ::testing::TestWithParam<int> {
protected:
    int major() const { return GetParam(); }

    void SetUp() override
    {
        ASSERT_FALSE(test::programsOf(major()).empty())
            << "no PostgreSQL " << major() << ": set SALVOR_PG" << major()
            << "_BIN to the folder that tests/support/pg-version prints";
        test::ServerSettings settings{{"autovacuum", "off"}};
        if (major() >= 17)
            settings.emplace_back("allow_in_place_tablespaces", "on");
        cluster.emplace(test::ClusterOptions{.major = major(), .settings = settings});
        cluster->start();
    }

    /// Everything of the kinds that are told apart.
    void fill()
    {
        cluster->pgbench({"-i", "-q", "-s", "1"});
        cluster->createTablespace("elsewhere");
        cluster->execute("CREATE TABLE far(i int) TABLESPACE elsewhere");
        cluster->execute("INSERT INTO far SELECT generate_series(1, 1000)");
        cluster->execute("CREATE UNLOGGED TABLE quick(i int PRIMARY KEY)");
        cluster->execute("CREATE UNLOGGED TABLE quick2(i int PRIMARY KEY) TABLESPACE elsewhere");
        cluster->execute("INSERT INTO quick SELECT generate_series(1, 10000)");
        if (major() >= 17) {
            cluster->execute("CREATE TABLESPACE inside LOCATION ''");
            cluster->execute("CREATE TABLE near(i int) TABLESPACE inside");
        }
        cluster->execute("VACUUM pgbench_accounts");
        cluster->execute("CHECKPOINT");
    }

    void put(const std::string& path)
    {
        const Path file = cluster->dataDirectory() / path;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << "something\n";
        const auto user = test::serverUser();
        if (!user)
            return;
        for (Path at = file; at != cluster->dataDirectory(); at = at.parent_path())
            ASSERT_EQ(::lchown(at.c_str(), user->uid, user->gid), 0);
    }

    /// Files that a running or once crashed server can leave.
    void litter()
    {
        const std::string database = "base/"
                                     + cluster->value("SELECT oid FROM pg_database WHERE "
                                                      "datname = 'postgres'");
        const std::string tablespace = "pg_tblspc/"
                                       + cluster->value("SELECT oid FROM pg_tablespace WHERE "
                                                        "spcname = 'elsewhere'");
        for (const std::string& path :
             std::initializer_list<std::string>{"base/pgsql_tmp/pgsql_tmp123.4",
                                                tablespace + "/stray",
                                                tablespace + "/PG_9.6_1/1",
                                                database + "/pg_internal.init",
                                                database + "/pg_internal.init.77",
                                                database + "/t3_16999",
                                                database + "/t3_16999_fsm.1",
                                                database + "/t3_x",
                                                database + "/tx_3",
                                                database + "/t3_16999_foo",
                                                database + "/pgsql_tmpx",
                                                "base/t4_17000",
                                                "global/t4_17000",
                                                "pg_stat_tmp/left.stat",
                                                "pg_notify/left",
                                                "pg_serial/left",
                                                "pg_snapshots/left",
                                                "pg_dynshmem/left",
                                                "pg_subtrans/00FF",
                                                "postgresql.auto.conf.tmp",
                                                "current_logfiles.tmp",
                                                "current_logfiles",
                                                "backup_label.old",
                                                "extra/pg_subtrans/inner",
                                                "extra/postmaster.pid",
                                                "extra/deep/er/file",
                                                "extra/pg_wal/kept",
                                                "pg_replslot_not/x",
                                                "pg_wal/archive_status/x.done",
                                                "log/postgresql.log",
                                                "name with 'quotes'",
                                                "caf\xe9",
                                                "pg_xact/pgsql_tmp_x"})
            ASSERT_NO_FATAL_FAILURE(put(path)) << path;
        fs::create_symlink("/etc/hostname", cluster->dataDirectory() / "link.conf");
    }

    /// pg_basebackup in the plain format; its folder.
    Path baseBackup(const std::vector<std::string>& more)
    {
        const Path into = cluster->folder() / "copy";
        std::vector<std::string> arguments{"-D", into.native(), "-c", "fast", "--no-sync"};
        for (const auto& row : cluster->query("SELECT pg_tablespace_location(oid) FROM "
                                              "pg_tablespace WHERE pg_tablespace_location(oid) "
                                              "LIKE '/%'")) {
            arguments.emplace_back("-T");
            arguments.push_back(row[0] + "=" + (cluster->folder() / "copy_far").native());
        }
        arguments.insert(arguments.end(), more.begin(), more.end());
        cluster->runChecked("pg_basebackup", arguments);
        return into;
    }

    /// What lies below a folder, links of tablespaces followed.
    static void walk(const Path& folder, const std::string& prefix,
                     std::map<std::string, std::string>& found)
    {
        for (const auto& entry : fs::directory_iterator(folder)) {
            const std::string path = prefix + entry.path().filename().native();
            if (entry.is_symlink())
                found[path] = "link";
            else
                found[path] = entry.is_directory() ? "folder" : "file";
            if (entry.is_directory())
                walk(entry.path(), path + "/", found);
        }
    }

    static Result<DataDirectoryContents> scan(const Path& folder, int major)
    {
        Progress progress;
        JobContext job{{}, progress, discardEvents()};
        return scanDataDirectory(folder, major, job);
    }

    std::optional<test::TestCluster> cluster;
};

TEST_P(DataDirectoryOracle, WhatIsListedIsWhatABaseBackupSends)
{
    fill();
    litter();
    const Path copy = baseBackup({"-X", "none"});
    std::map<std::string, std::string> sent;
    walk(copy, "", sent);
    // Made by the backup itself.
    sent.erase("backup_label");
    sent.erase("backup_manifest");
    sent.erase("tablespace_map");

    const auto contents = scan(cluster->dataDirectory(), major());
    ASSERT_TRUE(contents.ok()) << contents.error().message;
    std::map<std::string, std::string> listed;
    for (const DataEntry& entry : contents->entries)
        listed[entry.path] = entry.kind == EntryKind::Link        ? "link"
                             : entry.kind == EntryKind::Directory ? "folder"
                                                                  : "file";
    for (const auto& [path, kind] : sent)
        EXPECT_EQ(listed[path], kind) << path << " is sent";
    for (const auto& [path, kind] : listed)
        EXPECT_EQ(sent[path], kind) << path << " is listed";
    EXPECT_EQ(contents->tablespaces.size(), 1U);
    EXPECT_TRUE(std::is_sorted(contents->entries.begin(), contents->entries.end(),
                               [](const auto& a, const auto& b) { return a.path < b.path; }));
    for (const auto& [path, kind] : sent)
        EXPECT_FALSE(isExcluded(path, major())) << path;
}

TEST_P(DataDirectoryOracle, EveryPageOfARealClusterIsGoodOrNewAndAFlippedBitIsFound)
{
    fill();
    cluster->stop();
    const auto contents = scan(cluster->dataDirectory(), major());
    ASSERT_TRUE(contents.ok()) << contents.error().message;
    std::size_t pages = 0;
    Bytes some;
    std::uint32_t someBlock = 0;
    for (const DataEntry& entry : contents->entries) {
        if (!entry.hasPages)
            continue;
        const auto bytes = readFile(entry.source, ByteCount{1} << 31U);
        ASSERT_TRUE(bytes.ok());
        ASSERT_EQ(bytes->size() % pageSize, 0U) << entry.path;
        for (std::uint32_t i = 0; i < bytes->size() / pageSize; ++i, ++pages) {
            const ByteView page = ByteView(*bytes).subspan(i * pageSize, pageSize);
            const PageVerdict verdict = checkPage(page, entry.firstBlock + i);
            ASSERT_TRUE(verdict == PageVerdict::Good || verdict == PageVerdict::New)
                << entry.path << " " << i;
            if (verdict == PageVerdict::Good && i == 3) {
                some.assign(page.begin(), page.end());
                someBlock = i;
                EXPECT_NE(checkPage(page, i + 1), PageVerdict::Good);
            }
        }
    }
    EXPECT_GT(pages, 2000U);
    ASSERT_EQ(some.size(), pageSize);
    EXPECT_NE(value(pageLsn(some)), 0U);
    // Sixteen bits of checksum let about one flipped bit in 65535 through, and a page has 65536.
    std::size_t missed = 0;
    for (std::size_t bit = 0; bit < pageSize * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1U << (bit % 8));
        some[bit / 8] ^= mask;
        missed += checkPage(some, someBlock) != PageVerdict::WrongChecksum ? 1U : 0U;
        some[bit / 8] ^= mask;
    }
    EXPECT_LT(missed, 16U);
}

/// The manifest's files, from the files themselves.
void readFiles(const Path& folder, std::vector<ManifestFile>& files)
{
    for (ManifestFile& file : files) {
        const auto bytes = readFile(folder / file.path, ByteCount{1} << 31U);
        ASSERT_TRUE(bytes.ok()) << file.path;
        struct stat status {};
        ASSERT_EQ(::stat((folder / file.path).c_str(), &status), 0);
        ASSERT_EQ(file.crc32c, crypto::crc32c(*bytes)) << file.path;
        ASSERT_EQ(file.size, bytes->size()) << file.path;
    }
}

TEST_P(DataDirectoryOracle, OurManifestIsTheServersByteForByteAndPgVerifybackupAcceptsIt)
{
    fill();
    ASSERT_NO_FATAL_FAILURE(put("caf\xe9"));
    ASSERT_NO_FATAL_FAILURE(put("name with \"quotes\" and \\"));
    const Path copy = baseBackup({"-X", "fetch", "--manifest-checksums=CRC32C"});
    const auto text = readTextFile(copy / "backup_manifest");
    ASSERT_TRUE(text.ok());
    auto manifest = parseBackupManifest(*text);
    ASSERT_TRUE(manifest.ok()) << manifest.error().message;
    ASSERT_GT(manifest->files.size(), 500U);
    ASSERT_EQ(manifest->wal.size(), 1U);
    ASSERT_NO_FATAL_FAILURE(readFiles(copy, manifest->files));

    const auto control = readControlFile(cluster->dataDirectory());
    ASSERT_TRUE(control.ok());
    const auto ours = makeBackupManifest(manifest->files, manifest->wal, control->identity);
    ASSERT_TRUE(ours.ok());
    EXPECT_EQ(*ours, *text);

    // Another order, so that the program sees a text the server did not write.
    std::reverse(manifest->files.begin(), manifest->files.end());
    const auto reversed = makeBackupManifest(manifest->files, manifest->wal, control->identity);
    ASSERT_TRUE(
        writeFileDurably(copy / "backup_manifest", asBytes(*reversed), IfExists::Replace, 0644)
            .ok());
    cluster->runChecked("pg_verifybackup", {"-e", copy.native()});
    std::ofstream(copy / "PG_VERSION") << "99\n";
    EXPECT_NE(cluster->run("pg_verifybackup", {"-e", copy.native()}).status, 0);

    const auto label = readTextFile(copy / "backup_label");
    ASSERT_TRUE(label.ok());
    const auto parsed = parseBackupLabel(*label);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(parsed->startLsn, manifest->wal[0].start);
    EXPECT_EQ(parsed->timeline, manifest->wal[0].timeline);
    EXPECT_FALSE(parsed->fromStandby);
}

TEST_P(DataDirectoryOracle, ARunningServerIsSeenAndAStoppedOneIsNot)
{
    auto running = isServerRunning(cluster->dataDirectory());
    ASSERT_TRUE(running.ok());
    EXPECT_TRUE(*running);
    const auto pid = readTextFile(cluster->dataDirectory() / "postmaster.pid");
    ASSERT_TRUE(pid.ok());
    // A copy of the folder is not what that process serves.
    test::ServerDirectory other;
    std::ofstream(other.path() / "postmaster.pid") << *pid;
    running = isServerRunning(other.path());
    ASSERT_TRUE(running.ok());
    EXPECT_FALSE(*running);
    cluster->stop();
    std::ofstream(cluster->dataDirectory() / "postmaster.pid") << *pid;
    running = isServerRunning(cluster->dataDirectory());
    ASSERT_TRUE(running.ok());
    EXPECT_FALSE(*running);
    fs::remove(cluster->dataDirectory() / "postmaster.pid");
}

INSTANTIATE_TEST_SUITE_P(Majors, DataDirectoryOracle, ::testing::Values(13, 15, 17, 18),
                         [](const auto& one) { return "Postgres" + std::to_string(one.param); });

} // namespace
} // namespace salvor::postgres
