#include "core/storage/s3_xml.h"

#include "core/base/text.h"
#include "core/net/sigv4.h"

#include <QByteArray>
#include <QString>
#include <QXmlStreamReader>

#include <algorithm>

namespace salvor::storage {

namespace {

constexpr int deepest = 16;

struct Node {
    std::string name;
    std::string text;
    std::vector<Node> children;

    [[nodiscard]] const Node* child(std::string_view wanted) const
    {
        const auto found = std::find_if(children.begin(), children.end(),
                                        [wanted](const Node& node) { return node.name == wanted; });
        return found == children.end() ? nullptr : &*found;
    }
    [[nodiscard]] std::string textOf(std::string_view wanted) const
    {
        const Node* node = child(wanted);
        return node == nullptr ? std::string() : node->text;
    }
};

Error badXml(const std::string& why)
{
    return fail(ErrorCode::Corrupt, "the store's answer is not what was asked for: " + why,
                "Check that the endpoint is the S3 address of the store.");
}

/// Reads the element that the reader stands on, to its end.
Result<Node> readNode(QXmlStreamReader& reader, int depth)
{
    if (depth > deepest)
        return badXml("its elements are nested too deeply");
    Node node{reader.name().toString().toStdString(), {}, {}};
    while (!reader.atEnd()) {
        switch (reader.readNext()) {
        case QXmlStreamReader::StartElement: {
            SALVOR_TRY(Node inner, readNode(reader, depth + 1));
            node.children.push_back(std::move(inner));
            break;
        }
        case QXmlStreamReader::Characters:
            node.text += reader.text().toString().toStdString();
            break;
        case QXmlStreamReader::EndElement:
            return node;
        default:
            break;
        }
    }
    return badXml(reader.errorString().toStdString());
}

Result<Node> readDocument(ByteView xml)
{
    // Stores send white space while they work, which no XML declaration may follow.
    const std::string_view text = trim(asText(xml));
    QXmlStreamReader reader(
        QByteArray::fromRawData(text.data(), static_cast<qsizetype>(text.size())));
    while (!reader.atEnd()) {
        const QXmlStreamReader::TokenType token = reader.readNext();
        if (token == QXmlStreamReader::DTD)
            return badXml("it defines a document type");
        if (token == QXmlStreamReader::StartElement)
            return readNode(reader, 1);
    }
    return badXml("it is no XML");
}

Result<Node> readDocument(ByteView xml, std::string_view root)
{
    SALVOR_TRY(Node node, readDocument(xml));
    if (node.name != root)
        return badXml("it is <" + node.name + "> instead of <" + std::string(root) + ">");
    return node;
}

Result<ObjectInfo> readObjectInfo(const Node& contents)
{
    SALVOR_TRY(ObjectKey key, net::uriDecoded(contents.textOf("Key")));
    const auto size = parseUnsigned(contents.textOf("Size"));
    const auto time = parseMoment(contents.textOf("LastModified"));
    if (key.empty() || !size || !time.ok())
        return badXml("an object has no key, size or time");
    return ObjectInfo{std::move(key), *size, *time};
}

} // namespace

Result<S3Listing> parseS3Listing(ByteView xml)
{
    SALVOR_TRY(const Node root, readDocument(xml, "ListBucketResult"));
    // A '+' would be a space in some stores' reading of encoding-type=url; no key of ours has one.
    S3Listing listing;
    for (const Node& node : root.children) {
        if (node.name != "Contents")
            continue;
        SALVOR_TRY(ObjectInfo info, readObjectInfo(node));
        listing.objects.push_back(std::move(info));
    }
    if (root.textOf("IsTruncated") != "true")
        return listing;
    listing.nextToken = root.textOf("NextContinuationToken");
    if (listing.nextToken.empty())
        return badXml("the listing goes on, but does not say where");
    return listing;
}

std::optional<S3Fault> parseS3Fault(ByteView xml)
{
    const auto root = readDocument(xml);
    if (!root.ok() || root->name != "Error")
        return std::nullopt;
    return S3Fault{root->textOf("Code"), root->textOf("Message"), root->textOf("Region")};
}

Result<std::string> parseS3UploadId(ByteView xml)
{
    SALVOR_TRY(const Node root, readDocument(xml, "InitiateMultipartUploadResult"));
    std::string id = root.textOf("UploadId");
    if (id.empty())
        return badXml("the upload has no id");
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
