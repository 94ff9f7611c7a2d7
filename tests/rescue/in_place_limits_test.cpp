// Where a restore in place meets what it did not plan for: limits, errors, others at work.
#include "core/rescue/set_aside.h"
#include "core/restore/file_writer.h"
#include "core/restore/old_files.h"
#include "tests/rescue/in_place_scene.h"
#include "tests/rescue/traced.h"
#include "tests/support/idle_process.h"

#include <fcntl.h>
#include <set>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace salvor::rescue {
namespace {

namespace fs = std::filesystem;

using test::Call;

class InPlaceLimits : public InPlaceTest {
protected:
    /// A file to write whose content is in no pack, only in `old`.
    restore::FileToWrite onlyOld(const std::string& name, const Path& old, const Bytes& content,
                                 repository::ChunkReader& reader)
    {
        EXPECT_OK(writeFileDurably(old, content));
        restore::FileToWrite file;
        file.name = name;
        file.path = folder.path() / "new" / name;
        file.old = old;
        file.mode = 0600;
        file.size = content.size();
        file.crc32c = crypto::crc32c(content);
        for (std::size_t at = 0; at < content.size(); at += repository::chunkSize)
            file.chunks.push_back(reader.idOf(ByteView(content).subspan(
                at, std::min<std::size_t>(repository::chunkSize, content.size() - at))));
        return file;
    }
    /// A restore that was interrupted before it renamed anything.
    void begin()
    {
        const auto made = planInPlace();
        ASSERT_OK(made);
        Journal journal;
        journal.directory = data();
        journal.repository = "here";
        journal.backup = backup.id;
        journal.repositoryId = repository->info().id;
        journal.systemIdentifier = identity.systemIdentifier;
        journal.setsAside = made->inPlace->setsAside;
        journal.tablespaces = made->tablespaces;
        ASSERT_OK(saveJournal(journal));
    }
    /// A rollback that was interrupted when all that was restored had been renamed.
    void beginRollback()
    {
        ASSERT_OK(carryOutInPlace(*planInPlace()));
        auto journal = trustedJournal(data());
        ASSERT_OK(journal);
        for (const Path& place : {data(), space()}) {
            const Rename rename{place, place.native() + ".rolled-back-1", **inodeAt(place)};
            journal->takesBack.push_back(rename);
            fs::rename(rename.from, rename.to);
        }
        ASSERT_OK(saveJournal(*journal));
    }
    std::set<std::string> names()
    {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder.path()))
            found.insert(entry.path().filename().native());
        return found;
    }
};

/// Of the process, while it lives.
class FewFiles {
public:
    FewFiles()
    {
        ::getrlimit(RLIMIT_NOFILE, &m_before);
        rlimit few = m_before;
        few.rlim_cur = 128;
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    FewFiles(const FewFiles&) = delete;
    FewFiles& operator=(const FewFiles&) = delete;
    ~FewFiles() { ::setrlimit(RLIMIT_NOFILE, &m_before); }

private:
    rlimit m_before{};
};

TEST_F(InPlaceLimits, ManyOldFilesAreNotOpenAtOnce)
{
    constexpr unsigned count = 400;
    const auto index = repository->loadIndex(backup.incarnation);
    const auto reader = repository::ChunkReader::create(*repository, *index);
    ASSERT_OK(reader);
    fs::create_directories(folder.path() / "old");
    fs::create_directories(folder.path() / "new");
    std::vector<restore::FileToWrite> wanted;
    for (unsigned i = 0; i < count; ++i)
        wanted.push_back(onlyOld(std::to_string(i), folder.path() / "old" / std::to_string(i),
                                 noise(100, 1000 + i), **reader));
    auto places = onePlace(*repository, *index, job);
    const FewFiles few;

    ASSERT_OK(restore::writeFiles(wanted, places, {.workers = 1}, job));

    EXPECT_EQ(*readFile(wanted.back().path), noise(100, 1000 + count - 1));
}

TEST_F(InPlaceLimits, WhatCannotBeReadOfOldIsFetchedWhateverTheError)
{
    const auto index = repository->loadIndex(backup.incarnation);
    const auto reader = repository::ChunkReader::create(*repository, *index);
    ASSERT_OK(reader);
    fs::create_directories(folder.path() / "old");
    fs::create_directories(folder.path() / "new");
    std::vector<restore::FileToWrite> wanted{
        onlyOld("1", folder.path() / "old" / "1", noise(100, 5), **reader)};
    const restore::OldFiles old{{{folder.path() / "new", folder.path() / "old"}},
                                systemClock().now() + std::chrono::hours(1)};
    const auto takes = [&](std::size_t count) {
        auto list = wanted;
        const auto taken = restore::takeOldFiles(list, old, {.workers = 1}, job);
        return taken.ok() && taken->files == count && list.size() == 1 - count
               && fs::exists(wanted.front().path) == (count == 1);
    };

    EXPECT_TRUE(test::saysWithFailingCalls(
        ENXIO, [](Call call) { return call.number == SYS_pread64; }, [&] { return takes(0); }));

    EXPECT_TRUE(takes(1));
}

TEST_F(InPlaceLimits, ARestoreThatWasFinishedMeanwhileIsNotGoneOnWith)
{
    begin();
    const auto first = planInPlace();
    const auto second = planInPlace();
    ASSERT_TRUE(second->inPlace->goesOn);
    ASSERT_OK(carryOutInPlace(*first));

    const auto refused = vacate(*second);

    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("was finished meanwhile"), std::string::npos)
        << refused.error().message;
    const auto again = carryOutInPlace(*second);
    EXPECT_FAILS(again, NotReady);
    EXPECT_EQ(again.error().hint.find("goes on from there"), std::string::npos);
    expectRestored();
}

TEST_F(InPlaceLimits, AnOrdinaryRestoreDoesNotGoWhereOneInPlaceWaits)
{
    begin();
    ASSERT_OK(vacate(*planInPlace()));
    auto wanted = request();
    wanted.tablespaces[16400] = folder.path() / "far";

    EXPECT_NE(blocker(plan(wanted)).find("A restore in place waits in"), std::string::npos);
    EXPECT_EQ(blocker(planInPlace()), "");
}

TEST_F(InPlaceLimits, AnOrdinaryRestoreLooksForOneInPlaceAgainWhenItBegins)
{
    auto wanted = request();
    wanted.destination = folder.path() / "elsewhere";
    wanted.tablespaces[16400] = folder.path() / "far";
    const auto made = plan(wanted);
    ASSERT_EQ(blocker(made), "");
    ASSERT_OK(writeFileDurably(journalFile(wanted.destination), asBytes("{}")));

    const auto refused = carryOut(*made);

    EXPECT_FAILS(refused, NotReady);
    EXPECT_NE(refused.error().hint.find("--in-place"), std::string::npos) << refused.error().hint;
    EXPECT_FALSE(exists("elsewhere"));
}

TEST_F(InPlaceLimits, ARollbackThatGoesOnRenamesNothingWhereAStrangerStands)
{
    beginRollback();
    fs::create_directory(data());
    const auto there = names();

    const auto refused = takeBack();

    EXPECT_FAILS(refused, NotReady);
    EXPECT_NE(refused.error().message.find("was made after the rollback began"), std::string::npos)
        << refused.error().message;
    EXPECT_EQ(names(), there);
    fs::remove(data());
    ASSERT_OK(takeBack());
    expectOldIsBack();
}

TEST_F(InPlaceLimits, ARollbackThatGoesOnSeesAServerInWhatItTookBack)
{
    beginRollback();
    const auto there = names();
    {
        const test::IdleProcess process(data().native() + ".rolled-back-1");

        const auto refused = takeBack();

        EXPECT_FAILS(refused, NotReady);
        EXPECT_NE(refused.error().message.find("a server runs on"), std::string::npos);
    }
    EXPECT_EQ(names(), there);
    ASSERT_OK(takeBack());
    expectOldIsBack();
}

TEST_F(InPlaceLimits, AJournalThatIsALinkIsNotRead)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    fs::rename(journalFile(data()), folder.path() / "elsewhere");
    fs::create_symlink(folder.path() / "elsewhere", journalFile(data()));

    EXPECT_FALSE(waitingIn(data()).ok());
    EXPECT_FALSE(takeBack().ok());
    EXPECT_FALSE(makeFinal().ok());

    fs::remove(journalFile(data()));
    fs::create_directory(journalFile(data()));
    EXPECT_FAILS(waitingIn(data()), Corrupt);
}

bool makesAFile(Call call)
{
    return call.number == SYS_openat && (call.third & O_CREAT) != 0;
}

TEST_F(InPlaceLimits, ARollbackOnAFullDiskGivesUpItsBallast)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    const Path ballast = journalFile(data()).native() + ".ballast";
    ASSERT_TRUE(fs::exists(ballast));
    const auto isFull = [&](Call call) { return makesAFile(call) && fs::exists(ballast); };

    EXPECT_TRUE(test::saysWithFailingCalls(ENOSPC, isFull, [&] { return takeBack().ok(); }));

    expectOldIsBack();
    EXPECT_TRUE(beside(".in-place").empty());
}

TEST_F(InPlaceLimits, ARollbackOnAFullDiskSaysWhatMayBeRemoved)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));

    EXPECT_TRUE(test::saysWithFailingCalls(ENOSPC, makesAFile, [&] {
        const auto refused = takeBack();
        const std::string hint = refused.ok() ? "" : refused.error().hint;
        return !refused.ok() && refused.error().code == ErrorCode::NoSpace
               && hint.find(".rolled-back-") != std::string::npos
               && hint.find(".unfinished-") != std::string::npos
               && hint.find("Never remove") != std::string::npos;
    }));

    EXPECT_EQ(beside(".before-").size(), 2U);
    ASSERT_OK(takeBack());
    expectOldIsBack();
}

TEST_F(InPlaceLimits, SettingsOfAnotherClusterAreNotProposed)
{
    const test::TestCluster other({.ownIdentity = true});
    write("postgresql.auto.conf", "archive_command = 'theirs'\n");
    fs::copy_file(other.dataDirectory() / restore::controlName, data() / restore::controlName,
                  fs::copy_options::overwrite_existing);
    const auto control = postgres::readControlFile(data());
    ASSERT_OK(control);
    ASSERT_OK(carryOutInPlace(*planInPlace({std::to_string(control->identity.systemIdentifier)})));
    recover();

    const auto done = makeFinal();

    ASSERT_OK(done);
    EXPECT_TRUE(done->statements.empty());
    EXPECT_EQ(done->switchedOff.front(), "archive_command = ''");
}

TEST_F(InPlaceLimits, NoStatementsWhereTheOldSettingsCannotBeRead)
{
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();
    const Path settings = beside("copy.before-").front() / "postgresql.auto.conf";
    fs::remove(settings);
    fs::create_directory(settings);

    const auto done = makeFinal();

    ASSERT_OK(done);
    EXPECT_TRUE(done->statements.empty());
    EXPECT_FALSE(done->switchedOff.empty());
}

TEST_F(InPlaceLimits, ALinkedWalFolderBelongsToWhatIsSetAside)
{
    const Path wal = folder.path() / "waldisk";
    fs::rename(data() / "pg_wal", wal);
    fs::create_directory_symlink(wal, data() / "pg_wal");
    const auto made = planInPlace();
    ASSERT_OK(made);
    const auto check = std::find_if(made->checks.begin(), made->checks.end(),
                                    [](const auto& one) { return one.name == "pg_wal"; });
    ASSERT_NE(check, made->checks.end());
    EXPECT_NE(check->found.find(wal.native()), std::string::npos);
    EXPECT_NE(check->cause.find("neither be used by the restored cluster nor be cleared"),
              std::string::npos);
    EXPECT_NE(check->fix.find("new folder"), std::string::npos);
    ASSERT_OK(carryOutInPlace(*made));
    recover();

    const auto done = makeFinal();

    ASSERT_OK(done);
    EXPECT_EQ(done->old.back(), wal);
}

TEST_F(InPlaceLimits, AWalFolderThatIsInUseIsNotNamedAsOld)
{
    const Path wal = folder.path() / "waldisk";
    fs::rename(data() / "pg_wal", wal);
    fs::create_directory_symlink(wal, data() / "pg_wal");
    ASSERT_OK(carryOutInPlace(*planInPlace()));
    recover();
    fs::rename(data() / "pg_wal", wal / "new");
    fs::create_directory_symlink(wal / "new", data() / "pg_wal");

    const auto done = makeFinal();

    ASSERT_OK(done);
    EXPECT_EQ(done->old.size(), 2U);
}

} // namespace
} // namespace salvor::rescue
