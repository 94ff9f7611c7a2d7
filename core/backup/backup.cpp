#include "core/backup/backup.h"

#include "core/backup/run.h"
#include "core/base/who.h"

#include <array>
#include <grp.h>
#include <pwd.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::backup {

using model::Backup;

Backup newBackup(const BackupRequest& request)
{
    Backup backup;
    backup.startedAt = systemClock().now();
    std::random_device random;
    backup.id = model::newBackupId(backup.startedAt, static_cast<std::uint16_t>(random()));
    backup.mode = request.mode;
    backup.toolVersion = SALVOR_VERSION;
    backup.host = hostName();
    backup.annotations = request.annotations;
    return backup;
}

Result<> noteOwner(Backup& backup, const Path& dataDirectory)
{
    struct stat status {};
    if (::stat(dataDirectory.c_str(), &status) != 0)
        return failErrno(errno, "cannot look at " + quoted(dataDirectory));
    std::array<char, 16384> buffer{};
    passwd user{};
    passwd* foundUser = nullptr;
    ::getpwuid_r(status.st_uid, &user, buffer.data(), buffer.size(), &foundUser);
    backup.owner = foundUser != nullptr ? user.pw_name : std::to_string(status.st_uid);
    group group{};
    struct group* foundGroup = nullptr;
    ::getgrgid_r(status.st_gid, &group, buffer.data(), buffer.size(), &foundGroup);
    backup.group = foundGroup != nullptr ? group.gr_name : std::to_string(status.st_gid);
    return {};
}

repository::TreeEntry ownFile(const Backup& backup, std::string path)
{
    repository::TreeEntry entry;
    entry.path = std::move(path);
    entry.mode = 0600;
    entry.owner = backup.owner;
    entry.group = backup.group;
    entry.modifiedAt = backup.finishedAt;
    return entry;
}

Result<postgres::Connection> openPrimary(const BackupRequest& request,
                                         const model::ClusterIdentity& identity,
                                         const std::stop_token& stop)
{
    auto opened = postgres::Connection::open(request.primaryConnection,
                                             postgres::Connection::Kind::Normal, stop);
    if (!opened.ok())
        return std::move(opened).in("connect to the primary");
    SALVOR_TRY(const auto primary, postgres::identityOf(*opened));
    if (primary.systemIdentifier != identity.systemIdentifier)
        return fail(ErrorCode::NotReady,
                    "primary-connection leads to another cluster: its system identifier is "
                        + std::to_string(primary.systemIdentifier) + ", the standby's is "
                        + std::to_string(identity.systemIdentifier),
                    "Set primary-connection to the standby's own primary.");
    SALVOR_TRY(const auto recovering, opened->value("SELECT pg_is_in_recovery()::text", {}, stop));
    if (recovering == "true")
        return fail(ErrorCode::NotReady, "primary-connection leads to a standby",
                    "Set primary-connection to the primary.");
    SALVOR_TRY(const auto fullPages, opened->value("SHOW full_page_writes", {}, stop));
    if (fullPages != "on")
        return fail(ErrorCode::NotReady,
                    "full_page_writes is off on the primary: pages torn in a standby's backup "
                    "could not be rebuilt",
                    "Set full_page_writes to on on the primary and reload it.");
    return opened;
}

Result<Backup> runBackup(const BackupRequest& request, repository::Repository& repository,
                         JobContext& job)
{
    auto backup = request.mode == model::BackupMode::Host
                      ? runHostBackup(request, repository, job)
                      : runStreamBackup(request, repository, job);
    return std::move(backup).in("back up '" + request.cluster + "'");
}

} // namespace salvor::backup
