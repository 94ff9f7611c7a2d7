#include "core/postgres/connection.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <thread>

using namespace salvor;
using namespace salvor::postgres;
using namespace std::chrono_literals;

namespace {

class ConnectionOnServer : public ::testing::Test {
protected:
    void SetUp() override
    {
        SALVOR_NEED_POSTGRES(15);
        m_cluster = std::make_unique<test::TestCluster>();
        m_cluster->start();
    }

    [[nodiscard]] Connection connect(Connection::Kind kind = Connection::Kind::Normal) const
    {
        auto connection = Connection::open(m_cluster->conninfo(), kind);
        if (!connection.ok())
            throw std::runtime_error(connection.error().message);
        return *std::move(connection);
    }

    std::unique_ptr<test::TestCluster> m_cluster;
};

/// Requires a password of everybody, with a role that has one.
void askForPasswords(test::TestCluster& cluster)
{
    cluster.execute("CREATE ROLE guarded LOGIN PASSWORD 'sesame'");
    const Path hba = cluster.dataDirectory() / "pg_hba.conf";
    const auto written =
        writeFileDurably(hba, asBytes("local all postgres trust\nlocal all all scram-sha-256\n"),
                         IfExists::Replace, 0644);
    ASSERT_TRUE(written.ok());
    cluster.execute("SELECT pg_reload_conf()");
    while (cluster.value("SELECT count(*) FROM pg_hba_file_rules") != "2"
           || Connection::open(cluster.conninfo("postgres", "guarded")).ok())
        std::this_thread::sleep_for(10ms);
}

/// A token whose stop was requested. On the heap: g++ 12 takes a local one for uninitialised.
std::stop_token stopped()
{
    const auto source = std::make_unique<std::stop_source>();
    source->request_stop();
    return source->get_token();
}

} // namespace

TEST_F(ConnectionOnServer, GivesRowsOfTextAndUnsetValues)
{
    Connection connection = connect();
    const auto rows =
        connection.query("SELECT 1, NULL, $1 UNION ALL SELECT 2, 'b', $2", {"it's", "z"});
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ((*rows)[0][0], "1");
    EXPECT_FALSE((*rows)[0][1].has_value());
    EXPECT_EQ((*rows)[0][2], "it's");
    EXPECT_EQ(connection.majorVersion(), 15);
}

TEST_F(ConnectionOnServer, IsCalledSalvorUnlessToldOtherwiseAndCountsInUtc)
{
    Connection connection = connect();
    EXPECT_EQ(*connection.value("SHOW application_name"), "salvor");
    EXPECT_EQ(*connection.value("SHOW timezone"), "UTC");
    EXPECT_EQ(*connection.value("SHOW client_encoding"), "UTF8");
    auto named = Connection::open(m_cluster->conninfo() + " application_name=drill");
    ASSERT_TRUE(named.ok());
    EXPECT_EQ(*named->value("SHOW application_name"), "drill");
}

TEST_F(ConnectionOnServer, TimeLimitsOfTheRoleDoNotEndALongSession)
{
    m_cluster->execute("ALTER ROLE postgres SET statement_timeout = '2s'");
    m_cluster->execute("ALTER ROLE postgres SET idle_session_timeout = '2s'");
    auto connection = Connection::open(m_cluster->conninfo());
    ASSERT_TRUE(connection.ok());
    EXPECT_EQ(*connection->value("SHOW statement_timeout"), "0");
    EXPECT_EQ(*connection->value("SHOW idle_session_timeout"), "0");
}

TEST_F(ConnectionOnServer, AStopRequestCancelsTheStatementAndTheSessionLivesOn)
{
    Connection connection = connect();
    std::stop_source stop;
    const std::jthread stopper([&] {
        while (m_cluster->value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                "'SELECT pg_sleep(600)%' AND state = 'active'")
               != "1")
            std::this_thread::sleep_for(10ms);
        stop.request_stop();
    });
    const auto slept = connection.query("SELECT pg_sleep(600)", {}, stop.get_token());
    ASSERT_FALSE(slept.ok());
    EXPECT_EQ(slept.error().code, ErrorCode::Cancelled);
    EXPECT_EQ(*connection.value("SELECT 42"), "42");
}

TEST_F(ConnectionOnServer, ErrorsCarryTheServersWordsAndTheirSqlState)
{
    Connection connection = connect();
    struct Case {
        const char* sql;
        ErrorCode code;
        const char* state;
    };
    for (const Case& one : {
             Case{"SELECT * FROM nowhere", ErrorCode::NotFound, "42P01"},
             Case{"SELEKT", ErrorCode::InvalidInput, "42601"},
             Case{"SELECT 1/0", ErrorCode::InvalidInput, "22012"},
             Case{"SELECT pg_promote()", ErrorCode::NotReady, "55000"},
             Case{"SET ROLE pg_monitor; SELECT pg_switch_wal()", ErrorCode::Denied, "42501"},
         }) {
        const auto rows = connection.query(one.sql);
        ASSERT_FALSE(rows.ok()) << one.sql;
        EXPECT_EQ(rows.error().code, one.code) << rows.error().message;
        EXPECT_NE(rows.error().message.find(one.state), std::string::npos) << rows.error().message;
    }
    EXPECT_EQ(connection.value("SELECT 1 WHERE false").error().code, ErrorCode::NotFound);
    EXPECT_EQ(connection.query("COPY pg_class TO STDOUT").error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(connection.query("SELECT 1").error().code, ErrorCode::Unavailable);
}

TEST_F(ConnectionOnServer, AServerThatGoesAwayIsUnavailable)
{
    Connection connection = connect();
    m_cluster->crash();
    EXPECT_EQ(connection.query("SELECT 1").error().code, ErrorCode::Unavailable);
    EXPECT_EQ(connection.query("SELECT 1").error().code, ErrorCode::Unavailable);
    EXPECT_EQ(Connection::open(m_cluster->conninfo()).error().code, ErrorCode::Unavailable);
}

TEST_F(ConnectionOnServer, AWrongOrMissingPasswordIsDeniedAndNeverShown)
{
    askForPasswords(*m_cluster);
    const std::string conninfo = m_cluster->conninfo("postgres", "guarded");
    EXPECT_TRUE(Connection::open(conninfo + " password=sesame").ok());
    const auto wrong = Connection::open(conninfo + " password=open-barley");
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.error().code, ErrorCode::Denied);
    EXPECT_EQ(wrong.error().message.find("barley"), std::string::npos);
    EXPECT_NE(wrong.error().message.find("28P01"), std::string::npos) << wrong.error().message;
    EXPECT_EQ(Connection::open(conninfo).error().code, ErrorCode::Denied);
}

TEST_F(ConnectionOnServer, ARoleOrDatabaseThatIsNotThereIsSaid)
{
    EXPECT_EQ(Connection::open(m_cluster->conninfo("postgres", "nobody")).error().code,
              ErrorCode::Denied);
    EXPECT_EQ(Connection::open(m_cluster->conninfo("nowhere")).error().code, ErrorCode::NotFound);
}

TEST_F(ConnectionOnServer, TooManyClientsIsNotReady)
{
    m_cluster->set("max_connections", "4");
    m_cluster->set("max_wal_senders", "0");
    m_cluster->restart();
    std::vector<Connection> all;
    for (int i = 0; i < 4; ++i)
        all.push_back(connect());
    EXPECT_EQ(Connection::open(m_cluster->conninfo()).error().code, ErrorCode::NotReady);
}

TEST_F(ConnectionOnServer, TheSecondHostAnswersWhenTheFirstIsDead)
{
    const std::string hosts = "host=/nowhere," + m_cluster->socketDirectory().native()
                              + " port=" + std::to_string(m_cluster->port())
                              + " user=postgres dbname=postgres";
    auto connection = Connection::open(hosts);
    ASSERT_TRUE(connection.ok()) << connection.error().message;
    const auto standby = Connection::open(hosts + " target_session_attrs=standby");
    ASSERT_FALSE(standby.ok());
    EXPECT_TRUE(Connection::open(hosts + " target_session_attrs=prefer-standby").ok());
}

TEST_F(ConnectionOnServer, IdentityIsTheSameByBothProtocols)
{
    Connection normal = connect();
    Connection replication = connect(Connection::Kind::Replication);
    const auto first = identityOf(normal);
    const auto second = identityOf(replication);
    ASSERT_TRUE(first.ok()) << first.error().message;
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(*first, *second);
    EXPECT_EQ(first->segmentSize, ByteCount{16} << 20U);
    EXPECT_EQ(first->majorVersion, 15);
    EXPECT_EQ(std::to_string(first->systemIdentifier),
              m_cluster->value("SELECT system_identifier FROM pg_control_system()"));
}

TEST_F(ConnectionOnServer, IdentityWithoutTheGrantNamesIt)
{
    m_cluster->execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
    m_cluster->execute("CREATE ROLE small LOGIN");
    auto connection = Connection::open(m_cluster->conninfo("postgres", "small"));
    ASSERT_TRUE(connection.ok());
    const auto identity = identityOf(*connection);
    ASSERT_FALSE(identity.ok());
    EXPECT_EQ(identity.error().code, ErrorCode::Denied);
    EXPECT_NE(identity.error().hint.find("pg_control_system"), std::string::npos);
}

TEST(ConnectionString, ThatIsNoneIsRefusedWithoutShowingAnyOfIt)
{
    for (const std::string text : {"host=a password=open sesame", "host=a password='open",
                                   "postgresql://u:sesame@[::1/db", "sesame"}) {
        const auto connection = Connection::open(text);
        ASSERT_FALSE(connection.ok());
        EXPECT_EQ(connection.error().code, ErrorCode::InvalidInput);
        EXPECT_EQ(connection.error().message.find("sesame"), std::string::npos);
        EXPECT_FALSE(connection.error().hint.empty());
    }
}

TEST(ConnectionString, ToAFolderWithoutASocketIsUnavailable)
{
    const auto connection = Connection::open("host=/nowhere port=1");
    ASSERT_FALSE(connection.ok());
    EXPECT_EQ(connection.error().code, ErrorCode::Unavailable);
    EXPECT_NE(connection.error().message.find("/nowhere"), std::string::npos);
}

TEST(ConnectionString, AnOpeningThatIsStoppedIsCancelled)
{
    const auto connection =
        Connection::open("host=127.0.0.1 port=1", Connection::Kind::Normal, stopped());
    ASSERT_FALSE(connection.ok());
    EXPECT_TRUE(connection.error().code == ErrorCode::Cancelled
                || connection.error().code == ErrorCode::Unavailable);
}
