#include "core/postgres/live_server.h"
#include "tests/support/as_nobody.h"
#include "tests/support/idle_process.h"
#include "tests/support/result_assertions.h"

#include <sys/shm.h>

namespace salvor::postgres {
namespace {

namespace fs = std::filesystem;

class LiveServer : public ::testing::Test {
protected:
    void write(const std::string& pidFile) const
    {
        ASSERT_OK(writeFileDurably(data() / "postmaster.pid", asBytes(pidFile)));
    }
    std::string found() const
    {
        const auto server = findServer(data());
        EXPECT_OK(server);
        return server.ok() ? server->value_or("") : server.error().message;
    }
    [[nodiscard]] Path data() const { return folder.path(); }

    TemporaryDirectory folder = *TemporaryDirectory::create();
};

TEST_F(LiveServer, NothingWorksOnAnEmptyOrAbsentDirectory)
{
    EXPECT_EQ(found(), "");
    EXPECT_EQ(*findServer(data() / "none"), std::nullopt);
}

TEST_F(LiveServer, AProcessThatWorksThereIsFoundWithoutAPidFile)
{
    const test::IdleProcess process(data());

    EXPECT_NE(found().find("process " + std::to_string(process.number())), std::string::npos);
}

TEST_F(LiveServer, AProcessThatWorksBelowIsFound)
{
    fs::create_directories(data() / "base/5");
    const test::IdleProcess process(data() / "base/5");

    EXPECT_NE(found(), "");
}

TEST_F(LiveServer, AProcessIsFoundAfterTheDirectoryWasRenamed)
{
    fs::create_directory(data() / "data");
    const test::IdleProcess process(data() / "data");
    fs::rename(data() / "data", data() / "away");

    EXPECT_NE(findServer(data() / "away")->value_or(""), "");
    EXPECT_EQ(*findServer(data() / "data"), std::nullopt);
}

TEST_F(LiveServer, AWorkerOfThisProgramIsNoServer)
{
    const test::IdleProcess process(data(), test::IdleProcess::Program::Own);

    EXPECT_EQ(found(), "");
}

TEST_F(LiveServer, AProcessElsewhereIsNotFound)
{
    fs::create_directory(data() / "data");
    fs::create_directory(data() / "data-other");
    const test::IdleProcess process(data() / "data-other");

    EXPECT_EQ(*findServer(data() / "data"), std::nullopt);
}

TEST_F(LiveServer, AttachedSharedMemoryIsAServer)
{
    constexpr key_t key = 0x5a17;
    const int segment = ::shmget(key, 56, IPC_CREAT | IPC_EXCL | 0600);
    ASSERT_GE(segment, 0);
    void* memory = ::shmat(segment, nullptr, 0);
    const std::string start = "999999\n" + data().native() + "\n1\n5432\n/tmp\nlocalhost\n";
    write(start + "  " + std::to_string(key) + "  " + std::to_string(segment) + "\nready\n");
    const std::string attached = found();
    // Another segment that got the number since.
    write(start + "  " + std::to_string(key + 1) + "  " + std::to_string(segment) + "\nready\n");
    const std::string others = found();
    write(start + "  " + std::to_string(key) + "  " + std::to_string(segment) + "\nready\n");
    ::shmdt(memory);
    const std::string detached = found();
    ::shmctl(segment, IPC_RMID, nullptr);

    EXPECT_NE(attached.find("shared memory"), std::string::npos);
    EXPECT_EQ(others, "");
    EXPECT_EQ(detached, "");
    EXPECT_EQ(found(), "");
}

TEST_F(LiveServer, OfAnotherUsersDirectoryNothingIsClaimed)
{
    EXPECT_TRUE(test::asNobody([] {
        const auto server = findServer("/");
        return !server.ok() && server.error().code == ErrorCode::Denied;
    }));
}

TEST_F(LiveServer, APidFileThatIsCutShortNamesNoMemory)
{
    write("999999\n/srv\n1\n");
    EXPECT_EQ(found(), "");
    write("nobody\n");
    EXPECT_FAILS(findServer(data()), Corrupt);
}

} // namespace
} // namespace salvor::postgres
