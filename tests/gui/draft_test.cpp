#include "gui/models/restore_draft.h"
#include "tests/gui/fake_backend.h"

#include <fstream>

namespace salvor::gui {
namespace {

using test::at;

RestoreDraft someDraft()
{
    RestoreDraft draft;
    draft.id = newDraftId(at("2026-11-17T01:31:09Z"));
    draft.step = RestoreStep::Where;
    draft.choice.cluster = "orders-prod";
    draft.choice.target.point = model::TimeTarget{at("2026-11-17T01:10:48.377100Z")};
    draft.choice.target.exclusive = true;
    draft.choice.destination = "/srv/restore/orders";
    draft.choice.tablespaces = {{16400, "/srv/restore/fast"}};
    draft.choice.owner = "postgres";
    draft.choice.action = model::AtTarget::Pause;
    draft.choice.startOptions = {true, 5544};
    draft.typedTime = "2026-11-17 02:10:48.3771 +01:00";
    draft.serverZone = "Asia/Tokyo";
    draft.savedAt = at("2026-11-17T01:32:00Z");
    return draft;
}

TEST(Drafts, ComeBackAsTheyWereSaved)
{
    const auto back = RestoreDraft::fromJson(someDraft().toJson());

    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->toJson(), someDraft().toJson());
    EXPECT_EQ(back->choice.target, someDraft().choice.target);
    EXPECT_EQ(back->choice.tablespaces, someDraft().choice.tablespaces);
}

TEST(Drafts, KeepEveryKindOfTarget)
{
    RestoreDraft draft = someDraft();
    using Point = decltype(draft.choice.target.point);
    for (const Point& point :
         {Point(model::LatestTarget{}), Point(model::ImmediateTarget{}),
          Point(model::LsnTarget{model::Lsn{0x2A47F0412E8U}}), Point(model::XidTarget{733241}),
          Point(model::RestorePointTarget{"before-release-412"})}) {
        draft.choice.target.point = point;
        const auto back = RestoreDraft::fromJson(draft.toJson());
        ASSERT_TRUE(back.ok());
        EXPECT_EQ(back->choice.target, draft.choice.target);
    }
}

TEST(Drafts, TheNewestUnfinishedOneIsOffered)
{
    const auto folder = TemporaryDirectory::create();
    const DraftStore store(folder->path() / "flows");
    RestoreDraft older = someDraft();
    RestoreDraft newer = someDraft();
    newer.id = "R-20261117T020000Z";
    newer.savedAt = at("2026-11-17T02:00:00Z");
    RestoreDraft done = someDraft();
    done.id = "R-20261117T030000Z";
    done.savedAt = at("2026-11-17T03:00:00Z");
    done.step = RestoreStep::Result;
    for (const auto& draft : {older, newer, done})
        ASSERT_TRUE(store.save(draft).ok());

    EXPECT_EQ(store.newest()->id, newer.id);
    ASSERT_TRUE(store.remove(newer.id).ok());
    EXPECT_EQ(store.newest()->id, older.id);
}

TEST(Drafts, ADamagedOneIsPassedOver)
{
    const auto folder = TemporaryDirectory::create();
    const DraftStore store(folder->path());
    std::ofstream(folder->path() / "R-1.json") << "{\"schema\":1,";
    std::ofstream(folder->path() / "R-2.json") << "{\"schema\":2}";
    std::ofstream(folder->path() / "R-3.json") << R"({"schema":1,"id":"R-3","step":"dance"})";

    EXPECT_FALSE(store.newest());
}

TEST(Drafts, AFormatOfANewerProgramIsRefused)
{
    Json::Object json = *someDraft().toJson().asObject();
    json["schema"] = 2;

    const auto back = RestoreDraft::fromJson(Json(json));

    ASSERT_FALSE(back.ok());
    EXPECT_EQ(back.error().code, ErrorCode::Incompatible);
}

} // namespace
} // namespace salvor::gui
