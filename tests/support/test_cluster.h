// A real PostgreSQL cluster for a test: its own folder, socket and port, gone with the object.
#pragma once

#include "core/base/subprocess.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace salvor::test {

/// Server settings, in order.
using ServerSettings = std::vector<std::pair<std::string, std::string>>;

struct ClusterOptions {
    int major = 15;
    bool pageChecksums = true;
    int walSegmentMegabytes = 16;
    ServerSettings settings = {}; ///< Added to postgresql.conf.
    bool ownIdentity = false; ///< A system identifier of its own: runs initdb, 1 s instead of 0.1.
};

/// The folder of a major's programs: $SALVOR_PG<major>_BIN, below SALVOR_PG_ROOT of the build, or
/// Debian's place. Empty when this machine has none.
[[nodiscard]] Path programsOf(int major);

/// Who runs servers in tests: the account "postgres" when the test runs as root, else nobody else.
[[nodiscard]] std::optional<SystemUser> serverUser();

/// A new folder with a short path, owned by and open to the server's user; removed with the object.
class ServerDirectory {
public:
    ServerDirectory();
    ServerDirectory(const ServerDirectory&) = delete;
    ServerDirectory& operator=(const ServerDirectory&) = delete;
    ~ServerDirectory();
    [[nodiscard]] const Path& path() const { return m_path; }

private:
    Path m_path;
};

/// A TCP port nobody listens on at the moment.
[[nodiscard]] int freePort();

/// A cluster that listens on a Unix socket only. Every failure throws std::runtime_error, which
/// GoogleTest reports as the test's failure. One thread at a time.
class TestCluster {
public:
    using Row = std::vector<std::string>; ///< An unset value is "".

    /// Makes the cluster; it does not run yet. Without programs of that major the test must have
    /// been skipped before (SALVOR_NEED_POSTGRES).
    explicit TestCluster(ClusterOptions options = {});
    TestCluster(const TestCluster&) = delete;
    TestCluster& operator=(const TestCluster&) = delete;
    ~TestCluster(); ///< Stops it by its process id and removes everything.

    void start();
    void stop();
    void crash(); ///< As after a power cut: pg_ctl stop -m immediate.
    void restart();
    [[nodiscard]] bool isRunning() const;

    /// Appends to postgresql.conf; takes effect with the next start.
    void set(const std::string& name, const std::string& value);

    /// Rows of a query, asked with the libpq of this program as superuser "postgres".
    std::vector<Row> query(const std::string& sql, const std::string& database = "postgres");
    /// The first value of the first row.
    std::string value(const std::string& sql, const std::string& database = "postgres");
    void execute(const std::string& sql, const std::string& database = "postgres");

    /// Runs pgbench with the connection given; its output. `pgbench({"-i", "-s", "2"})`.
    std::string pgbench(const std::vector<std::string>& arguments);
    /// True if pgbench's balances agree: accounts, tellers, branches and history.
    bool pgbenchIsConsistent();

    /// Runs a program of this major as the server's user, PGHOST, PGPORT and PGUSER set. Status
    /// and both outputs; a bad status does not throw.
    CommandResult run(const std::string& program, const std::vector<std::string>& arguments);
    /// The same; throws when the status is not 0.
    std::string runChecked(const std::string& program, const std::vector<std::string>& arguments);

    /// Creates a tablespace in a folder of its own beside the data directory; returns that folder.
    Path createTablespace(const std::string& name);

    /// Promotes a standby and waits for it.
    void promote();
    /// A running standby of this cluster, made by pg_basebackup. `settings` are added to its own.
    [[nodiscard]] std::unique_ptr<TestCluster> createStandby(const ServerSettings& settings = {});
    /// Waits until this standby has replayed what `primary` has written so far.
    void waitForReplayOf(TestCluster& primary);

    [[nodiscard]] int major() const { return m_options.major; }
    [[nodiscard]] Path programs() const { return programsOf(m_options.major); }
    [[nodiscard]] Path folder() const { return m_folder.path(); } ///< All of it lies here.
    [[nodiscard]] Path dataDirectory() const { return m_folder.path() / "data"; }
    [[nodiscard]] Path socketDirectory() const { return m_folder.path(); }
    [[nodiscard]] int port() const { return m_port; }
    [[nodiscard]] std::string conninfo(const std::string& database = "postgres",
                                       const std::string& user = "postgres") const;
    [[nodiscard]] std::string log() const; ///< What the server wrote.

private:
    struct Adopt {};
    TestCluster(Adopt, ClusterOptions options);
    void writeConfiguration();

    ClusterOptions m_options;
    ServerDirectory m_folder;
    int m_port;
};

} // namespace salvor::test

/// Skips the test when this machine has no PostgreSQL of that major.
#define SALVOR_NEED_POSTGRES(major)                                                                \
    do {                                                                                           \
        if (salvor::test::programsOf(major).empty())                                               \
            GTEST_SKIP() << "no PostgreSQL " << (major) << " here; see tests/support/pg-version";  \
    } while (false)
