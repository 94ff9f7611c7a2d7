#include "core/base/json.h"
#include "core/base/subprocess.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <optional>
#include <sys/stat.h>

namespace salvor::cli {
namespace {

/// The real program on a repository in a folder, without any server.
class ProgramTest : public testing::Test {
protected:
    void SetUp() override
    {
        auto made = TemporaryDirectory::create();
        ASSERT_OK(made);
        m_folder.emplace(*std::move(made));
        configure("[repository main]\nurl = file://" + inFolder("repository")
                  + "\nkey-file = " + inFolder("key") + "\n[cluster orders]\nrepository = main\n");
    }

    [[nodiscard]] std::string inFolder(const std::string& name) const
    {
        return (m_folder->path() / name).native();
    }
    void configure(const std::string& text) const
    {
        ASSERT_OK(writeFileDurably(inFolder("salvor.conf"), asBytes(text)));
    }
    [[nodiscard]] CommandResult run(std::vector<std::string> words,
                                    const std::string& input = {}) const
    {
        Command command;
        command.argv = {SALVORCTL, "--config", inFolder("salvor.conf")};
        command.argv.insert(command.argv.end(), words.begin(), words.end());
        command.environment = {{"XDG_STATE_HOME", inFolder("state")}};
        command.input = input;
        auto ran = runCommand(command);
        EXPECT_OK(ran);
        return ran.ok() ? *std::move(ran) : CommandResult{};
    }
    /// The object a command prints with --json; it is alone on standard output.
    [[nodiscard]] Json answer(std::vector<std::string> words, int status) const
    {
        words.emplace_back("--json");
        const CommandResult ran = run(words);
        EXPECT_EQ(ran.status, status) << ran.output << ran.errors;
        auto json = Json::parse(ran.output);
        EXPECT_OK(json);
        return json.ok() ? *std::move(json) : Json();
    }
    /// The code of the error that a command ends with.
    [[nodiscard]] std::string failure(const std::vector<std::string>& words, int status) const
    {
        const Json json = answer(words, status);
        EXPECT_EQ(*json.integerAt("exit"), status);
        EXPECT_FALSE(*json.boolAt("ok"));
        const Json* error = json.find("error");
        return error == nullptr ? std::string() : *error->stringAt("code");
    }
    [[nodiscard]] Json result(const std::vector<std::string>& words) const
    {
        const Json json = answer(words, 0);
        const Json* found = json.find("result");
        return found == nullptr ? Json() : *found;
    }
    void initialise() const
    {
        const CommandResult ran = run({"repo", "init", "--repo", "main"});
        ASSERT_EQ(ran.status, 0) << ran.errors;
    }

private:
    std::optional<TemporaryDirectory> m_folder;
};

void expectContains(const std::string& text, const std::string& part)
{
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(ProgramTest, ANewRepositoryGetsItsKeyFileAndSaysToKeepIt)
{
    const CommandResult ran = run({"repo", "init", "--repo", "main"});

    EXPECT_EQ(ran.status, 0) << ran.errors;
    expectContains(ran.output, "Keep a copy somewhere else");
    expectContains(ran.errors, "repository 'main' is ready at file://");
    struct stat status {};
    ASSERT_EQ(::stat(inFolder("key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(ProgramTest, InitialisingTwiceIsRefusedAndTheKeyStays)
{
    initialise();
    const auto key = readTextFile(inFolder("key"));

    EXPECT_EQ(failure({"repo", "init", "--repo", "main"}, 3), "AlreadyExists");

    EXPECT_EQ(*readTextFile(inFolder("key")), *key);
}

TEST_F(ProgramTest, APlainRepositoryNeedsTheWordInTheConfiguration)
{
    configure("[repository main]\nurl = file://" + inFolder("repository")
              + "\nencryption = none\n");

    const Json made = result({"repo", "init", "--repo", "main"});

    EXPECT_FALSE(*made.boolAt("encrypted"));
    EXPECT_EQ(failure({"repo", "key", "add", "--repo", "main", "--label", "x", "--passphrase"}, 2),
              "InvalidInput");
}

TEST_F(ProgramTest, WithoutAKeyAndATerminalNothingIsMade)
{
    configure("[repository main]\nurl = file://" + inFolder("repository") + "\n");

    const int status = run({"repo", "init", "--repo", "main"}).status;

    EXPECT_NE(status, 0);
    EXPECT_EQ(failure({"repo", "info", "--repo", "main"}, 3), "NotReady");
}

TEST_F(ProgramTest, KeysAreAddedListedAndRemoved)
{
    initialise();
    const Json added = result({"repo", "key", "add", "--repo", "main", "--label", "host",
                               "--key-file", inFolder("second"), "--writer"});
    EXPECT_EQ(*added.stringAt("access"), "writer");
    EXPECT_EQ(result({"repo", "key", "list", "--repo", "main"}).arrayAt("keys")->size(), 2U);
    const CommandResult passphrase =
        run({"repo", "key", "add", "--repo", "main", "--label", "safe", "--passphrase"},
            "correct horse\n");
    EXPECT_EQ(passphrase.status, 0) << passphrase.errors;

    const std::string slot = *added.stringAt("id");
    EXPECT_EQ(run({"repo", "key", "remove", slot, "--repo", "main"}).status, 0);

    EXPECT_EQ(result({"repo", "key", "list", "--repo", "main"}).arrayAt("keys")->size(), 2U);
    EXPECT_EQ(failure({"repo", "key", "remove", "0000", "--repo", "main"}, 2), "InvalidInput");
}

TEST_F(ProgramTest, KeysThatAreNoneAreRefused)
{
    initialise();
    const std::vector<std::string> add = {"repo", "key", "add", "--repo", "main"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), add.begin(), add.end());
        return failure(more, 2);
    };
    EXPECT_EQ(with({"--passphrase"}), "InvalidInput");
    EXPECT_EQ(with({"--label", "x"}), "InvalidInput");
    EXPECT_EQ(with({"--label", "x", "--passphrase", "--key-file", "/k"}), "InvalidInput");
    EXPECT_EQ(with({"--label", "x", "--recipient", "abc"}), "InvalidInput");
    EXPECT_EQ(with({"--label", "x", "--passphrase"}), "InvalidInput");
}

TEST_F(ProgramTest, AnEmptyRepositoryHasNoBackupsAndVerifiesClean)
{
    initialise();

    EXPECT_TRUE(result({"backups"}).arrayAt("backups")->empty());
    EXPECT_TRUE(result({"verify"}).arrayAt("findings")->empty());
    EXPECT_TRUE(result({"instance", "list"}).arrayAt("instances")->empty());
}

TEST_F(ProgramTest, NamesThatDoNotExistAreInvalidInput)
{
    initialise();

    EXPECT_EQ(failure({"show", "20200101T000000Z-0000"}, 2), "InvalidInput");
    EXPECT_EQ(failure({"verify", "20200101T000000Z-0000"}, 2), "InvalidInput");
    EXPECT_EQ(failure({"instance", "stop", "none"}, 2), "InvalidInput");
    EXPECT_EQ(failure({"instance", "promote", "none"}, 2), "InvalidInput");
    EXPECT_EQ(failure({"repo", "info", "--repo", "mian"}, 2), "InvalidInput");
    EXPECT_EQ(failure({"restore", "orders", "--to", inFolder("new"), "--backup", "none"}, 2),
              "InvalidInput");
    EXPECT_EQ(failure({"restore", "--plan", inFolder("none.json")}, 2), "InvalidInput");
}

TEST_F(ProgramTest, APlanGoesWithNothingElse)
{
    EXPECT_EQ(failure({"restore", "orders", "--plan", "/p"}, 2), "InvalidInput");
    EXPECT_EQ(failure({"restore", "--plan", "/p", "--start"}, 2), "InvalidInput");
}

TEST_F(ProgramTest, ARestoreOfAClusterThatWasNeverBackedUpIsStatusThree)
{
    initialise();

    EXPECT_EQ(failure({"restore", "orders", "--to", inFolder("new")}, 3), "NotFound");
}

TEST_F(ProgramTest, ArchiveGetNeverSaysOneForWhatItCouldNotRead)
{
    const std::vector<std::string> get = {"archive-get", "orders", "000000010000000000000001",
                                          inFolder("fetched")};
    EXPECT_EQ(run(get).status, 126); // No repository, no key.
    initialise();
    EXPECT_EQ(run(get).status, 126); // A cluster that was never seen.
    ASSERT_EQ(::unlink(inFolder("key").c_str()), 0);
    EXPECT_EQ(run(get).status, 126);
    EXPECT_EQ(run({"archive-get", "orders"}).status, 126);
    EXPECT_EQ(run({"archive-get", "ordres", "a", "b"}).status, 126);
    EXPECT_EQ(run({"archive-get", "--bad", "a", "b"}).status, 126);
    configure("[oops]\n");
    EXPECT_EQ(run(get).status, 126);
    ASSERT_EQ(::unlink(inFolder("salvor.conf").c_str()), 0);
    EXPECT_EQ(run(get).status, 126);
}

TEST_F(ProgramTest, ArchivePushFailsBetweenOneAnd125)
{
    const auto push = [&](const std::string& path) {
        const int status = run({"archive-push", "orders", path}).status;
        EXPECT_GE(status, 1);
        EXPECT_LE(status, 125);
    };
    push(inFolder("000000010000000000000001"));
    initialise();
    push(inFolder("000000010000000000000001"));
    ASSERT_OK(writeFileDurably(inFolder("000000010000000000000001"), asBytes("no WAL")));
    push(inFolder("000000010000000000000001"));
    ASSERT_EQ(::unlink(inFolder("salvor.conf").c_str()), 0);
    push(inFolder("000000010000000000000001"));
}

TEST_F(ProgramTest, AWorkerIsNotStartedByAPerson)
{
    initialise();

    const CommandResult push = run({"archive-worker", "push", "orders", inFolder(".")}, "x");
    EXPECT_EQ(push.status, 1);
    expectContains(push.errors, "is started by archive-push or archive-get");
    const CommandResult other = run({"archive-worker", "dance", "orders", inFolder(".")});
    EXPECT_EQ(other.status, 1);
    expectContains(other.errors, "there is no worker 'dance'");
}

TEST_F(ProgramTest, AsynchronousArchivingWithoutAUsableSpoolArchivesOneByOne)
{
    initialise();
    const std::string name = "00000002.history";
    ASSERT_OK(writeFileDurably(inFolder("spool"), asBytes("a file")));
    configure("[repository main]\nurl = file://" + inFolder("repository") + "\nkey-file = "
              + inFolder("key") + "\n[cluster orders]\nrepository = main\narchive-async = yes\n"
              + "spool-path = " + inFolder("spool") + "\n");
    ASSERT_OK(createDirectories(inFolder("archive_status")));
    ASSERT_OK(writeFileDurably(inFolder("archive_status/" + name + ".ready"), {}));
    ASSERT_OK(writeFileDurably(inFolder(name), asBytes("1\t0/3000000\tno\n")));

    const CommandResult ran = run({"archive-push", "orders", inFolder(name)});

    expectContains(ran.errors, "archiving one by one");
    expectContains(ran.errors, "cannot tell which cluster"); // There is no control file.
    EXPECT_EQ(ran.status, 3);
}

TEST_F(ProgramTest, ASuccessfulArchiveCommandIsSilentOnStandardError)
{
    initialise();
    ASSERT_OK(writeFileDurably(inFolder("00000002.history"), asBytes("1\t0/3000000\tno\n")));

    const CommandResult ran = run({"archive-push", "orders", inFolder("00000002.history")});

    if (ran.status == 0) {
        EXPECT_EQ(ran.errors, "");
    }
    EXPECT_LE(ran.status, 125);
}

TEST_F(ProgramTest, HelpAndVersionNeedNoConfiguration)
{
    ASSERT_EQ(::unlink(inFolder("salvor.conf").c_str()), 0);

    expectContains(run({"help"}).output, "Usage: salvorctl");
    expectContains(run({"restore", "--help"}).output, "--restore-point NAME");
    expectContains(run({"--version"}).output, "salvorctl ");
    EXPECT_EQ(run({"help", "nothing-like-it"}).status, 2);
}

TEST_F(ProgramTest, QuietLeavesStandardErrorEmptyOnSuccess)
{
    const CommandResult ran = run({"--quiet", "repo", "init", "--repo", "main"});

    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.errors, "");
}

} // namespace
} // namespace salvor::cli
