#include "core/storage/s3_client.h"

#include "core/base/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace salvor::storage {

namespace {

constexpr ByteCount smallestPart = ByteCount{5} << 20U;

/// How a fault is taken whatever its status says.
struct Meaning {
    std::string_view fault;
    ErrorCode code;
    std::string_view hint;
};

constexpr std::array<Meaning, 23> meanings{{
    {"SignatureDoesNotMatch", ErrorCode::Denied, "Check the secret key."},
    {"InvalidAccessKeyId", ErrorCode::Denied, "Check the access key."},
    {"AccessDenied", ErrorCode::Denied,
     "Let these credentials list, read, write and delete in the bucket, or name others."},
    {"ExpiredToken", ErrorCode::Denied, "Renew the credentials."},
    {"InvalidToken", ErrorCode::Denied, "Renew the credentials."},
    {"RequestTimeTooSkewed", ErrorCode::NotReady, "Set the clock of this machine."},
    {"NoSuchBucket", ErrorCode::NotReady, "Create the bucket, or correct its name."},
    {"InvalidBucketName", ErrorCode::InvalidInput, "Correct the name of the bucket."},
    {"NoSuchUpload", ErrorCode::NotReady, "Start the write again."},
    {"QuotaExceeded", ErrorCode::NoSpace, "Free space in the bucket or raise its quota."},
    {"InsufficientStorage", ErrorCode::NoSpace, "Free space in the store."},
    {"XMinioStorageFull", ErrorCode::NoSpace, "Free space in the store."},
    {"InvalidObjectState", ErrorCode::NotReady,
     "The object is in an archive tier; restore it there first."},
    {"SlowDown", ErrorCode::Unavailable, ""},
    {"RequestTimeout", ErrorCode::Unavailable, ""},
    {"OperationAborted", ErrorCode::Unavailable, ""},
    {"ConditionalRequestConflict", ErrorCode::Unavailable, ""},
    {"BadDigest", ErrorCode::Unavailable, ""},
    {"XAmzContentSHA256Mismatch", ErrorCode::Unavailable, ""},
    {"XAmzContentChecksumMismatch", ErrorCode::Unavailable, ""},
    {"IncompleteBody", ErrorCode::Unavailable, ""},
    {"PermanentRedirect", ErrorCode::NotReady, "Correct the region or the endpoint."},
    {"AuthorizationHeaderMalformed", ErrorCode::NotReady, "Correct the region."},
}};

ErrorCode codeOfStatus(int status)
{
    switch (status) {
    case 401:
    case 403:
        return ErrorCode::Denied;
    case 404:
        return ErrorCode::NotFound;
    case 408:
    case 429:
        return ErrorCode::Unavailable;
    case 409:
    case 412:
        return ErrorCode::AlreadyExists;
    case 416:
        return ErrorCode::InvalidInput;
    case 501:
        return ErrorCode::Incompatible;
    case 507:
        return ErrorCode::NoSpace;
    default:
        return status >= 500 ? ErrorCode::Unavailable : ErrorCode::NotReady;
    }
}

std::string hintOfStatus(int status)
{
    if (status == 403)
        return "Check the access key and the secret key, and what they may do in the bucket.";
    if (status >= 300 && status < 400)
        return "Correct the region or the endpoint.";
    return {};
}

std::string amazonHost(const std::string& region)
{
    return "s3." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
}

std::string encodedQuery(const S3Call& call)
{
    std::string query;
    for (const auto& [name, value] : call.query)
        query += (query.empty() ? "?" : "&") + net::uriEncoded(name) + "=" + net::uriEncoded(value);
    return query;
}

bool isBucketName(const std::string& name)
{
    return name.size() >= 3 && name.size() <= 63
           && std::all_of(name.begin(), name.end(), [](char c) {
                  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                         || c == '.' || c == '-' || c == '_';
              });
}

Result<> checkOptions(const S3Options& options)
{
    const bool sseIsKnown = options.sse == "none" || options.sse == "s3" || options.sse == "kms"
                            || options.sse.starts_with("kms:");
    if (!isBucketName(options.bucket))
        return fail(ErrorCode::InvalidInput, "'" + options.bucket + "' is no name of a bucket");
    if (!options.prefix.empty() && !isValidKey(options.prefix))
        return fail(ErrorCode::InvalidInput, "'" + options.prefix + "' is no prefix of keys",
                    "Use letters, digits, '.', '_', '-' and single slashes between them.");
    if (!sseIsKnown)
        return fail(ErrorCode::InvalidInput, "'" + options.sse + "' is no kind of encryption",
                    "Use sse = none, s3 or kms:ID.");
    if (options.region.empty())
        return fail(ErrorCode::InvalidInput, "the region is empty", "Name the bucket's region.");
    if (options.lockDays < 0 || options.partSize < smallestPart || options.readSize == 0)
        return fail(ErrorCode::InvalidInput, "a number in the options of the bucket is too small");
    return {};
}

} // namespace

Result<std::unique_ptr<S3Client>> S3Client::create(S3Options options,
                                                   std::shared_ptr<net::HttpClient> http,
                                                   std::unique_ptr<net::CredentialSource> source,
                                                   const Clock& clock)
{
    SALVOR_CHECK(checkOptions(options));
    return std::make_unique<S3Client>(std::move(options), std::move(http), std::move(source),
                                      clock);
}

S3Client::S3Client(S3Options options, std::shared_ptr<net::HttpClient> http,
                   std::unique_ptr<net::CredentialSource> credentials, const Clock& clock)
    : m_options(std::move(options))
    , m_http(std::move(http))
    , m_credentials(std::move(credentials), clock)
    , m_clock(clock)
    , m_region(m_options.region)
{}

std::string S3Client::storedKey(const ObjectKey& key) const
{
    return m_options.prefix.empty() ? key : m_options.prefix + "/" + key;
}

std::string S3Client::nameOf(const ObjectKey& key) const
{
    return "'s3://" + m_options.bucket + "/" + storedKey(key) + "'";
}

std::string S3Client::region() const
{
    const std::lock_guard lock(m_mutex);
    return m_region;
}

Moment S3Client::now() const
{
    return m_clock.now() + std::chrono::microseconds(m_clockOffset.load());
}

std::chrono::milliseconds S3Client::advisedPause() const
{
    const std::lock_guard lock(m_mutex);
    const auto left = m_pausedUntil - std::chrono::steady_clock::now();
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(left),
                    std::chrono::milliseconds(0));
}

net::HttpRequest S3Client::requestOf(const S3Call& call, const std::string& region) const
{
    net::HttpRequest request;
    request.method = call.method;
    request.endpoint = m_options.endpoint.value_or(net::Endpoint{"https", amazonHost(region), 0});
    request.target = "/";
    if (m_options.pathStyle)
        request.target += net::uriEncoded(m_options.bucket) + (call.key ? "/" : "");
    else
        request.endpoint.host = m_options.bucket + "." + request.endpoint.host;
    if (call.key)
        request.target += net::uriEncodedPath(storedKey(*call.key));
    request.target += encodedQuery(call);
    request.headers = call.headers;
    request.body = call.body;
    request.timeouts = m_options.timeouts;
    constexpr ByteCount slowest = 128ULL << 10U; // Bytes a second that are still waited for.
    request.timeouts.total = std::min<std::chrono::milliseconds>(
        m_options.timeouts.total,
        std::chrono::seconds(60 + (call.body.size() + m_options.readSize) / slowest));
    return request;
}

Result<net::HttpResponse> S3Client::sendOnce(const S3Call& call)
{
    const std::stop_token stop = call.evenIfStopped ? std::stop_token() : m_options.stop;
    const std::string inRegion = region();
    net::HttpRequest request = requestOf(call, inRegion);
    const std::string hash =
        call.bodyHash.empty() ? net::sha256Hex(call.body) : toHex(call.bodyHash);
    SALVOR_TRY(const auto credentials, m_credentials.current(stop));
    const std::vector<net::Header> signature = net::signatureHeaders(
        request, hash, *credentials, {.region = inRegion, .service = "s3", .at = now()});
    request.headers.insert(request.headers.end(), signature.begin(), signature.end());
    return m_http->send(request, stop);
}

Result<net::HttpResponse> S3Client::call(const S3Call& call)
{
    Mended mended;
    while (true) {
        SALVOR_TRY(net::HttpResponse response, sendOnce(call));
        if (isSuccess(response))
            m_bucketSeen = true;
        else if (mend(response, mended))
            continue;
        notePause(response);
        return response;
    }
}

bool S3Client::mend(const net::HttpResponse& response, Mended& mended)
{
    const auto fault = parseS3Fault(response.body);
    const std::string code = fault ? fault->code : std::string();
    const bool isRedirect =
        response.status >= 300 && response.status < 400 && response.status != 304;
    if (isRedirect || response.status == 400) {
        if (!std::exchange(mended.region, true) && mendRegion(response, fault))
            return true;
    }
    // An answer to HEAD says only 403.
    if (response.status == 403 && (code == "RequestTimeTooSkewed" || code.empty())
        && !std::exchange(mended.clock, true) && mendClock(response))
        return true;
    if ((code == "ExpiredToken" || code == "TokenRefreshRequired")
        && !std::exchange(mended.token, true)) {
        m_credentials.forget();
        return true;
    }
    return false;
}

bool S3Client::mendRegion(const net::HttpResponse& response, const std::optional<S3Fault>& fault)
{
    std::string right(response.header("x-amz-bucket-region"));
    if (right.empty() && fault)
        right = fault->region;
    const bool isName = !right.empty() && std::all_of(right.begin(), right.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    const std::lock_guard lock(m_mutex);
    if (!isName || right == m_region)
        return false;
    m_region = right;
    return true;
}

bool S3Client::mendClock(const net::HttpResponse& response)
{
    constexpr std::chrono::minutes tolerated{4};
    const auto theirs = net::parseHttpDate(response.header("Date"));
    if (!theirs)
        return false;
    const auto wrongBy = *theirs - now();
    if (std::chrono::abs(wrongBy) < tolerated)
        return false;
    m_clockOffset = (*theirs - m_clock.now()).count();
    return true;
}

void S3Client::notePause(const net::HttpResponse& response)
{
    constexpr std::uint64_t longest = 300;
    const std::string_view text = trim(response.header("Retry-After"));
    std::uint64_t seconds = parseUnsigned(text).value_or(0);
    if (const auto moment = net::parseHttpDate(text); moment && *moment > now())
        seconds = static_cast<std::uint64_t>(
            std::chrono::ceil<std::chrono::seconds>(*moment - now()).count());
    if (seconds == 0 || (response.status < 500 && response.status != 429))
        return;
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::seconds(std::min(seconds, longest));
    const std::lock_guard lock(m_mutex);
    m_pausedUntil = std::max(m_pausedUntil, until);
}

Error S3Client::errorOf(const net::HttpResponse& response, const std::string& doing)
{
    const auto fault = parseS3Fault(response.body);
    const std::string code = fault ? fault->code : std::string();
    std::string message = doing + ": " + (code.empty() ? "" : code + ", ") + "HTTP "
                          + std::to_string(response.status);
    if (fault && !fault->message.empty())
        message += " (" + fault->message + ")";
    const auto* const meaning = std::find_if(meanings.begin(), meanings.end(),
                                             [&](const Meaning& row) { return row.fault == code; });
    if (meaning != meanings.end())
        return fail(meaning->code, std::move(message), std::string(meaning->hint));
    return fail(codeOfStatus(response.status), std::move(message), hintOfStatus(response.status));
}

Result<> S3Client::requireBucket()
{
    if (m_bucketSeen)
        return {};
    S3Call ask;
    ask.method = net::Method::Head;
    SALVOR_TRY(const net::HttpResponse response, call(ask));
    if (response.status == 404)
        return fail(ErrorCode::NotReady, "there is no bucket '" + m_options.bucket + "'",
                    "Create the bucket, or correct its name.");
    m_bucketSeen = true;
    return {};
}

} // namespace salvor::storage
