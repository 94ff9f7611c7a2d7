#include "core/base/file.h"
#include "core/storage/posix_driver.h"
#include "tests/storage/storage_test.h"
#include "tests/support/as_nobody.h"

#include <csignal>
#include <functional>
#include <sched.h>
#include <set>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace salvor::storage {
namespace {

class PosixDriverTest : public testing::Test {
protected:
    std::vector<std::string> temporaries() const
    {
        std::vector<std::string> names;
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(root / "~tmp", ignored))
            names.push_back(entry.path().filename().native());
        return names;
    }

    Result<TemporaryDirectory> folder = TemporaryDirectory::create();
    const Path root = folder->path() / "root";
    PosixDriver driver{root};
};

TEST_F(PosixDriverTest, AnEntryThatCannotBeLookedAtIsNeverTakenForAbsent)
{
    ASSERT_EQ(codeOf(writeObject(driver, "wal/segment", asBytes("x"))), "ok");
    ::chmod(folder->path().c_str(), 0755);
    ::chmod(root.c_str(), 0755);
    ::chmod((root / "wal").c_str(), 0444);

    EXPECT_TRUE(test::asNobody([&] { return codeOf(listObjects(driver, "wal/")) == "Denied"; }));

    ::chmod((root / "wal").c_str(), 0755);
}

TEST_F(PosixDriverTest, WhatIsThereCanBeMadeDurableAgain)
{
    ASSERT_EQ(codeOf(writeObject(driver, "wal/1/segment", asBytes("x"))), "ok");

    EXPECT_EQ(codeOf(driver.makeDurable("wal/1/segment")), "ok");
    EXPECT_EQ(codeOf(driver.makeDurable("wal/2/segment")), "NotFound");
}

TEST_F(PosixDriverTest, APlaceThatIsNotThereYetIsEmpty)
{
    EXPECT_EQ(keysBelow(driver, ""), std::vector<ObjectKey>{});
    EXPECT_EQ(codeOf(driver.stat("a")), "NotFound");
    EXPECT_EQ(codeOf(driver.remove("a/b")), "ok");
    EXPECT_FALSE(std::filesystem::exists(root));
}

TEST_F(PosixDriverTest, TheFileOfAnObjectIsTheObject)
{
    ASSERT_EQ(errorOf(writeObject(driver, "a/b.c", asBytes("content"))), "");

    EXPECT_EQ(*readTextFile(root / "a" / "b.c"), "content");
    EXPECT_EQ(temporaries(), std::vector<std::string>{});
    EXPECT_EQ(driver.location(), "file://" + root.native());
}

TEST_F(PosixDriverTest, AWriterThatGivesUpLeavesNothing)
{
    {
        auto stream = driver.openWrite("a/b", {});
        ASSERT_TRUE((*stream)->write(asBytes("half")).ok());
        ASSERT_EQ(temporaries().size(), 1U);
    }

    EXPECT_EQ(temporaries(), std::vector<std::string>{});
    EXPECT_FALSE(std::filesystem::exists(root / "a"));
}

TEST_F(PosixDriverTest, ForeignFilesAndTemporariesAreNotListed)
{
    ASSERT_TRUE(writeObject(driver, "a/b", asBytes("x")).ok());
    ASSERT_TRUE(writeFileDurably(root / "~tmp" / "left", asBytes("x")).ok());
    ASSERT_TRUE(writeFileDurably(root / "a" / "no key", asBytes("x")).ok());
    ASSERT_TRUE(createDirectories(root / "lost+found").ok());

    EXPECT_EQ(keysBelow(driver, ""), (std::vector<ObjectKey>{"a/b"}));
}

TEST_F(PosixDriverTest, OldTemporariesAreSweptAndYoungOnesStay)
{
    ASSERT_TRUE(createDirectories(root / "~tmp").ok());
    ASSERT_TRUE(writeFileDurably(root / "~tmp" / "old", asBytes("x")).ok());
    ASSERT_TRUE(writeFileDurably(root / "~tmp" / "young", asBytes("x")).ok());
    const timespec longAgo[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (root / "~tmp" / "old").c_str(), longAgo, 0), 0);

    ASSERT_TRUE(writeObject(driver, "a", asBytes("x")).ok());

    EXPECT_EQ(temporaries(), (std::vector<std::string>{"young"}));
}

TEST_F(PosixDriverTest, AFolderRemovedMeanwhileIsMadeAgain)
{
    ASSERT_TRUE(writeObject(driver, "a/b", asBytes("x")).ok());
    std::filesystem::remove_all(root / "a");

    ASSERT_EQ(errorOf(writeObject(driver, "a/c", asBytes("y"))), "");

    EXPECT_EQ(keysBelow(driver, ""), (std::vector<ObjectKey>{"a/c"}));
}

/// As when the disk that is mounted there goes away while something is stored.
class LostRoot : public PosixDriverTest {
protected:
    LostRoot()
    {
        EXPECT_EQ(codeOf(writeObject(driver, "wal/1", asBytes("x"))), "ok");
        std::filesystem::rename(root, away);
    }

    /// What every call answers: nothing may be stored or taken for absent.
    std::set<std::string> answers()
    {
        std::set<std::string> all{
            codeOf(writeObject(driver, "wal/2", asBytes("y"))), codeOf(driver.stat("wal/1")),
            codeOf(driver.openRead("wal/1", {})), codeOf(listObjects(driver, "wal/")),
            codeOf(listObjects(driver, ""))};
        all.insert(codeOf(driver.remove("wal/1")));
        return all;
    }

    const Path away = folder->path() / "away";
};

TEST_F(LostRoot, IsNeverMadeAgain)
{
    EXPECT_EQ(answers(), std::set<std::string>{"NotReady"});
    EXPECT_FALSE(std::filesystem::exists(root));

    std::filesystem::rename(away, root);

    EXPECT_EQ(answers(), std::set<std::string>{"ok"});
}

TEST_F(LostRoot, IsNotTheEmptyFolderInItsPlace)
{
    std::filesystem::create_directory(root);

    EXPECT_EQ(answers(), std::set<std::string>{"NotReady"});
    EXPECT_TRUE(std::filesystem::is_empty(root));
}

TEST_F(LostRoot, IsTheSameWithAnotherNumberWhenWhatWasReadIsThere)
{
    std::filesystem::rename(away, root);
    ASSERT_EQ(textOf(driver, "wal/1"), "x");
    std::filesystem::rename(root, away);
    std::filesystem::copy(away, root, std::filesystem::copy_options::recursive);

    EXPECT_EQ(answers(), std::set<std::string>{"ok"});
}

TEST_F(LostRoot, IsFoundByAWriterThatHasBegun)
{
    std::filesystem::rename(away, root);
    auto stream = driver.openWrite("other/folder", {});
    ASSERT_TRUE((*stream)->write(asBytes("half")).ok());
    std::filesystem::rename(root, away);

    EXPECT_EQ(codeOf((*stream)->commit()), "NotReady");
    EXPECT_FALSE(std::filesystem::exists(root));
}

TEST_F(PosixDriverTest, AnObjectBelowAnObjectIsRefused)
{
    ASSERT_TRUE(writeObject(driver, "a", asBytes("x")).ok());

    EXPECT_EQ(codeOf(writeObject(driver, "a/b", asBytes("y"))), "InvalidInput");
    EXPECT_EQ(codeOf(driver.stat("a/b")), "NotFound");
    EXPECT_EQ(textOf(driver, "a"), "x");
    EXPECT_EQ(temporaries(), std::vector<std::string>{});
}

TEST_F(PosixDriverTest, AFolderIsNoObject)
{
    ASSERT_TRUE(writeObject(driver, "a/b", asBytes("x")).ok());

    EXPECT_EQ(codeOf(driver.stat("a")), "NotFound");
    EXPECT_EQ(codeOf(driver.openRead("a", {})), "NotFound");
    EXPECT_EQ(codeOf(driver.remove("a")), "ok");
    EXPECT_EQ(codeOf(writeObject(driver, "a", asBytes("y"))), "InvalidInput");
    EXPECT_EQ(keysBelow(driver, ""), (std::vector<ObjectKey>{"a/b"}));
}

TEST_F(PosixDriverTest, ANameTheFileSystemCannotKeepIsRefused)
{
    EXPECT_EQ(codeOf(writeObject(driver, std::string(300, 'k'), asBytes("y"))), "InvalidInput");
    EXPECT_EQ(temporaries(), std::vector<std::string>{});
}

TEST_F(PosixDriverTest, AFileCutWhileItIsReadIsCorrupt)
{
    ASSERT_TRUE(writeObject(driver, "a", asBytes("0123456789")).ok());
    auto reader = driver.openRead("a", {});
    Bytes buffer(4);
    ASSERT_EQ(*(*reader)->read(buffer), 4U);
    ASSERT_EQ(::truncate((root / "a").c_str(), 6), 0);

    const auto outcome = (*reader)->read(buffer);

    EXPECT_EQ(codeOf(outcome), "Corrupt");
}

TEST_F(PosixDriverTest, OfManyExclusiveWritersOneWins)
{
    std::atomic<int> won{0};
    std::atomic<int> lost{0};
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 8; ++i)
            writers.emplace_back([&, i] {
                const auto outcome = writeObject(driver, "lock/one", asBytes(std::to_string(i)),
                                                 {.size = {}, .onlyIfAbsent = true});
                won += codeOf(outcome) == "ok" ? 1 : 0;
                lost += codeOf(outcome) == "AlreadyExists" ? 1 : 0;
            });
    }

    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 7);
    EXPECT_EQ(temporaries(), std::vector<std::string>{});
}

TEST_F(PosixDriverTest, ARootThatIsAFileIsRefused)
{
    ASSERT_TRUE(writeFileDurably(folder->path() / "file", asBytes("x")).ok());
    PosixDriver onFile(folder->path() / "file");

    EXPECT_EQ(codeOf(writeObject(onFile, "a", asBytes("y"))), "InvalidInput");
    EXPECT_EQ(codeOf(onFile.stat("a")), "NotFound");
}

/// Runs `body` in a child process, so that what it does to its limits and mounts ends with it.
/// The body returns what went wrong, or an empty text.
std::string inChild(const std::function<std::string()>& body)
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return "no pipe";
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string text = body();
        const ssize_t written = ::write(ends[1], text.data(), text.size());
        ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    std::string text(4096, '\0');
    const ssize_t got = ::read(ends[0], text.data(), text.size());
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0)
        return "the child ended with " + std::to_string(status);
    return text.substr(0, got > 0 ? static_cast<std::size_t>(got) : 0);
}

void limitFileSize(rlim_t bytes)
{
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN); // NOLINT(cert-err33-c)
}

bool writeText(const char* path, const std::string& text)
{
    const auto file = openFile(path, O_WRONLY);
    return file.ok() && writeAll(*file, asBytes(text)).ok();
}

/// A file system of 1 MiB that only this process sees. Allowed to root, and to others where user
/// namespaces are; elsewhere a limit on the size of files must do.
bool mountTinyFileSystem(const Path& at)
{
    const std::string uid = std::to_string(::geteuid());
    const std::string gid = std::to_string(::getegid());
    if (::geteuid() == 0) {
        if (::unshare(CLONE_NEWNS) != 0)
            return false;
    } else if (::unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0
               || !writeText("/proc/self/setgroups", "deny")
               || !writeText("/proc/self/uid_map", "0 " + uid + " 1")
               || !writeText("/proc/self/gid_map", "0 " + gid + " 1")) {
        return false;
    }
    return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
           && ::mount("none", at.c_str(), "tmpfs", 0, "size=1m") == 0;
}

TEST_F(PosixDriverTest, AFullDiskIsNoSpaceAndLeavesNothing)
{
    const auto body = [&]() -> std::string {
        std::filesystem::create_directories(root);
        if (!mountTinyFileSystem(root))
            limitFileSize(1U << 20U);
        const auto outcome = writeObject(driver, "big", Bytes(std::size_t{2} << 20U));
        if (codeOf(outcome) != "NoSpace")
            return "the write ended with " + codeOf(outcome) + " " + errorOf(outcome);
        if (outcome.error().hint.empty())
            return "no hint";
        if (!keysBelow(driver, "").empty() || !temporaries().empty())
            return "something was left behind";
        return errorOf(writeObject(driver, "small", asBytes("x")));
    };

    EXPECT_EQ(inChild(body), "");
}

TEST_F(PosixDriverTest, ALimitOnTheSizeOfFilesIsNoSpace)
{
    const auto body = [&]() -> std::string {
        limitFileSize(1U << 16U);
        return codeOf(writeObject(driver, "big", Bytes(std::size_t{1} << 20U)));
    };

    EXPECT_EQ(inChild(body), "NoSpace");
    EXPECT_EQ(temporaries(), std::vector<std::string>{});
}

} // namespace
} // namespace salvor::storage
