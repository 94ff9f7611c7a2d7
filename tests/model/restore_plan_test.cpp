#include "core/model/restore_plan.h"
#include "tests/model/sample_backup.h"

#include <gtest/gtest.h>

namespace salvor::model {
namespace {

RestorePlan samplePlan()
{
    using namespace std::chrono;
    RestorePlan plan;
    plan.repository = "depot";
    plan.repositoryId = "9f2c";
    plan.cluster = "main";
    plan.backup = sampleBackup();
    plan.backupChosenBecause = "It is the newest that ends before the target.";
    plan.asked = {TimeTarget{plan.backup.finishedAt + 1h}, true, TimelineId{4}, false};
    plan.target = {TimelineId{4},
                   Lsn{0xffffffffffffff00},
                   false,
                   Lsn{0xffffffffffffff40},
                   plan.backup.finishedAt + 59min,
                   Lsn{0x1a2b3c4d00200000},
                   "up to but not including the commit at FFFFFFFF/FFFFFF00"};
    plan.action = AtTarget::Pause;
    plan.walNeeded = {{TimelineId{3}, 7, 9}, {TimelineId{4}, 10, 1ULL << 60U}};
    plan.replaySizes = {200, 11, 12, 13, 140};
    plan.destination = "/srv/restored\xff";
    plan.tablespaces = {{9, "/mnt/nine"}, {16400, "/mnt/fast2"}};
    plan.owner = "postgres";
    plan.startOptions = {true, 5433};
    plan.bytesToWrite = 3'000'000'000;
    plan.bytesToFetch = 500'000'000;
    plan.creates = {"the folder '/srv/restored'"};
    plan.destroys = {"the folder '/srv/old'", "and more"};
    plan.losses = {"12 commits"};
    plan.commands = {"salvorctl restore main --to '2026-11-20 21:58:21Z'"};
    plan.checks = {{Check::Level::Blocker, "space", "there is too little", "it must fit", "free"},
                   {Check::Level::Warning, "WAL", "a gap", "", ""},
                   {Check::Level::Note, "key", "opens", "", ""},
                   {Check::Level::Passed, "programs", "are there", "", ""}};
    plan.madeAt = plan.backup.finishedAt + 2h;
    return plan;
}

Result<RestorePlan> throughText(const RestorePlan& plan)
{
    SALVOR_TRY(const Json json, Json::parse(plan.toJson().text()));
    return RestorePlan::fromJson(json);
}

TEST(RestorePlanJson, EveryFieldComesBackFromTheText)
{
    const RestorePlan plan = samplePlan();
    const auto back = throughText(plan);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back->toJson().text(), plan.toJson().text());
    EXPECT_EQ(back->repository, plan.repository);
    EXPECT_EQ(back->repositoryId, plan.repositoryId);
    EXPECT_EQ(back->cluster, plan.cluster);
    EXPECT_EQ(back->backup, plan.backup);
    EXPECT_EQ(back->backupChosenBecause, plan.backupChosenBecause);
    EXPECT_EQ(back->asked, plan.asked);
    EXPECT_EQ(back->target, plan.target);
    EXPECT_EQ(back->action, plan.action);
    EXPECT_EQ(back->walNeeded, plan.walNeeded);
    EXPECT_EQ(back->replaySizes, plan.replaySizes);
    EXPECT_EQ(back->destination, plan.destination);
    EXPECT_EQ(back->tablespaces, plan.tablespaces);
    EXPECT_EQ(back->owner, plan.owner);
    EXPECT_EQ(back->startOptions, plan.startOptions);
    EXPECT_EQ(back->bytesToWrite, plan.bytesToWrite);
    EXPECT_EQ(back->bytesToFetch, plan.bytesToFetch);
    EXPECT_EQ(back->creates, plan.creates);
    EXPECT_EQ(back->destroys, plan.destroys);
    EXPECT_EQ(back->losses, plan.losses);
    EXPECT_EQ(back->commands, plan.commands);
    EXPECT_EQ(back->checks, plan.checks);
    EXPECT_EQ(back->madeAt, plan.madeAt);
}

TEST(RestorePlanJson, EveryKindOfTargetComesBack)
{
    RestorePlan plan = samplePlan();
    const std::vector<RecoveryTarget> targets{
        {LatestTarget{}, false, std::nullopt, true},
        {ImmediateTarget{}, false, std::nullopt, false},
        {LsnTarget{Lsn{0xffffffff00000028}}, true, TimelineId{0xffffffff}, false},
        {XidTarget{0xffffffffffffffffU}, false, std::nullopt, false},
        {RestorePointTarget{"before upgrade"}, false, std::nullopt, false},
        {RestorePointTarget{"vor \xe4nderung"}, false, std::nullopt, false},
    };
    for (const RecoveryTarget& target : targets) {
        plan.asked = target;
        const auto back = throughText(plan);
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_EQ(back->asked, target);
    }
}

TEST(RestorePlanJson, AnUnresolvedTargetStaysUnresolvedAndEveryActionComesBack)
{
    RestorePlan plan = samplePlan();
    plan.target = {TimelineId{1}, {}, true, {}, {}, {}, "at the end of the backup"};
    for (const AtTarget action : {AtTarget::Pause, AtTarget::Promote, AtTarget::Shutdown}) {
        plan.action = action;
        const auto back = throughText(plan);
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_EQ(back->target, plan.target);
        EXPECT_EQ(back->action, action);
    }
}

TEST(RestorePlanJson, TheSamePlanHasOneText)
{
    EXPECT_EQ(samplePlan().toJson().text(), samplePlan().toJson().text());
    RestorePlan other = samplePlan();
    other.destroys.clear();
    EXPECT_NE(other.toJson().text(), samplePlan().toJson().text());
}

TEST(RestorePlanJson, APlanOfAnotherSchemaIsIncompatible)
{
    Json::Object json = *samplePlan().toJson().asObject();
    json["schema"] = 2;
    const auto plan = RestorePlan::fromJson(json);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, ErrorCode::Incompatible);
    EXPECT_FALSE(plan.error().hint.empty());
}

TEST(RestorePlanJson, AMissingOrWrongMemberIsInvalidInput)
{
    const Json whole = samplePlan().toJson();
    for (const auto& [name, member] : *whole.asObject()) {
        Json::Object part = *whole.asObject();
        part.erase(name);
        const auto plan = RestorePlan::fromJson(part);
        ASSERT_FALSE(plan.ok()) << name;
        EXPECT_EQ(plan.error().code, ErrorCode::InvalidInput) << name;
    }
    for (const auto& [name, wrong] : std::map<std::string, Json>{
             {"action", "explode"},
             {"asked", Json::Object{{"point", Json::Object{{"kind", "yesterday"}}}}},
             {"tablespaces", Json::Object{{"x", "/mnt"}}},
             {"creates", Json::Array{Json(1)}},
             {"checks", Json::Array{Json::Object{{"level", "shrug"}}}},
             {"madeAt", "today"},
             {"port", Json(std::int64_t{1} << 40U)},
             {"destination", Json::Object{{"hex", "zz"}}}}) {
        Json::Object changed = *whole.asObject();
        changed[name] = wrong;
        EXPECT_EQ(RestorePlan::fromJson(changed).error().code, ErrorCode::InvalidInput) << name;
    }
    EXPECT_FALSE(RestorePlan::fromJson(Json()).ok());
}

TEST(ModelNames, AreWhatCommandsAndFilesSay)
{
    EXPECT_EQ(atTargetName(AtTarget::Pause), "pause");
    EXPECT_EQ(atTargetName(AtTarget::Shutdown), "shutdown");
    EXPECT_EQ(restoreStateName(RestoreState::Files), "files");
    EXPECT_EQ(restoreStateName(RestoreState::Reached), "reached");
    EXPECT_EQ(restoreStateName(RestoreState::Answered), "answered");
    EXPECT_EQ(backupModeName(BackupMode::Host), "host");
    EXPECT_EQ(backupModeName(BackupMode::Stream), "stream");
}

} // namespace
} // namespace salvor::model
