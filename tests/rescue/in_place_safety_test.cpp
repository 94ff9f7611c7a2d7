// What a restore in place must not get wrong.
#include "core/postgres/live_server.h"
#include "core/rescue/set_aside.h"
#include "core/restore/checks.h"
#include "core/restore/mounts.h"
#include "tests/rescue/in_place_scene.h"
#include "tests/rescue/traced.h"
#include "tests/support/idle_process.h"

#include <set>
#include <sys/syscall.h>

namespace salvor::rescue {
namespace {

namespace fs = std::filesystem;

using test::IdleProcess;

class InPlaceSafety : public InPlaceTest {
protected:
    /// All names in the folder of the test, at its top.
    [[nodiscard]] std::set<std::string> names() const
    {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder.path()))
            found.insert(entry.path().filename().native());
        return found;
    }
    /// A text like the kernel's, with one more mount.
    [[nodiscard]] Path mountedAt(const std::string& place) const
    {
        const Path file = folder.path() / "mountinfo";
        EXPECT_OK(writeFileDurably(
            file, asBytes("22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n36 22 8:2 / " + place
                          + " rw,noatime master:1 - xfs /dev/sdb1 rw\n")));
        return file;
    }
    std::string blockerWithMounts(const Path& mountinfo)
    {
        const auto made = planInPlace();
        for (const auto& check :
             restore::checkInPlace(*made, restore::placesOf(*made), *repository, mountinfo))
            if (check.level == model::Check::Level::Blocker)
                return check.found + " " + check.fix;
        return {};
    }
    void expectRollbackRefused(ErrorCode code, const std::string& words)
    {
        const auto there = names();
        const auto refused = takeBack();
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.error().code, code);
        EXPECT_NE(refused.error().message.find(words), std::string::npos)
            << refused.error().message;
        EXPECT_EQ(names(), there);
    }
};

TEST_F(InPlaceSafety, ARollbackThatMissesAPlaceRenamesNothing)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    const Path old = beside("space.before-").front();
    fs::rename(old, folder.path() / "unmounted");

    expectRollbackRefused(ErrorCode::NotReady, "is not where it was left");

    fs::rename(folder.path() / "unmounted", old);
    ASSERT_OK(takeBack());
    expectOldIsBack();
}

TEST_F(InPlaceSafety, AnotherDirectoryOfTheNameIsNotTheOldOne)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    const Path old = beside("space.before-").front();
    fs::rename(old, folder.path() / "unmounted");
    fs::create_directory(old); // As the empty directory below a mount point.

    expectRollbackRefused(ErrorCode::NotReady, "is not where it was left");
}

TEST_F(InPlaceSafety, APlaceThatCannotBeLookedAtIsNotAbsent)
{
    ASSERT_OK(writeFileDurably(folder.path() / "file", asBytes("x")));

    EXPECT_FALSE(inodeAt(folder.path() / "file" / "below").ok());
    EXPECT_FALSE(whereIs({folder.path() / "file" / "below", folder.path() / "none", 5}).ok());
    EXPECT_EQ(*inodeAt(folder.path() / "none"), std::nullopt);
}

TEST_F(InPlaceSafety, AProcessThatWorksInTheDirectoryIsAServer)
{
    const auto early = planInPlace();
    const IdleProcess process(data());

    EXPECT_NE(blocker(planInPlace()).find("A server runs on"), std::string::npos);
    EXPECT_FAILS(carryOutInPlace(*early), NotReady);

    EXPECT_EQ(snapshot(), before);
    EXPECT_TRUE(beside(".in-place").empty());
}

TEST_F(InPlaceSafety, ARollbackUnderAServerWithoutAPidFileIsRefused)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    const IdleProcess process(data() / "base");

    expectRollbackRefused(ErrorCode::NotReady, "a server runs on");
}

TEST_F(InPlaceSafety, AServerStartedJustBeforeTheRenameGetsItsDirectoryBack)
{
    const IdleProcess process(data());
    const Path away = folder.path() / "away";
    const Rename rename{data(), away, **inodeAt(data())};
    ASSERT_OK(renameDurably(data(), away));

    EXPECT_FAILS(putBackIfRunning(rename), NotReady);

    EXPECT_EQ(snapshot(), before);
}

TEST_F(InPlaceSafety, ACopiedDirectoryTakesNoTablespacesAlong)
{
    const Path copy = folder.path() / "copied";
    fs::copy(data(), copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    auto wanted = request();
    wanted.destination = copy;
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));

    EXPECT_EQ(wanted.inPlace->setsAside.size(), 1U);
    EXPECT_NE(blocker(plan(wanted)).find("is not the directory that was backed up"),
              std::string::npos);

    wanted = request();
    wanted.destination = copy;
    wanted.tablespaces[16400] = space();
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));
    EXPECT_NE(blocker(plan(wanted)).find("is not empty"), std::string::npos);

    wanted = request();
    wanted.destination = copy;
    wanted.tablespaces[16400] = folder.path() / "fresh";
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));
    ASSERT_OK(carryOutInPlace(*plan(wanted)));
    EXPECT_EQ(snapshot(), before);
}

TEST_F(InPlaceSafety, ATablespaceThatIsEmptyOrGoneIsNotTakenForTheOldOne)
{
    fs::rename(space(), folder.path() / "unmounted");
    EXPECT_NE(blocker(planInPlace()).find("is empty or gone"), std::string::npos);
    fs::create_directory(space());
    EXPECT_NE(blocker(planInPlace()).find("is empty or gone"), std::string::npos);

    auto wanted = request();
    wanted.tablespaces[16400] = space();
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));

    EXPECT_EQ(blocker(plan(wanted)), "");
    ASSERT_OK(carryOutInPlace(*plan(wanted)));
    ASSERT_OK(takeBack());
    EXPECT_TRUE(fs::is_empty(space()));
}

TEST_F(InPlaceSafety, ATablespaceMadeAfterTheBackupIsLeftAlone)
{
    fs::create_directories(folder.path() / "later/PG_15_202209061");
    fs::create_directory_symlink(folder.path() / "later", data() / "pg_tblspc/16500");

    ASSERT_OK(carryOutInPlace(*planInPlace()));

    EXPECT_TRUE(exists("later/PG_15_202209061"));
    EXPECT_TRUE(beside("later.before-").empty());
}

TEST_F(InPlaceSafety, ADirectoryThatIsEmptyOrGoneIsNoPlaceOfACluster)
{
    fs::rename(data(), folder.path() / "unmounted");
    EXPECT_FAILS(planInPlace(), NotReady);
    fs::create_directory(data());
    EXPECT_FAILS(planInPlace(), NotReady);
}

TEST_F(InPlaceSafety, AMountPointIsRefusedWithTheWaysOut)
{
    const std::string found = blockerWithMounts(mountedAt(data()));

    EXPECT_NE(found.find("is a mount point"), std::string::npos);
    EXPECT_NE(found.find("Restore into a new directory on that file system"), std::string::npos);
    EXPECT_EQ(found.find("by hand"), std::string::npos);
    EXPECT_EQ(blockerWithMounts(mountedAt(data().native() + "-other")), "");
}

TEST_F(InPlaceSafety, AMountPointBelowTheDirectoryIsRefused)
{
    EXPECT_NE(blockerWithMounts(mountedAt(data() / "pg_wal")).find("below"), std::string::npos);
    EXPECT_NE(blockerWithMounts(mountedAt(space() / "PG_15_202209061")).find("below"),
              std::string::npos);
}

TEST(Mounts, NamesWithBlanksAreUnescaped)
{
    const auto points = restore::mountPoints("36 22 8:2 / /srv/my\\040data rw - xfs /dev/b rw\n"
                                             "37 22 8:3 / /srv/back\\134slash rw - xfs /dev/c rw");

    EXPECT_EQ(points, (std::vector<Path>{"/srv/my data", "/srv/back\\slash"}));
    EXPECT_TRUE(restore::mountPoints("\n").empty());
}

TEST(Mounts, WhatCannotBeReadIsABlocker)
{
    EXPECT_TRUE(restore::checkRenamable("/tmp/x", "/nowhere/mountinfo").has_value());
    EXPECT_TRUE(restore::checkRenamable("/nowhere/x", restore::kernelMounts).has_value());
    EXPECT_FALSE(restore::checkRenamable("/tmp/x", restore::kernelMounts).has_value());
}

TEST_F(InPlaceSafety, ARollbackThatCannotRenameEveryPlaceRenamesNone)
{
    // The place was empty before: nothing old tells that it is one of the restore's.
    auto wanted = request();
    wanted.tablespaces[16400] = folder.path() / "fresh";
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));
    const auto made = plan(wanted);
    const Path mounts = mountedAt(folder.path() / "fresh");
    const auto checks = restore::checkInPlace(*made, restore::placesOf(*made), *repository, mounts);
    EXPECT_TRUE(std::any_of(checks.begin(), checks.end(), [](const model::Check& check) {
        return check.found.find("is a mount point") != std::string::npos;
    }));
    ASSERT_OK(carryOutInPlace(*made));
    const auto there = names();

    EXPECT_FAILS(rollBack(data(), job, mounts), NotReady);

    EXPECT_EQ(names(), there);
    ASSERT_OK(takeBack());
    expectOldIsBack();
}

TEST_F(InPlaceSafety, AJournalThatChangedSinceThePlanIsNotFollowed)
{
    const auto first = planInPlace();
    Journal journal;
    journal.directory = data();
    journal.backup = backup.id;
    journal.repositoryId = repository->info().id;
    journal.setsAside = first->inPlace->setsAside;
    journal.tablespaces = first->tablespaces;
    ASSERT_OK(saveJournal(journal));
    const auto made = planInPlace();
    ASSERT_OK(made);
    journal.takesBack = {{data(), data().native() + ".rolled-back-1", 7}};
    ASSERT_OK(saveJournal(journal));

    EXPECT_FAILS(carryOutInPlace(*made), NotReady);

    ASSERT_OK(removeJournal(data()));
    EXPECT_FAILS(carryOutInPlace(*made), NotReady);
    EXPECT_EQ(snapshot(), before);
}

TEST_F(InPlaceSafety, WhileOneIsAtWorkNoOtherBegins)
{
    const auto made = planInPlace();
    {
        const auto lock = JournalLock::take(data());
        ASSERT_OK(lock);

        EXPECT_FAILS(carryOutInPlace(*made), NotReady);
        EXPECT_FAILS(takeBack(), NotReady);
        EXPECT_FAILS(makeFinal(), NotReady);
    }
    EXPECT_EQ(snapshot(), before);
    EXPECT_TRUE(beside(".in-place").empty());
    ASSERT_OK(carryOutInPlace(*made));
}

TEST_F(InPlaceSafety, AClusterThatDidNotRecoverIsNotCommitted)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    EXPECT_FAILS(makeFinal(), NotReady);
    fs::remove(data() / "backup_label");
    EXPECT_FAILS(makeFinal(), NotReady);
    fs::remove(data() / "recovery.signal");

    ASSERT_OK(makeFinal());
}

TEST_F(InPlaceSafety, AClusterThatIsNotTheRestoredOneIsNotCommitted)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();
    const test::TestCluster other({.ownIdentity = true});
    fs::copy_file(other.dataDirectory() / restore::controlName, data() / restore::controlName,
                  fs::copy_options::overwrite_existing);

    EXPECT_FAILS(makeFinal(), NotReady);

    fs::remove(data() / restore::controlName);
    EXPECT_FAILS(makeFinal(), NotReady);
    ASSERT_OK(takeBack());
    expectOldIsBack();
}

TEST_F(InPlaceSafety, CommitNamesTheWalThatIsOnlyInTheOldOne)
{
    const test::TestCluster cluster;
    const std::string segment = "000000010000000000000001";
    fs::remove(data() / "pg_wal/00000001000000000000000A");
    fs::copy_file(cluster.dataDirectory() / "pg_wal" / segment, data() / "pg_wal" / segment);
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();

    const auto done = makeFinal();

    ASSERT_OK(done);
    ASSERT_TRUE(done->walOnlyThere.has_value());
    EXPECT_EQ(*done->walOnlyThere, std::vector<std::string>{segment});
}

TEST_F(InPlaceSafety, CommitWithoutTheRepositorySaysThatItDoesNotKnowOfTheWal)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();
    const OpenRepository out = [](const std::string&) {
        return Result<std::shared_ptr<repository::Repository>>(
            fail(ErrorCode::Unavailable, "the store does not answer"));
    };

    const auto done = commit(data(), out, job);

    ASSERT_OK(done);
    EXPECT_EQ(done->walOnlyThere, std::nullopt);
}

TEST_F(InPlaceSafety, CommitOfAnUnfinishedOneIsRefused)
{
    const auto made = planInPlace();
    Journal journal;
    journal.directory = data();
    journal.setsAside = made->inPlace->setsAside;
    journal.tablespaces = made->tablespaces;
    ASSERT_OK(saveJournal(journal));

    EXPECT_FAILS(makeFinal(), NotReady);

    journal.takesBack = {{data(), data().native() + ".rolled-back-1", 7}};
    ASSERT_OK(saveJournal(journal));
    EXPECT_FAILS(makeFinal(), NotReady);
}

TEST_F(InPlaceSafety, ALinkWhoseTargetWasSetAsideStillLeadsThere)
{
    const Path link = folder.path() / "link";
    fs::create_symlink("copy", link);
    fs::create_directory_symlink(folder.path(), folder.path() / "parent");
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    fs::rename(data(), folder.path() / "away");

    EXPECT_EQ(resolvePlace(link), data());
    EXPECT_EQ(resolvePlace(folder.path() / "parent" / "copy"), data());
    EXPECT_EQ(resolvePlace(link / ""), data());
    EXPECT_EQ(resolvePlace("/nowhere/at/all"), "/nowhere/at/all");
    EXPECT_TRUE(waitingIn(resolvePlace(link))->has_value());
}

TEST_F(InPlaceSafety, AJournalThatNamesStrangePlacesIsNotFollowed)
{
    const auto made = planInPlace();
    Journal good;
    good.directory = data();
    good.setsAside = made->inPlace->setsAside;
    good.tablespaces = made->tablespaces;
    const auto refused = [&](const std::function<void(Journal&)>& spoil) {
        Journal bad = good;
        spoil(bad);
        EXPECT_OK(saveJournal(bad));
        const auto loaded = loadJournal(data());
        return !loaded.ok() && loaded.error().code == ErrorCode::Corrupt;
    };
    ASSERT_FALSE(refused([](Journal&) {}));

    EXPECT_TRUE(refused([](Journal& one) { one.setsAside.clear(); }));
    EXPECT_TRUE(refused([](Journal& one) { one.setsAside.front().to = "/etc/cron.d/x"; }));
    EXPECT_TRUE(refused([](Journal& one) { one.setsAside.front().to += "/../../x"; }));
    EXPECT_TRUE(refused([](Journal& one) { one.setsAside.back() = {"/etc", "/etc.before-1", 1}; }));
    EXPECT_TRUE(refused([](Journal& one) { one.takesBack = {{"/etc", "/etc.rolled-back-1", 1}}; }));
    EXPECT_TRUE(refused([](Journal& one) { one.tablespaces[16400] = "/srv/../etc"; }));
    EXPECT_TRUE(refused([](Journal& one) { one.tablespaces[16400] = "etc"; }));
}

TEST_F(InPlaceSafety, APlanThatNamesStrangePlacesIsNotCarriedOut)
{
    auto made = planInPlace();
    ASSERT_OK(made);
    made->inPlace->setsAside.back().to = folder.path() / "elsewhere";
    EXPECT_FAILS(carryOutInPlace(*made), Corrupt);
    EXPECT_EQ(snapshot(), before);

    made->inPlace->setsAside.clear();
    fs::rename(data(), folder.path() / "away");
    fs::rename(space(), folder.path() / "far");
    EXPECT_FAILS(carryOutInPlace(*made), Corrupt);
    EXPECT_FALSE(fs::exists(data()));
}

TEST_F(InPlaceSafety, AJournalThatOthersCanWriteIsNotActedUpon)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    fs::permissions(journalFile(data()), fs::perms::others_write, fs::perm_options::add);

    expectRollbackRefused(ErrorCode::Denied, "is not this user's alone");
    EXPECT_FAILS(makeFinal(), Denied);

    fs::permissions(journalFile(data()), fs::perms::others_write, fs::perm_options::remove);
    if (const auto user = test::serverUser()) {
        ASSERT_EQ(::chown(journalFile(data()).c_str(), user->uid, user->gid), 0);
        expectRollbackRefused(ErrorCode::Denied, "is not this user's alone");
    }
}

TEST_F(InPlaceSafety, WhatIsSetAsideIsDurableBeforeAnythingIsWritten)
{
    const auto made = planInPlace();
    std::vector<long> calls;

    ASSERT_TRUE(test::endsBeforeChange(
        100000, [&] { (void)carryOutInPlace(*made); }, &calls));

    const auto firstFolder = std::find(calls.begin(), calls.end(), SYS_mkdir);
    EXPECT_EQ(std::count(calls.begin(), firstFolder, SYS_syncfs), 2);
}

TEST_F(InPlaceSafety, ADirectoryWithTwoControlFilesIsRefused)
{
    fs::copy_file(data() / restore::controlName, data() / restore::asideControlName);
    const auto made = planInPlace();

    EXPECT_NE(blocker(made).find("was set aside by an earlier restore"), std::string::npos);
    EXPECT_NE(made->checks.front().fix.find("remove 'pg_control.set-aside'"), std::string::npos);
}

TEST_F(InPlaceSafety, ARollbackToADirectoryWithTwoControlFilesIsRefused)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    const Path old = beside("copy.before-").front();
    fs::copy_file(old / restore::asideControlName, old / restore::controlName);

    expectRollbackRefused(ErrorCode::NotReady, "holds 'pg_control' and 'pg_control.set-aside'");
}

TEST_F(InPlaceSafety, AHiddenControlFileInABackupIsNotRestored)
{
    files[restore::asideControlName] = text("old");
    store("20261121T205651Z-3f9b");
    files.erase(restore::asideControlName);

    ASSERT_OK(carryOutInPlace(*planInPlace()));

    EXPECT_FALSE(exists("copy/global/pg_control.set-aside"));
}

TEST_F(InPlaceSafety, TheGroupsAccessStays)
{
    constexpr auto groupReads =
        fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;
    fs::permissions(data(), groupReads);
    before = snapshot();

    ASSERT_OK(carryOutInPlace(*planInPlace()));

    EXPECT_EQ(fs::status(data()).permissions(), groupReads);
    EXPECT_EQ(fs::status(space()).permissions(), fs::perms::owner_all);
}

TEST_F(InPlaceSafety, CommandsInHintsAreQuotedForAShell)
{
    const Path odd = folder.path() / "my copy";
    fs::rename(data(), odd);
    original = odd;
    store("20261121T205651Z-3f9b");
    auto wanted = request();
    wanted.destination = odd;
    ASSERT_OK(aimInPlace(wanted, {}, systemClock().now()));

    const auto outcome = carryOutInPlace(*plan(wanted));

    ASSERT_OK(outcome);
    EXPECT_NE(outcome->warnings.back().find("rollback \"" + odd.native() + "\""), std::string::npos)
        << outcome->warnings.back();
    const auto next = aimInPlace(wanted, {}, systemClock().now());
    ASSERT_FALSE(next.ok());
    EXPECT_NE(next.error().hint.find("rollback \"" + odd.native() + "\""), std::string::npos);
}

TEST_F(InPlaceSafety, WhatAnotherUnfinishedRestoreLeftIsRefused)
{
    fs::remove(data() / restore::controlName);
    write(restore::markerName, "plan\n");

    EXPECT_NE(blocker(planInPlace({"unknown"})).find("unfinished restore left"), std::string::npos);
}

TEST_F(InPlaceSafety, AnotherDirectoryThanThePlansIsNotSetAside)
{
    const auto made = planInPlace();
    fs::rename(space(), folder.path() / "unmounted");
    fs::copy(folder.path() / "unmounted", space(), fs::copy_options::recursive);

    EXPECT_FAILS(carryOutInPlace(*made), NotReady);

    EXPECT_TRUE(beside(".before-").empty());
    EXPECT_TRUE(beside(".in-place").empty());
}

} // namespace
} // namespace salvor::rescue
