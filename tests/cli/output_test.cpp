#include "core/cli/output.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

namespace salvor::cli {
namespace {

/// What a command wrote and ended with.
struct Ended {
    int status = 0;
    std::string out;
    std::string err;
};

Ended finished(const Answer& answer, std::optional<CommandId> command, Format format)
{
    std::ostringstream out;
    std::ostringstream err;
    const int status = finish(answer, command, format, out, err);
    return {status, out.str(), err.str()};
}

Answer failedAnswer()
{
    Answer answer;
    answer.problem = fail(ErrorCode::NotReady, "archive_mode is off", "Switch it on.");
    return answer;
}

TEST(Output, ASuccessIsOneObjectOnStandardOutput)
{
    Answer answer;
    answer.result = Json::Object{{"n", 1}};
    answer.text = "for people\n";
    answer.message = "done";
    const Ended ended = finished(answer, CommandId::RepoKeyAdd, Format::Json);
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(ended.out, "{\"command\":\"repo key add\",\"ok\":true,\"result\":{\"n\":1},"
                         "\"schema\":1}\n");
    EXPECT_EQ(ended.err, "done\n");
}

TEST(Output, AFailureCarriesStatusCodeMessageHintAndNearest)
{
    const Ended ended = finished(failedAnswer(), CommandId::Backup, Format::Json);
    EXPECT_EQ(ended.status, 3);
    EXPECT_EQ(ended.out,
              "{\"command\":\"backup\",\"error\":{\"code\":\"NotReady\",\"hint\":\"Switch it "
              "on.\",\"message\":\"archive_mode is off\",\"nearest\":[]},\"exit\":3,\"ok\":false,"
              "\"schema\":1}\n");
    EXPECT_EQ(ended.err, "salvorctl: archive_mode is off. Switch it on.\n");
}

TEST(Output, FindingsComeWithTheFailure)
{
    Answer answer;
    answer.result = Json::Object{{"findings", Json::Array{1}}};
    answer.problem = fail(ErrorCode::Corrupt, "1 finding");
    const Ended ended = finished(answer, CommandId::Verify, Format::Json);
    EXPECT_EQ(ended.status, 5);
    EXPECT_NE(ended.out.find("\"result\":{\"findings\":[1]}"), std::string::npos);
    EXPECT_NE(ended.out.find("\"ok\":false"), std::string::npos);
}

TEST(Output, TextGoesToStandardOutputAndTheMessageIsTheLastLineOfStandardError)
{
    Answer answer;
    answer.text = "BACKUP\nb1\n";
    EXPECT_EQ(finished(answer, CommandId::Backups, Format::Text).out, "BACKUP\nb1\n");
    EXPECT_EQ(finished(answer, CommandId::Backups, Format::Text).err, "");
    const Ended ended = finished(failedAnswer(), std::nullopt, Format::Text);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(ended.status, 3);
}

TEST(Output, ControlCharactersInMessagesDoNotReachTheTerminal)
{
    Answer answer;
    answer.problem = fail(ErrorCode::NotReady, "no 'a\x1b[2J\n'");
    EXPECT_EQ(finished(answer, CommandId::Backup, Format::Text).err,
              "salvorctl: no 'a\\x1b[2J\\x0a'\n");
}

TEST(Output, AListThatCouldNotBeWrittenIsAFailure)
{
    Answer answer;
    answer.text = "rows\n";
    std::ostringstream out;
    std::ostringstream err;
    out.setstate(std::ios::badbit);
    EXPECT_EQ(finish(answer, CommandId::Backups, Format::Text, out, err), 1);
    EXPECT_EQ(err.str(), "salvorctl: cannot write to standard output\n");
}

TEST(Output, ArchiveGetThatFailedIsNeverOneUnlessTheFileIsNotThere)
{
    EXPECT_EQ(finished(failedAnswer(), CommandId::ArchiveGet, Format::Text).status, 126);
}

TEST(ProgressPrinter, PhasesNotesAndWarningsAreLinesAndNothingComesAfterClose)
{
    std::ostringstream err;
    ProgressPrinter printer(err, ProgressPrinter::Show::Everything, false);
    JobContext job = printer.job();
    job.phase("copy files", 2048);
    job.events.note("A note.");
    job.events.warning("A warning.");
    printer.close();
    job.events.note("Too late.");
    EXPECT_EQ(err.str(), "copy files: 2.0 KiB\nA note.\nwarning: A warning.\n");
    EXPECT_TRUE(job.proceed().ok());
}

TEST(ProgressPrinter, QuietShowsWarningsOnly)
{
    std::ostringstream err;
    ProgressPrinter printer(err, ProgressPrinter::Show::WarningsOnly, true);
    JobContext job = printer.job();
    job.phase("copy files", 0);
    job.events.note("A note.");
    job.events.warning("A warning.");
    printer.close();
    EXPECT_EQ(err.str(), "warning: A warning.\n");
}

TEST(ProgressPrinter, ASignalAsksTheJobToStop)
{
    std::ostringstream err;
    catchStopSignals();
    ProgressPrinter printer(err, ProgressPrinter::Show::WarningsOnly, false);
    const JobContext job = printer.job();
    EXPECT_FALSE(stopSignalCame());
    ASSERT_EQ(std::raise(SIGTERM), 0);
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    // Woken by the stop; never before it came.
    wake.wait(lock, job.stop, [] { return false; });
    printer.close();
    EXPECT_EQ(job.proceed().error().code, ErrorCode::Cancelled);
    EXPECT_EQ(err.str(), "stopping...\n");
}

TEST(ProgressText, SaysHowMuchHowFastAndHowLong)
{
    using namespace std::chrono_literals;
    constexpr ByteCount mebibyte = 1048576;
    EXPECT_EQ(progressText("copy", 0, 0, 5s), "copy");
    EXPECT_EQ(progressText("copy", mebibyte, 0, 100ms), "copy: 1.0 MiB");
    EXPECT_EQ(progressText("copy", mebibyte, 4 * mebibyte, 2s),
              "copy: 1.0 MiB of 4.0 MiB (25 %), 512.0 KiB/s, 7 s left");
    EXPECT_EQ(progressText("copy", 5 * mebibyte, 4 * mebibyte, 2s),
              "copy: 5.0 MiB of 4.0 MiB (100 %), 2.5 MiB/s");
}

} // namespace
} // namespace salvor::cli
