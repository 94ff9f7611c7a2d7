// A repository with two backups and WAL, and a copy of it that is empty.
#pragma once

#include "core/repository/check.h"
#include "core/repository/copy.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"
#include "tests/support/set_clock.h"

#include <set>

namespace salvor::repository {

class CopyTest : public RepositoryTest {
protected:
    void make(bool encrypted)
    {
        driver = std::make_shared<storage::MemoryDriver>(clock);
        open(encrypted);
        pushWal(0);
        old = *store({{"base/1", randomData(1'300'000, 1)}, {"base/2", shared}}, "b1");
        pushWal(1);
        pushWal(2);
        kept = *store(files, "b2");
        EXPECT_OK(repository->pushWalFile(pinned(), "00000002.history",
                                          asBytes("1\t0/3000000\tno reason\n")));
        encryptedToo = encrypted;
        openCopy(std::make_shared<storage::MemoryDriver>(clock));
        ASSERT_NE(copy, nullptr);
    }
    void pushWal(std::uint64_t number)
    {
        ASSERT_OK(repository->pushSegment(pinned(), {model::TimelineId{1}, number},
                                          textData(identity.segmentSize, number)));
    }
    [[nodiscard]] static Unlock keyOf(bool encrypted, char fill)
    {
        return encrypted ? keyFile(fill) : Unlock{};
    }
    /// Makes it there when nothing is yet.
    void openCopy(const std::shared_ptr<storage::Driver>& place)
    {
        if (!Repository::probe(*place).ok()) {
            InitOptions options;
            options.encrypted = encryptedToo;
            options.firstKey = keyOf(encryptedToo, 'c');
            options.copyOf = repository.get();
            ASSERT_OK(Repository::init(*place, options));
        }
        auto opened = Repository::open(place, keyOf(encryptedToo, 'c'));
        ASSERT_OK(opened);
        copy = *std::move(opened);
        copyDriver = place;
    }
    Result<CopyReport> copyNow(bool dryRun = false)
    {
        return copyRepository(*repository, *copy, {{}, dryRun}, job.context);
    }
    /// All that the copy shows can be read, and is what was backed up.
    void expectWhole(std::size_t backups)
    {
        const auto all = copy->backups("prod");
        ASSERT_OK(all);
        EXPECT_EQ(all->size(), backups);
        std::swap(repository, copy);
        for (const model::Backup& each : *all) {
            const auto loaded = load(each);
            EXPECT_OK(loaded);
            if (loaded.ok() && each.id == kept.id) {
                EXPECT_EQ(*loaded, files);
            }
            EXPECT_OK(repository->readSegment(pinned(), {model::TimelineId{1}, 0}));
        }
        if (!all->empty()) {
            const auto damage = checkPacks(*repository, pinned(), {100, 1, {}}, job.context);
            EXPECT_OK(damage);
            EXPECT_TRUE(damage.ok() && damage->empty());
        }
        std::swap(repository, copy);
    }
    /// A pack that only this backup names.
    std::set<std::string> packsOnlyOf(const std::string& id)
    {
        const auto named = [&](const std::string& each) {
            const auto listed = keysBelow(*driver, "packs/");
            std::set<std::string> keys;
            const PackCheck check{100, 1, {*repository->backup(each)}};
            for (const std::string& key : listed) {
                const Bytes content = *storage::readObject(*driver, key);
                EXPECT_OK(driver->remove(key));
                const auto damage = checkPacks(*repository, pinned(), check, job.context);
                EXPECT_OK(storage::writeObject(*driver, key, content));
                if (damage.ok() && !damage->empty())
                    keys.insert(key);
            }
            return keys;
        };
        auto mine = named(id);
        for (const std::string& key : named(id == "b1" ? "b2" : "b1"))
            mine.erase(key);
        return mine;
    }
    std::string packOnlyOf(const std::string& id) { return *packsOnlyOf(id).begin(); }
    void damage(const std::string& key)
    {
        Bytes bytes = *storage::readObject(*driver, key);
        bytes[bytes.size() / 2] ^= std::byte{1};
        overwrite(*driver, key, bytes);
    }
    /// Nothing that was there is gone or another.
    void expectKept(const std::map<std::string, Bytes>& before)
    {
        const auto now = snapshot(*copyDriver);
        for (const auto& [key, bytes] : before) {
            ASSERT_TRUE(now.contains(key)) << key;
            EXPECT_EQ(now.at(key), bytes) << key;
        }
    }
    [[nodiscard]] std::string segmentKey(std::uint64_t number)
    {
        const auto all = *repository->segments(pinned());
        for (const auto& each : all)
            if (each.segment.number == number)
                return each.object;
        return {};
    }

    test::SetClock clock;
    TestJob job;
    const Bytes shared = textData(900'000, 2);
    const Files files{{"base/2", shared}, {"base/3", randomData(1'100'000, 3)}};
    model::Backup old;
    model::Backup kept;
    bool encryptedToo = true;
    std::unique_ptr<Repository> copy;
    std::shared_ptr<storage::Driver> copyDriver;
};

class CopyOne : public CopyTest {
protected:
    void SetUp() override { make(true); }
};

} // namespace salvor::repository
