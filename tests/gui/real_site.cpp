#include "tests/gui/real_site.h"

#include "core/restore/words.h"
#include "tests/support/must.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <grp.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

namespace salvor::gui::test {
namespace {

namespace fs = std::filesystem;
using restore::shellWord;
using salvor::test::must;

void demand(bool good, const char* what)
{
    if (!good)
        throw std::runtime_error(what);
}

void write(const Path& path, const std::string& text, fs::perms permissions)
{
    std::ofstream(path, std::ios::binary) << text;
    fs::permissions(path, permissions);
}

/// Pictures go to the current directory, so that an account that cannot reach the folder of the
/// build can make them.
void enterPictures(const std::optional<SystemUser>& user)
{
    const char* pictures = std::getenv("SALVOR_SCREENSHOTS"); // NOLINT(concurrency-mt-unsafe)
    const Path folder = pictures == nullptr ? "/" : pictures;
    fs::create_directories(folder);
    if (user && pictures != nullptr)
        demand(::chown(folder.c_str(), user->uid, user->gid) == 0, "cannot give the pictures away");
    fs::current_path(folder);
}

void become(const SystemUser& user)
{
    demand(::setgroups(1, &user.gid) == 0 && ::setgid(user.gid) == 0 && ::setuid(user.uid) == 0,
           "cannot become the account of the servers");
    // The leak check at the end looks at the process from outside.
    demand(::prctl(PR_SET_DUMPABLE, 1) == 0, "cannot stay open to the leak check");
}

void setVariable(const char* name, const Path& value)
{
    ::setenv(name, value.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
}

} // namespace

RealSite::RealSite()
{
    const auto user = salvor::test::serverUser();
    fs::copy_file(SALVORCTL, folder() / "program");
    enterPictures(user);
    if (user) {
        demand(::chown((folder() / "program").c_str(), user->uid, user->gid) == 0,
               "cannot give the program away");
        become(*user);
    }
    setVariable("HOME", folder());
    setVariable("XDG_STATE_HOME", folder() / "state");
    writePrograms();
    m_server = std::make_unique<salvor::test::TestCluster>(salvor::test::ClusterOptions{
        .walSegmentMegabytes = 1,
        .settings = {{"archive_mode", "on"},
                     {"archive_command", (folder() / "bin" / "salvorctl").native() + " --config "
                                             + config().native() + " archive-push orders %p"}}});
    writeConfiguration();
    must(console().initRepository("here"));
    m_server->start();
    workAndDrop();
}

RealSite::~RealSite()
{
    removeCopies();
}

void RealSite::writePrograms() const
{
    fs::create_directory(folder() / "bin");
    // A server asks for WAL from its data directory; nobody else does.
    write(folder() / "bin" / "salvorctl",
          "#!/bin/sh\n"
          "while [ -e postmaster.pid ] && [ -e "
              + shellWord((folder() / "held").native())
              + " ]; do sleep 0.05; done\n"
                "LSAN_OPTIONS= ASAN_OPTIONS=detect_leaks=0 exec "
              + shellWord((folder() / "program").native()) + " \"$@\"\n",
          fs::perms(0755));
}

void RealSite::writeConfiguration() const
{
    write(config(),
          "[repository here]\nurl = file://" + repository().native() + "\nkey-file = "
              + keyFile().native() + "\n\n[cluster orders]\nrepository = here\nconnection = "
              + m_server->conninfo() + "\ndata-directory = " + m_server->dataDirectory().native()
              + "\npg-bin = " + m_server->programs().native() + "\n",
          fs::perms(0600));
}

void RealSite::workAndDrop()
{
    m_server->execute("CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM "
                      "generate_series(1, 1000) n");
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    must(console().backup("orders", {}, job));
    m_server->execute("INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1001, "
                      + std::to_string(ordersBefore) + ") n");
    m_beforeTheDrop = m_server->value(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || "
        "' +00:00'");
    m_server->execute("DROP TABLE orders");
    m_server->execute("CREATE TABLE invoices AS SELECT generate_series(1, 30) AS id");
    const std::string last = m_server->value("SELECT pg_walfile_name(pg_switch_wal())");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (m_server->value("SELECT coalesce(last_archived_wal >= '" + last
                           + "', false) FROM pg_stat_archiver")
           != "t") {
        demand(std::chrono::steady_clock::now() < deadline, "the WAL was not archived");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

console::Surroundings RealSite::surroundings() const
{
    return {folder() / "bin" / "salvorctl", folder() / "state" / "salvor"};
}

console::Console RealSite::console() const
{
    return {must(settings::loadConfig(config())), surroundings(), {}};
}

void RealSite::holdFetching(bool hold) const
{
    if (hold)
        write(folder() / "held", {}, fs::perms(0600));
    else
        fs::remove(folder() / "held");
}

std::string RealSite::typed(const std::string& commandLine) const
{
    Command command;
    command.argv = {"/bin/sh", "-c", commandLine};
    command.directory = folder();
    command.environment = {
        {"PATH", (folder() / "bin").native() + ":" + m_server->programs().native() + ":/usr/bin"},
        {"PGUSER", "alice"}};
    const CommandResult done = must(runCommand(command));
    if (done.status != 0)
        throw std::runtime_error(commandLine + ": " + done.output + done.errors);
    return done.output;
}

void RealSite::removeCopies() const
{
    holdFetching(false);
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    const auto copies = console().instances();
    for (const auto& copy : copies.ok() ? *copies : std::vector<postgres::Instance>()) {
        (void)console().stopInstance(copy.name, job);
        (void)console().removeInstance(copy.name, job);
    }
}

} // namespace salvor::gui::test
