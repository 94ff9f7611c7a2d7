#include "tests/rescue/in_place_scene.h"
#include "tests/rescue/traced.h"

namespace salvor::rescue {
namespace {

namespace fs = std::filesystem;

/// Kills a restore in place, or a rollback, at every change that it makes.
class InPlaceCrash : public InPlaceTest {
protected:
    void SetUp() override
    {
        InPlaceTest::SetUp();
        if (IsSkipped())
            return;
        fs::copy(data(), kept / "copy", how);
        fs::copy(space(), kept / "space", how);
    }
    void startOver()
    {
        for (const auto& entry : fs::directory_iterator(folder.path()))
            if (entry.path() != kept)
                fs::remove_all(entry.path());
        fs::copy(kept / "copy", data(), how);
        fs::copy(kept / "space", space(), how);
        // Copies are new and the runner's: what is unchanged shall look it.
        const auto user = test::serverUser();
        for (const auto& [name, what] : before) {
            if (fs::is_regular_file(fs::symlink_status(name)))
                fs::last_write_time(name, fs::file_time_type::clock::now() - std::chrono::hours(1));
            if (user) {
                ASSERT_EQ(::lchown(name.c_str(), user->uid, user->gid), 0);
            }
        }
    }
    [[nodiscard]] bool isRestored() const
    {
        const auto waiting = *waitingIn(data());
        return waiting && waiting->stage == Stage::Restored;
    }
    model::RestorePlan planNow()
    {
        auto made = planInPlace();
        EXPECT_TRUE(made.ok() && blocker(made).empty()) << blocker(made);
        return *made;
    }

    const fs::copy_options how = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
    Path kept = [this] {
        Path path = folder.path() / "kept";
        fs::create_directories(path);
        return path;
    }();
};

TEST_F(InPlaceCrash, WhereverItDiesTheOldOneComesBackOrTheRestoreGoesOn)
{
    bool finished = false;
    for (std::uint64_t nth = 1; !finished && nth < 400; ++nth) {
        SCOPED_TRACE(nth);
        startOver();
        const auto made = planNow();
        finished = test::endsBeforeChange(nth, [&] { (void)carryOutInPlace(made); });
        if (nth % 2 == 0 && !isRestored()) {
            ASSERT_OK(carryOutInPlace(planNow()));
            expectRestored();
        }
        if (waitingIn(data())->has_value()) {
            ASSERT_OK(takeBack());
        }
        expectOldIsBack();
        if (HasFailure())
            return;
    }
    EXPECT_TRUE(finished);
}

TEST_F(InPlaceCrash, WhereverARollbackDiesTheNextOneEndsIt)
{
    bool finished = false;
    for (std::uint64_t nth = 1; !finished && nth < 400; ++nth) {
        SCOPED_TRACE(nth);
        startOver();
        ASSERT_OK(carryOutInPlace(planNow()));
        finished = test::endsBeforeChange(nth, [&] { (void)takeBack(); });
        if (waitingIn(data())->has_value()) {
            ASSERT_OK(takeBack());
        }
        expectOldIsBack();
        if (HasFailure())
            return;
    }
    EXPECT_TRUE(finished);
}

} // namespace
} // namespace salvor::rescue
