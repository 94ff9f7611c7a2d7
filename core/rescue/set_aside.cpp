#include "core/rescue/set_aside.h"

#include "core/postgres/data_directory.h"

#include <cstdio>

namespace salvor::rescue {

using restore::isThere;

Result<FileDescriptor> claim(const Journal& journal)
{
    const auto old = journal.old();
    return restore::claimPlace(old && isThere(*old) ? *old : journal.directory);
}

Result<> renameDurably(const Path& from, const Path& to)
{
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
        // Some file systems cannot promise that; directories that hold something are never
        // replaced.
        if (errno != EINVAL)
            return failErrno(errno, "cannot rename " + quoted(from) + " to " + quoted(to));
        if (isThere(to))
            return failErrno(EEXIST, "cannot rename " + quoted(from) + " to " + quoted(to));
        if (::rename(from.c_str(), to.c_str()) != 0)
            return failErrno(errno, "cannot rename " + quoted(from) + " to " + quoted(to));
    }
    return syncDirectory(to.parent_path());
}

Result<> hideControlFile(const Path& dataDirectory)
{
    if (!isThere(dataDirectory / restore::controlName))
        return {};
    return renameDurably(dataDirectory / restore::controlName,
                         dataDirectory / restore::asideControlName);
}

Result<> showControlFile(const Path& dataDirectory)
{
    if (!isThere(dataDirectory / restore::asideControlName)
        || isThere(dataDirectory / restore::controlName))
        return {};
    return renameDurably(dataDirectory / restore::asideControlName,
                         dataDirectory / restore::controlName);
}

Result<> refuseRunning(const Path& dataDirectory)
{
    if (!isThere(dataDirectory))
        return {};
    const auto running = postgres::isServerRunning(dataDirectory);
    if (running.ok() && !*running)
        return {};
    return fail(ErrorCode::NotReady,
                running.ok() ? "a server runs on " + quoted(dataDirectory)
                             : "it is not known whether a server runs on " + quoted(dataDirectory)
                                   + ": " + running.error().message,
                "Stop it first. Nothing was changed.");
}

Result<> putBackIfRunning(const model::InPlace::Rename& rename)
{
    auto refused = refuseRunning(rename.to);
    if (refused.ok())
        return refused;
    SALVOR_CHECK(renameDurably(rename.to, rename.from));
    Error error = std::move(refused).error();
    error.message = "a server was started on " + quoted(Path(rename.from)) + " meanwhile";
    return error;
}

} // namespace salvor::rescue
