// One HTTP request and its answer, whoever sends it. No Qt, no libcurl, no event loop in sight.
#pragma once

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/result.h"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace salvor::net {

enum class Method { Get, Head, Put, Post, Delete };
[[nodiscard]] std::string_view methodName(Method method) noexcept;

struct Header {
    std::string name;
    std::string value;
    friend bool operator==(const Header&, const Header&) = default;
};

/// Where a request goes. A plain value.
struct Endpoint {
    std::string scheme = "https"; ///< "http" or "https".
    std::string host;             ///< A name, an IPv4 address, or an IPv6 address in brackets.
    std::uint16_t port = 0;       ///< 0: the scheme's own.

    /// "host" or "host:port": the Host header, the port only where it is not the scheme's own.
    [[nodiscard]] std::string authority() const;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Reads "https://host[:port]", with or without a '/' at its end.
/// Errors: InvalidInput, also for a user, a path, a query or another scheme.
[[nodiscard]] Result<Endpoint> parseEndpoint(std::string_view text);

struct Timeouts {
    std::chrono::milliseconds connect = std::chrono::seconds(10);
    std::chrono::milliseconds stall = std::chrono::seconds(30); ///< Without a byte either way.
    std::chrono::milliseconds total = std::chrono::hours(1);    ///< From call to return.
};

struct HttpRequest {
    Method method = Method::Get;
    Endpoint endpoint;
    std::string target = "/";    ///< Path and query exactly as they are sent, encoded already.
    std::vector<Header> headers; ///< Besides Host, Content-Length and "Accept-Encoding: identity".
    ByteView body;               ///< Outlives the call. Sent with Put and Post only.
    Timeouts timeouts;
    ByteCount answerLimit = ByteCount{64} << 20U; ///< Of send(): the longest body it keeps.
};

struct HttpResponse {
    int status = 0; ///< Any: 404 and 503 are answers, not errors.
    std::vector<Header> headers;
    Bytes body; ///< Empty after download().

    /// The first header of that name in any case, or an empty text.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// Takes a piece of an answer's body on the thread that called download(). It may take its time:
/// the sender is held back. An error ends the download with it.
using BodySink = std::function<Result<>(ByteView)>;

/// Sends requests. Never follows a redirect, keeps no cookies, unpacks nothing, uses no proxy.
/// Thread-safe; connections are kept and used again.
///
/// An answer is whole: its length was what its headers said. A request may reach the server twice
/// when a connection that was kept turns out to be closed, and Qt 6.4 sends even one again whose
/// answer broke off half way, though it reports it as failed.
/// Errors: Unavailable (no connection, a broken one, a short body), Timeout, Cancelled, NotReady
///         (the server's certificate cannot be trusted), InvalidInput (a target that cannot be sent
///         as it is, an answer longer than answerLimit).
class HttpClient {
public:
    virtual ~HttpClient() = default;
    /// Blocks until the whole answer is there.
    virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {}) = 0;
    /// The same with a body of any length handed on piece by piece; at most 1 MiB is held. The body
    /// of an answer other than 2xx is handed on too.
    virtual Result<HttpResponse> download(const HttpRequest& request, const BodySink& sink,
                                          std::stop_token stop = {}) = 0;
};

struct HttpClientOptions {
    /// PEM certificates to trust instead of the system's own; empty: the system's.
    Path caFile;
};

/// Errors: as readFile; NotReady when the file holds no certificate.
[[nodiscard]] Result<std::unique_ptr<HttpClient>>
createQtHttpClient(const HttpClientOptions& options);
[[nodiscard]] Result<std::unique_ptr<HttpClient>>
createCurlHttpClient(const HttpClientOptions& options);

/// A client that leaves bodies of at least `bulkSize` bytes to libcurl, which sends them with a
/// seventh of the work, and everything else to Qt.
[[nodiscard]] Result<std::unique_ptr<HttpClient>>
createHttpClient(const HttpClientOptions& options, ByteCount bulkSize = ByteCount{1} << 20U);

/// The same, of two clients in hand.
[[nodiscard]] std::unique_ptr<HttpClient>
pickBySize(std::unique_ptr<HttpClient> small, std::unique_ptr<HttpClient> bulk, ByteCount bulkSize);

/// "Fri, 20 Nov 2026 20:56:51 GMT", the only form that servers may send today (RFC 9110, 5.6.7).
[[nodiscard]] std::optional<Moment> parseHttpDate(std::string_view text);

/// True for the same name in any case. ASCII.
[[nodiscard]] bool isSameName(std::string_view a, std::string_view b) noexcept;

} // namespace salvor::net
