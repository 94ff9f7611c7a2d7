#include "core/base/text.h"
#include "core/net/http_client.h"

#include <algorithm>
#include <array>
#include <curl/curl.h>
#include <mutex>

namespace salvor::net {

namespace {

using Steady = std::chrono::steady_clock;

struct CloseHandle {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;

struct FreeList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// One transfer, as libcurl's callbacks see it.
struct Transfer {
    const HttpRequest& request;
    const BodySink& sink;
    const std::stop_token& stop;
    HttpResponse response;
    std::size_t sent = 0;
    std::optional<Error> sinkError;
    curl_off_t moved = -1;
    Steady::time_point movedAt = Steady::now();
    bool stalled = false;
};

std::size_t takeBody(char* data, std::size_t /*one*/, std::size_t size, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    Result<> outcome = transfer.sink(asBytes({data, size}));
    // What the sink took its time for is not the server's stall.
    transfer.movedAt = Steady::now();
    if (outcome.ok())
        return size;
    transfer.sinkError = outcome.error();
    return 0;
}

std::size_t takeHeader(char* data, std::size_t /*one*/, std::size_t size, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/")) {
        transfer.response.headers.clear(); // Those of an interim answer are not ours.
        return size;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos)
        transfer.response.headers.push_back(
            {std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
    return size;
}

std::size_t giveBody(char* data, std::size_t /*one*/, std::size_t size, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    const ByteView rest = transfer.request.body.subspan(transfer.sent);
    const std::size_t count = std::min(size, rest.size());
    std::copy_n(asText(rest).data(), count, data);
    transfer.sent += count;
    return count;
}

/// A kept connection that was closed meanwhile makes libcurl begin again on a new one.
int rewindBody(void* user, curl_off_t offset, int origin)
{
    auto& transfer = *static_cast<Transfer*>(user);
    if (origin != SEEK_SET || offset < 0
        || static_cast<std::size_t>(offset) > transfer.request.body.size())
        return CURL_SEEKFUNC_CANTSEEK;
    transfer.sent = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

int watch(void* user, curl_off_t /*downloadTotal*/, curl_off_t downloaded,
          curl_off_t /*uploadTotal*/, curl_off_t uploaded)
{
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.stop.stop_requested())
        return 1;
    const Steady::time_point now = Steady::now();
    if (downloaded + uploaded != transfer.moved) {
        transfer.moved = downloaded + uploaded;
        transfer.movedAt = now;
    }
    transfer.stalled = now - transfer.movedAt > transfer.request.timeouts.stall;
    return transfer.stalled ? 1 : 0;
}

Error transferError(CURLcode code, const Transfer& transfer, const char* text)
{
    const std::string where = "cannot reach '" + transfer.request.endpoint.authority() + "': ";
    const std::string why = *text != '\0' ? text : curl_easy_strerror(code);
    if (transfer.sinkError)
        return *transfer.sinkError;
    if (transfer.stop.stop_requested())
        return fail(ErrorCode::Cancelled, "stopped on request");
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return fail(ErrorCode::Timeout,
                    where + "no byte moved for "
                        + std::to_string(transfer.request.timeouts.stall.count()) + " ms");
    case CURLE_OPERATION_TIMEDOUT:
        return fail(ErrorCode::Timeout, where + why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return fail(ErrorCode::NotReady, where + why,
                    "Name the file with the certificate authority of the server.");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return fail(ErrorCode::InvalidInput, where + why);
    default:
        return fail(ErrorCode::Unavailable, where + why);
    }
}

/// libcurl wants to be told once a process, before its first use, by one thread.
Result<> initialiseCurl()
{
    static const CURLcode outcome = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (outcome != CURLE_OK)
        return fail(ErrorCode::NotReady,
                    std::string("cannot start libcurl: ") + curl_easy_strerror(outcome));
    return {};
}

class CurlHttpClient final : public HttpClient {
public:
    explicit CurlHttpClient(HttpClientOptions options)
        : m_options(std::move(options))
    {}

    Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;
    Result<HttpResponse> download(const HttpRequest& request, const BodySink& sink,
                                  std::stop_token stop) override;

private:
    Handle take();
    void giveBack(Handle handle);
    void prepare(CURL* handle, Transfer& transfer, const std::string& url) const;
    static void prepareBody(CURL* handle, Transfer& transfer);

    const HttpClientOptions m_options;
    std::mutex m_mutex;
    std::vector<Handle> m_idle; // Guarded by m_mutex. Each keeps its connection.
};

Handle CurlHttpClient::take()
{
    const std::lock_guard lock(m_mutex);
    if (m_idle.empty())
        return Handle(curl_easy_init());
    Handle handle = std::move(m_idle.back());
    m_idle.pop_back();
    return handle;
}

void CurlHttpClient::giveBack(Handle handle)
{
    constexpr std::size_t mostIdle = 16;
    const std::lock_guard lock(m_mutex);
    if (m_idle.size() < mostIdle)
        m_idle.push_back(std::move(handle));
}

void CurlHttpClient::prepareBody(CURL* handle, Transfer& transfer)
{
    const auto size = static_cast<curl_off_t>(transfer.request.body.size());
    switch (transfer.request.method) {
    case Method::Get:
        curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
        break;
    case Method::Head:
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
        break;
    case Method::Delete:
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    case Method::Put:
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, size);
        break;
    case Method::Post:
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, size);
        break;
    }
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, giveBody);
    curl_easy_setopt(handle, CURLOPT_READDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, rewindBody);
    curl_easy_setopt(handle, CURLOPT_SEEKDATA, &transfer);
}

void CurlHttpClient::prepare(CURL* handle, Transfer& transfer, const std::string& url) const
{
    curl_easy_reset(handle); // Keeps connections and what is known of names and sessions.
    prepareBody(handle, transfer);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, takeBody);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, takeHeader);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
    const Timeouts& timeouts = transfer.request.timeouts;
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, long{timeouts.connect.count()});
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, long{timeouts.total.count()});
    if (!m_options.caFile.empty()) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, m_options.caFile.c_str());
        curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    }
}

HeaderList headerList(const HttpRequest& request)
{
    HeaderList list;
    const auto add = [&list](const std::string& line) {
        list.reset(curl_slist_append(list.release(), line.c_str()));
    };
    for (const Header& header : request.headers)
        // A header without a value is written with ';', or libcurl leaves it out.
        add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
    add("Accept-Encoding: identity");
    add("Expect:"); // No pause before the body.
    if (request.method == Method::Post)
        add("Content-Type:");
    return list;
}

Result<HttpResponse> CurlHttpClient::download(const HttpRequest& request, const BodySink& sink,
                                              std::stop_token stop)
{
    if (stop.stop_requested())
        return fail(ErrorCode::Cancelled, "stopped on request");
    Handle handle = take();
    if (!handle)
        return fail(ErrorCode::Unavailable, "libcurl has no memory left");
    Transfer transfer{request, sink, stop, {}, 0, {}, -1, Steady::now(), false};
    const std::string url =
        request.endpoint.scheme + "://" + request.endpoint.authority() + request.target;
    prepare(handle.get(), transfer, url);
    const HeaderList headers = headerList(request);
    curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
    std::array<char, CURL_ERROR_SIZE> text{};
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, text.data());
    const CURLcode code = curl_easy_perform(handle.get());
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, nullptr);
    if (code != CURLE_OK)
        return transferError(code, transfer, text.data()); // The handle goes with its connection.
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    giveBack(std::move(handle));
    return std::move(transfer.response);
}

Result<HttpResponse> CurlHttpClient::send(const HttpRequest& request, std::stop_token stop)
{
    Bytes body;
    const auto keep = [&](ByteView part) -> Result<> {
        if (body.size() + part.size() > request.answerLimit)
            return fail(ErrorCode::InvalidInput, "the answer of '" + request.endpoint.authority()
                                                     + "' is longer than expected");
        append(body, part);
        return {};
    };
    SALVOR_TRY(HttpResponse response, download(request, keep, std::move(stop)));
    response.body = std::move(body);
    return response;
}

} // namespace

Result<std::unique_ptr<HttpClient>> createCurlHttpClient(const HttpClientOptions& options)
{
    SALVOR_CHECK(initialiseCurl());
    if (!options.caFile.empty()) {
        SALVOR_TRY(const std::string text, readTextFile(options.caFile));
        if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
            return fail(ErrorCode::NotReady, quoted(options.caFile) + " holds no certificate",
                        "Name a file with certificates in PEM form.");
    }
    return std::unique_ptr<HttpClient>(std::make_unique<CurlHttpClient>(options));
}

} // namespace salvor::net
