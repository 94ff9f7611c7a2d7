// Started copies.
#include "core/console/opened.h"
#include "core/restore/start_copy.h"

namespace salvor::console {

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

} // namespace salvor::console
