#include "core/model/backup_json.h"
#include "core/model/json_fields.h"
#include "tests/model/sample_backup.h"

#include <gtest/gtest.h>

namespace salvor::model {
namespace {

TEST(BackupId, IsItsStartInUtcAndFourDigits)
{
    EXPECT_EQ(newBackupId(sampleBackup().startedAt, 0x3f9a), "20261120T205651Z-3f9a");
    EXPECT_EQ(newBackupId(sampleBackup().startedAt, 1), "20261120T205651Z-0001");
}

TEST(BackupJson, EveryFieldComesBackFromTheText)
{
    const Backup backup = sampleBackup();
    const auto json = Json::parse(toJson(backup).text());
    ASSERT_TRUE(json.ok());
    const auto back = backupFromJson(*json);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, backup);
    EXPECT_EQ(toJson(*back).text(), toJson(backup).text());
}

TEST(BackupJson, NumbersBeyondTheReachOfJsonAreTexts)
{
    const Json json = toJson(sampleBackup());
    EXPECT_EQ(*json.find("incarnation")->find("systemIdentifier"), Json("18364758544493064720"));
    EXPECT_EQ(*json.find("startLsn"), Json("1A2B3C4D/28"));
}

TEST(BackupJson, AMissingMemberIsCorruptAndNamed)
{
    const Json whole = toJson(sampleBackup());
    for (const auto& [name, member] : *whole.asObject()) {
        if (name == "readSize" || name == "filesystemTime")
            continue;
        Json::Object part = *whole.asObject();
        part.erase(name);
        const auto backup = backupFromJson(part);
        ASSERT_FALSE(backup.ok()) << name;
        EXPECT_EQ(backup.error().code, ErrorCode::Corrupt);
        EXPECT_NE(backup.error().message.find("'" + name + "'"), std::string::npos)
            << backup.error().message;
    }
}

TEST(BackupJson, ABackupOfTheFirstVersionIsReadWithoutWhatCameLater)
{
    const Json whole = toJson(sampleBackup());
    Json::Object old = *whole.asObject();
    for (const char* name : {"readSize", "basis", "filesystemTime"})
        old.erase(name);

    const auto backup = backupFromJson(old);

    ASSERT_TRUE(backup.ok()) << backup.error().message;
    EXPECT_EQ(backup->basis, "");
    EXPECT_EQ(backup->filesystemTime, std::nullopt);
    EXPECT_EQ(backup->newSize, sampleBackup().newSize);
}

TEST(BackupJson, AMemberOfAnotherTypeIsCorrupt)
{
    const Json whole = toJson(sampleBackup());
    for (const auto& [name, member] : *whole.asObject()) {
        for (const Json& wrong : {Json(), Json(-1), Json("x\n"), Json(Json::Array{Json(-1)})}) {
            const bool isText = member.asString() != nullptr || name == "dataDirectory";
            if (wrong.asString() != nullptr && isText)
                continue;
            Json::Object changed = *whole.asObject();
            changed[name] = wrong;
            const auto backup = backupFromJson(changed);
            if (name == "serverVersion" && wrong == Json(-1))
                continue;
            ASSERT_FALSE(backup.ok()) << name << " " << wrong.text();
            EXPECT_EQ(backup.error().code, ErrorCode::Corrupt);
        }
    }
    EXPECT_FALSE(backupFromJson(Json("text")).ok());
}

TEST(JsonFields, TextsThatAreNoUtf8AreKeptByteByByte)
{
    for (const std::string text :
         {"", "plain", "ä€😀", "\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
          "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\x80", "\xf5\x80\x80\x80", "a\xe2\x82"}) {
        const auto json = Json::parse(Json(Json::Object{{"k", bytesJson(text)}}).text());
        ASSERT_TRUE(json.ok()) << text;
        const auto back = bytesAt(*json, "k");
        ASSERT_TRUE(back.ok());
        EXPECT_EQ(*back, text);
    }
    EXPECT_FALSE(bytesAt(Json(Json::Object{{"k", Json::Object{{"hex", "f"}}}}), "k").ok());
    EXPECT_NE(bytesJson("ä€😀").asString(), nullptr);
    EXPECT_EQ(bytesJson("\xed\xa0\x80").asString(), nullptr);
}

} // namespace
} // namespace salvor::model
