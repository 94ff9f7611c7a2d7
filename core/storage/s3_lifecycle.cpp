#include "core/storage/s3_lifecycle.h"

#include "core/base/text.h"
#include "core/net/sigv4.h"

#include <algorithm>
#include <thread>

namespace salvor::storage {

namespace {

constexpr auto nameSpace = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr auto root = "LifecycleConfiguration";
constexpr int mostDays = 1'000'000;
/// Of a transition: stores that know it set a default where it is left out.
constexpr auto smallestMoveHeader = "x-amz-transition-default-minimum-object-size";
/// What was put may be seen a little later.
constexpr int looks = 5;
constexpr std::chrono::milliseconds betweenLooks{500};

Result<int> daysOf(const XmlNode& node, std::string_view name)
{
    const auto days = parseUnsigned(trim(node.textOf(name)));
    if (!days || *days > mostDays)
        return unexpectedXml("'" + node.textOf(name) + "' is no number of days");
    return static_cast<int>(*days);
}

/// Days, or 0 where there is a date instead.
Result<int> daysOrDate(const XmlNode& node)
{
    return node.child("Days") == nullptr ? Result<int>(0) : daysOf(node, "Days");
}

Result<> readExpiration(const XmlNode& node, LifecycleActions& actions)
{
    if (trim(node.textOf("ExpiredObjectDeleteMarker")) == "true")
        actions.removalMarkers = true;
    if (node.child("Days") != nullptr || node.child("Date") != nullptr) {
        SALVOR_TRY(actions.deletes, daysOrDate(node));
    }
    return {};
}

Result<LifecycleActions> readActions(const XmlNode& rule)
{
    LifecycleActions actions;
    for (const XmlNode& node : rule.children) {
        if (node.name == "Expiration") {
            SALVOR_CHECK(readExpiration(node, actions));
        } else if (node.name == "Transition") {
            SALVOR_TRY(const int days, daysOrDate(node));
            actions.moves.push_back({days, std::string(trim(node.textOf("StorageClass")))});
        } else if (node.name == "NoncurrentVersionExpiration"
                   && node.child("NoncurrentDays") != nullptr) {
            SALVOR_TRY(actions.oldVersions, daysOf(node, "NoncurrentDays"));
        } else if (node.name == "AbortIncompleteMultipartUpload") {
            SALVOR_TRY(actions.uploads, daysOf(node, "DaysAfterInitiation"));
        } else if (node.name != "ID" && node.name != "Prefix" && node.name != "Filter"
                   && node.name != "Status" && node.name != "NoncurrentVersionExpiration"
                   && node.name != "NoncurrentVersionTransition") {
            actions.others.push_back(node.name);
        }
    }
    return actions;
}

/// The prefix stands in the rule itself in old ones, or in one of two places of its filter.
Result<LifecycleRule> readRule(const XmlNode& node)
{
    LifecycleRule rule;
    rule.id = node.textOf("ID");
    rule.prefix = node.textOf("Prefix");
    rule.enabled = trim(node.textOf("Status")) != "Disabled";
    rule.source = node;
    if (const XmlNode* filter = node.child("Filter")) {
        const XmlNode* both = filter->child("And");
        const XmlNode& where = both == nullptr ? *filter : *both;
        if (where.child("Prefix") != nullptr)
            rule.prefix = where.textOf("Prefix");
        rule.byTag = where.child("Tag") != nullptr;
    }
    SALVOR_TRY(rule.actions, readActions(node));
    return rule;
}

XmlNode leaf(const char* name, std::string text)
{
    return {name, std::move(text), {}};
}

XmlNode withDays(const char* name, const char* unit, int days)
{
    return {name, {}, {leaf(unit, std::to_string(days))}};
}

XmlNode nodeOf(const LifecycleRule& rule)
{
    if (!rule.source.children.empty())
        return rule.source;
    XmlNode node{"Rule",
                 {},
                 {leaf("ID", rule.id),
                  {"Filter", {}, {leaf("Prefix", rule.prefix)}},
                  leaf("Status", rule.enabled ? "Enabled" : "Disabled")}};
    const LifecycleActions& actions = rule.actions;
    for (const auto& move : actions.moves)
        node.children.push_back(
            {"Transition",
             {},
             {leaf("Days", std::to_string(move.days)), leaf("StorageClass", move.storageClass)}});
    if (actions.deletes)
        node.children.push_back(withDays("Expiration", "Days", *actions.deletes));
    if (actions.removalMarkers)
        node.children.push_back({"Expiration", {}, {leaf("ExpiredObjectDeleteMarker", "true")}});
    if (actions.oldVersions)
        node.children.push_back(
            withDays("NoncurrentVersionExpiration", "NoncurrentDays", *actions.oldVersions));
    if (actions.uploads)
        node.children.push_back(
            withDays("AbortIncompleteMultipartUpload", "DaysAfterInitiation", *actions.uploads));
    return node;
}

S3Call callOf(net::Method method)
{
    S3Call call;
    call.method = method;
    call.query = {{"lifecycle", ""}};
    return call;
}

/// Children in any order, and white space around a text as it likes.
bool isSameTree(const XmlNode& one, const XmlNode& other)
{
    const bool textCounts = one.children.empty() && other.children.empty();
    return one.name == other.name && (!textCounts || trim(one.text) == trim(other.text))
           && std::is_permutation(one.children.begin(), one.children.end(), other.children.begin(),
                                  other.children.end(), isSameTree);
}

bool isSameRule(const LifecycleRule& kept, const LifecycleRule& given)
{
    return given.source.children.empty() ? kept.isSameAs(given)
                                         : isSameTree(kept.source, given.source);
}

/// A store sorts them as it likes.
bool areSame(const std::vector<LifecycleRule>& kept, const std::vector<LifecycleRule>& given)
{
    return std::is_permutation(kept.begin(), kept.end(), given.begin(), given.end(), isSameRule);
}

} // namespace

Result<std::vector<LifecycleRule>> parseLifecycle(ByteView xml)
{
    SALVOR_TRY(const XmlNode document, parseXml(xml, root));
    std::vector<LifecycleRule> rules;
    for (const XmlNode& node : document.children) {
        if (node.name != "Rule")
            return unexpectedXml("it holds <" + node.name + ">, which is no rule");
        SALVOR_TRY(LifecycleRule rule, readRule(node));
        rules.push_back(std::move(rule));
    }
    return rules;
}

std::string lifecycleXml(const std::vector<LifecycleRule>& rules)
{
    XmlNode document{root, {}, {}};
    for (const LifecycleRule& rule : rules)
        document.children.push_back(nodeOf(rule));
    return xmlText(document, nameSpace);
}

std::string BucketLifecycle::doing(const std::string& verb) const
{
    return "cannot " + verb + " the lifecycle rules of bucket '" + m_client->options().bucket + "'";
}

Result<BucketLifecycle::Document> BucketLifecycle::fetch()
{
    SALVOR_TRY(net::HttpResponse response, m_client->call(callOf(net::Method::Get)));
    if (isSuccess(response)) {
        std::string smallest(response.header(smallestMoveHeader));
        return Document{std::move(response.body), std::move(smallest)};
    }
    const auto fault = parseS3Fault(response.body);
    if (response.status == 404 && fault && fault->code == "NoSuchLifecycleConfiguration")
        return Document();
    if (response.status == 404)
        SALVOR_CHECK(m_client->requireBucket());
    return S3Client::errorOf(response, doing("read"));
}

Result<> BucketLifecycle::put(const Document& document)
{
    S3Call call = callOf(document.xml.empty() ? net::Method::Delete : net::Method::Put);
    if (!document.xml.empty()) {
        call.body = document.xml;
        call.headers = {{"Content-Type", "application/xml"},
                        {"Content-MD5", toBase64(net::md5(call.body))}};
    }
    if (!document.smallestMove.empty())
        call.headers.push_back({smallestMoveHeader, document.smallestMove});
    SALVOR_TRY(const net::HttpResponse response, m_client->call(call));
    return isSuccess(response) ? Result<>() : S3Client::errorOf(response, doing("set"));
}

Result<std::vector<LifecycleRule>> BucketLifecycle::read()
{
    SALVOR_TRY(const Document document, fetch());
    if (document.xml.empty())
        return std::vector<LifecycleRule>();
    return parseLifecycle(document.xml).in(doing("read"));
}

Result<> BucketLifecycle::replace(const std::vector<LifecycleRule>& rules)
{
    SALVOR_TRY(const Document before, fetch());
    const std::string xml = lifecycleXml(rules);
    SALVOR_CHECK(put({Bytes(asBytes(xml).begin(), asBytes(xml).end()), before.smallestMove}));
    for (int look = 0; look < looks; ++look) {
        if (look > 0)
            std::this_thread::sleep_for(betweenLooks);
        SALVOR_TRY(const auto kept, read());
        if (areSame(kept, rules))
            return {};
    }
    const Result<> back = put(before);
    return fail(ErrorCode::Incompatible, doing("set") + ": the store kept others than it was given",
                back.ok()
                    ? "Those from before are there again. The store does not know all kinds of "
                      "rules."
                    : "Those from before could not be put back (" + back.error().message
                          + "); look at them with 'salvorctl repo lifecycle'.");
}

} // namespace salvor::storage
