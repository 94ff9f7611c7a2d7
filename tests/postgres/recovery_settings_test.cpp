#include "core/postgres/recovery_settings.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::postgres;

namespace {

std::string settingIn(const Settings& settings, const std::string& name)
{
    std::string found = "(not there)";
    for (const auto& [key, value] : settings)
        if (key == name)
            found = value;
    return found;
}

ControlFile controlOf(int major)
{
    ControlFile control;
    control.identity.majorVersion = major;
    control.sizes.maxConnections = 300;
    control.sizes.maxWorkerProcesses = 4;
    control.sizes.maxWalSenders = 12;
    control.sizes.maxPreparedTransactions = 7;
    control.sizes.maxLocksPerTransaction = 128;
    return control;
}

} // namespace

TEST(SettingsText, ComesBackAsItWasWritten)
{
    const Settings settings{
        {"restore_command", "/usr/bin/salvorctl archive-get 'a b' \"%p\" \\%f"},
        {"empty", ""},
        {"lines", "one\ntwo\rthree\ttab"},
        {"bytes", "gr\xc3\xbc\xc3\x9f # no comment"},
    };
    const auto read = parseSettings(formatSettings(settings));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(*read, settings);
}

TEST(SettingsText, LastOneWinsAndNamesHaveNoCase)
{
    const auto read = parseSettings("# a comment\n\nPort = 5432\nwork_mem 4MB # here too\r\n"
                                    "include 'other.conf'\nport=5433\n  a.b = on\n");
    ASSERT_TRUE(read.ok()) << read.error().message;
    const Settings expected{{"work_mem", "4MB"}, {"port", "5433"}, {"a.b", "on"}};
    EXPECT_EQ(*read, expected);
}

TEST(SettingsText, EscapesAreReadAsTheServerDoes)
{
    const auto read = parseSettings(R"(a = 'it''s \'so\' \\ \101\n')");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(settingIn(*read, "a"), "it's 'so' \\ A\n");
}

TEST(SettingsText, LinesThatAreNoSettingsAreRefusedWithTheirNumber)
{
    for (const std::string text :
         {"a = 'open", "= 1", "a", "a =", "a = 1 2", "a = 'x' y", "a = '\\"}) {
        const auto read = parseSettings("ok = 1\n" + text);
        ASSERT_FALSE(read.ok()) << text;
        EXPECT_EQ(read.error().code, ErrorCode::InvalidInput);
        EXPECT_NE(read.error().message.find("line 2"), std::string::npos);
    }
}

TEST(RecoverySettings, NameExactlyOneTargetAndItComesLast)
{
    model::ResolvedTarget target;
    target.timeline = model::TimelineId{3};
    target.lsn = model::Lsn{0x3018098};
    target.inclusive = false;
    const Settings settings = recoverySettings(target, model::AtTarget::Pause, "get %f %p");
    EXPECT_EQ(settingIn(settings, "restore_command"), "get %f %p");
    EXPECT_EQ(settingIn(settings, "recovery_target_lsn"), "0/3018098");
    EXPECT_EQ(settingIn(settings, "recovery_target"), "");
    EXPECT_EQ(settingIn(settings, "recovery_target_time"), "");
    EXPECT_EQ(settingIn(settings, "recovery_target_inclusive"), "off");
    EXPECT_EQ(settingIn(settings, "recovery_target_timeline"), "3");
    EXPECT_EQ(settingIn(settings, "recovery_target_action"), "pause");
    target.lsn.reset();
    const Settings immediate = recoverySettings(target, model::AtTarget::Promote, "get");
    EXPECT_EQ(settingIn(immediate, "recovery_target"), "immediate");
    EXPECT_EQ(settingIn(immediate, "recovery_target_lsn"), "");
    EXPECT_EQ(settingIn(immediate, "recovery_target_action"), "promote");
}

TEST(Fence, KeepsTheMinimaOfTheControlFile)
{
    const Settings fence = fenceSettings({"/d", "/c", "/s", 5999}, controlOf(15), {});
    EXPECT_EQ(settingIn(fence, "max_connections"), "300");
    EXPECT_EQ(settingIn(fence, "max_worker_processes"), "8");
    EXPECT_EQ(settingIn(fence, "max_wal_senders"), "12");
    EXPECT_EQ(settingIn(fence, "max_prepared_transactions"), "7");
    EXPECT_EQ(settingIn(fence, "max_locks_per_transaction"), "128");
}

TEST(Fence, GivesNoSettingThatTheMajorDoesNotKnow)
{
    const auto fence = [](int major) {
        return fenceSettings({"/d", "/c", "/s", 5999}, controlOf(major), {});
    };
    EXPECT_EQ(settingIn(fence(13), "recovery_init_sync_method"), "(not there)");
    EXPECT_EQ(settingIn(fence(14), "recovery_init_sync_method"), "syncfs");
    EXPECT_EQ(settingIn(fence(14), "archive_library"), "(not there)");
    EXPECT_EQ(settingIn(fence(15), "archive_library"), "");
    EXPECT_EQ(settingIn(fence(15), "promote_trigger_file"), "");
    EXPECT_EQ(settingIn(fence(16), "promote_trigger_file"), "(not there)");
    EXPECT_EQ(settingIn(fence(16), "summarize_wal"), "(not there)");
    EXPECT_EQ(settingIn(fence(17), "summarize_wal"), "off");
    EXPECT_EQ(settingIn(fence(17), "sync_replication_slots"), "off");
}

TEST(Fence, LeavesOutLibrariesThatAreNotNeededToStart)
{
    const Settings fence =
        fenceSettings({"/d", "/c", "/s", 5999}, controlOf(17),
                      {"pg_stat_statements", "pg_cron", "$libdir/orioledb", "pg_tde.so"});
    EXPECT_EQ(settingIn(fence, "shared_preload_libraries"), "$libdir/orioledb, pg_tde.so");
}

TEST(Fence, ASocketFolderWithACommaIsStillOneFolder)
{
    const Settings fence = fenceSettings({"/d", "/c", "/s, t\"u", 5999}, controlOf(17), {});
    EXPECT_EQ(settingIn(fence, "unix_socket_directories"), "\"/s, t\"\"u\"");
}
