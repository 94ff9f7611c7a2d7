// Signed calls to one bucket, and what their answers mean.
#pragma once

#include "core/net/aws_credentials.h"
#include "core/storage/driver.h"
#include "core/storage/s3_xml.h"

#include <atomic>

namespace salvor::storage {

struct S3Options {
    std::string bucket;
    std::string prefix;                    ///< Before every key: "dr/prod"; empty: none.
    std::optional<net::Endpoint> endpoint; ///< Unset: Amazon's, by region.
    std::string region = "us-east-1";
    bool pathStyle = false;            ///< "host/bucket/key" instead of "bucket.host/key".
    std::string sse = "none";          ///< "none", "s3", "kms" or "kms:ID".
    std::string storageClass;          ///< Empty: the bucket's own.
    int lockDays = 0;                  ///< Object Lock in compliance mode for so long; 0: none.
    ByteCount partSize = 32ULL << 20U; ///< Larger objects go in parts of this size; 5 MiB or more.
    ByteCount readSize = 8ULL << 20U;  ///< What one request reads, and a stream holds.
    net::Timeouts timeouts;            ///< `total` is prolonged by the size of the body.
    std::stop_token stop;              ///< Ends every call with Cancelled.
};

struct S3Call {
    net::Method method = net::Method::Get;
    std::optional<ObjectKey> key; ///< Unset: the bucket itself.
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<net::Header> headers;
    ByteView body;
    Bytes bodyHash;             ///< SHA-256 of the body where known, to spare a second pass.
    bool evenIfStopped = false; ///< To tidy up after a stop.
};

/// Sends signed requests. A wrong region, a wrong clock and an expired token are mended once a call
/// and remembered. Thread-safe.
class S3Client {
public:
    /// Errors: InvalidInput for options that no store takes.
    [[nodiscard]] static Result<std::unique_ptr<S3Client>>
    create(S3Options options, std::shared_ptr<net::HttpClient> http,
           std::unique_ptr<net::CredentialSource> source, const Clock& clock);
    /// `clock` outlives the client.
    S3Client(S3Options options, std::shared_ptr<net::HttpClient> http,
             std::unique_ptr<net::CredentialSource> credentials, const Clock& clock);

    [[nodiscard]] const S3Options& options() const noexcept { return m_options; }
    /// Any answer, whatever its status. Errors: of the network and of the credentials.
    Result<net::HttpResponse> call(const S3Call& call);
    /// What an answer other than 2xx means. `doing` names the object: "cannot write 's3://b/k'".
    [[nodiscard]] static Error errorOf(const net::HttpResponse& response, const std::string& doing);

    /// "s3://bucket/prefix/key", for messages.
    [[nodiscard]] std::string nameOf(const ObjectKey& key) const;
    /// The key as the store has it.
    [[nodiscard]] std::string storedKey(const ObjectKey& key) const;
    /// Now, by the store's clock as far as it is known.
    [[nodiscard]] Moment now() const;
    [[nodiscard]] std::chrono::milliseconds advisedPause() const;
    /// Errors: NotReady when there is no such bucket. Asks once and remembers a yes.
    Result<> requireBucket();

private:
    /// What was mended already during one call.
    struct Mended {
        bool region = false;
        bool clock = false;
        bool token = false;
    };

    [[nodiscard]] net::HttpRequest requestOf(const S3Call& call, const std::string& region) const;
    Result<net::HttpResponse> sendOnce(const S3Call& call);
    bool mend(const net::HttpResponse& response, Mended& mended);
    bool mendRegion(const net::HttpResponse& response, const std::optional<S3Fault>& fault);
    bool mendClock(const net::HttpResponse& response);
    void notePause(const net::HttpResponse& response);
    [[nodiscard]] std::string region() const;

    const S3Options m_options;
    const std::shared_ptr<net::HttpClient> m_http;
    net::CredentialProvider m_credentials;
    const Clock& m_clock;
    mutable std::mutex m_mutex;
    std::string m_region;                                // Guarded by m_mutex.
    std::chrono::steady_clock::time_point m_pausedUntil; // Guarded by m_mutex.
    std::atomic<std::int64_t> m_clockOffset{0};          // Microseconds the store is ahead.
    std::atomic<bool> m_bucketSeen{false};
};

[[nodiscard]] inline bool isSuccess(const net::HttpResponse& response) noexcept
{
    return response.status >= 200 && response.status < 300;
}

} // namespace salvor::storage
