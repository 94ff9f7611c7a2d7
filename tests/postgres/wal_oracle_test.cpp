// WAL of real servers, record by record beside what the server's own pg_waldump says.
#include "core/base/text.h"
#include "core/postgres/wal_reader.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

namespace salvor::postgres {
namespace {

using test::TestCluster;

/// One line of pg_waldump.
struct Dumped {
    std::string manager;
    std::uint64_t length = 0;
    std::uint64_t xid = 0;
    std::string lsn;
    std::string previous;
    std::string description;
};

/// The text after `key`, up to one of `ends`. Descriptions are too long for std::regex.
std::string field(std::string_view line, std::string_view key, std::string_view ends)
{
    const std::size_t at = line.find(key);
    if (at == std::string_view::npos)
        return {};
    const std::string_view rest = line.substr(at + key.size());
    return std::string(trim(rest.substr(0, rest.find_first_of(ends))));
}

std::vector<Dumped> parseDump(const std::string& text)
{
    std::vector<Dumped> records;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("rmgr: "))
            continue;
        const std::string lengths = field(line, "len (rec/tot): ", ",");
        records.push_back(
            {field(line, "rmgr: ", " "),
             *parseUnsigned(trim(std::string_view(lengths).substr(lengths.find('/') + 1))),
             *parseUnsigned(field(line, "tx: ", ",")), field(line, "lsn: ", ","),
             field(line, "prev ", ","), line.substr(line.find("desc: ") + 6)});
    }
    return records;
}

std::string managerName(std::uint8_t id)
{
    constexpr std::array names{"XLOG",     "Transaction",   "Storage",   "CLOG",
                               "Database", "Tablespace",    "MultiXact", "RelMap",
                               "Standby",  "Heap2",         "Heap",      "Btree",
                               "Hash",     "Gin",           "Gist",      "Sequence",
                               "SPGist",   "BRIN",          "CommitTs",  "ReplicationOrigin",
                               "Generic",  "LogicalMessage"};
    return id < names.size() ? names.at(id) : "custom" + std::to_string(id);
}

std::string paddedLsn(model::Lsn lsn)
{
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%X/%08X", static_cast<unsigned>(value(lsn) >> 32U),
                  static_cast<unsigned>(value(lsn) & 0xffffffffU));
    return text.data();
}

/// A record as our reader saw it, without the bytes.
struct Seen {
    WalRecord record;
    std::size_t length = 0;
    std::optional<model::WalEvent> event;
    std::optional<ParameterChange> change;
};

class WalOracle : public ::testing::TestWithParam<std::pair<int, int>> {
protected:
    int major() const { return GetParam().first; }

    void SetUp() override
    {
        ASSERT_FALSE(test::programsOf(major()).empty())
            << "no PostgreSQL " << major() << ": set SALVOR_PG" << major()
            << "_BIN to the folder that tests/support/pg-version prints";
        cluster.emplace(
            test::ClusterOptions{.major = major(),
                                 .walSegmentMegabytes = GetParam().second,
                                 .settings = {{"max_prepared_transactions", "11"},
                                              {"wal_level", "logical"},
                                              {"max_wal_size", "4GB"},
                                              {"wal_keep_size", "4GB"},
                                              {"autovacuum", "off"},
                                              // Nothing is archived, so nothing is removed.
                                              {"archive_mode", "on"},
                                              {"archive_command", "/bin/false"}}});
        cluster->start();
    }

    /// Segments of a timeline in order; later ones are left after the WAL's end.
    std::vector<Path> segmentsOf(model::TimelineId timeline) const
    {
        std::set<Path> files;
        for (const auto& file :
             std::filesystem::directory_iterator(cluster->dataDirectory() / "pg_wal")) {
            const std::string name = file.path().filename().native();
            const auto segment = model::parseSegmentName(name, segmentSize());
            if (segment.ok() && segment->timeline == timeline)
                files.insert(file.path());
        }
        return {files.begin(), files.end()};
    }
    ByteCount segmentSize() const { return static_cast<ByteCount>(GetParam().second) << 20U; }

    std::vector<Dumped> dump(const Path& first, const Path& last) const
    {
        Command command;
        // A logical message is printed byte by byte, and one here has three million of them.
        command.argv = {"sh",
                        "-c",
                        "\"$0\" \"$1\" \"$2\" | cut -c 1-20000",
                        (cluster->programs() / "pg_waldump").native(),
                        first.native(),
                        last.filename().native()};
        command.environment = {{"TZ", "UTC"}, {"LC_ALL", "C"}};
        command.directory = first.parent_path();
        const auto result = runCommand(command);
        EXPECT_TRUE(result.ok());
        std::string text = result->output;
        EXPECT_LT(text.size(), std::size_t{64} << 20U) << "cut by runCommand";
        return parseDump(text);
    }

    static void readAll(WalReader& reader, const std::vector<Path>& files, std::vector<Seen>& seen)
    {
        for (const Path& file : files) {
            const auto bytes = readFile(file, ByteCount{1} << 30U);
            ASSERT_TRUE(bytes.ok());
            const auto header = readSegmentHeader(*bytes);
            ASSERT_TRUE(header.ok()) << header.error().message;
            const auto fed = reader.feed(*bytes, [&](const WalRecord& record) -> Result<> {
                SALVOR_TRY(auto event, eventOf(record, header->timeline, header->majorVersion));
                SALVOR_TRY(const auto change, parameterChangeOf(record));
                seen.push_back({record, record.data.size(), std::move(event), change});
                return {};
            });
            ASSERT_TRUE(fed.ok()) << fed.error().message;
            if (reader.endOfWal())
                break;
        }
    }

    void work();
    void compare(const std::vector<Seen>& seen, const std::vector<Dumped>& dumped);

    std::optional<TestCluster> cluster;
};

/// One of every kind of record that matters here, among thousands of ordinary ones.
void WalOracle::work()
{
    cluster->pgbench({"-i", "-q", "-s", "2"});
    cluster->pgbench({"-c", "2", "-t", "200"});
    cluster->execute("CREATE TABLE made(id int PRIMARY KEY, note text)");
    cluster->execute("SELECT pg_create_restore_point('before the batch')");
    cluster->execute("DO $$ BEGIN FOR i IN 1..200 LOOP BEGIN INSERT INTO made VALUES (i % 150, "
                     "'x'); EXCEPTION WHEN unique_violation THEN NULL; END; END LOOP; END $$");
    cluster->execute("BEGIN; INSERT INTO made VALUES (1000); SAVEPOINT a; INSERT INTO made VALUES "
                     "(1001); SAVEPOINT b; INSERT INTO made VALUES (1002); ROLLBACK");
    for (const std::string end : {"COMMIT", "ROLLBACK"}) {
        cluster->execute("BEGIN; INSERT INTO made VALUES (2000); SAVEPOINT s; CREATE TABLE p" + end
                         + "(i int); PREPARE TRANSACTION 'two phases " + end + "'");
        cluster->execute(end + " PREPARED 'two phases " + end + "'");
        cluster->execute("DELETE FROM made WHERE id = 2000");
    }
    for (int i = 0; i < 7; ++i) {
        cluster->execute("SELECT pg_logical_emit_message(true, 'big', repeat('x', 3100000))");
        if (i % 3 == 0)
            cluster->execute("SELECT pg_switch_wal()");
    }
    cluster->execute("SELECT pg_replication_origin_create('elsewhere')");
    cluster->execute("SELECT pg_replication_origin_session_setup('elsewhere'); BEGIN; SELECT "
                     "pg_replication_origin_xact_setup('0/12345', now() - interval '1 day'); "
                     "INSERT INTO made VALUES (3000); COMMIT");
    cluster->execute("BEGIN; TRUNCATE made; DROP TABLE pgbench_history; SAVEPOINT x; CREATE TABLE "
                     "t2 AS SELECT * FROM generate_series(1, 1000); COMMIT");
    cluster->execute("CREATE DATABASE other");
    cluster->execute("DROP DATABASE other");
    cluster->execute("VACUUM FULL pgbench_accounts");
    cluster->execute("CHECKPOINT");
    cluster->execute("SELECT pg_create_restore_point('" + std::string(63, 'n') + "')");
}

/// Beside "COMMIT 2026-… UTC; …; subxacts: 7 8" or "ABORT_PREPARED 758: 2026-… UTC".
void expectSameEnd(const model::WalEvent& event, const Dumped& dumped)
{
    const std::string& text = dumped.description;
    const bool prepared = text.find("_PREPARED ") < text.find(' ');
    const std::size_t colon = text.find(": ");
    EXPECT_EQ(event.kind == model::WalEvent::Kind::Commit, text.starts_with("COMMIT"));
    EXPECT_EQ(event.prepared, prepared);
    EXPECT_EQ(event.xid, prepared ? *parseUnsigned(field(text, "PREPARED ", ":")) : dumped.xid);
    const std::string time = text.substr(prepared ? colon + 2 : text.find(' ') + 1);
    const auto moment = parseMoment(time.substr(0, time.find(" UTC")) + "Z");
    ASSERT_TRUE(moment.ok()) << text;
    EXPECT_EQ(event.at, *moment);
    std::string children;
    for (const std::uint32_t xid : event.subtransactions)
        children += (children.empty() ? "" : " ") + std::to_string(xid);
    EXPECT_EQ(children, field(text, "subxacts: ", ";")) << text;
}

/// What the dump's text says of a transaction's end or a restore point.
void expectSameEvent(const Seen& seen, const Dumped& dumped)
{
    const std::string& text = dumped.description;
    const bool isEnd = dumped.manager == "Transaction"
                       && (text.starts_with("COMMIT") || text.starts_with("ABORT"));
    const bool isPoint = dumped.manager == "XLOG" && text.starts_with("RESTORE_POINT ");
    ASSERT_EQ(seen.event.has_value(), isEnd || isPoint) << text;
    if (isEnd)
        expectSameEnd(*seen.event, dumped);
    if (isPoint) {
        EXPECT_EQ(seen.event->kind, model::WalEvent::Kind::RestorePoint);
        EXPECT_EQ(seen.event->name, text.substr(text.find(' ') + 1));
    }
}

/// Beside "PARAMETER_CHANGE max_connections=100 … wal_level=logical …".
void expectSameChange(const Seen& seen, const Dumped& dumped)
{
    const std::string& text = dumped.description;
    ASSERT_EQ(seen.change.has_value(),
              dumped.manager == "XLOG" && text.starts_with("PARAMETER_CHANGE "))
        << text;
    if (!seen.change)
        return;
    const auto number = [&](std::string_view name) {
        return static_cast<int>(parseUnsigned(field(text, name, " ")).value_or(0));
    };
    EXPECT_EQ(seen.change->sizes,
              (model::ReplaySizes{number("max_connections="), number("max_worker_processes="),
                                  number("max_wal_senders="), number("max_prepared_xacts="),
                                  number("max_locks_per_xact=")}))
        << text;
    EXPECT_EQ(seen.change->isReplayable, field(text, "wal_level=", " ") != "minimal") << text;
}

void WalOracle::compare(const std::vector<Seen>& seen, const std::vector<Dumped>& dumped)
{
    ASSERT_EQ(seen.size(), dumped.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const WalRecord& record = seen[i].record;
        const Dumped& expected = dumped[i];
        ASSERT_EQ(paddedLsn(record.start), expected.lsn) << i;
        ASSERT_EQ(seen[i].length, expected.length) << expected.lsn;
        ASSERT_EQ(record.xid, expected.xid) << expected.lsn;
        ASSERT_EQ(paddedLsn(record.previous), expected.previous) << expected.lsn;
        ASSERT_EQ(managerName(record.resourceManager), expected.manager) << expected.lsn;
        if (i + 1 < seen.size()) {
            // The next record begins at the end, or after the page header that stands there.
            const std::uint64_t gap = value(seen[i + 1].record.start) - value(record.end);
            ASSERT_TRUE(gap == 0 || gap == 24 || gap == 40) << expected.lsn << " " << gap;
        }
        expectSameEvent(seen[i], expected);
        expectSameChange(seen[i], expected);
    }
}

TEST_P(WalOracle, EveryRecordAndEventIsWhatPgWaldumpSays)
{
    work();
    cluster->crash();
    cluster->set("max_connections", "123");
    cluster->set("max_locks_per_transaction", "77");
    cluster->start();
    cluster->pgbench({"-c", "2", "-t", "100", "-n", "-S"});
    cluster->execute("INSERT INTO made VALUES (4000)");
    cluster->stop();

    const auto files = segmentsOf(model::TimelineId{1});
    std::vector<Seen> seen;
    WalReader reader;
    ASSERT_NO_FATAL_FAILURE(readAll(reader, files, seen));
    EXPECT_TRUE(reader.endOfWal());
    ASSERT_NO_FATAL_FAILURE(compare(seen, dump(files.front(), files.back())));

    std::set<std::string> kinds;
    std::size_t longest = 0;
    model::ReplaySizes sizes;
    for (const Seen& one : seen) {
        if (one.change)
            sizes.raiseTo(one.change->sizes);
        longest = std::max(longest, one.length);
        if (one.event)
            kinds.insert(std::to_string(static_cast<int>(one.event->kind))
                         + (one.event->prepared ? "p" : ""));
    }
    EXPECT_EQ(kinds, (std::set<std::string>{"0", "0p", "1", "1p", "2"}));
    EXPECT_GT(longest, 3000000U);
    EXPECT_EQ(sizes.maxConnections, 123);
    EXPECT_EQ(sizes.maxPreparedTransactions, 11);
    EXPECT_EQ(sizes.maxLocksPerTransaction, 77);
}

TEST_P(WalOracle, AReaderThatStartsLaterSeesTheSameFromThereOn)
{
    work();
    cluster->stop();
    const auto files = segmentsOf(model::TimelineId{1});
    ASSERT_GT(files.size(), 2U);
    const std::vector<Path> later(files.begin() + 2, files.end());
    std::vector<Seen> seen;
    WalReader reader;
    ASSERT_NO_FATAL_FAILURE(readAll(reader, later, seen));
    compare(seen, dump(later.front(), later.back()));
}

TEST_P(WalOracle, APromotionInsideASegmentIsFollowed)
{
    cluster->pgbench({"-i", "-q", "-s", "1"});
    cluster->stop();
    cluster->set("restore_command", "/bin/false");
    std::ofstream(cluster->dataDirectory() / "recovery.signal").close();
    if (const auto user = test::serverUser()) {
        const Path signal = cluster->dataDirectory() / "recovery.signal";
        ASSERT_EQ(::chown(signal.c_str(), user->uid, user->gid), 0);
    }
    cluster->start();
    while (cluster->value("SELECT pg_is_in_recovery()") == "t") {
    }
    cluster->pgbench({"-c", "2", "-t", "300", "-n"});
    cluster->stop();

    const auto files = segmentsOf(model::TimelineId{2});
    ASSERT_FALSE(files.empty());
    std::vector<Seen> seen;
    WalReader reader;
    ASSERT_NO_FATAL_FAILURE(readAll(reader, files, seen));
    EXPECT_TRUE(reader.endOfWal());
    compare(seen, dump(files.front(), files.back()));

    // From the first timeline's segments into the second's.
    auto path = segmentsOf(model::TimelineId{1});
    path.erase(std::remove_if(path.begin(), path.end(),
                              [&](const Path& file) {
                                  return file.filename().native().substr(8)
                                         >= files.front().filename().native().substr(8);
                              }),
               path.end());
    path.insert(path.end(), files.begin(), files.end());
    std::vector<Seen> all;
    WalReader whole;
    ASSERT_NO_FATAL_FAILURE(readAll(whole, path, all));
    ASSERT_GT(all.size(), seen.size());
    EXPECT_EQ(all.back().record.start, seen.back().record.start);
    EXPECT_EQ(whole.position(), reader.position());
}

INSTANTIATE_TEST_SUITE_P(Majors, WalOracle,
                         ::testing::Values(std::pair(13, 1), std::pair(15, 16), std::pair(17, 1),
                                           std::pair(18, 16)),
                         [](const auto& one) {
                             return "Postgres" + std::to_string(one.param.first) + "With"
                                    + std::to_string(one.param.second) + "MegabyteSegments";
                         });

} // namespace
} // namespace salvor::postgres
