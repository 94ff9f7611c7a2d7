#include "core/base/json.h"
#include "core/base/subprocess.h"
#include "core/net/sigv4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

namespace salvor::net {
namespace {

std::string authorization(const std::vector<Header>& headers)
{
    const auto found = std::find_if(headers.begin(), headers.end(), [](const Header& header) {
        return header.name == "Authorization";
    });
    return found == headers.end() ? std::string() : found->value;
}

/// The examples of Amazon's own documentation: their key, their bucket, their day.
class SigV4Example : public testing::Test {
protected:
    HttpRequest request(Method method, const std::string& target) const
    {
        HttpRequest asked;
        asked.method = method;
        asked.endpoint = {"https", "examplebucket.s3.amazonaws.com", 0};
        asked.target = target;
        return asked;
    }

    std::string signatureOf(const HttpRequest& asked, std::string_view hash) const
    {
        const std::string text = authorization(signatureHeaders(asked, hash, credentials, scope));
        return text.substr(text.rfind('=') + 1);
    }

    const AwsCredentials credentials{"AKIAIOSFODNN7EXAMPLE",
                                     Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), Secret(),
                                     std::nullopt};
    const SigningScope scope{"us-east-1", "s3", *parseMoment("2013-05-24T00:00:00Z")};
    const std::string nothing = sha256Hex({});
};

TEST_F(SigV4Example, GetOfARange)
{
    HttpRequest asked = request(Method::Get, "/test.txt");
    asked.headers = {{"Range", "bytes=0-9"}};

    EXPECT_EQ(signatureOf(asked, nothing),
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(SigV4Example, PutWithAStorageClass)
{
    HttpRequest asked = request(Method::Put, "/test%24file.text");
    asked.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};

    EXPECT_EQ(signatureOf(asked, sha256Hex(asBytes("Welcome to Amazon S3."))),
              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(SigV4Example, GetOfASetting)
{
    EXPECT_EQ(signatureOf(request(Method::Get, "/?lifecycle"), nothing),
              "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST_F(SigV4Example, GetOfAListing)
{
    EXPECT_EQ(signatureOf(request(Method::Get, "/?max-keys=2&prefix=J"), nothing),
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_F(SigV4Example, ATokenIsSentAndSigned)
{
    const AwsCredentials shortLived{"A", Secret("S"), Secret("T"), std::nullopt};

    const auto headers = signatureHeaders(request(Method::Get, "/"), nothing, shortLived, scope);

    EXPECT_NE(std::find(headers.begin(), headers.end(), Header{"x-amz-security-token", "T"}),
              headers.end());
    EXPECT_NE(authorization(headers).find("x-amz-security-token"), std::string::npos);
}

/// A request of any shape that we could send.
class RandomRequest {
public:
    explicit RandomRequest(std::mt19937& engine)
        : m_engine(engine)
    {
        constexpr std::array<Method, 5> methods{Method::Get, Method::Head, Method::Put,
                                                Method::Post, Method::Delete};
        body = text(number(200));
        request.method = methods.at(number(5));
        request.endpoint = {number(2) == 0 ? "http" : "https", "host" + std::to_string(number(9)),
                            static_cast<std::uint16_t>(number(2) == 0 ? 0 : 1024 + number(60000))};
        request.target = "/" + uriEncodedPath(text(1 + number(30)));
        for (std::size_t i = 0, count = number(4); i < count; ++i)
            request.target +=
                (i == 0 ? "?" : "&") + uriEncoded(name(i)) + "=" + uriEncoded(text(number(12)));
        for (std::size_t i = 0, count = number(5); i < count; ++i)
            request.headers.push_back({"X-Amz-Meta-" + name(i), value()});
        if (number(3) == 0)
            request.headers.push_back({"User-Agent", "not signed"});
        token = number(2) == 0 ? "" : text(20);
        isUnsigned = request.endpoint.scheme == "https" && number(3) == 0;
    }

    Json json(const std::string& time, const std::string& secret) const
    {
        Json::Object headers;
        for (const Header& header : request.headers)
            headers[header.name] = Json(header.value);
        const std::string url =
            request.endpoint.scheme + "://" + request.endpoint.authority() + request.target;
        return Json(Json::Object{{"method", Json(methodName(request.method))},
                                 {"url", Json(url)},
                                 {"headers", Json(headers)},
                                 {"body", Json(body)},
                                 {"token", Json(token)},
                                 {"time", Json(time)},
                                 {"access", Json("AKID")},
                                 {"secret", Json(secret)},
                                 {"region", Json("eu-central-1")},
                                 {"unsigned", Json(isUnsigned)}});
    }

    HttpRequest request;
    std::string body;
    std::string token;
    bool isUnsigned = false;

private:
    std::size_t number(std::size_t below) { return m_engine() % below; }
    std::string text(std::size_t size)
    {
        constexpr std::string_view letters = "abcXYZ0189-_.~/!'()*+,;:@&=$#?[]%^{}|<> \"";
        std::string out;
        for (std::size_t i = 0; i < size; ++i)
            out.push_back(letters[number(letters.size())]);
        return out;
    }
    std::string name(std::size_t i)
    {
        return "n" + std::to_string(number(50)) + "-" + std::to_string(i);
    }
    std::string value()
    {
        std::string out = text(number(10));
        return "v" + out + (number(3) == 0 ? "  two   gaps" : "") + "v";
    }

    std::mt19937& m_engine;
};

TEST(SigV4, SignsRandomRequestsAsBotocoreDoes)
{
    constexpr int count = 300;
    std::mt19937 engine(20261120); // NOLINT(cert-msc51-cpp): the same requests in every run.
    std::string input;
    std::vector<std::string> ours;
    for (int i = 0; i < count; ++i) {
        const RandomRequest random(engine);
        input += random.json("20261120T205651Z", "secret/+=").text() + "\n";
        const AwsCredentials credentials{"AKID", Secret("secret/+="), Secret(random.token), {}};
        const std::string hash =
            random.isUnsigned ? std::string(unsignedPayload) : sha256Hex(asBytes(random.body));
        ours.push_back(authorization(
            signatureHeaders(random.request, hash, credentials,
                             {"eu-central-1", "s3", *parseMoment("2026-11-20T20:56:51Z")})));
    }

    const auto output = runChecked({.argv = {"/usr/bin/python3", SIGV4_ORACLE},
                                    .environment = {},
                                    .input = input,
                                    .directory = {},
                                    .user = {}});

    ASSERT_TRUE(output.ok()) << output.error().message;
    std::istringstream lines(*output);
    std::vector<std::string> theirs;
    for (std::string line; std::getline(lines, line);)
        theirs.push_back(line);
    EXPECT_EQ(theirs, ours);
    EXPECT_EQ(ours.size(), 300U);
}

TEST(UriEncoding, KeepsWhatRfc3986CallsUnreserved)
{
    EXPECT_EQ(uriEncoded("aZ0-_.~/ +%\xc3\xa9"), "aZ0-_.~%2F%20%2B%25%C3%A9");
    EXPECT_EQ(uriEncodedPath("a/b c"), "a/b%20c");
    EXPECT_EQ(*uriDecoded("a%2Fb%c3%A9+"), "a/b\xc3\xa9+");
    for (const char* bad : {"%", "%2", "%zz", "a%2"})
        EXPECT_FALSE(uriDecoded(bad).ok()) << bad;
}

} // namespace
} // namespace salvor::net
