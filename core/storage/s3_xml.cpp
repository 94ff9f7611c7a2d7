#include "core/storage/s3_xml.h"

#include "core/base/text.h"
#include "core/net/sigv4.h"
#include "core/storage/xml_tree.h"

namespace salvor::storage {

namespace {

Result<ObjectInfo> readObjectInfo(const XmlNode& contents)
{
    SALVOR_TRY(ObjectKey key, net::uriDecoded(contents.textOf("Key")));
    const auto size = parseUnsigned(contents.textOf("Size"));
    const auto time = parseMoment(contents.textOf("LastModified"));
    if (key.empty() || !size || !time.ok())
        return unexpectedXml("an object has no key, size or time");
    return ObjectInfo{std::move(key), *size, *time};
}

} // namespace

Result<S3Listing> parseS3Listing(ByteView xml)
{
    SALVOR_TRY(const XmlNode root, parseXml(xml, "ListBucketResult"));
    // A '+' would be a space in some stores' reading of encoding-type=url; no key of ours has one.
    S3Listing listing;
    for (const XmlNode& node : root.children) {
        if (node.name != "Contents")
            continue;
        SALVOR_TRY(ObjectInfo info, readObjectInfo(node));
        listing.objects.push_back(std::move(info));
    }
    if (root.textOf("IsTruncated") != "true")
        return listing;
    listing.nextToken = root.textOf("NextContinuationToken");
    if (listing.nextToken.empty())
        return unexpectedXml("the listing goes on, but does not say where");
    return listing;
}

std::optional<S3Fault> parseS3Fault(ByteView xml)
{
    const auto root = parseXml(xml);
    if (!root.ok() || root->name != "Error")
        return std::nullopt;
    return S3Fault{root->textOf("Code"), root->textOf("Message"), root->textOf("Region")};
}

Result<std::string> parseS3UploadId(ByteView xml)
{
    SALVOR_TRY(const XmlNode root, parseXml(xml, "InitiateMultipartUploadResult"));
    std::string id = root.textOf("UploadId");
    if (id.empty())
        return unexpectedXml("the upload has no id");
    return id;
}

std::string s3CompletionXml(const std::vector<S3Part>& parts)
{
    std::string xml = "<CompleteMultipartUpload "
                      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (std::size_t i = 0; i < parts.size(); ++i)
        xml +=
            "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + parts[i].etag
            + "</ETag>"
            + (parts[i].sha256.empty() ? std::string()
                                       : "<ChecksumSHA256>" + parts[i].sha256 + "</ChecksumSHA256>")
            + "</Part>";
    return xml + "</CompleteMultipartUpload>";
}

} // namespace salvor::storage
