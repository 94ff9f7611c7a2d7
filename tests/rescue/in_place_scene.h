// A cluster that is there, not as its backup has it, to be restored in place.
#pragma once

#include "core/rescue/in_place.h"
#include "core/rescue/in_place_journal.h"
#include "tests/restore/restore_scene.h"

#include <sys/stat.h>

namespace salvor::rescue {

using model::InPlace;
using restore::RestoreTest;

/// Chunks come from this repository alone.
inline repository::ChunkPlaces onePlace(const repository::Repository& repository,
                                        const std::shared_ptr<repository::Repository::Index>& index,
                                        JobContext& job)
{
    using Shared = std::shared_ptr<const repository::Repository>;
    return {{{"main", [&]() -> Result<Shared> { return Shared(Shared(), &repository); }}},
            index,
            job.events};
}

class InPlaceTest : public RestoreTest {
protected:
    void SetUp() override
    {
        RestoreTest::SetUp();
        if (IsSkipped())
            return;
        files["base/5/large"] = noise(300000, 5);
        files["pg_tblspc/16400/PG_15_202209061/5/16401"] = noise(50000, 6);
        files["postgresql.conf"] = text("work_mem = 1MB\n");
        backup.tablespaces = {{16400, space().native()}};
        backup.startedAt = systemClock().now();
        repository::TreeEntry link;
        link.path = "pg_tblspc/16400";
        link.kind = repository::TreeKind::Link;
        link.linkTarget = space();
        moreEntries.push_back(link);
        original = data();
        store();
        auto wanted = request();
        wanted.tablespaces[16400] = space();
        ASSERT_OK(carryOut(*plan(wanted)));
        spoil();
        before = snapshot();
    }

    /// What happened to the cluster since.
    void spoil()
    {
        write("base/5/1259", asText(noise(100000, 7)));
        Bytes large = files["base/5/large"];
        large[100000] ^= std::byte{1};
        write("base/5/large", asText(large));
        write("base/5/99999", "made after the backup");
        write("pg_wal/00000001000000000000000A", "torn");
        std::filesystem::remove(data() / "base/5/empty");
    }
    void write(const std::string& name, std::string_view content) const
    {
        std::filesystem::remove(data() / name);
        ASSERT_OK(writeFileDurably(data() / name, asBytes(content), IfExists::Replace, 0640));
        if (const auto user = test::serverUser()) {
            ASSERT_EQ(::chown((data() / name).c_str(), user->uid, user->gid), 0);
        }
    }

    [[nodiscard]] Path data() const { return folder.path() / "copy"; }
    [[nodiscard]] Path space() const { return folder.path() / "space"; }

    /// Names with mode and content, of both directories.
    [[nodiscard]] std::map<std::string, std::string> snapshot() const
    {
        std::map<std::string, std::string> found;
        for (const Path& place : {data(), space()}) {
            std::error_code error;
            for (auto at = std::filesystem::recursive_directory_iterator(place, error);
                 !error && at != std::filesystem::recursive_directory_iterator();
                 at.increment(error)) {
                struct stat about {};
                EXPECT_EQ(::lstat(at->path().c_str(), &about), 0);
                std::string what = std::to_string(about.st_mode);
                if (at->is_symlink())
                    what += std::filesystem::read_symlink(at->path()).native();
                else if (at->is_regular_file())
                    what += asText(*readFile(at->path()));
                found.emplace(at->path().native(), std::move(what));
            }
        }
        return found;
    }

    Result<model::RestorePlan> planInPlace(const InPlaceChoice& choice = {})
    {
        auto wanted = request();
        SALVOR_CHECK(aimInPlace(wanted, choice, systemClock().now()));
        return plan(wanted);
    }
    Result<model::RestoreOutcome> carryOutInPlace(const model::RestorePlan& made)
    {
        return restoreInPlace(made, *repository,
                              {.restoreCommand = "salvorctl archive-get prod %f %p",
                               .instancesFolder = folder.path() / "instances",
                               .workers = 1},
                              job);
    }
    Result<RolledBack> takeBack() { return rollBack(data(), job); }
    Result<Committed> makeFinal()
    {
        return commit(
            data(),
            [this](const std::string& name) -> Result<std::shared_ptr<repository::Repository>> {
                EXPECT_EQ(name, "here");
                return std::shared_ptr<repository::Repository>(repository.get(), [](auto*) {});
            },
            job);
    }
    /// As the server does when it starts, and when it has recovered.
    void recover() const
    {
        for (const char* name : {"backup_label", "recovery.signal"})
            std::filesystem::remove(data() / name);
    }
    void expectRestored()
    {
        for (const auto& [path, bytes] : files) {
            const bool isFar = path.starts_with("pg_tblspc/");
            const auto read = readFile(isFar ? space() / path.substr(16) : data() / path);
            EXPECT_TRUE(path == "postgresql.auto.conf" || (read.ok() && *read == bytes)) << path;
        }
        EXPECT_FALSE(exists("copy/base/5/99999"));
        EXPECT_FALSE(exists("copy/.salvor-restore"));
        const auto waiting = waitingIn(data());
        ASSERT_TRUE(waiting.ok() && waiting->has_value());
        EXPECT_EQ((*waiting)->stage, Stage::Restored);
    }
    void expectOldIsBack()
    {
        EXPECT_EQ(snapshot(), before);
        EXPECT_FALSE(waitingIn(data())->has_value());
    }
    /// The names beside the data directory that contain `mark`.
    std::vector<Path> beside(const std::string& mark)
    {
        std::vector<Path> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            if (entry.path().filename().native().find(mark) != std::string::npos)
                found.push_back(entry.path());
        return found;
    }

    std::map<std::string, std::string> before;
};

} // namespace salvor::rescue
