#include "core/rescue/set_aside.h"

#include "core/postgres/live_server.h"

#include <cstdio>
#include <sys/stat.h>

namespace salvor::rescue {

using restore::isThere;

namespace {

std::string inodeWords(const Path& path, const std::optional<std::uint64_t>& inode)
{
    return "at " + quoted(path) + " is "
           + (inode ? "inode " + std::to_string(*inode) : std::string("nothing"));
}

} // namespace

Result<std::optional<std::uint64_t>> inodeAt(const Path& path)
{
    struct stat about {};
    if (::lstat(path.c_str(), &about) == 0)
        return std::optional<std::uint64_t>(about.st_ino);
    if (errno == ENOENT)
        return std::optional<std::uint64_t>();
    return failErrno(errno, "cannot look at " + quoted(path), "Nothing was changed.");
}

Result<Where> whereIs(const Rename& rename)
{
    SALVOR_TRY(const auto from, inodeAt(rename.from));
    SALVOR_TRY(const auto to, inodeAt(rename.to));
    if (to == rename.inode && from != rename.inode)
        return Where::Aside;
    if (from == rename.inode && !to)
        return Where::Place;
    return fail(ErrorCode::NotReady,
                "what was in " + quoted(Path(rename.from)) + ", inode "
                    + std::to_string(rename.inode) + ", is not where it was left: "
                    + inodeWords(rename.from, from) + ", " + inodeWords(rename.to, to),
                "If its disk is not mounted, mount it; if it was moved, move it back. Nothing was "
                "changed.");
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
    if (!isThere(dataDirectory / restore::asideControlName))
        return {};
    return renameDurably(dataDirectory / restore::asideControlName,
                         dataDirectory / restore::controlName);
}

Result<> refuseRunning(const Path& dataDirectory)
{
    const auto server = postgres::findServer(dataDirectory);
    if (server.ok() && !*server)
        return {};
    return fail(ErrorCode::NotReady,
                server.ok() ? "a server runs on " + quoted(dataDirectory) + ": " + **server
                            : "it is not known whether a server runs on " + quoted(dataDirectory)
                                  + ": " + server.error().message,
                "Stop it first; a shell that stands in the directory has to leave it, too. Nothing "
                "was changed.");
}

Result<> putBackIfRunning(const Rename& rename)
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
