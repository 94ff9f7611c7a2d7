#include "core/cli/plan_file.h"
#include "core/cli/render.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

namespace salvor::cli {
namespace {

Moment moment(const char* text)
{
    const auto parsed = parseMoment(text);
    EXPECT_OK(parsed);
    return parsed.ok() ? *parsed : Moment();
}

model::Backup sampleBackup()
{
    model::Backup backup;
    backup.id = "20261120T205651Z-3f9a";
    backup.incarnation = {"orders", 1, {7300000000000000001U, 15, 16U << 20U}};
    backup.serverVersion = 150018;
    backup.startedAt = moment("2026-11-20T20:56:51Z");
    backup.finishedAt = moment("2026-11-20T20:57:51.5Z");
    backup.timeline = model::TimelineId{1};
    backup.startLsn = model::Lsn{0x2000028};
    backup.stopLsn = model::Lsn{0x3018098};
    backup.logicalSize = 3 << 20U;
    backup.tablespaces = {{16385, "/srv/ts"}};
    backup.damaged = {{"base/5/1259", {1, 2}}};
    return backup;
}

model::RestorePlan samplePlan()
{
    model::RestorePlan plan;
    plan.repository = "main";
    plan.cluster = "orders";
    plan.backup = sampleBackup();
    plan.destination = "/srv/restored";
    plan.target.timeline = model::TimelineId{1};
    plan.target.replayEnd = model::Lsn{0x4000000};
    plan.target.words = "up to and including the commit at 0/3FFFF00";
    plan.checks = {
        {model::Check::Level::Warning, "space", "little is left", "It may grow.", "Make room."}};
    plan.losses = {"3 commits after this moment will be missing."};
    plan.madeAt = moment("2026-11-20T21:00:00Z");
    return plan;
}

void expectContains(const std::string& text, const std::string& part)
{
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

repository::CopyReport sampleCopy()
{
    repository::CopyReport report;
    report.objects = 9;
    report.walObjects = 4;
    report.bytes = 3 << 20U;
    report.backups = {"b3"};
    return report;
}

TEST(Render, ACopySaysExactlyWhatItHas)
{
    auto report = sampleCopy();
    EXPECT_EQ(copyMessage(report, {}, "main", "far"),
              "9 objects (3.0 MiB, 1 backup and 4 WAL files among them) copied; 'far' has every "
              "backup and WAL file that 'main' showed");
    EXPECT_FALSE(copyProblem(report, {}, "main", "far"));
    const repository::CopyRequest some{{"orders", "stock"}, true};
    report.leftOut = {{"b1", "it was retired there"}};
    report.walLeftOut = {{"orders", 1, 12, model::Lsn{0x3000000}}};
    EXPECT_EQ(copyMessage(report, some, "main", "far"),
              "nothing was changed: 9 objects (3.0 MiB, 1 backup and 4 WAL files among them) would "
              "be copied; 'far' would then have every backup and WAL file of clusters 'orders', "
              "'stock' that 'main' showed, but for 1 backup and 12 WAL files that were retired or "
              "pruned in 'far'");
    EXPECT_FALSE(copyProblem(report, some, "main", "far"));
    const std::string text = copyText(report);
    expectContains(text, "backup b1: left out, it was retired there");
    expectContains(text, "WAL of orders, incarnation 1: 12 files from before 0/3000000 left out");
    const Json json = copyJson(report);
    EXPECT_EQ(json.find("leftOut")->text(),
              R"([{"backup":"b1","because":"it was retired there"}])");
    expectContains(json.find("walLeftOut")->text(), R"("files":12)");
}

TEST(Render, ACopyThatLacksSomethingIsAProblemThatNamesIt)
{
    auto report = sampleCopy();
    report.incomplete = {"b2"};
    const auto incomplete = copyProblem(report, {}, "main", "far");
    ASSERT_TRUE(incomplete);
    EXPECT_EQ(incomplete->code, ErrorCode::Corrupt);
    expectContains(incomplete->message, "'far' does not have all that 'main' showed");
    expectContains(incomplete->message, "not copied: backup 'b2'");
    report.incomplete.clear();
    report.broken = {"b0", "b1"};
    expectContains(copyProblem(report, {}, "main", "far")->message,
                   "listed there and not whole: backup 'b0', 'b1'");
    report.broken.clear();
    report.findings = {{"packs/x", "is missing"}};
    expectContains(copyProblem(report, {}, "main", "far")->message, "1 finding");
}

TEST(Render, BackupsAreOneLineEachWithTimesInUtc)
{
    const std::string text = backupsText({sampleBackup()}, {});
    expectContains(text, "20261120T205651Z-3f9a  orders   2026-11-20 20:57:51+00:00");
    expectContains(text, "15.18");
    expectContains(text, "0/3018098");
    expectContains(text, "3.0 MiB");
}

TEST(Render, ABackupNamesTablespacesAndDamagedPages)
{
    const std::string text = backupText(sampleBackup(), {});
    expectContains(text, "16385 at /srv/ts");
    expectContains(text, "base/5/1259: 2 pages");
}

TEST(Render, ABackupSaysWhatWasVerified)
{
    model::Verification note{sampleBackup().id, model::AssuranceLevel::Restored, true, "",
                             "dba@host",        moment("2026-11-21T08:00:00Z")};
    const auto table = [&] { return backupsText({sampleBackup()}, model::assurancesOf({note})); };
    const auto facts = [&] {
        return backupText(sampleBackup(),
                          model::assuranceOf(model::assurancesOf({note}), note.backupId));
    };
    expectContains(backupText(sampleBackup(), {}), "never");
    expectContains(table(), "restored 2026-11-21");
    expectContains(facts(), "restored, 2026-11-21 08:00:00+00:00 by dba@host");

    note.good = false;
    note.finding = "tables and indexes: orders_key is not in order";
    expectContains(table(), "DAMAGED");
    expectContains(facts(), "DAMAGED, found 2026-11-21 08:00:00+00:00 by dba@host: tables and "
                            "indexes: orders_key is not in order");
}

TEST(Render, APlanSaysWhatIsLostAndWhatWasChecked)
{
    const std::string text = planText(samplePlan(), "abc");
    expectContains(text, "up to and including the commit at 0/3FFFF00");
    expectContains(text, "3 commits after this moment will be missing.");
    expectContains(text, "warning: space: little is left\n    It may grow.\n    Make room.\n");
}

TEST(Render, APlanInPlaceSaysWhatIsSetAside)
{
    model::RestorePlan plan = samplePlan();
    plan.inPlace.emplace().words = {"'/d' is renamed to '/d.before'."};

    expectContains(planText(plan, "abc"), "In place:\n  - '/d' is renamed to '/d.before'.\n");
}

TEST(Render, ARestoreInPlaceThatWaitsIsALineAndAnObject)
{
    rescue::Waiting one;
    one.directory = "/srv/data";
    one.stage = rescue::Stage::RollingBack;
    one.cluster = "orders";
    one.old = {"/srv/data.before"};

    const std::string text = waitingText({one});

    expectContains(text, "/srv/data  rolling back  orders");
    expectContains(text, "/srv/data.before");
    EXPECT_EQ(*waitingJson(one).stringAt("state"), "rolling back");
}

TEST(Render, ACommitHasItsStatementsAndTheWalThatIsOnlyThere)
{
    rescue::Committed committed;
    committed.old = {"/srv/data.before"};
    committed.statements = {"SELECT pg_reload_conf()"};
    committed.switchedOff = {"archive_command = ''"};
    expectContains(committedJson("orders", committed).text(), R"("walOnlyThere":null)");
    committed.walOnlyThere = {"000000010000000000000002"};

    const std::string json = committedJson("orders", committed).text();

    expectContains(json, R"x("statements":["SELECT pg_reload_conf()"])x");
    expectContains(json, R"("switchedOff":["archive_command = ''"])");
    expectContains(json, R"("walOnlyThere":["000000010000000000000002"])");
    expectContains(json, R"("old":["/srv/data.before"])");
}

TEST(Render, WalRangesHaveSegmentsAndPositions)
{
    model::WalArchiveState state;
    state.incarnation = sampleBackup().incarnation;
    state.ranges = {{model::TimelineId{1}, 2, 3}};
    state.gaps = {{model::TimelineId{1}, 4, 4}};
    state.forks = {{model::TimelineId{1}, model::TimelineId{2}, model::Lsn{0x3000000}}};
    state.tails = {{{model::TimelineId{1}, 5}, model::Lsn{0x5000100}}};
    const std::string json = walStateJson(state).text();
    expectContains(json, R"("first":"000000010000000000000002")");
    expectContains(json, R"("from":"0/2000000")");
    expectContains(json, R"("to":"0/4000000")");
    expectContains(json, R"("segments":2)");
    expectContains(
        json, R"("begun":[{"segment":"000000010000000000000005","timeline":1,"to":"0/5000100"}])");
    expectContains(json, R"("systemIdentifier":"7300000000000000001")");
    const std::string text = walText(state, {});
    expectContains(text, "000000010000000000000004 to 000000010000000000000004");
    expectContains(text, "timeline 2 left 1 at 0/3000000");
    expectContains(text, "000000010000000000000005 up to 0/5000100");
    expectContains(text, "Nothing can be restored: there is no backup.");
}

TEST(Render, AnOutcomeHasItsStateAndNullForWhatIsNotKnown)
{
    model::RestoreOutcome outcome;
    outcome.destination = "/srv/restored";
    outcome.startCommand = "pg_ctl start";
    const std::string files = outcomeJson(outcome).text();
    expectContains(files, R"("state":"files")");
    expectContains(files, R"("port":null)");
    outcome.state = model::RestoreState::Answered;
    outcome.port = 5555;
    outcome.reachedLsn = model::Lsn{0x3018098};
    outcome.lastCommitAt = moment("2026-11-20T21:00:00Z");
    const std::string answered = outcomeJson(outcome).text();
    expectContains(answered, R"("state":"answered")");
    expectContains(answered, R"("reachedLsn":"0/3018098")");
    expectContains(answered, R"("lastCommitAt":"2026-11-20T21:00:00.000000Z")");
}

TEST(Render, TheNearestMomentsAreASentenceAndAList)
{
    finder::Nearest nearest;
    EXPECT_EQ(nearestText(nearest), "");
    EXPECT_EQ(nearestJson(nearest).text(), "[]");
    model::WalEvent event;
    event.at = moment("2026-11-20T21:00:00Z");
    event.start = model::Lsn{0x3018098};
    event.timeline = model::TimelineId{1};
    event.xid = 740;
    nearest.before = event;
    expectContains(nearestText(nearest), "2026-11-20 21:00:00.000000+00:00 (0/3018098) before.");
    EXPECT_EQ(
        nearestJson(nearest).text(),
        R"([{"at":"2026-11-20T21:00:00.000000Z","lsn":"0/3018098","timeline":1,"xid":"740"}])");
}

TEST(Render, FindingsNameBackupsAndFiles)
{
    const verify::Finding finding{"packs/ab/cd", "is missing", {"b1"}, {"b1: base/5/1259"}};
    EXPECT_EQ(findingText("main", finding), "damage in repository 'main': packs/ab/cd: is missing\n"
                                            "    hits backup b1\n    hits file b1: base/5/1259\n");
    expectContains(findingJson("main", finding).text(), R"("files":["b1: base/5/1259"])");
}

TEST(Render, APruneSaysWhyAndWhatIsLeft)
{
    policy::PrunePlan plan;
    policy::Verdict stays{sampleBackup(), {"it is the newest", "it is held: audit"}, true, true};
    policy::Verdict goes{sampleBackup(), {}, false, false};
    goes.backup.id = "20261101T000000Z-0001";
    plan.retention.verdicts = {goes, stays};
    model::RecoverableRange old{goes.backup.id,
                                model::TimelineId{1},
                                {},
                                {},
                                moment("2026-11-01T00:00:00Z"),
                                moment("2026-11-20T21:00:00Z"),
                                ""};
    model::RecoverableRange kept = old;
    kept.fromTime = moment("2026-11-20T20:57:51Z");
    model::RecoverableRange end = old;
    end.toTime = end.fromTime;
    plan.before = {old, kept};
    plan.after = {end, kept};

    const std::string text = prunePlanText(plan, std::chrono::hours(24));

    EXPECT_NE(text.find("stays  it is the newest; it is held: audit"), std::string::npos) << text;
    EXPECT_NE(text.find("goes   no rule wants it"), std::string::npos) << text;
    EXPECT_NE(text.find("now:\n  any moment from 2026-11-01 00:00:00+00:00 to "
                        "2026-11-20 21:00:00+00:00\n"),
              std::string::npos)
        << text;
    EXPECT_NE(
        text.find("over:\n  the end of a backup, 2026-11-01 00:00:00+00:00\n  any moment from "
                  "2026-11-20 20:57:51+00:00 to"),
        std::string::npos)
        << text;
    const Json json = prunePlanMembers(plan);
    EXPECT_NE(json.text().find("\"because\":[\"it is the newest\",\"it is held: audit\"]"),
              std::string::npos)
        << json.text();
}

TEST(Render, AProofNamesEachCheckAndWhatItFound)
{
    console::RestoreProof proof;
    proof.backup.id = "b1";
    proof.outcome.reachedLsn = model::Lsn{0x3018098};
    proof.steps = {{"tables and indexes", {"index \"i\" lacks a tuple"}}, {"page checksums", {}}};

    EXPECT_EQ(proofText(proof), "restored up to 0/3018098\n"
                                "tables and indexes: 1 finding\n"
                                "    index \"i\" lacks a tuple\n"
                                "page checksums: sound\n");
    const Json json = proofJson(proof);
    EXPECT_FALSE(*json.boolAt("sound"));
    EXPECT_EQ(json.arrayAt("steps")->size(), 2U);
}

TEST(Render, LifecycleRulesSayWhoseTheyAreAndWhatTheyDo)
{
    storage::LifecycleRule theirs;
    theirs.id = "old\x1b[2Jlogs";
    theirs.actions.deletes = 1;
    const auto plan = policy::planLifecycle("dr/", {theirs}, {30, "STANDARD_IA", 14});

    const std::string text = lifecycleText(plan);

    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("(all)   others  deletes objects after 1 day\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("\nTo be set:\n"), std::string::npos);
    EXPECT_NE(text.find("salvor:dr/:packs"), std::string::npos);
    EXPECT_NE(text.find("moves objects to STANDARD_IA after 30 days\n"), std::string::npos);
    EXPECT_NE(text.find("blocker: lifecycle: "), std::string::npos);
    const Json json = lifecycleJson(plan);
    EXPECT_EQ(json.text().find("\"inPlace\":true"), std::string::npos);
    EXPECT_NE(json.text().find("\"does\":[\"deletes objects after 1 day\"]"), std::string::npos);
    EXPECT_EQ(lifecycleText(policy::planLifecycle("dr/", {}, {})).find("The bucket has no"), 0U);
}

TEST(PlanFile, APlanSurvivesTheFile)
{
    const auto plan = planFromFile(planFile(samplePlan()).prettyText());
    ASSERT_OK(plan);
    EXPECT_EQ(plan->toJson(), samplePlan().toJson());
}

TEST(PlanFile, APlanThatWasEditedIsRefused)
{
    std::string text = planFile(samplePlan()).prettyText();
    const std::size_t at = text.find("/srv/restored");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, 13, "/srv/elsewhere");
    const auto plan = planFromFile(text);
    ASSERT_FAILS(plan, InvalidInput);
    expectContains(plan.error().message, "was changed after it was made");
}

TEST(PlanFile, WhatIsNoPlanIsRefused)
{
    EXPECT_FAILS(planFromFile(""), InvalidInput);
    EXPECT_FAILS(planFromFile("{}"), InvalidInput);
    EXPECT_FAILS(planFromFile(R"({"schema":1,"hash":"x","plan":{}})"), InvalidInput);
    EXPECT_FAILS(planFromFile(R"({"schema":2,"hash":"x","plan":{}})"), Incompatible);
}

} // namespace
} // namespace salvor::cli
