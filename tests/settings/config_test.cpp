#include "core/settings/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <sys/stat.h>

namespace salvor::settings {
namespace {

const Path file = "/etc/salvor/salvor.conf";

/// What is wrong with a text: message and hint, or "fine".
std::string complaint(std::string_view text)
{
    const auto config = parseConfig(text, file);
    if (config.ok())
        return "fine";
    EXPECT_EQ(config.error().code, ErrorCode::InvalidInput);
    return config.error().message + " | " + config.error().hint;
}

/// The same for one line in a repository section on S3, which stands in line 3.
std::string lineComplaint(const std::string& line)
{
    return complaint("[repository main]\nurl = s3://bucket\n" + line + "\n");
}

void expectContains(const std::string& text, const std::string& part)
{
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Config, AClusterMayHaveSeveralRepositories)
{
    const std::string places = "[repository a]\nurl = file:///a\n[repository b]\nurl = file:///b\n"
                               "[cluster c]\n";
    const auto config = parseConfig(places + "repository = b  a\n", file);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config->clusters.front().repository, "b");
    EXPECT_EQ(config->clusters.front().copies, std::vector<std::string>{"a"});
    EXPECT_EQ(config->clusters.front().walRequired, 0U);
    const auto required = [&](const std::string& value) {
        return parseConfig(places + "repository = a b\nwal-required = " + value + "\n", file);
    };
    EXPECT_EQ(required("all")->clusters.front().walRequired, 0U);
    EXPECT_EQ(required("any")->clusters.front().walRequired, 1U);
    EXPECT_EQ(required("2")->clusters.front().walRequired, 2U);
}

TEST(Config, ALostRepositoryIsTakenOutWithoutAnotherChange)
{
    const std::string places = "[repository a]\nurl = file:///a\n[repository b]\nurl = file:///b\n"
                               "[cluster c]\n";
    for (const std::string required : {"all", "any", "1", "2"}) {
        const auto both =
            parseConfig(places + "repository = a b\nwal-required = " + required + "\n", file);
        const auto one =
            parseConfig(places + "repository = b\nwal-required = " + required + "\n", file);
        ASSERT_TRUE(both.ok() && one.ok()) << required;
        EXPECT_EQ(both->clusters.front().walNeededIn(),
                  required == "all" || required == "2" ? 2U : 1U);
        EXPECT_EQ(one->clusters.front().walNeededIn(), 1U);
    }
}

TEST(Config, WhatIsWrongWithSeveralRepositoriesIsSaid)
{
    const std::string places = "[repository a]\nurl = file:///a\n[repository b]\nurl = file:///b\n"
                               "[cluster c]\n";
    expectContains(complaint(places + "repository = a a\n"), "'a' stands there twice");
    expectContains(complaint(places + "repository = a d\n"), "there is no [repository d]");
    expectContains(complaint(places + "repository =\n"), "repository");
    expectContains(complaint(places + "repository = a b\nwal-required = 3\n"),
                   "asks for 3 repositories of 2");
    expectContains(complaint(places + "repository = a b\nwal-required = some\n"),
                   "Write all, any, or a number.");
}

TEST(Config, EveryKeyIsRead)
{
    const auto config = parseConfig(R"(# Salvor
; another comment
[repository offsite]
url = s3://backups-eu/salvor/main/
endpoint = https://s3.example.net:9000/
region = eu-west-1
path-style = yes
ca-file = /etc/ssl/own.pem
credentials = profile:backup
sse = kms:alias/backup
storage-class = STANDARD_IA
lock-days = 30
move-after-days = 45
move-to = STANDARD_IA
old-version-days = 14
upload-limit = 20M
download-limit = 65536
key-file = /etc/salvor/offsite.key

[cluster orders]
repository = offsite
connection = host=/var/run/postgresql port=5433 dbname=postgres options='-c x=1'
data-directory = /var/lib/postgresql/15/main/
primary-connection = host=primary
pg-bin = /usr/lib/postgresql/15/bin
validation = /etc/salvor/orders.sql
archive-async = yes
archive-jobs = 4
archive-timeout = 90s
prefetch = 8
spool-path = /var/spool/salvor
receive-interval = 2s
receive-slot = orders_wal
)",
                                    file);
    ASSERT_TRUE(config.ok()) << config.error().message;
    const auto repository = config->repository("offsite");
    ASSERT_TRUE(repository.ok());
    EXPECT_EQ(repository->url, "s3://backups-eu/salvor/main");
    EXPECT_EQ(repository->endpoint, "https://s3.example.net:9000");
    EXPECT_EQ(repository->region, "eu-west-1");
    EXPECT_TRUE(repository->pathStyle);
    EXPECT_EQ(repository->caFile, "/etc/ssl/own.pem");
    EXPECT_EQ(repository->credentials, "profile:backup");
    EXPECT_EQ(repository->sse, "kms:alias/backup");
    EXPECT_EQ(repository->storageClass, "STANDARD_IA");
    EXPECT_EQ(repository->lockDays, 30);
    EXPECT_EQ(repository->moveAfterDays, 45);
    EXPECT_EQ(repository->moveTo, "STANDARD_IA");
    EXPECT_EQ(repository->oldVersionDays, 14);
    EXPECT_EQ(repository->uploadLimit, ByteCount{20} << 20U);
    EXPECT_EQ(repository->downloadLimit, 65536U);
    EXPECT_EQ(repository->keyFile, "/etc/salvor/offsite.key");
    EXPECT_TRUE(repository->encrypted);
    const auto cluster = config->cluster("orders");
    ASSERT_TRUE(cluster.ok());
    EXPECT_EQ(cluster->connection,
              "host=/var/run/postgresql port=5433 dbname=postgres options='-c x=1'");
    EXPECT_EQ(cluster->primaryConnection, "host=primary");
    EXPECT_EQ(cluster->pgBin, "/usr/lib/postgresql/15/bin");
    EXPECT_EQ(cluster->validation, "/etc/salvor/orders.sql");
    EXPECT_TRUE(cluster->archiveAsync);
    EXPECT_EQ(cluster->archiveJobs, 4);
    EXPECT_EQ(cluster->archiveTimeout, std::chrono::seconds(90));
    EXPECT_EQ(cluster->prefetch, 8);
    EXPECT_EQ(cluster->spoolPath, "/var/spool/salvor");
    EXPECT_EQ(cluster->receiveInterval, std::chrono::seconds(2));
    EXPECT_EQ(cluster->receiveSlot, "orders_wal");
}

TEST(Config, DefaultsAreEncryptedAndCredentialsOfTheEnvironment)
{
    const auto config = parseConfig("[repository a]\r\nurl = file:///srv/backup/\r\n", file);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config->repositories.at(0).url, "file:///srv/backup");
    EXPECT_EQ(config->repositories.at(0).credentials, "env");
    EXPECT_EQ(config->repositories.at(0).sse, "none");
    EXPECT_TRUE(config->repositories.at(0).encrypted);
}

TEST(Config, PlainStorageNeedsTheExplicitWord)
{
    const auto config = parseConfig("[repository a]\nurl=file:///srv/b\nencryption = none\n", file);
    ASSERT_TRUE(config.ok());
    EXPECT_FALSE(config->repositories.at(0).encrypted);
    expectContains(lineComplaint("encryption = off"), "line 3: encryption: 'off'");
}

TEST(Config, ACommentAfterAValueIsPartOfTheValue)
{
    const auto config =
        parseConfig("[repository a]\nurl = file:///srv/b\nkey-command = pass show a # b\n", file);
    ASSERT_TRUE(config.ok());
    EXPECT_EQ(config->repositories.at(0).keyCommand, "pass show a # b");
}

TEST(Config, AnUnknownKeyNamesFileLineAndNearestKey)
{
    const std::string said = lineComplaint("regoin = eu");
    expectContains(said, "'/etc/salvor/salvor.conf', line 3: unknown key 'regoin'");
    expectContains(said, "Did you mean 'region'?");
}

TEST(Config, KeysOfTheOtherKindAreUnknown)
{
    expectContains(complaint("[repository a]\nurl=file:///b\nconnection=x\n"),
                   "line 3: unknown key 'connection' in [repository a]");
}

TEST(Config, AnUnknownSectionNamesTheNearest)
{
    expectContains(complaint("[repositry a]\nurl=file:///b\n"),
                   "line 1: unknown section [repositry a] | Did you mean [repository a]?");
    expectContains(complaint("[global x]\na=b\n"), "There are [repository NAME]");
}

TEST(Config, BrokenLinesNameTheLine)
{
    expectContains(complaint("url = x\n"), "line 1: 'url' stands before the first section");
    expectContains(complaint("[repository]\n"), "line 1: the section '[repository]' has no name");
    expectContains(complaint("[repository a\n"), "line 1: the section heading has no ']'");
    expectContains(lineComplaint("region"), "line 3: 'region' is not a setting");
    expectContains(lineComplaint("= x"), "line 3: there is no key before '='");
    expectContains(lineComplaint("region ="), "line 3: 'region' has no value");
    expectContains(lineComplaint("region = a\x01"), "line 3: there is a control character");
}

TEST(Config, ASectionOrAKeyTwiceNamesBothLines)
{
    expectContains(lineComplaint("url = s3://other"),
                   "line 3: 'url' stands twice, first in line 2");
    expectContains(complaint("[repository a]\nurl=file:///b\n[repository a]\nurl=file:///c\n"),
                   "line 3: the section [repository a] stands twice, first in line 1");
}

TEST(Config, NamesThatCouldNotBeFileNamesAreRefused)
{
    expectContains(complaint("[repository ../a]\nurl=file:///b\n"),
                   "line 1: '../a' is not a usable name");
    expectContains(complaint("[repository a b]\nurl=file:///b\n"), "'a b' is not a usable name");
}

TEST(Config, PlacesThatAreNoneAreRefused)
{
    const auto url = [](const std::string& value) {
        return complaint("[repository a]\nurl = " + value + "\n");
    };
    expectContains(url("/srv/backup"), "line 2: url: '/srv/backup' is not a place");
    expectContains(url("ftp://x/y"), "is not a place for a repository");
    expectContains(url("file://srv/backup"), "does not name an absolute folder");
    expectContains(url("file:///"), "is the root of the file system");
    expectContains(url("s3://Ab"), "'Ab' is not the name of a bucket");
    expectContains(url("s3://"), "'' is not the name of a bucket");
    expectContains(url("s3://bucket/a//b"), "'a//b' is not a usable prefix");
    expectContains(url("s3://bucket/../b"), "'../b' is not a usable prefix");
    expectContains(url("s3://bucket/a b"), "'a b' is not a usable prefix");
}

TEST(Config, ValuesThatAreNoneAreRefusedWithTheLine)
{
    expectContains(lineComplaint("endpoint = s3.example.net"), "line 3: endpoint:");
    expectContains(lineComplaint("endpoint = https://user:secret@host"), "line 3: endpoint:");
    expectContains(lineComplaint("endpoint = https://"), "line 3: endpoint:");
    expectContains(lineComplaint("path-style = maybe"), "'maybe' is neither yes nor no");
    expectContains(lineComplaint("credentials = AKIA:secret"), "is not a source of credentials");
    expectContains(lineComplaint("credentials = profile:"), "is not a source of credentials");
    expectContains(lineComplaint("credentials = file:secret"), "'secret' is not an absolute path");
    expectContains(lineComplaint("sse = aes"), "'aes' is not a way of server-side encryption");
    expectContains(lineComplaint("sse = kms:"), "is not a way of server-side encryption");
    expectContains(lineComplaint("storage-class = a b"), "'a b' is not a storage class");
    expectContains(lineComplaint("lock-days = -1"), "'-1' is not a number of days");
    expectContains(lineComplaint("lock-days = 99999"), "'99999' is not a number of days");
    expectContains(lineComplaint("move-to = DEEP_ARCHIVE"), "cannot be read for hours");
    expectContains(lineComplaint("move-to = a b"), "'a b' is not a storage class");
    expectContains(lineComplaint("move-after-days = -1"), "'-1' is out of range");
    expectContains(lineComplaint("old-version-days = 0"), "'0' is out of range");
    for (const char* rate : {"20", "20 M", "M", "20m", "20MB", "-1M", "0", "63K", "1025G",
                             "18446744073709551615G", "99999999999999999999"})
        expectContains(lineComplaint(std::string("upload-limit = ") + rate), "is not a rate");
    expectContains(lineComplaint("upload-limit = 63K"), "'63K' is not a rate");
    expectContains(lineComplaint("download-limit = 20MB"), "'20MB' is not a rate");
    expectContains(lineComplaint("key-file = key"), "'key' is not an absolute path");
    expectContains(lineComplaint("ca-file = ~/ca.pem"), "'~/ca.pem' is not an absolute path");
}

TEST(Config, RelativePathsOfAClusterAreRefused)
{
    const std::string start = "[repository a]\nurl=file:///b\n[cluster c]\nrepository=a\n";
    expectContains(complaint(start + "data-directory = main\n"),
                   "line 5: data-directory: 'main' is not an absolute path");
    expectContains(complaint(start + "pg-bin = bin\n"), "line 5: pg-bin: 'bin'");
    expectContains(complaint(start + "validation = a.sql\n"), "line 5: validation: 'a.sql'");
    expectContains(complaint(start + "spool-path = spool\n"), "line 5: spool-path: 'spool'");
    expectContains(complaint(start + "prefetch = 65\n"), "from 0 to 64");
    expectContains(complaint(start + "receive-interval = 0s\n"), "receive-interval: '0s'");
    expectContains(complaint(start + "receive-slot = Orders\n"), "receive-slot: 'Orders'");
    expectContains(complaint(start + "archive-async = yes\narchive-jobs = 0\n"), "from 1 to 32");
    expectContains(complaint(start + "archive-jobs = 2\n"),
                   "line 5: 'archive-jobs' has no meaning without archive-async");
    expectContains(complaint(start + "prefetch = 0\nspool-path = /a\n"),
                   "line 6: 'spool-path' has no meaning");
}

TEST(Config, RetentionRulesAreReadWrittenAndRefused)
{
    const std::string start = "[repository a]\nurl=file:///b\n[cluster c]\nrepository=a\n";
    const std::string rules = "keep-window = 2w\nkeep-last = 7\nkeep-hourly = 24\nkeep-daily = 7\n"
                              "keep-weekly = 8\nkeep-monthly = 12\nkeep-yearly = 3\n";
    const auto config = parseConfig(start + rules, file);
    ASSERT_TRUE(config.ok()) << config.error().message;
    const model::RetentionRules wanted{std::chrono::hours(336), 7, 24, 7, 8, 12, 3};
    EXPECT_EQ(config->clusters.at(0).retention, wanted);
    const auto written = withCluster("[repository a]\nurl=file:///b\n", config->clusters.at(0));
    ASSERT_TRUE(written.ok());
    expectContains(*written, rules);

    expectContains(complaint(start + "keep-last = 0\n"), "line 5: keep-last: '0'");
    expectContains(complaint(start + "keep-last = all\n"), "line 5: keep-last: 'all'");
    expectContains(complaint(start + "keep-window = 14\n"), "line 5: keep-window: '14'");
    expectContains(complaint(start + "keep-window = 0d\n"), "line 5: keep-window: '0d'");
    expectContains(complaint(start + "keep-daily = 7\n"),
                   "line 3: [cluster c] says which backups are kept, but not since when");
}

TEST(Config, RulesOfARepositoryStandForAllOfTheClusters)
{
    const std::string rules = "keep-window = 2w\nkeep-last = 7\nkeep-hourly = 24\nkeep-daily = 7\n"
                              "keep-weekly = 8\nkeep-monthly = 12\nkeep-yearly = 3\n";
    const auto config =
        parseConfig("[repository a]\nurl=file:///a\n[repository b]\nurl=file:///b\n" + rules
                        + "[cluster c]\nrepository=a b\nkeep-last=2\n"
                          "keep-daily=9\n[cluster d]\nrepository=a b\n",
                    file);
    ASSERT_TRUE(config.ok()) << config.error().message;
    const model::RetentionRules wanted{std::chrono::hours(336), 7, 24, 7, 8, 12, 3};
    EXPECT_EQ(*config->rulesFor("c", "b"), wanted);
    EXPECT_EQ(*config->rulesFor("d", "b"), wanted);
    EXPECT_EQ(config->rulesFor("c", "a")->last, 2U);
    EXPECT_EQ(config->rulesFor("c", "a")->daily, 9U);
    EXPECT_FALSE(config->rulesFor("d", "a")->any());
    EXPECT_EQ(config->rulesFor("e", "a").error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(config->rulesFor("c", "e").error().code, ErrorCode::InvalidInput);
    const auto written = withRepository("", config->repositories.at(1));
    ASSERT_TRUE(written.ok());
    expectContains(*written, rules);

    expectContains(complaint("[repository a]\nurl=file:///a\nkeep-daily = 7\n"),
                   "line 1: [repository a] says which backups are kept, but not since when");
    expectContains(complaint("[repository a]\nurl=file:///a\nkeep-last = 0\n"),
                   "line 3: keep-last: '0'");
}

TEST(Config, WhatIsMissingNamesTheSection)
{
    expectContains(complaint("[repository a]\nregion=x\n"), "line 1: [repository a] has no 'url'");
    expectContains(complaint("[cluster a]\nconnection=x\n"),
                   "line 1: [cluster a] has no 'repository'");
}

TEST(Config, AClusterWhoseRepositoryIsNotThereIsRefused)
{
    const std::string said =
        complaint("[repository main]\nurl=file:///b\n[cluster c]\n\nrepository=mian\n");
    expectContains(said, "line 5: there is no [repository mian]");
    expectContains(said, "Did you mean 'main'?");
}

TEST(Config, KeysThatWouldBeIgnoredAreRefused)
{
    expectContains(complaint("[repository a]\nurl=file:///b\nsse = s3\n"),
                   "line 3: 'sse' has no meaning for a folder");
    expectContains(lineComplaint("encryption = none\nkey-file = /k"),
                   "line 4: 'key-file' has no meaning with encryption = none");
    expectContains(lineComplaint("key-file = /k\nkey-command = pass k"),
                   "line 4: 'key-command' contradicts 'key-file'");
}

TEST(Config, AnUnknownNameIsInvalidInputWithTheNearest)
{
    const auto config = parseConfig("[repository main]\nurl=file:///b\n", file);
    ASSERT_TRUE(config.ok());
    const auto near = config->repository("mian");
    ASSERT_FALSE(near.ok());
    EXPECT_EQ(near.error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(near.error().hint, "Did you mean 'main'?");
    const auto none = config->cluster("orders");
    ASSERT_FALSE(none.ok());
    EXPECT_EQ(none.error().hint, "Add a section [cluster orders] to it.");
}

/// Sets the variables that say where the configuration is, and puts them back.
class ConfigFileTest : public testing::Test {
protected:
    void SetUp() override
    {
        auto made = TemporaryDirectory::create();
        ASSERT_TRUE(made.ok());
        m_folder.emplace(*std::move(made));
        set("SALVOR_CONFIG", "");
        set("XDG_CONFIG_HOME", folder() / "config");
        set("HOME", folder() / "home");
    }
    void TearDown() override
    {
        for (const auto& [name, value] : m_saved) {
            if (value)
                ::setenv(name.c_str(), value->c_str(), 1);
            else
                ::unsetenv(name.c_str());
        }
    }
    void set(const std::string& name, const Path& value)
    {
        const char* old = std::getenv(name.c_str());
        m_saved.try_emplace(name, old ? std::optional<std::string>(old) : std::nullopt);
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    [[nodiscard]] const Path& folder() const { return m_folder->path(); }
    static Path write(const Path& path, std::string_view text)
    {
        std::filesystem::create_directories(path.parent_path());
        EXPECT_TRUE(writeFileDurably(path, asBytes(text)).ok());
        return path;
    }

private:
    std::optional<TemporaryDirectory> m_folder;
    std::map<std::string, std::optional<std::string>> m_saved;
};

TEST_F(ConfigFileTest, TheFirstFoundIsTaken)
{
    const Path home = write(folder() / "home/.config/salvor/salvor.conf", "\n");
    set("XDG_CONFIG_HOME", "");
    EXPECT_EQ(*findConfigFile({}), home);
    const Path xdg = write(folder() / "config/salvor/salvor.conf", "\n");
    set("XDG_CONFIG_HOME", folder() / "config");
    EXPECT_EQ(*findConfigFile({}), xdg);
    const Path named = write(folder() / "named.conf", "\n");
    set("SALVOR_CONFIG", named);
    EXPECT_EQ(*findConfigFile({}), named);
    const Path given = write(folder() / "given.conf", "\n");
    EXPECT_EQ(*findConfigFile(given), given);
}

TEST_F(ConfigFileTest, ANamedFileThatIsNotThereIsNotPassedOver)
{
    write(folder() / "config/salvor/salvor.conf", "\n");
    set("SALVOR_CONFIG", folder() / "absent.conf");
    const auto found = findConfigFile({});
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::NotReady);
    expectContains(found.error().message, "named by $SALVOR_CONFIG, is not there");
    const auto given = findConfigFile(folder() / "absent.conf");
    ASSERT_FALSE(given.ok());
    expectContains(given.error().message, "named by --config, is not there");
}

TEST_F(ConfigFileTest, WithoutAnyThePlacesAreNamed)
{
    if (std::filesystem::exists("/etc/salvor/salvor.conf"))
        GTEST_SKIP() << "this machine has /etc/salvor/salvor.conf";
    const auto found = findConfigFile({});
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::NotReady);
    expectContains(found.error().message, (folder() / "config/salvor/salvor.conf").native());
    expectContains(found.error().message, "'/etc/salvor/salvor.conf'");
}

TEST_F(ConfigFileTest, AFileThatEverybodyCanWriteIsRefused)
{
    const Path path = write(folder() / "a.conf", "[repository a]\nurl=file:///b\n");
    EXPECT_TRUE(loadConfig(path).ok());
    ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
    const auto config = loadConfig(path);
    ASSERT_FALSE(config.ok());
    EXPECT_EQ(config.error().code, ErrorCode::Denied);
}

TEST_F(ConfigFileTest, AMissingFileIsNamed)
{
    const auto config = loadConfig(folder() / "absent.conf");
    ASSERT_FALSE(config.ok());
    EXPECT_EQ(config.error().code, ErrorCode::NotFound);
    expectContains(config.error().message, "absent.conf");
}

} // namespace
} // namespace salvor::settings
