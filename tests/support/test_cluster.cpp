#include "tests/support/test_cluster.h"

#include <libpq-fe.h>

#include <arpa/inet.h>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace salvor::test {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void giveUp(const std::string& why)
{
    throw std::runtime_error(why);
}

template <typename T>
T must(Result<T> result)
{
    if (!result.ok())
        giveUp(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

void giveToServer(const Path& path)
{
    if (const auto user = serverUser())
        if (::chown(path.c_str(), user->uid, user->gid) != 0)
            giveUp("cannot chown " + path.native());
}

CommandResult runAsServer(std::vector<std::string> argv,
                          std::vector<std::pair<std::string, std::string>> environment = {})
{
    Command command;
    command.argv = std::move(argv);
    command.environment = std::move(environment);
    command.environment.emplace_back("LC_ALL", "C");
    // The folder the test runs in may be closed to that user, and initdb wants to come back to it.
    command.directory = "/";
    command.user = serverUser();
    return must(runCommand(command));
}

std::string checkedAsServer(std::vector<std::string> argv)
{
    const std::string name = argv.front();
    const CommandResult result = runAsServer(std::move(argv));
    if (result.status != 0)
        giveUp(name + ": " + result.output + result.errors);
    return result.output;
}

void appendText(const Path& path, const std::string& text)
{
    std::ofstream file(path, std::ios::app | std::ios::binary);
    file << text;
    file.close();
    if (!file)
        giveUp("cannot write " + path.native());
}

std::string settingLine(const std::string& name, const std::string& value)
{
    std::string line = name + " = '";
    for (const char c : value)
        line += c == '\'' || c == '\\' ? std::string(2, c) : std::string(1, c);
    return line + "'\n";
}

/// Where templates wait for the next test: initdb takes longer than everything else.
Path templateFolder()
{
    const Path folder = "/var/tmp/salvor-tests-" + std::to_string(::getuid());
    fs::create_directories(folder);
    ::chmod(folder.c_str(), 0755);
    return folder;
}

std::vector<std::string> initdbCommand(const ClusterOptions& options, const Path& into)
{
    std::vector<std::string> argv{
        (programsOf(options.major) / "initdb").native(),
        "--no-sync",
        "--auth=trust",
        "--username=postgres",
        "--no-locale",
        "--encoding=UTF8",
        "--wal-segsize=" + std::to_string(options.walSegmentMegabytes),
        "--pgdata=" + into.native(),
    };
    if (options.pageChecksums)
        argv.emplace_back("--data-checksums");
    else if (options.major >= 18)
        argv.emplace_back("--no-data-checksums");
    return argv;
}

/// A template made by this major's very programs. Held by a lock file: tests run side by side.
Path templateOf(const ClusterOptions& options)
{
    struct stat program {};
    ::stat((programsOf(options.major) / "initdb").c_str(), &program);
    const std::string name = "template-" + std::to_string(options.major) + "-"
                             + std::to_string(program.st_mtime) + "-"
                             + (options.pageChecksums ? "sums" : "plain") + "-"
                             + std::to_string(options.walSegmentMegabytes);
    const Path folder = templateFolder();
    const Path ready = folder / name;
    const FileDescriptor lock = must(openFile(folder / (name + ".lock"), O_RDWR | O_CREAT));
    ::flock(lock.get(), LOCK_EX);
    if (fs::exists(ready))
        return ready;
    const Path part = folder / (name + ".part");
    fs::remove_all(part);
    fs::create_directory(part);
    giveToServer(part);
    checkedAsServer(initdbCommand(options, part / "data"));
    fs::rename(part, ready);
    return ready;
}

struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
};

} // namespace

Path programsOf(int major)
{
    const std::string number = std::to_string(major);
    const std::string variable = "SALVOR_PG" + number + "_BIN";
    const char* given = std::getenv(variable.c_str()); // NOLINT(concurrency-mt-unsafe)
    const std::string debian = "usr/lib/postgresql/" + number + "/bin";
    for (const Path& folder : {Path(given == nullptr ? "" : given),
                               Path(SALVOR_PG_ROOT) / number / debian, Path("/") / debian})
        if (!folder.empty() && fs::exists(folder / "initdb"))
            return folder;
    return {};
}

std::optional<SystemUser> serverUser()
{
    if (::geteuid() != 0)
        return std::nullopt;
    return must(findUser(std::string("postgres")));
}

ServerDirectory::ServerDirectory()
{
    std::string name = "/tmp/svt-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
        giveUp("cannot create a folder in /tmp");
    m_path = name;
    ::chmod(m_path.c_str(), 0755);
    giveToServer(m_path);
}

ServerDirectory::~ServerDirectory()
{
    std::error_code ignored;
    fs::remove_all(m_path, ignored);
}

int freePort()
{
    const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), generic, size) != 0
        || ::getsockname(socket.get(), generic, &size) != 0)
        giveUp("no free port");
    return ntohs(address.sin_port);
}

TestCluster::TestCluster(ClusterOptions options)
    : TestCluster(Adopt{}, std::move(options))
{
    if (programs().empty())
        giveUp("no PostgreSQL " + std::to_string(major()) + " here");
    if (m_options.ownIdentity)
        checkedAsServer(initdbCommand(m_options, dataDirectory()));
    else
        checkedAsServer({"cp", "-a", "--reflink=auto", (templateOf(m_options) / "data").native(),
                         dataDirectory().native()});
    writeConfiguration();
}

TestCluster::TestCluster(Adopt /*tag*/, ClusterOptions options)
    : m_options(std::move(options))
    , m_port(freePort())
{}

TestCluster::~TestCluster()
{
    try {
        if (isRunning())
            crash();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the folder goes anyway.
    }
}

void TestCluster::writeConfiguration()
{
    set("listen_addresses", "");
    set("unix_socket_directories", socketDirectory().native());
    set("port", std::to_string(m_port));
    set("fsync", "off");
    set("shared_buffers", "32MB");
    set("log_line_prefix", "%m [%p] ");
    for (const auto& [name, value] : m_options.settings)
        set(name, value);
}

void TestCluster::set(const std::string& name, const std::string& value)
{
    appendText(dataDirectory() / "postgresql.conf", settingLine(name, value));
}

void TestCluster::start()
{
    const CommandResult result =
        run("pg_ctl", {"start", "-w", "-t", "60", "-s", "-D", dataDirectory().native(), "-l",
                       (folder() / "log").native()});
    if (result.status != 0)
        giveUp("the server did not start: " + result.errors + log());
}

void TestCluster::stop()
{
    runChecked("pg_ctl", {"stop", "-w", "-s", "-m", "fast", "-D", dataDirectory().native()});
}

void TestCluster::crash()
{
    runChecked("pg_ctl", {"stop", "-w", "-s", "-m", "immediate", "-D", dataDirectory().native()});
}

void TestCluster::restart()
{
    stop();
    start();
}

bool TestCluster::isRunning() const
{
    return fs::exists(dataDirectory() / "postmaster.pid");
}

std::string TestCluster::conninfo(const std::string& database, const std::string& user) const
{
    return "host='" + socketDirectory().native() + "' port=" + std::to_string(m_port) + " user='"
           + user + "' dbname='" + database + "'";
}

std::vector<TestCluster::Row> TestCluster::query(const std::string& sql,
                                                 const std::string& database)
{
    const std::unique_ptr<PGconn, Closer> connection(PQconnectdb(conninfo(database).c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK)
        giveUp(PQerrorMessage(connection.get()));
    PQsetNoticeProcessor(
        connection.get(), [](void*, const char*) {}, nullptr);
    const std::unique_ptr<PGresult, Closer> result(PQexec(connection.get(), sql.c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        giveUp(sql + ": " + PQerrorMessage(connection.get()));
    std::vector<Row> rows(static_cast<std::size_t>(PQntuples(result.get())));
    for (std::size_t row = 0; row < rows.size(); ++row)
        for (int column = 0; column < PQnfields(result.get()); ++column)
            rows[row].emplace_back(PQgetvalue(result.get(), static_cast<int>(row), column));
    return rows;
}

std::string TestCluster::value(const std::string& sql, const std::string& database)
{
    const std::vector<Row> rows = query(sql, database);
    if (rows.empty() || rows[0].empty())
        giveUp(sql + ": no rows");
    return rows[0][0];
}

void TestCluster::execute(const std::string& sql, const std::string& database)
{
    query(sql, database);
}

std::string TestCluster::pgbench(const std::vector<std::string>& arguments)
{
    return runChecked("pgbench", arguments);
}

bool TestCluster::pgbenchIsConsistent()
{
    return value("SELECT count(DISTINCT total) FROM (SELECT sum(abalance) AS total FROM "
                 "pgbench_accounts UNION ALL SELECT sum(tbalance) FROM pgbench_tellers UNION ALL "
                 "SELECT sum(bbalance) FROM pgbench_branches UNION ALL SELECT "
                 "coalesce(sum(delta), 0) FROM pgbench_history) sums")
           == "1";
}

CommandResult TestCluster::run(const std::string& program,
                               const std::vector<std::string>& arguments)
{
    std::vector<std::string> argv{(programs() / program).native()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return runAsServer(std::move(argv), {{"PGHOST", socketDirectory().native()},
                                         {"PGPORT", std::to_string(m_port)},
                                         {"PGUSER", "postgres"},
                                         {"PGDATABASE", "postgres"}});
}

std::string TestCluster::runChecked(const std::string& program,
                                    const std::vector<std::string>& arguments)
{
    const CommandResult result = run(program, arguments);
    if (result.status != 0)
        giveUp(program + ": " + result.output + result.errors);
    return result.output;
}

Path TestCluster::createTablespace(const std::string& name)
{
    const Path place = folder() / ("tablespace_" + name);
    fs::create_directory(place);
    giveToServer(place);
    execute("CREATE TABLESPACE " + name + " LOCATION '" + place.native() + "'");
    return place;
}

void TestCluster::promote()
{
    runChecked("pg_ctl", {"promote", "-w", "-s", "-D", dataDirectory().native()});
}

std::unique_ptr<TestCluster> TestCluster::createStandby(const ServerSettings& settings)
{
    std::unique_ptr<TestCluster> standby(new TestCluster(Adopt{}, m_options));
    std::vector<std::string> arguments{
        "-D", standby->dataDirectory().native(), "-R", "-X", "stream", "-c", "fast", "--no-sync"};
    int number = 0;
    for (const Row& row : query("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE "
                                "pg_tablespace_location(oid) <> ''")) {
        arguments.emplace_back("-T");
        arguments.push_back(row[0] + "="
                            + (standby->folder() / ("ts" + std::to_string(++number))).native());
    }
    runChecked("pg_basebackup", arguments);
    standby->writeConfiguration();
    for (const auto& [name, value] : settings)
        standby->set(name, value);
    standby->start();
    return standby;
}

void TestCluster::waitForReplayOf(TestCluster& primary)
{
    const std::string written = primary.value("SELECT pg_current_wal_flush_lsn()");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (value("SELECT coalesce(pg_last_wal_replay_lsn() >= '" + written + "', false)") != "t") {
        if (std::chrono::steady_clock::now() > deadline)
            giveUp("the standby does not follow: " + log());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

std::string TestCluster::log() const
{
    const auto text = readTextFile(folder() / "log");
    return text.ok() ? *text : std::string();
}

} // namespace salvor::test
