#include "core/base/text.h"
#include "core/storage/open_driver.h"
#include "core/storage/retry_driver.h"
#include "core/storage/s3_driver.h"
#include "tests/storage/storage_test.h"
#include "tests/support/scripted_server.h"

namespace salvor::storage {
namespace {

using std::chrono::milliseconds;

constexpr auto times = "Last-Modified: Fri, 20 Nov 2026 20:56:51 GMT\r\n";

std::string quotedMd5(const std::string& body)
{
    return "\"" + toHex(net::md5(asBytes(body))) + "\"";
}

ScriptedAnswer fault(int status, const std::string& code, const std::string& headers = {})
{
    return httpAnswer(status, "<Error><Code>" + code + "</Code></Error>", headers);
}

ScriptedAnswer part(const std::string& content, std::size_t first, std::size_t size)
{
    return httpAnswer(206, content.substr(first, size),
                      "ETag: \"e\"\r\nContent-Range: bytes " + std::to_string(first) + "-"
                          + std::to_string(first + size - 1) + "/" + std::to_string(content.size())
                          + "\r\n");
}

ScriptedAnswer head(const std::string& body)
{
    return {.text = "HTTP/1.1 200 X\r\nContent-Length: " + std::to_string(body.size())
                    + "\r\nETag: " + quotedMd5(body) + "\r\n" + times + "\r\n"};
}

bool has(const SeenRequest& seen, const std::string& text)
{
    return seen.head.find(text) != std::string::npos;
}

/// A driver whose store follows a script: one answer a request, the last one for ever.
class S3Faults : public testing::Test {
protected:
    S3Options options() const
    {
        S3Options s3;
        s3.bucket = "bucket";
        s3.prefix = "p";
        s3.endpoint = net::Endpoint{"http", "127.0.0.1", server.port()};
        s3.pathStyle = true;
        s3.readSize = 4;
        s3.partSize = ByteCount{5} << 20U;
        s3.timeouts = {.connect = milliseconds(5000),
                       .stall = milliseconds(5000),
                       .total = milliseconds(20'000)};
        return s3;
    }

    std::unique_ptr<S3Driver> driverFor(const S3Options& s3) const
    {
        auto made = S3Driver::create(
            s3, http, net::fixedCredentials({"A", Secret("S"), Secret(), std::nullopt}),
            systemClock());
        return *std::move(made);
    }

    void answerWith(std::vector<ScriptedAnswer> script)
    {
        const std::lock_guard lock(mutex);
        answers = std::move(script);
        next = 0;
    }

    ScriptedAnswer nextAnswer()
    {
        const std::lock_guard lock(mutex);
        const ScriptedAnswer answer = answers.at(next);
        next = std::min(next + 1, answers.size() - 1);
        return answer;
    }

    std::mutex mutex;
    std::vector<ScriptedAnswer> answers; // Guarded by mutex.
    std::size_t next = 0;                // Guarded by mutex.
    ScriptedServer server{[this](const SeenRequest&) { return nextAnswer(); }};
    // Not Qt: it sends again by itself what broke off, and a script that counts cannot bear it.
    std::shared_ptr<net::HttpClient> http = *net::createCurlHttpClient({.caFile = {}});
    std::unique_ptr<S3Driver> driver = driverFor(options());
};

TEST_F(S3Faults, AReadThatBrokeOffGoesOnAtTheSamePlace)
{
    const std::string content = "0123456789";
    ScriptedAnswer cut = part(content, 4, 4);
    cut.text.resize(cut.text.size() - 2);
    cut.thenClose = true;
    answerWith({part(content, 0, 4), cut, part(content, 4, 4), part(content, 8, 2)});
    auto reader = driver->openRead("k", {});
    Bytes buffer(10);
    ASSERT_EQ(*(*reader)->read(buffer), 4U);

    EXPECT_EQ(codeOf((*reader)->read(buffer)), "Unavailable");
    const auto again = (*reader)->read(buffer);
    ASSERT_EQ(errorOf(again), "");
    ASSERT_EQ(*again, 4U);
    EXPECT_EQ(asText(ByteView(buffer).first(4)), "4567");
    ASSERT_EQ(*(*reader)->read(buffer), 2U);
    EXPECT_EQ(*(*reader)->read(buffer), 0U);
    EXPECT_TRUE(has(server.seen().back(), "If-Match: \"e\"\r\n"));
    EXPECT_TRUE(has(server.seen().back(), "ange: bytes=8-9\r\n"));
}

TEST_F(S3Faults, APartOfAnotherPlaceIsNotTakenForTheOneAsked)
{
    answerWith({part("0123456789", 2, 4)});

    EXPECT_EQ(codeOf(driver->openRead("k", {})), "Incompatible");
}

TEST_F(S3Faults, AThrottlingStoreIsLeftAloneForAsLongAsItAsks)
{
    answerWith({fault(503, "SlowDown", "Retry-After: 40\r\n"), head("x")});

    const auto info = driver->stat("k");

    EXPECT_EQ(codeOf(info), "Unavailable");
    EXPECT_GT(driver->advisedPause(), milliseconds(30'000));
    EXPECT_LE(driver->advisedPause(), milliseconds(40'000));
}

TEST_F(S3Faults, ThePauseReachesTheOneWhoRepeats)
{
    answerWith({fault(503, "SlowDown", "Retry-After: 40\r\n"), head("x")});
    std::vector<milliseconds> waits;
    RetryDriver patient(
        std::shared_ptr<Driver>(std::move(driver)),
        {.stop = {},
         .sleep = [&](milliseconds time, const std::stop_token&) { waits.push_back(time); },
         .random = {}});

    EXPECT_EQ(patient.stat("k")->size, 1U);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_GT(waits[0], milliseconds(30'000));
}

TEST_F(S3Faults, AnotherRegionIsSignedForOnceAndRemembered)
{
    answerWith({fault(301, "PermanentRedirect",
                      "x-amz-bucket-region: eu-west-1\r\nLocation: http://127.0.0.1:1/\r\n"),
                head("x")});

    EXPECT_EQ(driver->stat("k")->size, 1U);
    EXPECT_EQ(driver->stat("k")->size, 1U);

    ASSERT_EQ(server.seen().size(), 3U);
    EXPECT_TRUE(has(server.seen()[0], "/us-east-1/s3/"));
    EXPECT_TRUE(has(server.seen()[1], "/eu-west-1/s3/"));
    EXPECT_TRUE(has(server.seen()[2], "/eu-west-1/s3/"));
}

TEST_F(S3Faults, RegionsThatSendOneAnotherRoundAreNotFollowedRound)
{
    answerWith({fault(301, "PermanentRedirect", "x-amz-bucket-region: eu-west-1\r\n"),
                fault(301, "PermanentRedirect", "x-amz-bucket-region: us-east-1\r\n")});

    const auto outcome = writeObject(*driver, "k", asBytes("x"));

    EXPECT_EQ(codeOf(outcome), "NotReady");
    EXPECT_EQ(outcome.error().hint, "Correct the region or the endpoint.");
    EXPECT_EQ(server.seen().size(), 2U);
}

TEST_F(S3Faults, AStallIsATimeout)
{
    S3Options s3 = options();
    s3.timeouts.stall = milliseconds(200);
    answerWith({{.text = {}, .thenStall = true}});

    EXPECT_EQ(codeOf(driverFor(s3)->stat("k")), "Timeout");
}

TEST_F(S3Faults, AnExpiredTokenIsAskedForAgainOnce)
{
    answerWith({fault(400, "ExpiredToken"), httpAnswer(204, ""), fault(400, "ExpiredToken")});

    EXPECT_EQ(codeOf(driver->remove("k")), "ok");
    EXPECT_EQ(codeOf(driver->remove("k")), "Denied");
    EXPECT_EQ(server.seen().size(), 4U);
}

TEST_F(S3Faults, AStoreThatKeptOtherBytesIsFoundOut)
{
    answerWith({httpAnswer(200, "", "ETag: " + quotedMd5("y") + "\r\n")});

    EXPECT_EQ(codeOf(writeObject(*driver, "k", asBytes("x"))), "Unavailable");
}

TEST_F(S3Faults, AChecksumThatTheStoreGivesBackIsCompared)
{
    const std::string right = toBase64(net::sha256(asBytes("x")));
    const std::string wrong = toBase64(net::sha256(asBytes("y")));
    answerWith({httpAnswer(200, "", "x-amz-checksum-sha256: " + right + "\r\n"),
                httpAnswer(200, "", "x-amz-checksum-sha256: " + wrong + "\r\n")});

    EXPECT_EQ(codeOf(writeObject(*driver, "k", asBytes("x"))), "ok");
    EXPECT_EQ(codeOf(writeObject(*driver, "k", asBytes("x"))), "Unavailable");
    EXPECT_TRUE(has(server.seen()[0], "checksum-sha256: " + right));
}

TEST_F(S3Faults, AnObjectWrittenByALostAnswerIsRecognised)
{
    const ScriptedAnswer absent{.text = "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"};
    const ScriptedAnswer bucket{.text = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"};
    answerWith({absent, bucket, fault(500, "InternalError"), absent,
                fault(412, "PreconditionFailed"), head("x")});
    auto stream = driver->openWrite("k", {.size = {}, .onlyIfAbsent = true});
    ASSERT_EQ(codeOf((*stream)->write(asBytes("x"))), "ok");

    EXPECT_EQ(codeOf((*stream)->commit()), "Unavailable");
    EXPECT_EQ(errorOf((*stream)->commit()), "");
}

TEST_F(S3Faults, AnotherWritersObjectIsNotTakenForOurs)
{
    const ScriptedAnswer absent{.text = "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"};
    const ScriptedAnswer bucket{.text = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"};
    answerWith({absent, bucket, fault(500, "InternalError"), absent,
                fault(412, "PreconditionFailed"), head("y")});
    auto stream = driver->openWrite("k", {.size = {}, .onlyIfAbsent = true});
    ASSERT_EQ(codeOf((*stream)->write(asBytes("x"))), "ok");

    EXPECT_EQ(codeOf((*stream)->commit()), "Unavailable");
    EXPECT_EQ(codeOf((*stream)->commit()), "AlreadyExists");
}

TEST_F(S3Faults, AStoreThatDoesNotKnowTheConditionIsAskedWithoutIt)
{
    const ScriptedAnswer absent{.text = "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"};
    const ScriptedAnswer bucket{.text = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"};
    answerWith({absent, bucket, fault(501, "NotImplemented"),
                httpAnswer(200, "", "ETag: " + quotedMd5("x") + "\r\n")});

    EXPECT_EQ(codeOf(writeObject(*driver, "k", asBytes("x"), {.size = {}, .onlyIfAbsent = true})),
              "ok");
    EXPECT_TRUE(has(server.seen()[2], "If-None-Match: *\r\n"));
    EXPECT_FALSE(has(server.seen()[3], "If-None-Match"));
}

TEST_F(S3Faults, AStoreThatIgnoresTheConditionHasNoExclusiveCreation)
{
    answerWith({httpAnswer(200, "")});

    EXPECT_FALSE(driver->capabilities().exclusiveCreate);
    EXPECT_FALSE(driver->capabilities().exclusiveCreate);
    EXPECT_EQ(server.seen().size(), 3U);
}

TEST_F(S3Faults, AnUploadThatFailsInItsLastAnswerCanBeCompletedAgain)
{
    const std::string first(std::size_t{5} << 20U, 'a');
    const std::string second = "b";
    Bytes sums = net::md5(asBytes(first));
    append(sums, net::md5(asBytes(second)));
    const std::string etag = "\"" + toHex(net::md5(sums)) + "-2\"";
    const std::string id =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    answerWith({httpAnswer(200, id),
                httpAnswer(200, "", "ETag: " + quotedMd5(first) + "\r\n"),
                httpAnswer(200, "", "ETag: " + quotedMd5(second) + "\r\n"),
                fault(200, "InternalError"),
                httpAnswer(200, "<CompleteMultipartUploadResult/>"),
                {.text = "HTTP/1.1 200 X\r\nContent-Length: 5242881\r\nETag: " + etag + "\r\n"
                         + times + "\r\n"}});
    auto stream = driver->openWrite("k", {});
    ASSERT_EQ(errorOf((*stream)->write(asBytes(first + second))), "");

    EXPECT_EQ(codeOf((*stream)->commit()), "Unavailable");
    EXPECT_EQ(errorOf((*stream)->commit()), "");
    EXPECT_EQ(errorOf((*stream)->commit()), "");
    stream = fail(ErrorCode::Bug, "gone");
    EXPECT_EQ(server.seen().size(), 6U); // No abort of what was completed.
}

TEST_F(S3Faults, APartThatFailsIsSentAgainAndAnUnfinishedUploadIsAborted)
{
    const std::string id =
        "<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>";
    const std::string block(std::size_t{5} << 20U, 'a');
    answerWith({httpAnswer(200, id), fault(503, "SlowDown"),
                httpAnswer(200, "", "ETag: " + quotedMd5(block) + "\r\n"), httpAnswer(204, "")});
    {
        auto stream = driver->openWrite("k", {});
        ASSERT_EQ(codeOf((*stream)->write(asBytes(block))), "ok");
        EXPECT_EQ(codeOf((*stream)->write(asBytes("b"))), "Unavailable");
        EXPECT_EQ(codeOf((*stream)->write(asBytes("b"))), "ok");
    }

    ASSERT_EQ(server.seen().size(), 4U);
    EXPECT_EQ(server.seen()[2].body, block);
    EXPECT_EQ(server.seen()[3].line(), "DELETE /bucket/p/k?uploadId=u%2F1 HTTP/1.1");
}

TEST_F(S3Faults, AListingThatGoesRoundInACircleIsRefused)
{
    const std::string page = "<ListBucketResult><IsTruncated>true</IsTruncated>"
                             "<NextContinuationToken>t</NextContinuationToken>"
                             "</ListBucketResult>";
    answerWith({httpAnswer(200, page)});

    EXPECT_EQ(codeOf(listObjects(*driver, "")), "Incompatible");
}

TEST_F(S3Faults, AListingOutOfOrderIsRefused)
{
    const std::string rest = "</Key><Size>1</Size><LastModified>2026-11-20T20:56:51Z"
                             "</LastModified></Contents>";
    answerWith({httpAnswer(200, "<ListBucketResult><Contents><Key>p/b" + rest + "<Contents><Key>p/a"
                                    + rest + "</ListBucketResult>")});

    EXPECT_EQ(codeOf(listObjects(*driver, "")), "Incompatible");
}

TEST_F(S3Faults, WhatIsNoListingIsSaidToBeNone)
{
    answerWith({httpAnswer(200, "<html>hello</html>")});

    const auto outcome = listObjects(*driver, "x");

    EXPECT_EQ(codeOf(outcome), "Corrupt");
    EXPECT_TRUE(errorOf(outcome).find("cannot list 's3://bucket/p/x'") != std::string::npos);
}

struct MeaningRow {
    int status;
    std::string fault;
    std::string code;
};
class S3Meaning : public S3Faults, public testing::WithParamInterface<MeaningRow> {};

TEST_P(S3Meaning, OfAnAnswerToAWrite)
{
    answerWith({fault(GetParam().status, GetParam().fault)});

    const auto outcome = writeObject(*driver, "k", asBytes("x"));

    EXPECT_EQ(codeOf(outcome), GetParam().code);
    EXPECT_NE(outcome.error().message.find("'s3://bucket/p/k': " + GetParam().fault),
              std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Rows, S3Meaning,
                         testing::Values(MeaningRow{403, "AccessDenied", "Denied"},
                                         MeaningRow{403, "InvalidAccessKeyId", "Denied"},
                                         MeaningRow{403, "SignatureDoesNotMatch", "Denied"},
                                         MeaningRow{401, "Unauthorized", "Denied"},
                                         MeaningRow{403, "QuotaExceeded", "NoSpace"},
                                         MeaningRow{507, "InsufficientStorage", "NoSpace"},
                                         MeaningRow{404, "NoSuchBucket", "NotReady"},
                                         MeaningRow{409, "BucketAlreadyExists", "AlreadyExists"},
                                         MeaningRow{412, "PreconditionFailed", "AlreadyExists"},
                                         MeaningRow{409, "OperationAborted", "Unavailable"},
                                         MeaningRow{400, "BadDigest", "Unavailable"},
                                         MeaningRow{400, "InvalidStorageClass", "NotReady"},
                                         MeaningRow{429, "TooManyRequests", "Unavailable"},
                                         MeaningRow{500, "InternalError", "Unavailable"},
                                         MeaningRow{501, "NotImplemented", "Incompatible"},
                                         MeaningRow{503, "SlowDown", "Unavailable"}));

struct PlaceRow {
    PlaceOptions options;
    std::string outcome;
};
class OpenDriver : public testing::TestWithParam<PlaceRow> {};

TEST_P(OpenDriver, ReadsTheSettings)
{
    const auto driver = openDriver(GetParam().options);

    EXPECT_EQ(driver.ok() ? (*driver)->location() : codeOf(driver), GetParam().outcome);
}

PlaceOptions place(const std::string& url)
{
    PlaceOptions options;
    options.url = url;
    return options;
}

PlaceOptions withCredentials(const std::string& credentials)
{
    PlaceOptions options = place("s3://bucket");
    options.credentials = credentials;
    return options;
}

PlaceOptions withSse(const std::string& sse)
{
    PlaceOptions options = place("s3://bucket");
    options.sse = sse;
    return options;
}

PlaceOptions withEndpoint(const std::string& endpoint)
{
    PlaceOptions options = place("s3://bucket/a/b/");
    options.endpoint = endpoint;
    return options;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, OpenDriver,
    testing::Values(PlaceRow{place("file:///srv/backup/"), "file:///srv/backup"},
                    PlaceRow{place("file://relative"), "InvalidInput"},
                    PlaceRow{place("/srv/backup"), "InvalidInput"},
                    PlaceRow{place("ftp://host"), "InvalidInput"},
                    PlaceRow{place("s3://bucket/a/b"), "s3://bucket/a/b"},
                    PlaceRow{place("s3://"), "InvalidInput"},
                    PlaceRow{place("s3://no"), "InvalidInput"},
                    PlaceRow{place("s3://bucket//b"), "InvalidInput"},
                    PlaceRow{withEndpoint("http://127.0.0.1:9000"), "s3://bucket/a/b"},
                    PlaceRow{withEndpoint("127.0.0.1:9000"), "InvalidInput"},
                    PlaceRow{withCredentials("magic"), "InvalidInput"},
                    PlaceRow{withSse("kms:key"), "s3://bucket"},
                    PlaceRow{withSse("aes"), "InvalidInput"}));

} // namespace
} // namespace salvor::storage
