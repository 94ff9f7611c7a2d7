#include "core/storage/s3_xml.h"
#include "tests/storage/storage_test.h"

namespace salvor::storage {
namespace {

const std::string page = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>
<Contents><Key>dr%2Fx</Key><LastModified>2026-11-20T20:56:51.123Z</LastModified>
<ETag>&quot;e&quot;</ETag><Size>17</Size><Owner><ID>i</ID></Owner></Contents>
<Contents><Key>y</Key><LastModified>2026-11-20T20:56:51Z</LastModified><Size>0</Size></Contents>
</ListBucketResult>)";

TEST(S3Listing, IsReadWithItsToken)
{
    const auto listing = parseS3Listing(asBytes(page));

    ASSERT_EQ(errorOf(listing), "");
    ASSERT_EQ(listing->objects.size(), 2U);
    EXPECT_EQ(listing->objects[0].key, "dr/x");
    EXPECT_EQ(listing->objects[0].size, 17U);
    EXPECT_EQ(formatMoment(listing->objects[0].modifiedAt), "2026-11-20T20:56:51.123000Z");
    EXPECT_EQ(listing->nextToken, "a&b");
}

TEST(S3Listing, CutAnywhereItIsCorruptAndNoCrash)
{
    std::string accepted;
    for (std::size_t size = 0; size + 1 < page.size(); ++size)
        if (parseS3Listing(asBytes(page.substr(0, size))).ok())
            accepted += std::to_string(size) + " ";

    EXPECT_EQ(accepted, "");
}

TEST(S3Listing, AFlippedBitNeverCrashes)
{
    std::size_t refused = 0;
    for (std::size_t i = 0; i < page.size(); ++i) {
        std::string flipped = page;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
        refused += parseS3Listing(asBytes(flipped)).ok() ? 0U : 1U;
    }

    EXPECT_GT(refused, page.size() / 4);
}

struct BadRow {
    std::string xml;
};
class BadS3Listing : public testing::TestWithParam<BadRow> {};

TEST_P(BadS3Listing, IsCorrupt)
{
    EXPECT_EQ(codeOf(parseS3Listing(asBytes(GetParam().xml))), "Corrupt");
}

std::string nested(int depth)
{
    std::string xml = "<ListBucketResult>";
    for (int i = 0; i < depth; ++i)
        xml += "<a>";
    return xml;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadS3Listing,
    testing::Values(BadRow{""}, BadRow{"not xml"}, BadRow{"<html></html>"}, BadRow{"<Error/>"},
                    BadRow{nested(100'000)},
                    BadRow{"<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult/>"},
                    BadRow{"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"},
                    BadRow{
                        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"},
                    BadRow{"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size><LastModified>"
                           "2026-11-20T20:56:51Z</LastModified></Contents></ListBucketResult>"},
                    BadRow{"<ListBucketResult><Contents><Key>a</Key><Size>1</Size><LastModified>"
                           "yesterday</LastModified></Contents></ListBucketResult>"}));

TEST(S3Fault, IsFoundBehindWhiteSpaceAndWithoutAMessage)
{
    const auto fault = parseS3Fault(
        asBytes("  \n<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message></Message>"
                "<Region>eu-west-1</Region></Error>"));

    ASSERT_TRUE(fault.has_value());
    EXPECT_EQ(fault->code, "SlowDown");
    EXPECT_EQ(fault->message, "");
    EXPECT_EQ(fault->region, "eu-west-1");
    EXPECT_FALSE(parseS3Fault(asBytes(page)).has_value());
    EXPECT_FALSE(parseS3Fault({}).has_value());
}

TEST(S3UploadId, IsReadOrMissed)
{
    EXPECT_EQ(*parseS3UploadId(asBytes("<InitiateMultipartUploadResult><UploadId>2~x</UploadId>"
                                       "</InitiateMultipartUploadResult>")),
              "2~x");
    EXPECT_EQ(codeOf(parseS3UploadId(asBytes("<InitiateMultipartUploadResult/>"))), "Corrupt");
}

} // namespace
} // namespace salvor::storage
