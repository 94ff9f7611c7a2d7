#include "core/storage/xml_tree.h"

#include "core/base/text.h"

#include <QByteArray>
#include <QString>
#include <QXmlStreamReader>
#include <QXmlStreamWriter>

#include <algorithm>

namespace salvor::storage {

namespace {

constexpr int deepest = 16;

/// Reads the element that the reader stands on, to its end.
Result<XmlNode> readNode(QXmlStreamReader& reader, int depth)
{
    if (depth > deepest)
        return unexpectedXml("its elements are nested too deeply");
    XmlNode node{reader.name().toString().toStdString(), {}, {}};
    while (!reader.atEnd()) {
        switch (reader.readNext()) {
        case QXmlStreamReader::StartElement: {
            SALVOR_TRY(XmlNode inner, readNode(reader, depth + 1));
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
    return unexpectedXml(reader.errorString().toStdString());
}

void writeNode(QXmlStreamWriter& writer, const XmlNode& node, const std::string& space)
{
    writer.writeStartElement(QString::fromStdString(node.name));
    if (!space.empty())
        writer.writeDefaultNamespace(QString::fromStdString(space));
    if (node.children.empty())
        writer.writeCharacters(QString::fromStdString(node.text));
    for (const XmlNode& child : node.children)
        writeNode(writer, child, {});
    writer.writeEndElement();
}

} // namespace

const XmlNode* XmlNode::child(std::string_view wanted) const
{
    const auto found = std::find_if(children.begin(), children.end(),
                                    [wanted](const XmlNode& node) { return node.name == wanted; });
    return found == children.end() ? nullptr : &*found;
}

std::string XmlNode::textOf(std::string_view wanted) const
{
    const XmlNode* node = child(wanted);
    return node == nullptr ? std::string() : node->text;
}

Error unexpectedXml(const std::string& why)
{
    return fail(ErrorCode::Corrupt, "the store's answer is not what was asked for: " + why,
                "Check that the endpoint is the S3 address of the store.");
}

Result<XmlNode> parseXml(ByteView xml)
{
    // Stores send white space while they work, which no XML declaration may follow.
    const std::string_view text = trim(asText(xml));
    QXmlStreamReader reader(
        QByteArray::fromRawData(text.data(), static_cast<qsizetype>(text.size())));
    while (!reader.atEnd()) {
        const QXmlStreamReader::TokenType token = reader.readNext();
        if (token == QXmlStreamReader::DTD)
            return unexpectedXml("it defines a document type");
        if (token == QXmlStreamReader::StartElement)
            return readNode(reader, 1);
    }
    return unexpectedXml("it is no XML");
}

Result<XmlNode> parseXml(ByteView xml, std::string_view root)
{
    SALVOR_TRY(XmlNode node, parseXml(xml));
    if (node.name != root)
        return unexpectedXml("it is <" + node.name + "> instead of <" + std::string(root) + ">");
    return node;
}

std::string xmlText(const XmlNode& node, const std::string& space)
{
    QByteArray text;
    QXmlStreamWriter writer(&text);
    writeNode(writer, node, space);
    return text.toStdString();
}

} // namespace salvor::storage
