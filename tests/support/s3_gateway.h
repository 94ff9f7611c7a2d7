// The S3 gateway of a test run, and buckets in it.
#pragma once

#include "core/base/file.h"
#include "core/base/text.h"
#include "core/net/aws_credentials.h"
#include "core/storage/s3_driver.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace salvor::storage {

/// What the file says that SALVOR_S3_ENV names: endpoint, tls, ca, access, secret.
inline std::map<std::string, std::string> s3Environment()
{
    std::map<std::string, std::string> values;
    const char* file = std::getenv("SALVOR_S3_ENV");
    const auto text = readTextFile(file == nullptr ? "" : file);
    EXPECT_TRUE(text.ok()) << "SALVOR_S3_ENV must name the file of tests/support/s3-server";
    std::string_view rest = text.ok() ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
        const std::string_view line = rest.substr(0, end);
        const std::size_t equal = std::min(line.find('='), line.size());
        values.emplace(line.substr(0, equal), line.substr(std::min(equal + 1, line.size())));
        rest.remove_prefix(end + 1);
    }
    return values;
}

/// A bucket of the test's own in the gateway, and drivers for it.
class S3GatewayTest : public testing::Test {
protected:
    void SetUp() override
    {
        auto client = net::createHttpClient({.caFile = {}});
        ASSERT_TRUE(client.ok());
        http = *std::move(client);
        const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
        bucket = "t-" + net::sha256Hex(asBytes(test->name())).substr(0, 16) + "-"
                 + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
        S3Call create;
        create.method = net::Method::Put;
        const auto answer = clientFor(options())->call(create);
        ASSERT_TRUE(answer.ok()) << answer.error().message;
        ASSERT_EQ(answer->status, 200) << asText(answer->body);
    }

    S3Options options() const
    {
        S3Options s3;
        s3.bucket = bucket;
        s3.prefix = "dr/prod";
        s3.endpoint = *net::parseEndpoint(environment.at("endpoint"));
        s3.pathStyle = true;
        return s3;
    }

    std::unique_ptr<net::CredentialSource> credentials(const std::string& secret = {}) const
    {
        return net::fixedCredentials({environment.at("access"),
                                      Secret(secret.empty() ? environment.at("secret") : secret),
                                      Secret(), std::nullopt});
    }

    std::unique_ptr<S3Client> clientFor(const S3Options& s3) const
    {
        return std::make_unique<S3Client>(s3, http, credentials(), systemClock());
    }

    std::unique_ptr<S3Driver> driverFor(const S3Options& s3, const std::string& secret = {},
                                        const Clock& clock = systemClock()) const
    {
        auto driver = S3Driver::create(s3, http, credentials(secret), clock);
        EXPECT_TRUE(driver.ok());
        return *std::move(driver);
    }

    const std::map<std::string, std::string> environment = s3Environment();
    std::shared_ptr<net::HttpClient> http;
    std::string bucket;
};

} // namespace salvor::storage
