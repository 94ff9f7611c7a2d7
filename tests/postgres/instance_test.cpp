#include "core/postgres/connection.h"
#include "core/postgres/data_directory.h"
#include "core/postgres/instance.h"
#include "tests/support/test_cluster.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <unistd.h>

using namespace salvor;
using namespace salvor::postgres;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Job {
    Progress progress;
    std::stop_source source;
    JobContext context{source.get_token(), progress, discardEvents()};
};

void giveToServer(const Path& path)
{
    if (const auto user = test::serverUser()) {
        ASSERT_EQ(::chown(path.c_str(), user->uid, user->gid), 0);
    }
}

/// A cluster with an archive, and a restored copy of it that has not been started.
class Restored {
public:
    explicit Restored(int major, const std::string& folderName = "copy")
        : m_cluster({.major = major, .walSegmentMegabytes = 1})
        , m_base(m_cluster.folder() / folderName)
    {
        fs::create_directory(archive());
        giveToServer(archive());
        fs::create_directory(m_base);
        giveToServer(m_base);
        m_cluster.set("archive_mode", "on");
        m_cluster.set("archive_command", "cp %p " + archive().native() + "/%f");
        m_cluster.start();
        m_place = m_cluster.createTablespace("extra");
        m_cluster.execute("CREATE TABLE t TABLESPACE extra AS SELECT 1 AS n");
        const auto copied = m_cluster.run(
            "pg_basebackup",
            {"-D", (m_base / "data").native(), "-c", "fast", "-X", "none", "--no-sync", "-T",
             m_place.native() + "=" + (m_cluster.folder() / "ts").native()});
        if (copied.status != 0)
            throw std::runtime_error(copied.errors);
        m_cluster.execute("INSERT INTO t VALUES (2)");
        m_target = model::parseLsn(m_cluster.value("SELECT pg_current_wal_insert_lsn()"));
        m_cluster.execute("INSERT INTO t VALUES (3)");
        m_cluster.execute("SELECT pg_switch_wal()");
        m_cluster.stop();
    }

    [[nodiscard]] Path archive() const { return m_cluster.folder() / "archive"; }
    [[nodiscard]] Path data() const { return m_base / "data"; }

    void write(const Path& path, const std::string& text)
    {
        std::ofstream(path) << text;
        giveToServer(path);
    }

    /// Tells the copy where to recover to.
    void prepare(model::AtTarget action, const std::string& restoreCommand = {})
    {
        model::ResolvedTarget target;
        target.timeline = model::TimelineId{1};
        target.lsn = *m_target;
        target.inclusive = false;
        const std::string command =
            restoreCommand.empty() ? "cp " + archive().native() + "/%f \"%p\"" : restoreCommand;
        write(data() / "recovery.signal", "");
        write(data() / "postgresql.auto.conf",
              formatSettings(recoverySettings(target, action, command)));
    }

    [[nodiscard]] Instance instance() const
    {
        Instance instance;
        instance.name = "orders-copy";
        instance.dataDirectory = data();
        instance.configDirectory = m_base / "config";
        instance.socketDirectory = m_base / "socket";
        instance.port = test::freePort();
        instance.majorVersion = m_cluster.major();
        instance.systemIdentifier = control().identity.systemIdentifier;
        const auto user = test::serverUser();
        instance.owner = user ? user->name : findUser(::getuid())->name;
        instance.programs = m_cluster.programs();
        instance.tablespaces = {m_cluster.folder() / "ts"};
        return instance;
    }

    [[nodiscard]] ControlFile control() const
    {
        auto control = readControlFile(data());
        if (!control.ok())
            throw std::runtime_error(control.error().message);
        return *control;
    }

    [[nodiscard]] Settings fence(const Instance& instance) const
    {
        return fenceSettings({instance.dataDirectory, instance.configDirectory,
                              instance.socketDirectory, instance.port},
                             control(), {"no_such_library"});
    }

    test::TestCluster& cluster() { return m_cluster; }
    [[nodiscard]] model::Lsn target() const { return *m_target; }

private:
    test::TestCluster m_cluster;
    Path m_base;
    Path m_place;
    Result<model::Lsn> m_target = model::Lsn{};
};

/// Stops a copy when the test ends, however it ends.
class StopAtEnd {
public:
    explicit StopAtEnd(Instance instance)
        : m_instance(std::move(instance))
    {}
    StopAtEnd(const StopAtEnd&) = delete;
    StopAtEnd& operator=(const StopAtEnd&) = delete;
    ~StopAtEnd()
    {
        Job job;
        const auto stopped = stopInstance(m_instance, job.context);
        if (!stopped.ok() && stopped.error().code != ErrorCode::NotFound)
            ADD_FAILURE() << stopped.error().message;
    }

private:
    Instance m_instance;
};

std::string valueOn(const Instance& instance, const std::string& sql)
{
    auto connection = Connection::open(connectionString(instance));
    if (!connection.ok())
        return connection.error().message;
    const auto value = connection->value(sql);
    return value.ok() ? *value : value.error().message;
}

class InstanceOnMajor : public ::testing::TestWithParam<int> {};

} // namespace

TEST_P(InstanceOnMajor, PausesAtItsTargetIsPromotedStoppedStartedAndRemoved)
{
    SALVOR_NEED_POSTGRES(GetParam());
    Restored restored(GetParam());
    restored.prepare(model::AtTarget::Pause);
    const Instance instance = restored.instance();
    const StopAtEnd end(instance);
    Job job;
    const auto started = startInstance(instance, restored.fence(instance), job.context);
    ASSERT_TRUE(started.ok()) << started.error().message;
    EXPECT_EQ(started->state, InstanceState::Paused);
    EXPECT_EQ(started->replayLsn, restored.target());
    EXPECT_TRUE(started->lastCommitAt.has_value());
    EXPECT_EQ(valueOn(instance, "SELECT sum(n) FROM t"), "3");
    EXPECT_EQ(valueOn(instance, "SHOW archive_mode"), "off");

    const auto promoted = promoteInstance(instance, job.context);
    ASSERT_TRUE(promoted.ok()) << promoted.error().message;
    EXPECT_EQ(promoted->state, InstanceState::Running);
    EXPECT_EQ(promoted->timeline, model::TimelineId{2});
    const auto left = lastSwitch(instance);
    ASSERT_TRUE(left.ok()) << left.error().message;
    ASSERT_TRUE(left->has_value());
    EXPECT_EQ((*left)->timeline, model::TimelineId{1});
    EXPECT_EQ((*left)->switchedAt, restored.target());
    EXPECT_EQ(removeInstance(instance, job.context).error().code, ErrorCode::NotReady);

    ASSERT_TRUE(stopInstance(instance, job.context).ok());
    EXPECT_EQ(instanceStatus(instance)->state, InstanceState::Stopped);
    const auto again = startInstance(instance, restored.fence(instance), job.context);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->state, InstanceState::Running);
    EXPECT_EQ(instanceStatus(instance)->state, InstanceState::Running);
    EXPECT_EQ(startInstance(instance, restored.fence(instance), job.context).error().code,
              ErrorCode::NotReady);
    ASSERT_TRUE(stopInstance(instance, job.context).ok());
    const auto removed = removeInstance(instance, job.context);
    ASSERT_TRUE(removed.ok()) << removed.error().message;
    for (const Path& gone : {instance.dataDirectory, instance.configDirectory,
                             instance.socketDirectory, instance.tablespaces[0]})
        EXPECT_FALSE(fs::exists(gone)) << gone;
    EXPECT_EQ(instanceStatus(instance)->state, InstanceState::Gone);
    EXPECT_TRUE(removeInstance(instance, job.context).ok());
}

TEST_P(InstanceOnMajor, EndsByItselfWhenTheActionIsShutdown)
{
    SALVOR_NEED_POSTGRES(GetParam());
    Restored restored(GetParam());
    restored.prepare(model::AtTarget::Shutdown);
    const Instance instance = restored.instance();
    const StopAtEnd end(instance);
    Job job;
    const auto started = startInstance(instance, restored.fence(instance), job.context);
    ASSERT_TRUE(started.ok()) << started.error().message;
    EXPECT_EQ(started->state, InstanceState::Stopped);
    EXPECT_EQ(restored.control().state, ClusterState::ShutDownInRecovery);
}

TEST_P(InstanceOnMajor, ResumedAtItsTargetItPromotes)
{
    SALVOR_NEED_POSTGRES(GetParam());
    Restored restored(GetParam());
    restored.prepare(model::AtTarget::Pause);
    const Instance instance = restored.instance();
    const StopAtEnd end(instance);
    Job job;
    EXPECT_EQ(resumeInstance(instance, job.context).error().code, ErrorCode::NotReady);
    ASSERT_TRUE(startInstance(instance, restored.fence(instance), job.context).ok());
    const auto resumed = resumeInstance(instance, job.context);
    ASSERT_TRUE(resumed.ok()) << resumed.error().message;
    EXPECT_EQ(resumed->state, InstanceState::Running);
    EXPECT_EQ(valueOn(instance, "SELECT sum(n) FROM t"), "3");
    EXPECT_EQ(resumeInstance(instance, job.context).error().code, ErrorCode::NotReady);
}

INSTANTIATE_TEST_SUITE_P(Majors, InstanceOnMajor, ::testing::Values(13, 15, 17, 18));

TEST(Instance, PromotesByItselfAlsoFromAFolderWithAnAwkwardName)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15, "it's $HOME `a` \\ \"copy\"");
    restored.prepare(model::AtTarget::Promote);
    const Instance instance = restored.instance();
    const StopAtEnd end(instance);
    Job job;
    const auto started = startInstance(instance, restored.fence(instance), job.context);
    ASSERT_TRUE(started.ok()) << started.error().message;
    EXPECT_EQ(started->state, InstanceState::Running);
    EXPECT_EQ(started->timeline, model::TimelineId{2});
}

TEST(Instance, ThatCannotReachItsTargetSaysWhyInTheServersWords)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    const std::string archive = restored.archive().native();
    restored.prepare(model::AtTarget::Pause,
                     "test %f != 000000010000000000000005 && cp " + archive + "/%f \"%p\"");
    for (const auto& entry : fs::directory_iterator(restored.archive()))
        if (entry.path().filename().native() > "000000010000000000000003.")
            fs::remove(entry.path());
    const Instance instance = restored.instance();
    const StopAtEnd end(instance);
    Job job;
    const auto started = startInstance(instance, restored.fence(instance), job.context);
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().code, ErrorCode::NotReady);
    EXPECT_NE(started.error().message.find("FATAL:"), std::string::npos) << started.error().message;
    EXPECT_FALSE(*isServerRunning(instance.dataDirectory));
}

TEST(Instance, WithASettingItDoesNotKnowSaysWhichOne)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    restored.prepare(model::AtTarget::Pause);
    const Instance instance = restored.instance();
    Settings fence = restored.fence(instance);
    fence.emplace_back("no_such_setting", "1");
    Job job;
    const auto started = startInstance(instance, fence, job.context);
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().code, ErrorCode::NotReady);
    EXPECT_NE(started.error().message.find("no_such_setting"), std::string::npos)
        << started.error().message;
}

TEST(Instance, WhoseReplayTakesLongIsWaitedForUntilAStopRequestAndThenStopped)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    restored.prepare(model::AtTarget::Pause, "sleep 600");
    const Instance instance = restored.instance();
    const StopAtEnd end(instance);
    Job job;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(4s);
        job.source.request_stop();
    });
    const auto started = startInstance(instance, restored.fence(instance), job.context);
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().code, ErrorCode::Cancelled) << started.error().message;
    EXPECT_FALSE(*isServerRunning(instance.dataDirectory));
}

TEST(Instance, OfRootOrOfAnotherClusterIsNotStarted)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    restored.prepare(model::AtTarget::Pause);
    Job job;
    Instance instance = restored.instance();
    const Settings fence = restored.fence(instance);
    instance.owner = "root";
    EXPECT_EQ(startInstance(instance, fence, job.context).error().code, ErrorCode::Denied);
    instance = restored.instance();
    instance.systemIdentifier += 1;
    EXPECT_EQ(startInstance(instance, fence, job.context).error().code, ErrorCode::Incompatible);
    EXPECT_EQ(removeInstance(instance, job.context).error().code, ErrorCode::Incompatible);
    EXPECT_TRUE(fs::exists(restored.data()));
}

TEST(Instance, DoesNotOverwriteAConfigurationOfSomebodyElse)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    restored.prepare(model::AtTarget::Pause);
    const Instance instance = restored.instance();
    fs::create_directory(instance.configDirectory);
    restored.write(instance.configDirectory / "postgresql.conf", "port = 5432\n");
    Job job;
    EXPECT_EQ(startInstance(instance, restored.fence(instance), job.context).error().code,
              ErrorCode::AlreadyExists);
}

TEST(Instance, WithASocketPathThatLibpqCannotReachIsNotStarted)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    restored.prepare(model::AtTarget::Pause);
    Instance instance = restored.instance();
    Job job;
    for (const std::string& name : {std::string(100, 'x'), std::string("a,b")}) {
        instance.socketDirectory = restored.cluster().folder() / name;
        const auto started = startInstance(instance, restored.fence(instance), job.context);
        ASSERT_FALSE(started.ok());
        EXPECT_EQ(started.error().code, ErrorCode::NotReady);
        EXPECT_NE(started.error().message.find("the path of the socket"), std::string::npos);
    }
}

TEST(InstanceRemoval, LeavesTablespacesThatTheCopyDoesNotUseAndFoldersWithOtherFiles)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    Instance instance = restored.instance();
    const Path foreign = restored.cluster().folder() / "foreign";
    fs::create_directory(foreign);
    fs::create_directory(instance.configDirectory);
    std::ofstream(instance.configDirectory / "notes") << "mine";
    instance.tablespaces.push_back(foreign);
    Job job;
    const auto removed = removeInstance(instance, job.context);
    ASSERT_TRUE(removed.ok()) << removed.error().message;
    EXPECT_FALSE(fs::exists(instance.dataDirectory));
    EXPECT_FALSE(fs::exists(instance.tablespaces[0]));
    EXPECT_TRUE(fs::exists(foreign));
    EXPECT_TRUE(fs::exists(instance.configDirectory / "notes"));
}

TEST(InstanceRemoval, OfADirectoryThatNobodyCanIdentifyIsRefused)
{
    SALVOR_NEED_POSTGRES(15);
    Restored restored(15);
    const Instance instance = restored.instance();
    fs::remove(instance.dataDirectory / "global" / "pg_control");
    Job job;
    EXPECT_EQ(removeInstance(instance, job.context).error().code, ErrorCode::NotReady);
    EXPECT_TRUE(fs::exists(instance.dataDirectory / "base"));
    Instance relative = instance;
    relative.dataDirectory = "copy";
    EXPECT_EQ(removeInstance(relative, job.context).error().code, ErrorCode::InvalidInput);
}
