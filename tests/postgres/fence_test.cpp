#include "core/postgres/recovery_settings.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace salvor;
using namespace salvor::postgres;

namespace {

/// What a production server's configuration may hold that must not reach a copy.
constexpr const char* poison = R"(
archive_mode = on
archive_command = 'touch /tmp/must-not-be-there'
archive_cleanup_command = 'touch /tmp/must-not-be-there'
recovery_end_command = 'touch /tmp/must-not-be-there'
primary_conninfo = 'host=production'
primary_slot_name = 'production'
synchronous_standby_names = '*'
shared_preload_libraries = 'no_such_library, pg_cron'
session_preload_libraries = 'no_such_library'
local_preload_libraries = 'no_such_library'
listen_addresses = '*'
external_pid_file = '/tmp/must-not-be-there.pid'
logging_collector = on
log_destination = 'syslog'
ssl = on
ssl_cert_file = '/nowhere/cert'
huge_pages = on
shared_buffers = '900GB'
max_connections = 1
max_wal_senders = 0
wal_level = minimal
hot_standby = off
port = 1
unix_socket_directories = '/nowhere'
unix_socket_group = 'nobody-has-this'
cron.database_name = 'production'
recovery_min_apply_delay = '1h'
)";

void write(const Path& path, const std::string& text)
{
    std::ofstream file(path, std::ios::trunc);
    file << text;
}

class FenceOnMajor : public ::testing::TestWithParam<int> {
protected:
    /// What SHOW says of a setting may be worded otherwise than what was given.
    static std::string shown(const std::string& name, const std::string& value)
    {
        return name == "archive_command" && value.empty() ? "(disabled)" : value;
    }
};

} // namespace

TEST_P(FenceOnMajor, HoldsAgainstEverythingARestoredConfigurationSays)
{
    SALVOR_NEED_POSTGRES(GetParam());
    test::TestCluster cluster({.major = GetParam()});
    const Path data = cluster.dataDirectory();
    const auto control = readControlFile(data);
    ASSERT_TRUE(control.ok()) << control.error().message;
    write(data / "postgresql.conf", std::string("data_directory = '/nowhere/production'\n"
                                                "include 'missing.conf'\n")
                                        + poison);
    const Path config = cluster.folder() / "config";
    std::filesystem::create_directory(config);
    write(config / "postgresql.conf", "");
    write(config / "pg_hba.conf", "local all all trust\n");
    write(config / "pg_ident.conf", "");
    const Settings fence = fenceSettings({data, config, cluster.socketDirectory(), cluster.port()},
                                         *control, {"no_such_library", "pg_cron"});
    // Both ways at once, as a started copy has them.
    write(data / "postgresql.auto.conf", poison + formatSettings(fence));
    std::string options;
    for (const auto& [name, value] : fence)
        options += " -c " + name + "='" + value + "'";
    const auto started =
        cluster.run("pg_ctl", {"start", "-w", "-t", "30", "-s", "-D", data.native(), "-l",
                               (cluster.folder() / "log").native(), "-o", options});
    ASSERT_EQ(started.status, 0) << started.errors << cluster.log();
    for (const auto& [name, value] : fence)
        EXPECT_EQ(cluster.value("SHOW " + name), shown(name, value)) << name;
    EXPECT_FALSE(std::filesystem::exists("/tmp/must-not-be-there"));
    EXPECT_FALSE(std::filesystem::exists("/tmp/must-not-be-there.pid"));
}

INSTANTIATE_TEST_SUITE_P(Majors, FenceOnMajor, ::testing::Values(13, 15, 17, 18));
