#include "core/base/subprocess.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

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

TEST(FindUser, RunnerIsFoundByIdAndByName)
{
    const auto byId = findUser(::geteuid());

    ASSERT_OK(byId);
    EXPECT_EQ(findUser(byId->name)->uid, ::geteuid());
    EXPECT_FAILS(findUser("no-such-user-here"), NotFound);
}

} // namespace
} // namespace salvor
