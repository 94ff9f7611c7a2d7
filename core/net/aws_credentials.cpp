#include "core/net/aws_credentials.h"

#include "core/base/json.h"
#include "core/base/subprocess.h"
#include "core/base/text.h"
#include "core/net/aws_files.h"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::net {

namespace {

using Section = std::map<std::string, std::string>;

constexpr std::chrono::minutes renewBefore{5};
constexpr auto keysHint = "Give both the access key and the secret key.";

std::string valueOf(const Section& section, const std::string& key)
{
    const auto found = section.find(key);
    return found == section.end() ? std::string() : found->second;
}

Result<AwsCredentials> fromSection(const Section& section, const std::string& where)
{
    AwsCredentials credentials;
    credentials.accessKey = valueOf(section, "aws_access_key_id");
    credentials.secretKey = Secret(valueOf(section, "aws_secret_access_key"));
    credentials.sessionToken = Secret(valueOf(section, "aws_session_token"));
    if (credentials.accessKey.empty() || credentials.secretKey.empty())
        return fail(ErrorCode::NotReady, where + " has no AWS keys", keysHint);
    return credentials;
}

Result<std::optional<Moment>> expiryOf(const Json& json)
{
    const Json* text = json.find("Expiration");
    if (text == nullptr || text->asString() == nullptr)
        return std::optional<Moment>();
    SALVOR_TRY(const Moment moment, parseMoment(*text->asString()));
    return std::optional<Moment>(moment);
}

std::string memberOf(const Json& json, std::string_view key)
{
    const Json* value = json.find(key);
    return value != nullptr && value->asString() != nullptr ? *value->asString() : std::string();
}

/// The answers of a credential_process and of the metadata service differ in the token's name.
Result<AwsCredentials> fromJson(std::string_view text, const std::string& tokenName)
{
    SALVOR_TRY(const Json json, Json::parse(text));
    AwsCredentials credentials;
    credentials.accessKey = memberOf(json, "AccessKeyId");
    credentials.secretKey = Secret(memberOf(json, "SecretAccessKey"));
    credentials.sessionToken = Secret(memberOf(json, tokenName));
    if (credentials.accessKey.empty() || credentials.secretKey.empty())
        return fail(ErrorCode::NotReady, "the answer has no AWS keys");
    SALVOR_TRY(credentials.expiresAt, expiryOf(json));
    return credentials;
}

class EnvironmentSource final : public CredentialSource {
public:
    explicit EnvironmentSource(Environment environment)
        : m_environment(std::move(environment))
    {}

    Result<AwsCredentials> load(const std::stop_token& /*stop*/) override
    {
        AwsCredentials credentials;
        credentials.accessKey = m_environment("AWS_ACCESS_KEY_ID").value_or("");
        credentials.secretKey = Secret(m_environment("AWS_SECRET_ACCESS_KEY").value_or(""));
        credentials.sessionToken = Secret(m_environment("AWS_SESSION_TOKEN").value_or(""));
        if (credentials.accessKey.empty() || credentials.secretKey.empty())
            return fail(ErrorCode::NotReady, "the environment has no AWS keys",
                        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
        return credentials;
    }

private:
    const Environment m_environment;
};

class ProcessSource final : public CredentialSource {
public:
    explicit ProcessSource(std::vector<std::string> argv)
        : m_argv(std::move(argv))
    {}

    Result<AwsCredentials> load(const std::stop_token& stop) override
    {
        const std::string what = "credentials of '" + m_argv.front() + "'";
        Command command;
        command.argv = m_argv;
        command.timeout = std::chrono::minutes(1);
        SALVOR_TRY(const std::string output, runChecked(command, stop).in(what));
        auto credentials = fromJson(output, "SessionToken");
        if (!credentials.ok()) // The parser's message could show a part of the output.
            return fail(ErrorCode::NotReady, what + ": it printed no credentials",
                        "See the AWS documentation for what a credential_process prints.");
        return credentials;
    }

private:
    const std::vector<std::string> m_argv;
};

class ProfileSource final : public CredentialSource {
public:
    ProfileSource(std::string name, Environment environment)
        : m_name(std::move(name))
        , m_environment(std::move(environment))
    {}

    Result<AwsCredentials> load(const std::stop_token& stop) override
    {
        SALVOR_TRY(Section keys,
                   section("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", m_name));
        SALVOR_TRY(const Section config,
                   section("AWS_CONFIG_FILE", ".aws/config",
                           m_name == "default" ? m_name : "profile " + m_name));
        // The credentials file wins over the other one, as with the tools of AWS.
        keys.insert(config.begin(), config.end());
        const std::string where = "the profile '" + m_name + "'";
        if (!keys.contains("aws_access_key_id") && keys.contains("credential_process")) {
            SALVOR_TRY(auto argv, splitCommandLine(keys["credential_process"]).in(where));
            return ProcessSource(std::move(argv)).load(stop).in(where);
        }
        if (!keys.contains("aws_access_key_id")
            && (keys.contains("role_arn") || keys.contains("sso_start_url")
                || keys.contains("sso_session")))
            return fail(ErrorCode::NotReady, where + " takes on a role or signs on elsewhere",
                        "Use credentials = process:aws configure export-credentials --profile "
                            + m_name + ".");
        return fromSection(keys, where);
    }

private:
    Result<Section> section(const std::string& variable, const std::string& usual,
                            const std::string& name) const
    {
        const Path home = m_environment("HOME").value_or("/");
        const std::optional<std::string> set = m_environment(variable);
        const Path path = set ? Path(*set) : home / usual;
        const auto text = readTextFile(path);
        if (!text.ok() && text.error().code == ErrorCode::NotFound)
            return Section();
        if (!text.ok())
            return text.error();
        SALVOR_TRY(IniFile file, parseIni(*text).in(quoted(path)));
        return std::move(file[name]);
    }

    const std::string m_name;
    const Environment m_environment;
};

class FileSource final : public CredentialSource {
public:
    explicit FileSource(Path path)
        : m_path(std::move(path))
    {}

    Result<AwsCredentials> load(const std::stop_token& /*stop*/) override
    {
        struct stat status {};
        if (::stat(m_path.c_str(), &status) != 0)
            return failErrno(errno, "cannot read " + quoted(m_path));
        if ((status.st_mode & 077U) != 0 || status.st_uid != ::geteuid())
            return fail(ErrorCode::Denied, quoted(m_path) + " can be read by others",
                        "Make it your own and give it mode 0600.");
        SALVOR_TRY(const std::string text, readTextFile(m_path));
        SALVOR_TRY(IniFile file, parseIni(text).in(quoted(m_path)));
        Section keys = std::move(file["default"]);
        keys.merge(file[""]);
        return fromSection(keys, quoted(m_path));
    }

private:
    const Path m_path;
};

class InstanceSource final : public CredentialSource {
public:
    InstanceSource(HttpClient& http, Endpoint endpoint)
        : m_http(http)
        , m_endpoint(std::move(endpoint))
    {}

    Result<AwsCredentials> load(const std::stop_token& stop) override
    {
        const std::string base = "/latest/meta-data/iam/security-credentials/";
        SALVOR_TRY(const std::string token,
                   ask(Method::Put, "/latest/api/token",
                       {"X-aws-ec2-metadata-token-ttl-seconds", "21600"}, stop));
        const Header proof{"X-aws-ec2-metadata-token", token};
        SALVOR_TRY(const std::string roles, ask(Method::Get, base, proof, stop));
        const std::string role(trim(std::string_view(roles).substr(0, roles.find('\n'))));
        if (role.empty())
            return fail(ErrorCode::NotReady, "the machine has no role",
                        "Attach an instance profile to the machine.");
        SALVOR_TRY(const std::string keys, ask(Method::Get, base + uriEncoded(role), proof, stop));
        auto credentials = fromJson(keys, "Token");
        if (!credentials.ok())
            return fail(ErrorCode::NotReady, "the role '" + role + "' has no credentials now");
        return credentials;
    }

private:
    Result<std::string> ask(Method method, const std::string& target, const Header& header,
                            const std::stop_token& stop)
    {
        HttpRequest request{.method = method,
                            .endpoint = m_endpoint,
                            .target = target,
                            .headers = {header},
                            .body = {},
                            .timeouts = {.connect = std::chrono::seconds(2),
                                         .stall = std::chrono::seconds(5),
                                         .total = std::chrono::seconds(10)},
                            .answerLimit = ByteCount{1} << 20U};
        SALVOR_TRY(const HttpResponse response, m_http.send(request, stop).in("instance metadata"));
        if (response.status == 200)
            return std::string(asText(response.body));
        return fail(response.status >= 500 ? ErrorCode::Unavailable : ErrorCode::NotReady,
                    "instance metadata: '" + target + "' answered with HTTP "
                        + std::to_string(response.status),
                    "Check that this machine runs in EC2 and has an instance profile.");
    }

    HttpClient& m_http;
    const Endpoint m_endpoint;
};

AwsCredentials duplicate(const AwsCredentials& credentials)
{
    return {credentials.accessKey, credentials.secretKey.duplicate(),
            credentials.sessionToken.duplicate(), credentials.expiresAt};
}

class FixedSource final : public CredentialSource {
public:
    explicit FixedSource(AwsCredentials credentials)
        : m_credentials(std::move(credentials))
    {}

    Result<AwsCredentials> load(const std::stop_token& /*stop*/) override
    {
        return duplicate(m_credentials);
    }

private:
    const AwsCredentials m_credentials;
};

Result<std::unique_ptr<CredentialSource>> instanceSource(const CredentialContext& context)
{
    const std::string usual = "http://169.254.169.254";
    SALVOR_TRY(
        Endpoint endpoint,
        parseEndpoint(context.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or(usual)));
    return std::unique_ptr<CredentialSource>(
        std::make_unique<InstanceSource>(context.http, std::move(endpoint)));
}

} // namespace

Environment processEnvironment()
{
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): no setenv.
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

Result<std::unique_ptr<CredentialSource>> createCredentialSource(std::string_view setting,
                                                                 const CredentialContext& context)
{
    const std::size_t colon = setting.find(':');
    const std::string_view kind = setting.substr(0, colon);
    const std::string rest(colon == std::string_view::npos ? "" : setting.substr(colon + 1));
    using Source = std::unique_ptr<CredentialSource>;
    if (setting == "env")
        return Source(std::make_unique<EnvironmentSource>(context.environment));
    if (setting == "instance")
        return instanceSource(context);
    if (kind == "profile" && !rest.empty())
        return Source(std::make_unique<ProfileSource>(rest, context.environment));
    if (kind == "file" && !rest.empty())
        return Source(std::make_unique<FileSource>(rest));
    if (kind == "process") {
        SALVOR_TRY(auto argv, splitCommandLine(rest).in("credentials = process"));
        return Source(std::make_unique<ProcessSource>(std::move(argv)));
    }
    return fail(ErrorCode::InvalidInput, "'" + std::string(setting) + "' names no credentials",
                "Use env, profile:NAME, process:COMMAND, instance or file:PATH.");
}

std::unique_ptr<CredentialSource> fixedCredentials(AwsCredentials credentials)
{
    return std::make_unique<FixedSource>(std::move(credentials));
}

Result<std::shared_ptr<const AwsCredentials>>
CredentialProvider::current(const std::stop_token& stop)
{
    const std::lock_guard lock(m_mutex);
    const Moment now = m_clock.now();
    const auto isGoodAt = [this](Moment at) {
        return m_credentials && (!m_credentials->expiresAt || at < *m_credentials->expiresAt);
    };
    if (isGoodAt(now + renewBefore))
        return m_credentials;
    auto loaded = m_source->load(stop);
    if (loaded.ok())
        m_credentials = std::make_shared<const AwsCredentials>(*std::move(loaded));
    else if (!isGoodAt(now))
        return loaded.error();
    return m_credentials;
}

void CredentialProvider::forget()
{
    const std::lock_guard lock(m_mutex);
    m_credentials.reset();
}

} // namespace salvor::net
