#include "core/base/json.h"
#include "core/net/aws_credentials.h"
#include "core/net/aws_files.h"
#include "tests/support/scripted_server.h"

#include <map>
#include <sys/stat.h>

namespace salvor::net {
namespace {

class TestClock final : public Clock {
public:
    [[nodiscard]] Moment now() const override { return moment; }
    Moment moment = *parseMoment("2026-11-20T12:00:00Z");
};

class AwsCredentialsTest : public testing::Test {
protected:
    Path write(const std::string& name, const std::string& text, mode_t mode = 0600)
    {
        const Path path = folder->path() / name;
        EXPECT_TRUE(createDirectories(path.parent_path()).ok());
        EXPECT_TRUE(writeFileDurably(path, asBytes(text), IfExists::Replace, mode).ok());
        return path;
    }

    /// "ACCESS SECRET TOKEN", or the error.
    std::string ask(const std::string& setting)
    {
        const Environment environment =
            [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        auto source = createCredentialSource(setting, {*http, environment});
        if (!source.ok())
            return std::string(errorCodeName(source.error().code));
        const auto loaded = (*source)->load({});
        if (!loaded.ok()) {
            error = loaded.error();
            return std::string(errorCodeName(error.code));
        }
        expiresAt = loaded->expiresAt;
        return loaded->accessKey + " " + std::string(loaded->secretKey.revealText()) + " "
               + std::string(loaded->sessionToken.revealText());
    }

    Result<TemporaryDirectory> folder = TemporaryDirectory::create();
    std::map<std::string, std::string> variables{{"HOME", folder->path().native()}};
    std::unique_ptr<HttpClient> http = *createCurlHttpClient({.caFile = {}});
    std::optional<Moment> expiresAt;
    Error error{ErrorCode::Bug, {}, {}};
};

TEST_F(AwsCredentialsTest, SettingsThatNameNothingAreRefused)
{
    for (const char* setting :
         {"", "envy", "profile:", "profile", "file:", "process:", "process:'open", "instance:x"})
        EXPECT_EQ(ask(setting), "InvalidInput") << setting;
}

TEST_F(AwsCredentialsTest, TheEnvironmentIsRead)
{
    EXPECT_EQ(ask("env"), "NotReady");
    variables["AWS_ACCESS_KEY_ID"] = "A";
    variables["AWS_SECRET_ACCESS_KEY"] = "S";
    EXPECT_EQ(ask("env"), "A S ");
    variables["AWS_SESSION_TOKEN"] = "T";
    EXPECT_EQ(ask("env"), "A S T");
}

TEST_F(AwsCredentialsTest, AProfileIsReadFromBothFiles)
{
    write(".aws/credentials", "[dr]\naws_access_key_id = A\naws_secret_access_key=S\n");
    write(".aws/config", "[profile dr]\naws_session_token = T\naws_access_key_id = other\n"
                         "[default]\naws_access_key_id = D\naws_secret_access_key = E\n");

    EXPECT_EQ(ask("profile:dr"), "A S T");
    EXPECT_EQ(ask("profile:default"), "D E ");
    EXPECT_EQ(ask("profile:none"), "NotReady");
    EXPECT_NE(error.message.find("'none'"), std::string::npos);
}

TEST_F(AwsCredentialsTest, VariablesMoveTheFilesOfProfiles)
{
    variables["AWS_SHARED_CREDENTIALS_FILE"] =
        write("elsewhere", "[dr]\naws_access_key_id=A\naws_secret_access_key=S\n").native();
    variables["AWS_CONFIG_FILE"] = write("config", "[profile dr]\naws_session_token=T\n").native();

    EXPECT_EQ(ask("profile:dr"), "A S T");
}

TEST_F(AwsCredentialsTest, AProfileMayNameAProcess)
{
    const Path answer = write("answer", R"({"Version": 1, "AccessKeyId": "A",
        "SecretAccessKey": "S", "SessionToken": "T", "Expiration": "2026-11-20T13:00:00Z"})");
    write(".aws/config",
          "[profile dr]\ncredential_process = /bin/cat \"" + answer.native() + "\"\n");

    EXPECT_EQ(ask("profile:dr"), "A S T");
    EXPECT_EQ(expiresAt, *parseMoment("2026-11-20T13:00:00Z"));
}

TEST_F(AwsCredentialsTest, AProfileWithARoleSaysWhatToDoInstead)
{
    write(".aws/config", "[profile dr]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n");

    EXPECT_EQ(ask("profile:dr"), "NotReady");
    EXPECT_NE(error.hint.find("export-credentials --profile dr"), std::string::npos);
}

TEST_F(AwsCredentialsTest, AProcessIsRunWithoutAShell)
{
    const Path answer = write("an answer", R"({"AccessKeyId": "A", "SecretAccessKey": "S"})");

    EXPECT_EQ(ask("process:/bin/cat '" + answer.native() + "'"), "A S ");
    EXPECT_FALSE(expiresAt.has_value());
    EXPECT_EQ(ask("process:/bin/false"), "NotReady");
    EXPECT_EQ(ask("process:/no/such/program"), "NotFound");
}

TEST_F(AwsCredentialsTest, WhatAProcessPrintedIsNotRepeated)
{
    EXPECT_EQ(ask("process:/bin/echo hunter2"), "NotReady");
    EXPECT_EQ((error.message + error.hint).find("hunter2"), std::string::npos);
}

TEST_F(AwsCredentialsTest, AFileMustBeTheRunnersOwn)
{
    const std::string keys = "aws_access_key_id = A\naws_secret_access_key = S\n";

    EXPECT_EQ(ask("file:" + write("plain", keys).native()), "A S ");
    EXPECT_EQ(ask("file:" + write("section", "[default]\n" + keys).native()), "A S ");
    EXPECT_EQ(ask("file:" + write("strict", keys, 0400).native()), "A S ");
    EXPECT_EQ(ask("file:" + write("open", keys, 0640).native()), "Denied");
    EXPECT_EQ(ask("file:" + write("bad", "nonsense").native()), "InvalidInput");
    EXPECT_EQ(ask("file:" + write("half", "aws_access_key_id = A\n").native()), "NotReady");
    EXPECT_EQ(ask("file:/no/such/file"), "NotFound");
}

TEST_F(AwsCredentialsTest, AnInstanceAsksWithATokenOfItsOwn)
{
    ScriptedServer server([](const SeenRequest& seen) {
        const bool hasToken = seen.head.find("metadata-token: TOKEN\r\n") != std::string::npos
                              || seen.head.find("Metadata-Token: TOKEN\r\n") != std::string::npos;
        if (seen.line().starts_with("PUT /latest/api/token "))
            return httpAnswer(200, "TOKEN");
        if (!hasToken)
            return httpAnswer(401, "");
        if (seen.line().starts_with("GET /latest/meta-data/iam/security-credentials/ "))
            return httpAnswer(200, "backup-role\n");
        return httpAnswer(200, R"({"Code": "Success", "AccessKeyId": "A", "SecretAccessKey": "S",
            "Token": "T", "Expiration": "2026-11-20T18:00:00Z"})");
    });
    variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] =
        "http://127.0.0.1:" + std::to_string(server.port()) + "/";

    EXPECT_EQ(ask("instance"), "A S T");
    EXPECT_EQ(server.seen().back().line(),
              "GET /latest/meta-data/iam/security-credentials/backup-role HTTP/1.1");
    EXPECT_EQ(expiresAt, *parseMoment("2026-11-20T18:00:00Z"));
}

TEST_F(AwsCredentialsTest, AnInstanceWithoutARoleSaysSo)
{
    ScriptedServer server([](const SeenRequest& seen) {
        return seen.line().starts_with("PUT") ? httpAnswer(200, "TOKEN") : httpAnswer(404, "");
    });
    variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] =
        "http://127.0.0.1:" + std::to_string(server.port());

    EXPECT_EQ(ask("instance"), "NotReady");
}

/// Hands out numbered credentials that last an hour, or fails.
class CountingSource final : public CredentialSource {
public:
    CountingSource(const Clock& clock, int& asked, const bool& broken)
        : m_clock(clock)
        , m_asked(asked)
        , m_broken(broken)
    {}
    Result<AwsCredentials> load(const std::stop_token&) override
    {
        ++m_asked;
        if (m_broken)
            return fail(ErrorCode::Unavailable, "nobody answers");
        return AwsCredentials{std::to_string(m_asked), Secret("S"), Secret(),
                              m_clock.now() + std::chrono::hours(1)};
    }

private:
    const Clock& m_clock;
    int& m_asked;
    const bool& m_broken;
};

class CredentialProviderTest : public testing::Test {
protected:
    std::string key()
    {
        const auto current = provider.current({});
        return current.ok() ? (*current)->accessKey
                            : std::string(errorCodeName(current.error().code));
    }

    TestClock clock;
    int asked = 0;
    bool broken = false;
    CredentialProvider provider{std::make_unique<CountingSource>(clock, asked, broken), clock};
};

TEST_F(CredentialProviderTest, CredentialsAreKeptUntilFiveMinutesBeforeTheirEnd)
{
    EXPECT_EQ(key(), "1");
    clock.moment += std::chrono::minutes(54);
    EXPECT_EQ(key(), "1");
    clock.moment += std::chrono::minutes(1);
    EXPECT_EQ(key(), "2");
}

TEST_F(CredentialProviderTest, AFailedRenewalIsBorneWhileTheOldOnesLast)
{
    EXPECT_EQ(key(), "1");
    broken = true;
    clock.moment += std::chrono::minutes(58);
    EXPECT_EQ(key(), "1");
    clock.moment += std::chrono::minutes(2);
    EXPECT_EQ(key(), "Unavailable");
}

TEST_F(CredentialProviderTest, ForgottenOnesAreAskedForAgain)
{
    EXPECT_EQ(key(), "1");
    provider.forget();
    EXPECT_EQ(key(), "2");
}

TEST(CommandLine, IsSplitAsAShellWould)
{
    using Words = std::vector<std::string>;

    EXPECT_EQ(*splitCommandLine("a  b\tc"), (Words{"a", "b", "c"}));
    EXPECT_EQ(*splitCommandLine(R"("a b" 'c d'e f\ g "")"), (Words{"a b", "c de", "f g", ""}));
    EXPECT_EQ(*splitCommandLine(R"("a\"b\\c\d" '\')"), (Words{R"(a"b\c\d)", "\\"}));
    EXPECT_EQ(*splitCommandLine("$HOME;ls|x"), (Words{"$HOME;ls|x"}));
    for (const char* bad : {"", "  ", "'a", "\"a", "a\\"})
        EXPECT_FALSE(splitCommandLine(bad).ok()) << bad;
}

TEST(IniFile, KeepsSectionsAndNamesTheLineThatItCannotRead)
{
    const auto file =
        parseIni("top = 1\r\n# c\n; c\n[ a ]\nKEY = x = y\n  nested = 2\n[b]\nkey=\n");

    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->at("").at("top"), "1");
    EXPECT_EQ(file->at("a").at("key"), "x = y");
    EXPECT_EQ(file->at("a").size(), 1U);
    EXPECT_EQ(file->at("b").at("key"), "");
    EXPECT_EQ(parseIni("a=1\nsecret").error().message,
              "line 2 is neither a section nor 'key = value'");
    EXPECT_EQ(parseIni("[a").error().message, "line 1 begins a section and does not end it");
}

} // namespace
} // namespace salvor::net
