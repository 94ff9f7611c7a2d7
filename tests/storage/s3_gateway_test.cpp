#include "core/base/subprocess.h"
#include "core/storage/open_driver.h"
#include "tests/storage/storage_test.h"
#include "tests/support/s3_gateway.h"

#include <thread>

namespace salvor::storage {
namespace {

Bytes numbered(std::size_t size)
{
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>((i * 2654435761U) >> 13U);
    return bytes;
}

class S3Gateway : public S3GatewayTest {
protected:
    /// What the aws client, which shares no line with us, sees or does.
    std::string aws(std::vector<std::string> arguments) const
    {
        Command command;
        command.argv = {"/usr/bin/aws", "--endpoint-url", environment.at("endpoint")};
        command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
        command.environment = {{"AWS_ACCESS_KEY_ID", environment.at("access")},
                               {"AWS_SECRET_ACCESS_KEY", environment.at("secret")},
                               {"AWS_DEFAULT_REGION", "us-east-1"},
                               {"AWS_EC2_METADATA_DISABLED", "true"}};
        const auto output = runChecked(command);
        return output.ok() ? *output : errorOf(output);
    }

    /// A bucket with versions and Object Lock.
    void makeLockingBucket()
    {
        bucket += "-lock";
        S3Call create;
        create.method = net::Method::Put;
        create.headers = {{"x-amz-bucket-object-lock-enabled", "true"}};
        const auto answer = clientFor(options())->call(create);
        ASSERT_TRUE(answer.ok());
        ASSERT_EQ(answer->status, 200);
    }

    std::stop_source source;
};

class MovedClock final : public Clock {
public:
    explicit MovedClock(std::chrono::minutes by)
        : m_by(by)
    {}
    [[nodiscard]] Moment now() const override { return systemClock().now() + m_by; }

private:
    std::chrono::minutes m_by;
};

TEST_F(S3Gateway, KeepsEveryPromise)
{
    const auto driver = driverFor(options());

    const auto findings = checkConformance(*driver, "scratch/");

    EXPECT_EQ(brokenPromises(findings), "");
    EXPECT_EQ(keysBelow(*driver, ""), std::vector<ObjectKey>{});
}

TEST_F(S3Gateway, KeepsEveryPromiseWithoutAPrefix)
{
    S3Options s3 = options();
    s3.prefix.clear();
    const auto driver = driverFor(s3);

    EXPECT_EQ(brokenPromises(checkConformance(*driver, "scratch/")), "");
}

TEST_F(S3Gateway, KeepsEveryPromiseOverTlsWithItsOwnAuthority)
{
    S3Options s3 = options();
    s3.endpoint = *net::parseEndpoint(environment.at("tls"));
    http = *net::createHttpClient({.caFile = environment.at("ca")});
    const auto driver = driverFor(s3);

    EXPECT_EQ(brokenPromises(checkConformance(*driver, "scratch/")), "");
}

TEST_F(S3Gateway, KeepsEveryPromiseWithVirtualHostsThroughLibcurlAlone)
{
    S3Options s3 = options();
    s3.endpoint = *net::parseEndpoint(environment.at("hosts"));
    s3.pathStyle = false;
    http = *net::createCurlHttpClient({.caFile = environment.at("ca")});
    const auto driver = driverFor(s3);

    EXPECT_EQ(brokenPromises(checkConformance(*driver, "scratch/")), "");
}

TEST_F(S3Gateway, AnAuthorityThatIsNotTrustedIsRefused)
{
    S3Options s3 = options();
    s3.endpoint = *net::parseEndpoint(environment.at("tls"));
    const auto driver = driverFor(s3);

    EXPECT_EQ(codeOf(driver->stat("k")), "NotReady");
    EXPECT_EQ(codeOf(writeObject(*driver, "k", Bytes(2U << 20U))), "NotReady");
}

TEST_F(S3Gateway, TheDriverOfASettingReadsAndWrites)
{
    const auto folder = TemporaryDirectory::create();
    const Path file = folder->path() / "keys";
    const std::string keys = "[default]\naws_access_key_id = " + environment.at("access")
                             + "\naws_secret_access_key = " + environment.at("secret") + "\n";
    ASSERT_TRUE(writeFileDurably(file, asBytes(keys)).ok());
    const auto driver = openDriver({.url = "s3://" + bucket + "/dr/",
                                    .endpoint = environment.at("endpoint"),
                                    .region = "us-east-1",
                                    .pathStyle = true,
                                    .caFile = {},
                                    .credentials = "file:" + file.native(),
                                    .storageClass = {},
                                    .stop = {}});
    ASSERT_EQ(errorOf(driver), "");

    EXPECT_EQ(errorOf(writeObject(**driver, "a/b", asBytes("hello"))), "");
    EXPECT_EQ(textOf(**driver, "a/b"), "hello");
    EXPECT_EQ((*driver)->location(), "s3://" + bucket + "/dr");
}

TEST_F(S3Gateway, TheAwsClientReadsWhatWasWrittenAndTheOtherWayRound)
{
    const auto driver = driverFor(options());
    ASSERT_EQ(errorOf(writeObject(*driver, "a/b.txt", asBytes("ours"))), "");

    EXPECT_EQ(aws({"s3", "cp", "s3://" + bucket + "/dr/prod/a/b.txt", "-"}), "ours");
    const auto listing = aws({"s3", "ls", "--recursive", "s3://" + bucket});
    EXPECT_NE(listing.find(" 4 dr/prod/a/b.txt"), std::string::npos) << listing;
    const auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(writeFileDurably(folder->path() / "f", asBytes("theirs")).ok());
    aws({"s3", "cp", (folder->path() / "f").native(), "s3://" + bucket + "/dr/prod/c"});
    EXPECT_EQ(textOf(*driver, "c"), "theirs");
}

TEST_F(S3Gateway, AWrongSecretIsDeniedEverywhere)
{
    const auto driver = driverFor(options(), "wrong");

    const auto written = writeObject(*driver, "k", asBytes("x"));
    EXPECT_EQ(codeOf(written), "Denied");
    EXPECT_EQ(written.error().hint, "Check the secret key.");
    EXPECT_EQ(written.error().message.find("wrong"), std::string::npos);
    EXPECT_EQ(codeOf(driver->stat("k")), "Denied");
    EXPECT_EQ(codeOf(driver->openRead("k", {})), "Denied");
    EXPECT_EQ(codeOf(listObjects(*driver, "")), "Denied");
    EXPECT_EQ(codeOf(driver->remove("k")), "Denied");
    EXPECT_EQ(aws({"s3", "ls", "--recursive", "s3://" + bucket}), "");
}

TEST_F(S3Gateway, ABucketThatIsNotThereIsSaidByName)
{
    S3Options s3 = options();
    s3.bucket = "no-such-bucket-here";
    const auto driver = driverFor(s3);

    for (const std::string& error :
         {errorOf(writeObject(*driver, "k", asBytes("x"))), errorOf(driver->stat("k")),
          errorOf(driver->openRead("k", {})), errorOf(listObjects(*driver, ""))}) {
        EXPECT_TRUE(error.starts_with("NotReady: ")) << error;
        EXPECT_NE(error.find("no-such-bucket-here"), std::string::npos) << error;
    }
}

TEST_F(S3Gateway, AnObjectOfManyPartsComesBackWhole)
{
    S3Options s3 = options();
    s3.partSize = ByteCount{5} << 20U;
    s3.readSize = ByteCount{3} << 20U;
    const auto driver = driverFor(s3);
    const Bytes content = numbered((std::size_t{12} << 20U) + 17);

    const auto written = writeObject(*driver, "big", content);
    const auto read = readObject(*driver, "big");

    ASSERT_EQ(errorOf(written), "");
    ASSERT_EQ(errorOf(read), "");
    EXPECT_EQ(*read, content);
    EXPECT_EQ(*readObject(*driver, "big", {.offset = 5'000'000, .length = 4'000'000}),
              Bytes(content.begin() + 5'000'000, content.begin() + 9'000'000));
    const auto head = aws({"s3api", "head-object", "--bucket", bucket, "--key", "dr/prod/big",
                           "--query", "[ContentLength, ETag]", "--output", "text"});
    EXPECT_TRUE(head.starts_with("12582929\t") && head.ends_with("-3\"\n")) << head;
}

TEST_F(S3Gateway, AnUploadThatIsGivenUpLeavesNoParts)
{
    S3Options s3 = options();
    s3.partSize = ByteCount{5} << 20U;
    const auto driver = driverFor(s3);
    {
        auto stream = driver->openWrite("big", {});
        ASSERT_EQ(errorOf((*stream)->write(numbered(std::size_t{11} << 20U))), "");
        EXPECT_NE(aws({"s3api", "list-multipart-uploads", "--bucket", bucket}).find("dr/prod/big"),
                  std::string::npos);
    }

    EXPECT_EQ(aws({"s3api", "list-multipart-uploads", "--bucket", bucket}).find("dr/prod/big"),
              std::string::npos);
    EXPECT_EQ(keysBelow(*driver, ""), std::vector<ObjectKey>{});
}

TEST_F(S3Gateway, AReplacedObjectIsNotReadAsAMixture)
{
    S3Options s3 = options();
    s3.readSize = 1000;
    const auto driver = driverFor(s3);
    ASSERT_EQ(errorOf(writeObject(*driver, "k", Bytes(3000, std::byte{1}))), "");
    auto reader = driver->openRead("k", {});
    Bytes buffer(1000);
    ASSERT_EQ(*(*reader)->read(buffer), 1000U);
    ASSERT_EQ(errorOf(writeObject(*driver, "k", Bytes(3000, std::byte{2}))), "");

    EXPECT_EQ(codeOf((*reader)->read(buffer)), "Corrupt");
}

TEST_F(S3Gateway, AListingOfMoreThanOnePageIsWhole)
{
    const auto driver = driverFor(options());
    std::vector<ObjectKey> expected;
    for (int i = 0; i < 1100; ++i)
        expected.push_back("many/" + std::to_string(100'000 + i));
    std::atomic<std::size_t> next{0};
    std::atomic<int> failures{0};
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 8; ++i)
            writers.emplace_back([&] {
                for (std::size_t at = next++; at < expected.size(); at = next++)
                    failures += writeObject(*driver, expected[at], asBytes("x")).ok() ? 0 : 1;
            });
    }

    EXPECT_EQ(failures, 0);
    EXPECT_EQ(keysBelow(*driver, "many/"), expected);
    EXPECT_EQ(keysBelow(*driver, "many/10099").size(), 10U);
}

TEST_F(S3Gateway, EncryptionThatTheStoreIgnoresIsFoundOutAndTheObjectRemoved)
{
    S3Options s3 = options();
    s3.sse = "s3";
    s3.partSize = ByteCount{5} << 20U;
    const auto driver = driverFor(s3);

    EXPECT_EQ(codeOf(writeObject(*driver, "small", asBytes("x"))), "Incompatible");
    EXPECT_EQ(codeOf(writeObject(*driver, "big", Bytes(std::size_t{6} << 20U))), "Incompatible");
    EXPECT_EQ(keysBelow(*driver, ""), std::vector<ObjectKey>{});
}

TEST_F(S3Gateway, EncryptionThatTheStoreHasIsAccepted)
{
    S3Options s3 = options();
    s3.sse = "kms:testkey";
    s3.partSize = ByteCount{5} << 20U;
    const auto driver = driverFor(s3);

    EXPECT_EQ(errorOf(writeObject(*driver, "small", asBytes("x"))), "");
    EXPECT_EQ(errorOf(writeObject(*driver, "big", Bytes(std::size_t{6} << 20U))), "");
    EXPECT_EQ(textOf(*driver, "small"), "x");
    EXPECT_EQ(readObject(*driver, "big")->size(), std::size_t{6} << 20U);
}

TEST_F(S3Gateway, AWrongClockIsMendedByTheStoresOwn)
{
    const MovedClock slow(std::chrono::minutes(-40));
    const MovedClock fast(std::chrono::minutes(40));

    EXPECT_EQ(codeOf(driverFor(options(), {}, slow)->stat("k")), "NotFound");
    EXPECT_EQ(errorOf(writeObject(*driverFor(options(), {}, fast), "k", asBytes("x"))), "");
    EXPECT_EQ(textOf(*driverFor(options(), {}, slow), "k"), "x");
}

TEST_F(S3Gateway, ExclusiveCreationIsProbedAndHolds)
{
    const auto driver = driverFor(options());
    std::atomic<int> won{0};
    std::atomic<int> lost{0};

    const Capabilities abilities = driver->capabilities();
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 8; ++i)
            writers.emplace_back([&, i] {
                const auto outcome = writeObject(*driver, "one", asBytes(std::to_string(i)),
                                                 {.size = {}, .onlyIfAbsent = true});
                won += codeOf(outcome) == "ok" ? 1 : 0;
                lost += codeOf(outcome) == "AlreadyExists" ? 1 : 0;
            });
    }

    EXPECT_TRUE(abilities.exclusiveCreate);
    EXPECT_FALSE(abilities.retention);
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 7);
    EXPECT_EQ(keysBelow(*driver, ""), (std::vector<ObjectKey>{"one"}));
}

TEST_F(S3Gateway, LockedObjectsCannotBeRemovedForGood)
{
    makeLockingBucket();
    S3Options s3 = options();
    s3.lockDays = 2;
    s3.partSize = ByteCount{5} << 20U;
    const auto driver = driverFor(s3);

    ASSERT_EQ(errorOf(writeObject(*driver, "k", asBytes("x"))), "");
    ASSERT_EQ(errorOf(writeObject(*driver, "big", Bytes(std::size_t{6} << 20U))), "");

    EXPECT_TRUE(driver->capabilities().retention);
    for (const char* key : {"dr/prod/k", "dr/prod/big"}) {
        const auto version = aws({"s3api", "head-object", "--bucket", bucket, "--key", key,
                                  "--query", "[VersionId]", "--output", "text"});
        EXPECT_NE(aws({"s3api", "delete-object", "--bucket", bucket, "--key", key,
                       "--version-id=" + std::string(trim(version))})
                      .find("AccessDenied"),
                  std::string::npos);
    }
    EXPECT_EQ(textOf(*driver, "k"), "x");
}

TEST_F(S3Gateway, AStopEndsCallsWithCancelled)
{
    S3Options s3 = options();
    s3.stop = source.get_token();
    const auto driver = driverFor(s3);
    ASSERT_EQ(errorOf(writeObject(*driver, "k", asBytes("x"))), "");

    source.request_stop();

    EXPECT_EQ(codeOf(driver->stat("k")), "Cancelled");
    EXPECT_EQ(codeOf(writeObject(*driver, "k", Bytes(std::size_t{2} << 20U))), "Cancelled");
}

} // namespace
} // namespace salvor::storage
