#include "core/net/http_client.h"
#include "tests/support/scripted_server.h"

#include <thread>

namespace salvor::net {
namespace {

using std::chrono::milliseconds;
using Create = Result<std::unique_ptr<HttpClient>> (*)(const HttpClientOptions&);

std::string outcomeOf(const Result<HttpResponse>& result)
{
    return result.ok() ? std::to_string(result->status) + " " + std::string(asText(result->body))
                       : std::string(errorCodeName(result.error().code));
}

/// Both senders keep one contract.
class HttpClientTest : public testing::TestWithParam<Create> {
protected:
    HttpRequest request(const ScriptedServer& server, Method method = Method::Get) const
    {
        HttpRequest asked;
        asked.method = method;
        asked.endpoint = {"http", "127.0.0.1", server.port()};
        asked.target = "/a";
        asked.timeouts = {.connect = milliseconds(5000),
                          .stall = milliseconds(5000),
                          .total = milliseconds(20000)};
        return asked;
    }

    std::unique_ptr<HttpClient> client = *GetParam()({.caFile = {}});
};

TEST_P(HttpClientTest, TheRequestIsSentAsItWasGiven)
{
    ScriptedServer server(
        [](const SeenRequest&) { return httpAnswer(200, "fine", "ETag: \"x\"\r\n"); });
    HttpRequest asked = request(server, Method::Put);
    asked.target = "/b%2Fc/d%20e?list-type=2&prefix=a%2Fb&uploads=";
    asked.headers = {{"X-Amz-Date", "today"}, {"If-Match", "\"e\""}};
    const Bytes body(100'000, std::byte{'b'});
    asked.body = body;

    const auto answer = client->send(asked);

    ASSERT_EQ(outcomeOf(answer), "200 fine");
    EXPECT_EQ(answer->header("etag"), "\"x\"");
    const SeenRequest seen = server.seen().at(0);
    EXPECT_EQ(seen.line(), "PUT /b%2Fc/d%20e?list-type=2&prefix=a%2Fb&uploads= HTTP/1.1");
    EXPECT_NE(seen.head.find("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"),
              std::string::npos);
    EXPECT_NE(seen.head.find("ccept-Encoding: identity\r\n"), std::string::npos) << seen.head;
    EXPECT_EQ(seen.body, asText(body));
}

TEST_P(HttpClientTest, EveryMethodHasItsBodyAndItsName)
{
    ScriptedServer server([](const SeenRequest& seen) {
        return seen.line().starts_with("HEAD")
                   ? ScriptedAnswer{.text = "HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n"}
                   : httpAnswer(200, seen.line().substr(0, seen.line().find(' ')));
    });

    EXPECT_EQ(outcomeOf(client->send(request(server, Method::Get))), "200 GET");
    EXPECT_EQ(outcomeOf(client->send(request(server, Method::Put))), "200 PUT");
    EXPECT_EQ(outcomeOf(client->send(request(server, Method::Post))), "200 POST");
    EXPECT_EQ(outcomeOf(client->send(request(server, Method::Delete))), "200 DELETE");
    const auto head = client->send(request(server, Method::Head));
    EXPECT_EQ(outcomeOf(head), "200 ");
    EXPECT_EQ(head->header("Content-Length"), "99");
    EXPECT_NE(server.seen().at(1).head.find("ontent-Length: 0\r\n"), std::string::npos);
}

TEST_P(HttpClientTest, AConnectionIsUsedAgain)
{
    ScriptedServer server([](const SeenRequest&) { return httpAnswer(200, "x"); });

    for (int i = 0; i < 12; ++i)
        EXPECT_EQ(outcomeOf(client->send(request(server))), "200 x");

    EXPECT_LE(server.connections(), 2);
}

TEST_P(HttpClientTest, ErrorsOfTheServerAreAnswers)
{
    ScriptedServer server([](const SeenRequest& seen) {
        const std::string status = seen.line().substr(5, 3);
        return httpAnswer(std::stoi(status), "why");
    });
    for (const char* status : {"400", "401", "403", "404", "409", "412", "416", "500", "503"}) {
        HttpRequest asked = request(server);
        asked.target = std::string("/") + status;

        EXPECT_EQ(outcomeOf(client->send(asked)), std::string(status) + " why");
    }
}

TEST_P(HttpClientTest, ARedirectIsAnAnswerAndNotFollowed)
{
    ScriptedServer server([](const SeenRequest&) {
        return httpAnswer(307, "elsewhere", "Location: http://127.0.0.1:1/\r\n");
    });

    const auto answer = client->send(request(server));

    EXPECT_EQ(outcomeOf(answer), "307 elsewhere");
    EXPECT_EQ(server.seen().size(), 1U);
}

TEST_P(HttpClientTest, AShortBodyIsAnError)
{
    ScriptedServer server([](const SeenRequest&) {
        return ScriptedAnswer{.text = "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf",
                              .thenClose = true};
    });

    EXPECT_EQ(outcomeOf(client->send(request(server))), "Unavailable");
}

TEST_P(HttpClientTest, AShortBodyOfAnErrorIsAnErrorToo)
{
    ScriptedServer server([](const SeenRequest&) {
        return ScriptedAnswer{.text = "HTTP/1.1 403 X\r\nContent-Length: 100\r\n\r\nhalf",
                              .thenClose = true};
    });

    EXPECT_EQ(outcomeOf(client->send(request(server))), "Unavailable");
}

TEST_P(HttpClientTest, APackedBodyIsNotUnpacked)
{
    ScriptedServer server([](const SeenRequest&) {
        return httpAnswer(200, "not gzip", "Content-Encoding: gzip\r\n");
    });

    EXPECT_EQ(outcomeOf(client->send(request(server))), "200 not gzip");
}

TEST_P(HttpClientTest, AConnectionDroppedWithoutAnAnswerIsAnError)
{
    ScriptedServer server(
        [](const SeenRequest&) { return ScriptedAnswer{.text = {}, .thenClose = true}; });

    EXPECT_EQ(outcomeOf(client->send(request(server))), "Unavailable");
}

TEST_P(HttpClientTest, AnUploadCutHalfWayIsAnError)
{
    ScriptedServer server([](const SeenRequest&) {
        return ScriptedAnswer{.text = {}, .thenClose = true, .readBody = false};
    });
    HttpRequest asked = request(server, Method::Put);
    const Bytes body(std::size_t{20} << 20U);
    asked.body = body;

    EXPECT_EQ(outcomeOf(client->send(asked)), "Unavailable");
}

TEST_P(HttpClientTest, NobodyListeningIsAnError)
{
    HttpRequest asked;
    {
        const ScriptedServer server([](const SeenRequest&) { return httpAnswer(200, ""); });
        asked = request(server);
    }

    EXPECT_EQ(outcomeOf(client->send(asked)), "Unavailable");
}

TEST_P(HttpClientTest, AServerThatSaysNothingIsATimeout)
{
    ScriptedServer server(
        [](const SeenRequest&) { return ScriptedAnswer{.text = {}, .thenStall = true}; });
    HttpRequest asked = request(server);
    asked.timeouts.stall = milliseconds(300);

    EXPECT_EQ(outcomeOf(client->send(asked)), "Timeout");
}

TEST_P(HttpClientTest, AServerThatStopsHalfWayIsATimeout)
{
    ScriptedServer server([](const SeenRequest&) {
        return ScriptedAnswer{.text = "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf",
                              .thenStall = true};
    });
    HttpRequest asked = request(server);
    asked.timeouts.stall = milliseconds(300);

    EXPECT_EQ(outcomeOf(client->send(asked)), "Timeout");
}

TEST_P(HttpClientTest, TheWholeTimeIsLimited)
{
    ScriptedServer server(
        [](const SeenRequest&) { return ScriptedAnswer{.text = {}, .thenStall = true}; });
    HttpRequest asked = request(server);
    asked.timeouts.total = milliseconds(300);

    EXPECT_EQ(outcomeOf(client->send(asked)), "Timeout");
}

TEST_P(HttpClientTest, AStopEndsAWaitingCall)
{
    ScriptedServer server(
        [](const SeenRequest&) { return ScriptedAnswer{.text = {}, .thenStall = true}; });
    auto source = std::make_unique<std::stop_source>();
    Result<HttpResponse> answer = HttpResponse{};
    {
        const std::jthread caller(
            [&] { answer = client->send(request(server), source->get_token()); });
        while (server.seen().empty())
            std::this_thread::sleep_for(milliseconds(5));
        source->request_stop();
    }

    EXPECT_EQ(outcomeOf(answer), "Cancelled");
    EXPECT_EQ(outcomeOf(client->send(request(server), source->get_token())), "Cancelled");
}

TEST_P(HttpClientTest, AnAnswerLongerThanItsLimitIsRefused)
{
    ScriptedServer server(
        [](const SeenRequest&) { return httpAnswer(200, std::string(100'000, 'x')); });
    HttpRequest asked = request(server);
    asked.answerLimit = 99'999;

    EXPECT_EQ(outcomeOf(client->send(asked)), "InvalidInput");
}

TEST_P(HttpClientTest, ADownloadArrivesWholeAndInOrderAtASlowReader)
{
    std::string content;
    for (int i = 0; content.size() < (8U << 20U); ++i)
        content += std::to_string(i) + ",";
    ScriptedServer server([&](const SeenRequest&) { return httpAnswer(200, content); });
    std::string received;
    std::size_t largest = 0;

    const auto answer = client->download(request(server), [&](ByteView part) -> Result<> {
        received += asText(part);
        largest = std::max(largest, part.size());
        std::this_thread::sleep_for(milliseconds(2));
        return {};
    });

    EXPECT_EQ(outcomeOf(answer), "200 ");
    EXPECT_TRUE(received == content);
    EXPECT_LE(largest, std::size_t{1} << 20U);
}

TEST_P(HttpClientTest, AnErrorOfTheReaderEndsTheDownload)
{
    ScriptedServer server([](const SeenRequest&) {
        return httpAnswer(200, std::string(std::size_t{8} << 20U, 'x'));
    });

    const auto answer = client->download(request(server), [](ByteView) -> Result<> {
        return fail(ErrorCode::NoSpace, "the disk is full");
    });

    EXPECT_EQ(outcomeOf(answer), "NoSpace");
    EXPECT_EQ(outcomeOf(client->send(request(server))).size(), (std::size_t{8} << 20U) + 4);
}

TEST_P(HttpClientTest, ManyThreadsAskAtOnce)
{
    ScriptedServer server([](const SeenRequest& seen) { return httpAnswer(200, seen.line()); });
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 8; ++t)
            callers.emplace_back([&, t] {
                for (int i = 0; i < 20; ++i) {
                    HttpRequest asked = request(server);
                    asked.target = "/" + std::to_string(t) + "/" + std::to_string(i);
                    wrong +=
                        outcomeOf(client->send(asked)) == "200 GET " + asked.target + " HTTP/1.1"
                            ? 0
                            : 1;
                }
            });
    }

    EXPECT_EQ(wrong, 0);
}

TEST_P(HttpClientTest, AFileWithoutCertificatesIsRefused)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(writeFileDurably(folder->path() / "ca", asBytes("nothing")).ok());

    const auto empty = GetParam()({.caFile = folder->path() / "ca"});
    const auto absent = GetParam()({.caFile = folder->path() / "absent"});

    EXPECT_EQ(errorCodeName(empty.error().code), "NotReady");
    EXPECT_EQ(errorCodeName(absent.error().code), "NotFound");
}

INSTANTIATE_TEST_SUITE_P(Qt, HttpClientTest, testing::Values(&createQtHttpClient));
INSTANTIATE_TEST_SUITE_P(Curl, HttpClientTest, testing::Values(&createCurlHttpClient));

TEST(QtHttpClient, NeedsNeitherAnApplicationNorTheMainThread)
{
    ScriptedServer server([](const SeenRequest&) { return httpAnswer(200, "x"); });
    std::string outcome;
    {
        const std::jthread other([&] {
            const auto client = createQtHttpClient({.caFile = {}});
            HttpRequest asked;
            asked.endpoint = {"http", "127.0.0.1", server.port()};
            outcome = outcomeOf((*client)->send(asked));
        });
    }

    EXPECT_EQ(outcome, "200 x");
}

TEST(QtHttpClient, WhatQtWouldRewriteIsRefused)
{
    ScriptedServer server([](const SeenRequest&) { return httpAnswer(200, ""); });
    const auto client = createQtHttpClient({.caFile = {}});
    for (const char* target : {"/a/../b", "/a/./b", "/..", "/a b", "/%7E"}) {
        HttpRequest asked;
        asked.endpoint = {"http", "127.0.0.1", server.port()};
        asked.target = target;

        const auto answer = (*client)->send(asked);

        EXPECT_EQ(outcomeOf(answer), "InvalidInput") << target;
    }
    EXPECT_EQ(server.connections(), 0);
}

struct NamedClient final : HttpClient {
    explicit NamedClient(std::string text)
        : name(std::move(text))
    {}
    Result<HttpResponse> send(const HttpRequest&, std::stop_token) override
    {
        return HttpResponse{200, {{"By", name}}, {}};
    }
    Result<HttpResponse> download(const HttpRequest&, const BodySink&, std::stop_token) override
    {
        return HttpResponse{200, {{"By", name}}, {}};
    }
    std::string name;
};

TEST(PickBySize, LargeBodiesGoToTheBulkSender)
{
    const auto client = pickBySize(std::make_unique<NamedClient>("small"),
                                   std::make_unique<NamedClient>("bulk"), 100);
    const Bytes body(100);
    HttpRequest asked;

    asked.body = ByteView(body).first(99);
    EXPECT_EQ(client->send(asked)->header("by"), "small");
    asked.body = body;
    EXPECT_EQ(client->send(asked)->header("by"), "bulk");
    EXPECT_EQ(client->download(asked, {})->header("by"), "bulk");
}

struct EndpointRow {
    std::string text;
    std::string authority; ///< Empty: refused.
};
class EndpointText : public testing::TestWithParam<EndpointRow> {};

TEST_P(EndpointText, IsReadOrRefused)
{
    const auto endpoint = parseEndpoint(GetParam().text);

    EXPECT_EQ(endpoint.ok() ? endpoint->authority() : "", GetParam().authority) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, EndpointText,
    testing::Values(EndpointRow{"https://s3.example.net", "s3.example.net"},
                    EndpointRow{"https://s3.example.net:443/", "s3.example.net"},
                    EndpointRow{"http://127.0.0.1:7480", "127.0.0.1:7480"},
                    EndpointRow{"https://[::1]:9000", "[::1]:9000"},
                    EndpointRow{"http://h:443", "h:443"}, EndpointRow{"s3.example.net", ""},
                    EndpointRow{"ftp://h", ""}, EndpointRow{"https://", ""},
                    EndpointRow{"https://user@h", ""}, EndpointRow{"https://h/path", ""},
                    EndpointRow{"https://h:0", ""}, EndpointRow{"https://h:65536", ""},
                    EndpointRow{"https://h:x", ""}));

TEST(HttpDate, IsReadInItsOneForm)
{
    const auto moment = parseHttpDate("Fri, 20 Nov 2026 20:56:51 GMT");

    ASSERT_TRUE(moment.has_value());
    EXPECT_EQ(formatMoment(*moment), "2026-11-20T20:56:51.000000Z");
    for (const char* bad : {"", "Fri, 20 Nov 2026 20:56:51 UTC", "Fri, 20 Xyz 2026 20:56:51 GMT",
                            "Fri, 99 Nov 2026 20:56:51 GMT", "Friday, 20-Nov-26 20:56:51 GMT"})
        EXPECT_FALSE(parseHttpDate(bad).has_value()) << bad;
}

} // namespace
} // namespace salvor::net
