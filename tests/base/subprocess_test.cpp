#include "core/base/subprocess.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace salvor {
namespace {

using namespace std::chrono_literals;

TEST(RunCommand, OutputErrorsAndStatusComeBackApart)
{
    const auto result = runCommand({.argv = {"sh", "-c", "echo out; echo err >&2; exit 3"}});

    ASSERT_OK(result);
    EXPECT_EQ(result->status, 3);
    EXPECT_EQ(result->output, "out\n");
    EXPECT_EQ(result->errors, "err\n");
}

TEST(RunCommand, LargeInputAndOutputDoNotBlockEachOther)
{
    const std::string large(std::size_t{1} << 20U, 'x');

    const auto result = runCommand({.argv = {"cat"}, .input = large});

    ASSERT_OK(result);
    EXPECT_EQ(result->output.size(), large.size());
}

TEST(RunCommand, EnvironmentIsAddedAndReplaced)
{
    const auto result = runCommand({.argv = {"sh", "-c", "echo \"$HOME $SALVOR_X\""},
                                    .environment = {{"HOME", "/h"}, {"SALVOR_X", "y"}}});

    ASSERT_OK(result);
    EXPECT_EQ(result->output, "/h y\n");
}

TEST(RunCommand, ProgramThatIsNotThereIsNotFound)
{
    EXPECT_FAILS(runCommand({.argv = {"/nowhere/at/all"}}), NotFound);
}

TEST(RunCommand, ProgramThatTakesTooLongIsEnded)
{
    EXPECT_FAILS(runCommand({.argv = {"sleep", "60"}, .timeout = 100ms}), Timeout);
}

TEST(RunCommand, StopRequestEndsIt)
{
    std::stop_source source;
    const std::jthread stopper([&source] {
        std::this_thread::sleep_for(50ms);
        source.request_stop();
    });

    EXPECT_FAILS(runCommand({.argv = {"sleep", "60"}}, source.get_token()), Cancelled);
}

TEST(RunCommand, KilledProgramHasTheSignalInItsStatus)
{
    const auto result = runCommand({.argv = {"sh", "-c", "kill -9 $$"}});

    ASSERT_OK(result);
    EXPECT_EQ(result->status, 128 + 9);
}

TEST(RunChecked, FailureCarriesWhatTheProgramSaid)
{
    const auto output = runChecked({.argv = {"sh", "-c", "echo 'no such luck' >&2; exit 1"}});

    ASSERT_FAILS(output, NotReady);
    EXPECT_NE(output.error().message.find("no such luck"), std::string::npos);
}

TEST(StartDetached, GoesOnInASessionOfItsOwnWithItsInputAndLog)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_OK(folder);
    const Path input = folder->path() / "input";
    const Path log = folder->path() / "log";
    ASSERT_OK(writeFileDurably(input, asBytes("hello\n")));
    const auto file = openFile(input, O_RDONLY);
    ASSERT_OK(file);
    const auto leaked = openFile(input, O_RDONLY);
    ASSERT_OK(leaked);
    ASSERT_NE(::dup(leaked->get()), -1); // Without O_CLOEXEC.

    ASSERT_OK(startDetached({"/bin/sh", "-c",
                             "read line; sleep 0.2; test \"$(ls /proc/$$/fd | wc -l)\" -le 4 || "
                             "echo leaks >&2; echo $line $(ps -o sid= -p $$) $$ >&2"},
                            *file, log));

    std::string text;
    for (int i = 0; i < 500 && !text.ends_with('\n'); ++i) {
        std::this_thread::sleep_for(10ms);
        text = readTextFile(log).ok() ? *readTextFile(log) : "";
    }
    std::istringstream words(text);
    std::string said;
    std::string session;
    std::string process;
    words >> said >> session >> process;
    EXPECT_EQ(said, "hello") << text;
    EXPECT_EQ(session, process);
    EXPECT_FALSE(session.empty());
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

TEST(StartDetached, AProgramThatIsNotThereIsNotFound)
{
    const auto file = openFile("/dev/null", O_RDONLY);
    ASSERT_OK(file);

    EXPECT_FAILS(startDetached({"/no/such/program"}, *file, "/dev/null"), NotFound);
}

TEST(FindUser, RunnerIsFoundByIdAndByName)
{
    const auto byId = findUser(::geteuid());

    ASSERT_OK(byId);
    EXPECT_EQ(findUser(byId->name)->uid, ::geteuid());
    EXPECT_FAILS(findUser("no-such-user-here"), NotFound);
}

} // namespace
} // namespace salvor
