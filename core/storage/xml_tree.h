// XML as a tree of elements, as S3 stores speak it. Pure; safe on any thread.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace salvor::storage {

/// An element. Attributes are not kept: no store puts anything there.
struct XmlNode {
    std::string name;
    std::string text;
    std::vector<XmlNode> children;

    /// The first one of that name; null: there is none.
    [[nodiscard]] const XmlNode* child(std::string_view wanted) const;
    /// Of a child; empty when it is not there.
    [[nodiscard]] std::string textOf(std::string_view wanted) const;
};

/// Corrupt, for an answer that is not what was asked for.
[[nodiscard]] Error unexpectedXml(const std::string& why);

/// Errors: Corrupt for what is no XML, defines a document type, or is nested deeper than 16.
[[nodiscard]] Result<XmlNode> parseXml(ByteView xml);
/// Errors: Corrupt also for another root element.
[[nodiscard]] Result<XmlNode> parseXml(ByteView xml, std::string_view root);
/// The element with all that is in it; of one with children the text is left out. `space` is the
/// namespace, empty for none.
[[nodiscard]] std::string xmlText(const XmlNode& node, const std::string& space = {});

} // namespace salvor::storage
