#include "core/postgres/instance_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <unistd.h>

namespace salvor::postgres {

namespace {

namespace fs = std::filesystem;

/// Renames a directory aside, so that nobody takes half of it for the whole, and removes it.
Result<> removeTree(const Path& directory, const JobContext& job)
{
    SALVOR_CHECK(job.proceed());
    const Path aside = directory.native() + ".salvor-removing";
    if (::rename(directory.c_str(), aside.c_str()) != 0) {
        if (errno != ENOENT)
            return failErrno(errno, "cannot rename " + quoted(directory) + " aside");
        // An earlier removal was interrupted here, or somebody else removed it.
    }
    std::error_code failed;
    fs::remove_all(aside, failed);
    if (failed)
        return failErrno(failed.value(), "cannot remove " + quoted(aside));
    return {};
}

/// Removes files by name, and the folder when nothing else is in it: a folder may be shared.
void removeFiles(const Path& folder, const std::vector<std::string>& names)
{
    for (const std::string& name : names)
        ::unlink((folder / name).c_str());
    ::rmdir(folder.c_str());
}

/// The tablespace directories to which a link of the data directory leads.
std::vector<Path> linkedTablespaces(const Path& dataDirectory)
{
    std::vector<Path> targets;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(dataDirectory / "pg_tblspc", failed)) {
        std::error_code unreadable;
        const Path target = fs::read_symlink(entry.path(), unreadable);
        if (!unreadable)
            targets.push_back(fs::weakly_canonical(target, unreadable));
    }
    return targets;
}

Result<> checkPath(const Path& path)
{
    if (path.is_absolute() && path.has_relative_path() && path.lexically_normal() == path)
        return {};
    return fail(ErrorCode::InvalidInput, quoted(path) + " is no plain absolute path");
}

} // namespace

Result<> removeInstance(const Instance& instance, JobContext& job)
{
    SALVOR_CHECK(checkPath(instance.dataDirectory));
    for (const Path& tablespace : instance.tablespaces)
        SALVOR_CHECK(checkPath(tablespace));
    const auto control = checkIdentity(instance);
    const bool isGone = !control.ok() && control.error().code == ErrorCode::NotFound;
    if (!control.ok() && !isGone)
        return control.error();
    if (isGone && fs::exists(instance.dataDirectory))
        return fail(ErrorCode::NotReady,
                    quoted(instance.dataDirectory)
                        + " has no pg_control, so nobody can tell whose "
                          "it is",
                    "Look into the directory, and remove it by hand.");
    if (!isGone) {
        SALVOR_TRY(const bool running, isRunning(instance));
        if (running)
            return fail(ErrorCode::NotReady, "the copy '" + instance.name + "' runs",
                        "Stop it first.");
    }
    const std::vector<Path> linked = linkedTablespaces(instance.dataDirectory);
    for (const Path& tablespace : instance.tablespaces) {
        std::error_code failed;
        const Path real = fs::weakly_canonical(tablespace, failed);
        if (std::find(linked.begin(), linked.end(), real) != linked.end())
            SALVOR_CHECK(removeTree(tablespace, job));
        else if (fs::exists(tablespace, failed))
            job.events.warning("The copy does not use " + quoted(tablespace)
                               + ", so it was left as it is.");
    }
    SALVOR_CHECK(removeTree(instance.dataDirectory, job));
    const std::string socket = ".s.PGSQL." + std::to_string(instance.port);
    removeFiles(instance.socketDirectory, {socket, socket + ".lock"});
    removeFiles(instance.configDirectory,
                {"postgresql.conf", "pg_hba.conf", "pg_ident.conf", "server.log"});
    return {};
}

} // namespace salvor::postgres
