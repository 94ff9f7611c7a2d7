// Where AWS credentials come from, and how they stay fresh.
#pragma once

#include "core/net/sigv4.h"

#include <functional>
#include <mutex>

namespace salvor::net {

/// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
[[nodiscard]] Environment processEnvironment();

/// A place that hands out credentials. One thread at a time.
class CredentialSource {
public:
    virtual ~CredentialSource() = default;
    /// Asks the place. Errors: NotReady when it has none, with a hint; Denied when a file can be
    /// read by others; Timeout and Unavailable of the network; Cancelled.
    virtual Result<AwsCredentials> load(const std::stop_token& stop) = 0;
};

/// What sources need of the world. All references outlive the source.
struct CredentialContext {
    HttpClient& http;
    Environment environment = processEnvironment();
};

/// Makes the source that a setting names:
/// "env"           AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN;
/// "profile:NAME"  ~/.aws/credentials and ~/.aws/config, or where AWS_SHARED_CREDENTIALS_FILE and
///                 AWS_CONFIG_FILE say; keys, or a credential_process;
/// "process:CMD"   a program that prints what credential_process prints; no shell;
/// "instance"      the machine's own role, IMDSv2; AWS_EC2_METADATA_SERVICE_ENDPOINT moves it;
/// "file:PATH"     aws_access_key_id, aws_secret_access_key, aws_session_token, in a file that is
///                 the runner's own and has mode 0600 or less.
/// Errors: InvalidInput for anything else. Nothing is asked yet.
[[nodiscard]] Result<std::unique_ptr<CredentialSource>>
createCredentialSource(std::string_view setting, const CredentialContext& context);

/// Keys in hand, for tests and dialogs.
[[nodiscard]] std::unique_ptr<CredentialSource> fixedCredentials(AwsCredentials credentials);

/// Keeps credentials and asks again five minutes before they end. Thread-safe; one thread asks,
/// the others wait for it.
class CredentialProvider {
public:
    /// `clock` outlives the provider.
    CredentialProvider(std::unique_ptr<CredentialSource> source, const Clock& clock)
        : m_source(std::move(source))
        , m_clock(clock)
    {}

    /// Credentials that are good now. A failed renewal is an error only once the old ones ended.
    [[nodiscard]] Result<std::shared_ptr<const AwsCredentials>>
    current(const std::stop_token& stop);
    /// Forgets what it has, after a store called it expired.
    void forget();

private:
    const std::unique_ptr<CredentialSource> m_source;
    const Clock& m_clock;
    std::mutex m_mutex;
    std::shared_ptr<const AwsCredentials> m_credentials; // Guarded by m_mutex.
};

} // namespace salvor::net
