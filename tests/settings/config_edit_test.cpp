#include "core/settings/config.h"

#include <gtest/gtest.h>

namespace salvor::settings {
namespace {

RepositoryConfig folderRepository()
{
    RepositoryConfig repository;
    repository.name = "main";
    repository.url = "file:///srv/backup";
    return repository;
}

TEST(ConfigEdit, AnEmptyFileGetsTheSection)
{
    const auto text = withRepository("", folderRepository());
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(*text, "[repository main]\nurl = file:///srv/backup\n");
}

TEST(ConfigEdit, ANewSectionGoesToTheEndAndTheRestStaysAsItWas)
{
    const std::string before = "# mine\n[repository main]\nurl=file:///srv/backup\n";
    ClusterConfig cluster;
    cluster.name = "orders";
    cluster.repository = "main";
    cluster.dataDirectory = "/var/lib/postgresql/15/main";
    const auto text = withCluster(before, cluster);
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(*text, before
                         + "\n[cluster orders]\nrepository = main\n"
                           "data-directory = /var/lib/postgresql/15/main\n");
}

TEST(ConfigEdit, AReplacedSectionKeepsCommentsAndItsPlace)
{
    const std::string before = "[repository other]\nurl = file:///srv/other\n\n"
                               "[repository main]\n# where it is\nurl=file:///srv/old\n"
                               "key-file = /etc/salvor/key\n; the end\n\n"
                               "[cluster c]\nrepository = main\n";
    RepositoryConfig changed = folderRepository();
    changed.keyCommand = "pass show salvor";
    const auto text = withRepository(before, changed);
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(*text, "[repository other]\nurl = file:///srv/other\n\n"
                     "[repository main]\n# where it is\nurl = file:///srv/backup\n"
                     "key-command = pass show salvor\n; the end\n\n"
                     "[cluster c]\nrepository = main\n");
}

TEST(ConfigEdit, WhatIsUnchangedStaysLetterByLetter)
{
    const std::string before = "[repository main]\n  url=file:///srv/backup\n# last line";
    const auto text = withRepository(before, folderRepository());
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(*text, before + "\n");
}

TEST(ConfigEdit, EveryValueSurvivesWritingAndReading)
{
    RepositoryConfig repository;
    repository.name = "s3";
    repository.url = "s3://bucket/prefix";
    repository.endpoint = "https://s3.example.net";
    repository.region = "eu";
    repository.pathStyle = true;
    repository.caFile = "/ca.pem";
    repository.credentials = "process:get keys";
    repository.sse = "s3";
    repository.storageClass = "GLACIER";
    repository.lockDays = 7;
    repository.uploadLimit = ByteCount{3} << 30U;
    repository.downloadLimit = 65537;
    repository.encrypted = false;
    const auto text = withRepository("", repository);
    ASSERT_TRUE(text.ok()) << text.error().message;
    const auto config = parseConfig(*text, "/salvor.conf");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const RepositoryConfig& read = config->repositories.at(0);
    EXPECT_EQ(read.url, repository.url);
    EXPECT_EQ(read.endpoint, repository.endpoint);
    EXPECT_EQ(read.region, repository.region);
    EXPECT_TRUE(read.pathStyle);
    EXPECT_EQ(read.caFile, repository.caFile);
    EXPECT_EQ(read.credentials, repository.credentials);
    EXPECT_EQ(read.sse, repository.sse);
    EXPECT_EQ(read.storageClass, repository.storageClass);
    EXPECT_EQ(read.lockDays, 7);
    EXPECT_EQ(read.uploadLimit, repository.uploadLimit);
    EXPECT_EQ(read.downloadLimit, repository.downloadLimit);
    EXPECT_FALSE(read.encrypted);
}

TEST(ConfigEdit, WhatCouldNotBeReadBackIsRefused)
{
    RepositoryConfig repository = folderRepository();
    repository.keyCommand = "a\nencryption = none";
    EXPECT_EQ(withRepository("", repository).error().code, ErrorCode::InvalidInput);
    repository = folderRepository();
    repository.url = "nowhere";
    EXPECT_EQ(withRepository("", repository).error().code, ErrorCode::InvalidInput);
    repository = folderRepository();
    repository.name = "a]\n[b";
    EXPECT_EQ(withRepository("", repository).error().code, ErrorCode::InvalidInput);
    ClusterConfig cluster;
    cluster.name = "c";
    cluster.repository = "absent";
    EXPECT_EQ(withCluster("", cluster).error().code, ErrorCode::InvalidInput);
}

TEST(ConfigEdit, EveryValueOfAClusterSurvivesWritingAndReading)
{
    const std::string before = "[repository main]\nurl = file:///srv/backup\n"
                               "[repository far]\nurl = file:///srv/far\n";
    ClusterConfig cluster;
    cluster.name = "c";
    cluster.repository = "main";
    cluster.copies = {"far"};
    cluster.walRequired = 1;
    cluster.archiveAsync = true;
    cluster.archiveJobs = 3;
    cluster.archiveTimeout = std::chrono::seconds(5);
    cluster.prefetch = 0;
    cluster.spoolPath = "/var/spool/salvor";
    cluster.receiveInterval = std::chrono::seconds(1);
    cluster.receiveSlot = "orders_wal";

    const auto text = withCluster(before, cluster);

    ASSERT_TRUE(text.ok()) << text.error().message;
    const auto config = parseConfig(*text, "/etc/salvor/salvor.conf");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const auto read = config->cluster("c");
    EXPECT_EQ(read->repositories(), (std::vector<std::string>{"main", "far"}));
    EXPECT_EQ(read->walRequired, 1U);
    EXPECT_TRUE(read->archiveAsync);
    EXPECT_EQ(read->archiveJobs, 3);
    EXPECT_EQ(read->archiveTimeout, std::chrono::seconds(5));
    EXPECT_EQ(read->prefetch, 0);
    EXPECT_EQ(read->spoolPath, "/var/spool/salvor");
    EXPECT_EQ(read->receiveInterval, std::chrono::seconds(1));
    EXPECT_EQ(read->receiveSlot, "orders_wal");
}

TEST(ConfigEdit, AFileWithAMistakeIsNotEdited)
{
    EXPECT_FALSE(withRepository("[oops]\n", folderRepository()).ok());
}

} // namespace
} // namespace salvor::settings
