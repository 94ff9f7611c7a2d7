// Single objects on their way from a repository into a copy of it.
#pragma once

#include "core/repository/copy.h"

#include <mutex>

namespace salvor::repository {

/// Whether the backup with this key waits among the retired ones.
[[nodiscard]] Result<bool> isRetired(const Repository& repository,
                                     const storage::ObjectKey& backupKey);

/// Reads an object of one repository, checks it, and writes it into the other as it is.
/// Thread-safe.
class ObjectCopier {
public:
    ObjectCopier(const Repository& from, const Repository& to, CopyReport& report, JobContext& job)
        : m_from(from)
        , m_to(to)
        , m_report(report)
        , m_job(job)
    {}

    [[nodiscard]] const Repository& from() const noexcept { return m_from; }
    [[nodiscard]] const Repository& to() const noexcept { return m_to; }

    /// Each is durable in the other afterwards, also when somebody else stored it meanwhile. False
    /// when it was not copied: it is damaged, or gone since it was listed, which is a finding by
    /// now; or it is a backup that was retired since.
    [[nodiscard]] Result<bool> copySealed(const storage::ObjectKey& key, std::string_view type);
    [[nodiscard]] Result<bool> copyPack(const storage::ObjectInfo& pack);
    /// A segment, a partial one, a piece, or a history file or label, by the name it has.
    [[nodiscard]] Result<bool> copyWal(const model::Incarnation& incarnation,
                                       const storage::ObjectKey& key, const std::string& name);

    void find(const storage::ObjectKey& object, std::string what);
    /// For an object that was listed and is not there: a finding, unless it is a backup that was
    /// retired since, or the whole repository is gone, which is an error.
    [[nodiscard]] Result<> findGone(const storage::ObjectKey& object);

private:
    enum class Kind { Pack, Wal, Other };
    [[nodiscard]] Result<> stream(const storage::ObjectInfo& pack);
    [[nodiscard]] Result<> put(const storage::ObjectKey& key, ByteView bytes);
    [[nodiscard]] Result<> keep(const storage::ObjectKey& key);
    [[nodiscard]] Result<bool> settle(const storage::ObjectKey& key, const Result<>& copied);
    void count(Kind kind, ByteCount bytes);

    const Repository& m_from;
    const Repository& m_to;
    std::mutex m_mutex;
    CopyReport& m_report; // Guarded by m_mutex.
    JobContext& m_job;
};

} // namespace salvor::repository
