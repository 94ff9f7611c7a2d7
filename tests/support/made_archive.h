// A repository in memory with WAL and backups made by hand.
#pragma once

#include "core/repository/repository.h"
#include "core/storage/memory_driver.h"
#include "tests/support/must.h"
#include "tests/support/wal_writer.h"

#include <memory>
#include <set>
#include <stop_token>

namespace salvor::test {

/// Keeps what a run reports. Thread-safe enough for tests: read after the run.
class KeptEvents final : public EventSink {
public:
    void phase(std::string_view name, ByteCount /*total*/) override
    {
        const std::lock_guard lock(m_mutex);
        phases.emplace_back(name);
    }
    void note(std::string_view sentence) override
    {
        const std::lock_guard lock(m_mutex);
        notes.emplace_back(sentence);
    }
    void warning(std::string_view sentence) override
    {
        const std::lock_guard lock(m_mutex);
        warnings.emplace_back(sentence);
    }
    [[nodiscard]] std::size_t noteCount()
    {
        const std::lock_guard lock(m_mutex);
        return notes.size();
    }
    std::vector<std::string> phases;
    std::vector<std::string> notes;
    std::vector<std::string> warnings;

private:
    std::mutex m_mutex;
};

/// A plain repository in memory, cluster "orders" with segments of 1 MiB.
struct MadeArchive {
    explicit MadeArchive(int major = 15, const repository::Repository* copyOf = nullptr)
        : identity{7000000000000000001, major, ByteCount{1} << 20U}
        , driver(std::make_shared<storage::MemoryDriver>())
        , wal(identity)
    {
        repository::InitOptions options;
        options.encrypted = false;
        options.copyOf = copyOf;
        must(repository::Repository::init(*driver, options));
        repository = must(repository::Repository::open(driver, {}));
        incarnation = must(repository->pin("orders", identity));
    }

    void push(const WalWriter& writer, const std::set<std::uint64_t>& without = {})
    {
        for (const auto& [number, bytes] : writer.segments())
            if (!without.contains(number))
                must(repository->pushSegment(incarnation, {writer.timeline(), number}, bytes));
        if (!writer.history().empty())
            must(repository->pushWalFile(incarnation, model::historyFileName(writer.timeline()),
                                         asBytes(writer.history())));
    }

    /// A backup without files. Its id ends in `number`.
    model::Backup addBackup(model::Lsn start, model::Lsn stop, Moment finishedAt,
                            std::uint16_t number, std::uint32_t timeline = 1)
    {
        auto builder = must(repository::BackupBuilder::create(*repository, incarnation, {}, job));
        model::Backup backup;
        backup.id = model::newBackupId(finishedAt, number);
        backup.incarnation = incarnation;
        backup.startedAt = finishedAt;
        backup.finishedAt = finishedAt;
        backup.timeline = model::TimelineId{timeline};
        backup.startLsn = start;
        backup.stopLsn = stop;
        return must(builder->finish(backup, job));
    }

    model::ClusterIdentity identity;
    std::shared_ptr<storage::MemoryDriver> driver;
    std::unique_ptr<repository::Repository> repository;
    model::Incarnation incarnation;
    WalWriter wal;
    Progress progress;
    KeptEvents events;
    JobContext job{{}, progress, events};
};

} // namespace salvor::test
