#include "core/net/http_client.h"

#include "core/base/text.h"

#include <algorithm>
#include <array>

namespace salvor::net {

namespace {

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::uint16_t usualPort(std::string_view scheme)
{
    return scheme == "http" ? 80 : 443;
}

class PickingClient final : public HttpClient {
public:
    PickingClient(std::unique_ptr<HttpClient> small, std::unique_ptr<HttpClient> bulk,
                  ByteCount bulkSize)
        : m_small(std::move(small))
        , m_bulk(std::move(bulk))
        , m_bulkSize(bulkSize)
    {}

    Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override
    {
        return clientFor(request).send(request, std::move(stop));
    }

    Result<HttpResponse> download(const HttpRequest& request, const BodySink& sink,
                                  std::stop_token stop) override
    {
        return clientFor(request).download(request, sink, std::move(stop));
    }

private:
    HttpClient& clientFor(const HttpRequest& request)
    {
        return request.body.size() < m_bulkSize ? *m_small : *m_bulk;
    }

    const std::unique_ptr<HttpClient> m_small;
    const std::unique_ptr<HttpClient> m_bulk;
    const ByteCount m_bulkSize;
};

} // namespace

std::string_view methodName(Method method) noexcept
{
    switch (method) {
    case Method::Get:
        return "GET";
    case Method::Head:
        return "HEAD";
    case Method::Put:
        return "PUT";
    case Method::Post:
        return "POST";
    case Method::Delete:
        break;
    }
    return "DELETE";
}

bool isSameName(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string Endpoint::authority() const
{
    if (port == 0 || port == usualPort(scheme))
        return host;
    return host + ":" + std::to_string(port);
}

Result<Endpoint> parseEndpoint(std::string_view text)
{
    const auto refuse = [whole = std::string(text)](const std::string& why) {
        return fail(ErrorCode::InvalidInput, "the endpoint '" + whole + "' " + why,
                    "Write it as https://host or https://host:port.");
    };
    const std::size_t mark = text.find("://");
    if (mark == std::string_view::npos)
        return refuse("does not begin with http:// or https://");
    Endpoint endpoint;
    endpoint.scheme = std::string(text.substr(0, mark));
    if (endpoint.scheme != "http" && endpoint.scheme != "https")
        return refuse("does not begin with http:// or https://");
    std::string_view rest = text.substr(mark + 3);
    if (rest.ends_with('/'))
        rest.remove_suffix(1);
    // The colons of an IPv6 address stand inside its brackets.
    const std::size_t bracket = rest.find(']');
    const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
    endpoint.host = std::string(rest.substr(0, colon));
    if (endpoint.host.empty() || endpoint.host.find_first_of("/?#@ \t\r\n") != std::string::npos)
        return refuse("has no plain host name");
    if (colon == std::string_view::npos)
        return endpoint;
    const auto port = parseUnsigned(rest.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535)
        return refuse("has no port between 1 and 65535");
    endpoint.port = static_cast<std::uint16_t>(*port);
    return endpoint;
}

std::string_view HttpResponse::header(std::string_view name) const noexcept
{
    const auto found = std::find_if(headers.begin(), headers.end(), [name](const Header& header) {
        return isSameName(header.name, name);
    });
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

std::unique_ptr<HttpClient> pickBySize(std::unique_ptr<HttpClient> small,
                                       std::unique_ptr<HttpClient> bulk, ByteCount bulkSize)
{
    return std::make_unique<PickingClient>(std::move(small), std::move(bulk), bulkSize);
}

Result<std::unique_ptr<HttpClient>> createHttpClient(const HttpClientOptions& options,
                                                     ByteCount bulkSize)
{
    SALVOR_TRY(auto small, createQtHttpClient(options));
    SALVOR_TRY(auto bulk, createCurlHttpClient(options));
    return pickBySize(std::move(small), std::move(bulk), bulkSize);
}

std::optional<Moment> parseHttpDate(std::string_view text)
{
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    // "Fri, 20 Nov 2026 20:56:51 GMT"
    if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT"))
        return std::nullopt;
    const auto* month = std::find(months.begin(), months.end(), text.substr(8, 3));
    if (month == months.end())
        return std::nullopt;
    std::string number = std::to_string(month - months.begin() + 1);
    number.insert(0, 2 - number.size(), '0');
    const std::string day(text.substr(5, 2));
    const std::string year(text.substr(12, 4));
    const std::string time(text.substr(17, 8));
    const auto moment = parseMoment(year + "-" + number + "-" + day + "T" + time + "Z");
    if (!moment.ok())
        return std::nullopt;
    return *moment;
}

} // namespace salvor::net
