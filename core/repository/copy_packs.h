// The packs of one incarnation on their way into a copy of its repository.
#pragma once

#include "core/repository/backup_object.h"
#include "core/repository/copy_objects.h"
#include "core/repository/index.h"

#include <map>
#include <set>

namespace salvor::repository {

/// Made by plan(), carried out backup by backup. One thread.
class PackCopy {
public:
    PackCopy(ObjectCopier& copier, const model::Incarnation& incarnation)
        : m_copier(copier)
        , m_incarnation(incarnation)
    {}

    /// What the copy lacks of what backups need that it lists already, and of what those need that
    /// are to come: of these only where all of it can be had. What cannot is a finding.
    [[nodiscard]] Result<> plan(const std::vector<BackupObject>& listed,
                                const std::vector<BackupObject>& wanted);
    [[nodiscard]] std::size_t objects() const noexcept { return m_missing.size(); }
    [[nodiscard]] ByteCount bytes() const;
    /// Whether all that it needs is there, or was not yet found impossible to get.
    [[nodiscard]] bool canHave(const BackupObject& backup) const;
    /// Whether something of it is still to be copied.
    [[nodiscard]] bool lacks(const BackupObject& backup) const;

    /// Names what a killed run left: makes it durable first, as the next backup would.
    [[nodiscard]] Result<> nameUnnamed();
    /// What is missing of it, and index objects for that.
    [[nodiscard]] Result<> copy(const BackupObject& backup);

private:
    using Listed = std::map<format::Id, storage::ObjectInfo>;
    enum class Need { Listed, Wanted };

    [[nodiscard]] Result<Listed> list(const Repository& repository) const;
    void planPack(const format::Id& id, const Listed& ours, const Listed& theirs, Need need);
    [[nodiscard]] Result<> copyAll(const std::vector<storage::ObjectInfo>& packs);
    [[nodiscard]] Result<> writeIndex(const std::set<format::Id>& packs);

    ObjectCopier& m_copier;
    const model::Incarnation& m_incarnation;
    Listed m_missing;           ///< In the copy, and to be had.
    std::set<format::Id> m_bad; ///< Not to be had whole.
    std::shared_ptr<Repository::Index> m_index;
};

} // namespace salvor::repository
