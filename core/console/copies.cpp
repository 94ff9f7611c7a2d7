// Started copies, and the two calls that PostgreSQL makes.
#include "core/console/opened.h"
#include "core/postgres/control_file.h"
#include "core/restore/start_copy.h"
#include "core/wal/archive.h"

#include <algorithm>

namespace salvor::console {

namespace {

/// The incarnation that the data directory we are in belongs to. PostgreSQL runs restore_command
/// there: a copy of an older incarnation must not be given the WAL of the newest.
Result<model::Incarnation> incarnationHere(const repository::Repository& repository,
                                           const std::string& cluster)
{
    std::error_code error;
    if (!std::filesystem::exists(Path("global") / "pg_control", error))
        return repository.incarnation(cluster);
    SALVOR_TRY(const auto control, postgres::readControlFile(Path(".")));
    SALVOR_TRY(const auto all, repository.incarnations(cluster));
    const auto own = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) {
        return one.identity.systemIdentifier == control.identity.systemIdentifier;
    });
    if (own != all.rend())
        return *own;
    return fail(ErrorCode::NotReady,
                "the repository has no WAL of the cluster "
                    + std::to_string(control.identity.systemIdentifier) + " under the name '"
                    + cluster + "'",
                "Check that restore_command names the cluster that was restored.");
}

} // namespace

Result<std::vector<postgres::Instance>> Console::instances() const
{
    return registry().list();
}

postgres::InstanceRegistry Console::registry() const
{
    return postgres::InstanceRegistry(m_surroundings.stateFolder / "instances");
}

Result<postgres::InstanceStatus> Console::instanceStatus(const std::string& name) const
{
    SALVOR_TRY(const auto instance, registry().find(name));
    SALVOR_TRY(auto status, postgres::instanceStatus(instance));
    const bool isAtTarget = status.replayLsn && instance.targetEnd
                            && restore::isSamePlace(*status.replayLsn, *instance.targetEnd);
    if (isAtTarget && instance.targetCommitAt)
        status.lastCommitAt = instance.targetCommitAt;
    return status;
}

Result<postgres::InstanceStatus> Console::promote(const std::string& name, JobContext& job)
{
    SALVOR_TRY(const auto instance, registry().find(name));
    return postgres::promoteInstance(instance, job);
}

Result<postgres::InstanceStatus> Console::resume(const std::string& name, JobContext& job)
{
    SALVOR_TRY(const auto instance, registry().find(name));
    return postgres::resumeInstance(instance, job);
}

Result<> Console::stopInstance(const std::string& name, JobContext& job)
{
    SALVOR_TRY(const auto instance, registry().find(name));
    return postgres::stopInstance(instance, job);
}

Result<> Console::removeInstance(const std::string& name, JobContext& job)
{
    SALVOR_TRY(const auto instance, registry().find(name));
    SALVOR_CHECK(postgres::removeInstance(instance, job));
    // The folder that the restore made beside the data directory goes with it: it would keep the
    // next restore out of that place.
    const Path config = instance.dataDirectory.native() + ".config";
    std::error_code error;
    if (instance.configDirectory.parent_path() == config)
        std::filesystem::remove_all(config, error);
    if (error)
        return failErrno(error.value(), "cannot remove " + quoted(config));
    return registry().forget(name);
}

Result<repository::Repository::Pushed> Console::archivePush(const std::string& cluster,
                                                            const Path& path)
{
    SALVOR_TRY(const auto configured, m_config.cluster(cluster));
    SALVOR_TRY(const auto repository, open(configured.repository));
    return wal::archivePush(*repository, cluster, path);
}

Result<> Console::archiveGet(const std::string& cluster, const std::string& name,
                             const Path& destination)
{
    SALVOR_TRY(const std::string where, repositoryOf(cluster));
    SALVOR_TRY(const auto repository, open(where));
    // NotFound is PostgreSQL's word for "the archive ends here"; an unknown cluster is not that.
    auto incarnation = incarnationHere(*repository, cluster);
    if (!incarnation.ok() && incarnation.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotReady, incarnation.error().message, incarnation.error().hint);
    if (!incarnation.ok())
        return std::move(incarnation).error();
    return wal::archiveGet(*repository, *incarnation, name, destination);
}

} // namespace salvor::console
