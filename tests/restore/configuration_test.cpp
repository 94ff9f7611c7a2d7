#include "core/restore/configuration.h"
#include "tests/support/result_assertions.h"

namespace salvor::restore {
namespace {

class ConfigurationTest : public ::testing::Test {
protected:
    void write(const Path& path, std::string_view content)
    {
        ASSERT_OK(createDirectories(path.parent_path()));
        ASSERT_OK(writeFileDurably(path, asBytes(content)));
    }

    TemporaryDirectory folder = *TemporaryDirectory::create();
    Places places{folder.path() / "copy", folder.path() / "copy.config", {}};
    Path debian = places.config / "etc/postgresql/15/main";
};

TEST_F(ConfigurationTest, IncludedFoldersAreMadeBecauseTheServerWantsThem)
{
    write(debian / "postgresql.conf", "include_dir = 'conf.d'\ninclude_dir '/etc/other'\n"
                                      "include_dir = '../../x'\n");

    ASSERT_OK(findConfiguration(places));

    EXPECT_TRUE(std::filesystem::is_directory(debian / "conf.d"));
    EXPECT_FALSE(std::filesystem::exists(places.config / "etc/x"));
}

TEST_F(ConfigurationTest, StartCommandNamesFilesOutsideAndTheDirectory)
{
    write(debian / "postgresql.conf", "data_directory = '/srv/original'\n");
    write(debian / "pg_hba.conf", "");

    const std::string command = startCommand(places, *findConfiguration(places), "/pg/bin", {});

    EXPECT_EQ(command, "/pg/bin/pg_ctl -D " + places.data.native()
                           + " -o \"-c config_file=" + (debian / "postgresql.conf").native()
                           + " -c data_directory=" + places.data.native()
                           + " -c hba_file=" + (debian / "pg_hba.conf").native() + "\" start");
}

TEST_F(ConfigurationTest, PreloadLibrariesComeFromTheRestoredFiles)
{
    write(debian / "postgresql.conf", "shared_preload_libraries = 'pg_cron, \"$libdir/x\"'\n");

    const auto libraries = preloadLibraries(places, *findConfiguration(places));

    EXPECT_EQ(libraries, (std::vector<std::string>{"pg_cron", "$libdir/x"}));
}

TEST_F(ConfigurationTest, SettingsOfTheOriginalsRecoveryAreReplaced)
{
    write(places.data / "postgresql.auto.conf",
          "primary_conninfo = 'host=original'\nrecovery_target_xid = '7'\nwork_mem = '5MB'\n"
          "archive_mode = 'on'\n");
    std::vector<std::string> warnings;

    ASSERT_OK(writeRecovery(places, quietSettings(15), {}, warnings));

    const auto text = readTextFile(places.data / "postgresql.auto.conf");
    EXPECT_EQ(text->find("original"), std::string::npos);
    EXPECT_EQ(text->find("recovery_target_xid"), std::string::npos);
    EXPECT_EQ(text->find("archive_mode = 'on'"), std::string::npos);
    EXPECT_NE(text->find("archive_mode = 'off'"), std::string::npos);
    EXPECT_NE(text->find("work_mem = '5MB'"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(places.data / "recovery.signal"));
    EXPECT_TRUE(warnings.empty());
}

TEST_F(ConfigurationTest, UnreadableSettingsAreLeftOutWithAWarning)
{
    write(places.data / "postgresql.auto.conf", "work_mem = '5MB\n");
    std::vector<std::string> warnings;

    ASSERT_OK(writeRecovery(places, quietSettings(15), {}, warnings));

    EXPECT_EQ(warnings.size(), 1U);
}

} // namespace
} // namespace salvor::restore
