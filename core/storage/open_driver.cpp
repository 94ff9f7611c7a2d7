#include "core/storage/open_driver.h"

#include "core/storage/posix_driver.h"
#include "core/storage/retry_driver.h"
#include "core/storage/s3_driver.h"

namespace salvor::storage {

namespace {

constexpr std::string_view fileScheme = "file://";
constexpr std::string_view s3Scheme = "s3://";

/// Owns the HTTP client that its credentials borrow as well.
class S3Place final : public net::CredentialSource {
public:
    S3Place(std::shared_ptr<net::HttpClient> http, std::unique_ptr<net::CredentialSource> source)
        : m_http(std::move(http))
        , m_source(std::move(source))
    {}

    Result<net::AwsCredentials> load(const std::stop_token& stop) override
    {
        return m_source->load(stop);
    }

private:
    const std::shared_ptr<net::HttpClient> m_http;
    const std::unique_ptr<net::CredentialSource> m_source;
};

std::string regionOf(const PlaceOptions& options, const net::Environment& environment)
{
    if (!options.region.empty())
        return options.region;
    const auto region = environment("AWS_REGION");
    return region ? *region : environment("AWS_DEFAULT_REGION").value_or("us-east-1");
}

Result<S3Options> s3Options(const PlaceOptions& options)
{
    std::string_view place = std::string_view(options.url).substr(s3Scheme.size());
    if (place.ends_with('/'))
        place.remove_suffix(1);
    const std::size_t slash = place.find('/');
    S3Options s3;
    s3.bucket = std::string(place.substr(0, slash));
    s3.prefix = slash == std::string_view::npos ? "" : std::string(place.substr(slash + 1));
    if (!options.endpoint.empty()) {
        SALVOR_TRY(s3.endpoint, net::parseEndpoint(options.endpoint));
    }
    s3.region = regionOf(options, net::processEnvironment());
    s3.pathStyle = options.pathStyle;
    s3.sse = options.sse;
    s3.storageClass = options.storageClass;
    s3.lockDays = options.lockDays;
    s3.stop = options.stop;
    if (options.hasty) {
        s3.timeouts.connect = std::chrono::seconds(3);
        s3.timeouts.stall = std::chrono::seconds(10);
    }
    return s3;
}

Result<std::unique_ptr<S3Client>> openClient(const PlaceOptions& options)
{
    SALVOR_TRY(S3Options s3, s3Options(options));
    SALVOR_TRY(auto client, net::createHttpClient({.caFile = options.caFile}));
    const std::shared_ptr<net::HttpClient> http = std::move(client);
    SALVOR_TRY(auto source, net::createCredentialSource(options.credentials, {.http = *http}));
    return S3Client::create(std::move(s3), http, std::make_unique<S3Place>(http, std::move(source)),
                            systemClock());
}

Result<std::shared_ptr<Driver>> openFolder(const std::string& url)
{
    const Path root = url.substr(fileScheme.size());
    if (!root.is_absolute())
        return fail(ErrorCode::InvalidInput, "'" + url + "' names no absolute folder",
                    "Write it as file:///srv/backup, with three slashes.");
    return std::shared_ptr<Driver>(std::make_shared<PosixDriver>(root));
}

Result<std::shared_ptr<Driver>> openPlain(const PlaceOptions& options)
{
    if (options.url.starts_with(fileScheme))
        return openFolder(options.url);
    if (options.url.starts_with(s3Scheme)) {
        SALVOR_TRY(auto client, openClient(options));
        return std::shared_ptr<Driver>(std::make_shared<S3Driver>(std::move(client)));
    }
    return fail(ErrorCode::InvalidInput, "'" + options.url + "' names no place for objects",
                "Use file:///folder or s3://bucket/prefix.");
}

} // namespace

Result<std::unique_ptr<Driver>> openDriver(const PlaceOptions& options)
{
    SALVOR_TRY(auto plain, openPlain(options));
    if (options.rates.upload != 0 || options.rates.download != 0)
        plain = std::make_shared<LimitedDriver>(std::move(plain), options.rates, options.stop);
    RetryOptions retries;
    retries.stop = options.stop;
    if (options.hasty) {
        retries.attempts = 2;
        retries.patience = std::chrono::seconds(1);
    }
    return std::unique_ptr<Driver>(
        std::make_unique<RetryDriver>(std::move(plain), std::move(retries)));
}

Result<std::unique_ptr<BucketLifecycle>> openLifecycle(const PlaceOptions& options)
{
    if (!options.url.starts_with(s3Scheme))
        return fail(ErrorCode::InvalidInput,
                    "'" + options.url + "' is in no bucket: only buckets have lifecycle rules",
                    "What is not needed in a folder is removed by 'salvorctl prune'.");
    SALVOR_TRY(auto client, openClient(options));
    return std::make_unique<BucketLifecycle>(std::move(client));
}

} // namespace salvor::storage
