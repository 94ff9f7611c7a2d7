#include "core/storage/s3_lifecycle.h"
#include "tests/storage/storage_test.h"
#include "tests/support/scripted_server.h"

namespace salvor::storage {
namespace {

using std::chrono::milliseconds;

std::string document(const std::string& rules)
{
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LifecycleConfiguration "
           "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
           + rules + "</LifecycleConfiguration>";
}

/// Of an AWS document: the prefix in one of three places, a date, a tag, and what we do not know.
const std::string foreign =
    "<Rule><ID>old</ID><Prefix>logs/</Prefix><Status>Disabled</Status>"
    "<Expiration><Date>2027-01-01T00:00:00Z</Date></Expiration></Rule>\n"
    "<Rule><ID>s4-39</ID><Filter><Prefix>database/</Prefix></Filter><Status>Enabled</Status>"
    "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"
    "<Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>"
    "<Expiration><Days>365</Days></Expiration></Rule>\n"
    "<Rule><ID>tagged &amp; small</ID><Filter><And><Prefix>x/</Prefix>"
    "<Tag><Key>a</Key><Value>b</Value></Tag><ObjectSizeLessThan>9</ObjectSizeLessThan></And>"
    "</Filter><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>7"
    "</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions>"
    "</NoncurrentVersionExpiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>2"
    "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>";

LifecycleRule ownRule()
{
    LifecycleRule rule;
    rule.id = "salvor:p/:leftovers";
    rule.prefix = "p/";
    rule.actions.moves = {{30, "STANDARD_IA"}};
    rule.actions.uploads = 7;
    rule.actions.oldVersions = 30;
    rule.actions.removalMarkers = true;
    return rule;
}

TEST(Lifecycle, IsReadFromEveryPlaceItIsWrittenIn)
{
    const auto rules = parseLifecycle(asBytes(document(foreign)));

    ASSERT_EQ(errorOf(rules), "");
    ASSERT_EQ(rules->size(), 3U);
    EXPECT_EQ((*rules)[0].prefix, "logs/");
    EXPECT_FALSE((*rules)[0].enabled);
    EXPECT_EQ((*rules)[0].actions.deletes, 0);
    EXPECT_EQ((*rules)[1].id, "s4-39");
    EXPECT_EQ((*rules)[1].prefix, "database/");
    EXPECT_FALSE((*rules)[1].byTag);
    EXPECT_EQ((*rules)[1].actions.deletes, 365);
    EXPECT_EQ((*rules)[1].actions.moves.at(1), (LifecycleActions::Move{90, "GLACIER"}));
    EXPECT_EQ((*rules)[2].id, "tagged & small");
    EXPECT_EQ((*rules)[2].prefix, "x/");
    EXPECT_TRUE((*rules)[2].byTag);
    EXPECT_EQ((*rules)[2].actions.oldVersions, 7);
    EXPECT_EQ((*rules)[2].actions.uploads, 2);
    EXPECT_FALSE((*rules)[2].actions.deletes);
}

TEST(Lifecycle, WhatIsNotUnderstoodIsNotTakenForHarmless)
{
    // As another store writes it.
    const auto rules = parseLifecycle(
        asBytes(document("<Rule><Action><Delete/></Action><Condition><Age>30</Age></Condition>"
                         "</Rule>")));

    ASSERT_EQ(errorOf(rules), "");
    EXPECT_TRUE(rules->at(0).enabled);
    EXPECT_EQ(rules->at(0).actions.others, (std::vector<std::string>{"Action", "Condition"}));
    EXPECT_EQ(codeOf(parseLifecycle(asBytes(document("<Other/>")))), "Corrupt");
}

TEST(Lifecycle, WhatOthersWroteGoesBackAsItWas)
{
    auto rules = *parseLifecycle(asBytes(document(foreign)));
    rules.push_back(ownRule());

    const std::string text = lifecycleXml(rules);

    EXPECT_NE(text.find("<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"), std::string::npos);
    EXPECT_NE(text.find("<ObjectSizeLessThan>9</ObjectSizeLessThan>"), std::string::npos);
    EXPECT_NE(text.find("<Date>2027-01-01T00:00:00Z</Date>"), std::string::npos);
    EXPECT_NE(text.find("tagged &amp; small"), std::string::npos);
    EXPECT_NE(text.find("xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""), std::string::npos);
    const auto again = parseLifecycle(asBytes(text));
    ASSERT_EQ(errorOf(again), "");
    ASSERT_EQ(again->size(), rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i)
        EXPECT_TRUE((*again)[i].isSameAs(rules[i])) << rules[i].id;
}

TEST(Lifecycle, CutAnywhereItIsCorruptAndNoCrash)
{
    const std::string text = document(foreign);
    for (std::size_t size = 0; size < text.size(); ++size)
        ASSERT_EQ(codeOf(parseLifecycle(asBytes(text.substr(0, size)))), "Corrupt") << size;
    for (const char* days : {"-1", "x", "99999999999999999999", ""})
        EXPECT_EQ(codeOf(parseLifecycle(asBytes(document(std::string("<Rule><Expiration><Days>")
                                                         + days + "</Days></Expiration></Rule>")))),
                  "Corrupt")
            << days;
}

/// A store that follows a script.
class LifecycleFaults : public testing::Test {
protected:
    std::unique_ptr<BucketLifecycle> bucket()
    {
        S3Options s3;
        s3.bucket = "bucket";
        s3.prefix = "p";
        s3.endpoint = net::Endpoint{"http", "127.0.0.1", server.port()};
        s3.pathStyle = true;
        s3.timeouts = {.connect = milliseconds(5000),
                       .stall = milliseconds(5000),
                       .total = milliseconds(20'000)};
        return std::make_unique<BucketLifecycle>(*S3Client::create(
            s3, *net::createCurlHttpClient({.caFile = {}}),
            net::fixedCredentials({"A", Secret("S"), Secret(), std::nullopt}), systemClock()));
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
    static ScriptedAnswer fault(int status, const std::string& code)
    {
        return httpAnswer(status, "<Error><Code>" + code + "</Code></Error>");
    }

    std::mutex mutex;
    std::vector<ScriptedAnswer> answers; // Guarded by mutex.
    std::size_t next = 0;                // Guarded by mutex.
    ScriptedServer server{[this](const SeenRequest&) { return nextAnswer(); }};
};

TEST_F(LifecycleFaults, NoRulesAreNoErrorAndEverythingElseIs)
{
    answerWith({fault(404, "NoSuchLifecycleConfiguration")});
    const auto none = bucket()->read();
    ASSERT_EQ(errorOf(none), "");
    EXPECT_TRUE(none->empty());
    answerWith({fault(404, "NoSuchBucket")});
    EXPECT_EQ(codeOf(bucket()->read()), "NotReady");
    answerWith({fault(403, "AccessDenied")});
    EXPECT_EQ(codeOf(bucket()->read()), "Denied");
    answerWith({fault(501, "NotImplemented")});
    EXPECT_EQ(codeOf(bucket()->read()), "Incompatible");
    // A store that does not know the question lists the bucket instead.
    answerWith({httpAnswer(200, "<ListBucketResult></ListBucketResult>")});
    EXPECT_EQ(codeOf(bucket()->read()), "Corrupt");
}

TEST_F(LifecycleFaults, AStoreThatKeepsSomethingElseIsFoundOut)
{
    LifecycleRule weaker = ownRule();
    weaker.actions.uploads.reset();
    const ScriptedAnswer none = fault(404, "NoSuchLifecycleConfiguration");
    const ScriptedAnswer done = httpAnswer(200, "");
    const auto keeping = [](const std::vector<LifecycleRule>& rules) {
        return httpAnswer(200, lifecycleXml(rules));
    };
    const auto looks = [](std::vector<ScriptedAnswer> first, const ScriptedAnswer& each) {
        first.insert(first.end(), 5, each);
        first.push_back(httpAnswer(200, ""));
        return first;
    };

    answerWith(looks({none, done}, keeping({weaker})));
    EXPECT_EQ(codeOf(bucket()->replace({ownRule()})), "Incompatible");
    EXPECT_TRUE(server.seen().back().head.starts_with("DELETE ")); // As it was before.

    // A part of another's rule that we do not know is lost.
    const auto theirs = *parseLifecycle(asBytes(document(foreign)));
    std::string cut = document(foreign);
    const std::string size = "<ObjectSizeLessThan>9</ObjectSizeLessThan>";
    cut.erase(cut.find(size), size.size());
    answerWith(looks({keeping(theirs), done}, httpAnswer(200, cut)));
    EXPECT_EQ(codeOf(bucket()->replace(theirs)), "Incompatible");
    EXPECT_TRUE(server.seen().back().head.starts_with("PUT "));

    answerWith({none, fault(403, "AccessDenied")});
    EXPECT_EQ(codeOf(bucket()->replace({ownRule()})), "Denied");
}

TEST_F(LifecycleFaults, WhatIsSeenALittleLaterIsGood)
{
    const auto setting = "x-amz-transition-default-minimum-object-size: varies\r\n";
    auto both = *parseLifecycle(asBytes(document(foreign)));
    both.push_back(ownRule());
    const std::string before = document(foreign);
    answerWith({httpAnswer(200, before, setting), httpAnswer(200, ""), httpAnswer(200, before),
                httpAnswer(200, lifecycleXml(both))});

    EXPECT_EQ(errorOf(bucket()->replace(both)), "");

    EXPECT_NE(server.seen().at(1).head.find(setting), std::string::npos);
}

} // namespace
} // namespace salvor::storage
