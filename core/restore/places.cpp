#include "core/restore/places.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace fs = std::filesystem;

namespace {

/// True if every part of a relative path is a name.
bool staysInside(std::string_view path)
{
    if (path.empty() || path.find('\0') != std::string_view::npos)
        return false;
    while (true) {
        const std::size_t end = path.find('/');
        const std::string_view part = path.substr(0, end);
        if (part.empty() || part == "." || part == "..")
            return false;
        if (end == std::string_view::npos)
            return true;
        path.remove_prefix(end + 1);
    }
}

bool isLeftOut(std::string_view path)
{
    return path == "tablespace_map" || path == "standby.signal" || path == "recovery.signal"
           || path == "postmaster.pid" || path == "postmaster.opts" || path == markerName
           || path == unfinishedControlName || path == asideControlName;
}

struct TablespacePath {
    std::uint32_t oid = 0;
    std::string_view rest; ///< Empty: the link itself.
};

std::optional<TablespacePath> tablespacePath(std::string_view path)
{
    constexpr std::string_view folder = "pg_tblspc/";
    if (path.substr(0, folder.size()) != folder)
        return std::nullopt;
    path.remove_prefix(folder.size());
    const std::size_t end = path.find('/');
    const auto oid = parseUnsigned(path.substr(0, end));
    if (!oid || *oid > UINT32_MAX)
        return std::nullopt;
    return TablespacePath{static_cast<std::uint32_t>(*oid),
                          end == std::string_view::npos ? "" : path.substr(end + 1)};
}

/// Ours, and no server can have run on it.
bool isUnfinished(const Path& data)
{
    return (isThere(data / markerName) || isThere(data / unfinishedControlName))
           && !isThere(data / controlName);
}

bool isLinkedFrom(const Path& place, const Places& places)
{
    return std::any_of(places.tablespaces.begin(), places.tablespaces.end(), [&](const auto& one) {
        std::error_code none;
        return one.second == place
               && fs::read_symlink(places.data / "pg_tblspc" / std::to_string(one.first), none)
                      == place;
    });
}

/// Under its own name at once: nothing else may be the first thing in the folder, or a restore that
/// is killed then would take its own place for somebody else's.
Result<> writeMark(const Path& place, const std::string& planHash)
{
    SALVOR_TRY(const FileDescriptor mark,
               openFile(place / markerName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
    SALVOR_CHECK(writeAll(mark, asBytes(planHash + "\n")));
    if (::fsync(mark.get()) != 0)
        return failErrno(errno, "cannot make " + quoted(place / markerName) + " durable");
    return syncDirectory(place);
}

Result<SetAside> setAside(const Path& place, const std::string& time)
{
    Path aside = place;
    aside += ".unfinished-" + time;
    for (int number = 2; isThere(aside); ++number)
        aside = place.native() + ".unfinished-" + time + "-" + std::to_string(number);
    if (::rename(place.c_str(), aside.c_str()) != 0)
        return failErrno(errno, "cannot set aside the unfinished restore in " + quoted(place),
                         "Empty that directory by hand, or restore into another one.");
    SALVOR_CHECK(syncDirectory(place.parent_path()));
    return SetAside{place, aside};
}

} // namespace

bool isThere(const Path& path)
{
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0;
}

std::string compactTime(Moment now)
{
    std::string text;
    for (const char c : formatMoment(now).substr(0, 19))
        if (c != '-' && c != ':')
            text += c;
    return text + "Z";
}

bool isDataDirectory(const Path& directory)
{
    return isThere(directory / "PG_VERSION") && isThere(directory / controlName);
}

std::optional<Path> placeAside(const Path& path, const std::vector<SetAside>& aside)
{
    for (const SetAside& one : aside) {
        const std::string& from = one.from.native();
        if (path.native().starts_with(from + "/"))
            return Path(one.to.native() + path.native().substr(from.size()));
    }
    return std::nullopt;
}

std::vector<Path> Places::all() const
{
    std::vector<Path> list{data};
    if (!config.empty())
        list.push_back(config);
    for (const auto& [oid, path] : tablespaces)
        list.push_back(path);
    return list;
}

Places placesOf(const model::RestorePlan& plan)
{
    Places places;
    places.data = plan.destination;
    if (!plan.inPlace)
        places.config = plan.destination + ".config";
    for (const auto& [oid, path] : plan.tablespaces)
        places.tablespaces.emplace(oid, path);
    return places;
}

Result<std::optional<Path>> placeOf(const repository::TreeEntry& entry, const Places& places)
{
    std::string_view path = entry.path;
    const auto wrong = [&] {
        return fail(ErrorCode::Corrupt,
                    "the backup holds a path that leads out of it: '" + entry.path + "'");
    };
    if (path.empty() || path == ".")
        return std::optional<Path>(places.data);
    const bool isExtra = path.front() == '/';
    if (isExtra)
        path.remove_prefix(1);
    if (!staysInside(path))
        return wrong();
    if (isExtra && places.config.empty())
        return std::optional<Path>();
    if (isExtra)
        return std::optional<Path>(places.config / path);
    if (isLeftOut(path))
        return std::optional<Path>();
    if (const auto within = tablespacePath(path)) {
        const auto mapped = places.tablespaces.find(within->oid);
        if (mapped != places.tablespaces.end())
            return within->rest.empty() ? std::optional<Path>()
                                        : std::optional<Path>(mapped->second / within->rest);
        // A link without a new place was refused by the checks; only folders stay inside.
        if (within->rest.empty() && entry.kind == repository::TreeKind::Link)
            return std::optional<Path>();
    }
    return std::optional<Path>(places.data / (path == controlName ? unfinishedControlName : path));
}

Result<Occupancy> occupancyOf(const Path& place, const Places& partOf)
{
    struct stat about {};
    if (::stat(place.c_str(), &about) != 0) {
        if (errno != ENOENT)
            return failErrno(errno, "cannot look at " + quoted(place));
        // A link that leads nowhere is still something that was put there.
        return isThere(place) ? Occupancy::NotADirectory : Occupancy::Absent;
    }
    if (!S_ISDIR(about.st_mode))
        return Occupancy::NotADirectory;
    std::error_code error;
    const fs::directory_iterator entries(place, error);
    if (error)
        return failErrno(error.value(), "cannot look into " + quoted(place));
    if (entries == fs::directory_iterator())
        return Occupancy::Empty;
    const bool isData = place == partOf.data;
    if (isData ? isUnfinished(place) : isThere(place / markerName))
        return Occupancy::Unfinished;
    if (isUnfinished(partOf.data) && (place == partOf.config || isLinkedFrom(place, partOf)))
        return Occupancy::Unfinished;
    return Occupancy::Full;
}

Path existingParent(const Path& place)
{
    Path parent = place;
    std::error_code error;
    while (parent.has_relative_path() && !fs::exists(parent, error))
        parent = parent.parent_path();
    return parent;
}

Result<FileDescriptor> claimPlace(const Path& place)
{
    auto opened = openFile(place, O_RDONLY | O_DIRECTORY);
    if (!opened.ok() && opened.error().code == ErrorCode::NotFound)
        return FileDescriptor();
    if (!opened.ok())
        return opened;
    if (::flock(opened->get(), LOCK_EX | LOCK_NB) == 0)
        return opened;
    if (errno != EWOULDBLOCK)
        return failErrno(errno, "cannot claim " + quoted(place));
    return fail(ErrorCode::NotReady, "another restore is writing into " + quoted(place),
                "Wait until it ends, stop it, or restore into another directory. Nothing was "
                "written.");
}

Result<std::vector<SetAside>> setAsideUnfinished(const Places& places, Moment now)
{
    std::vector<SetAside> aside;
    // The data directory last: what belongs to it is recognised by it.
    std::vector<Path> list = places.all();
    std::reverse(list.begin(), list.end());
    for (const Path& place : list) {
        SALVOR_TRY(const Occupancy occupancy, occupancyOf(place, places));
        if (occupancy != Occupancy::Unfinished)
            continue;
        SALVOR_TRY(auto moved, setAside(place, compactTime(now)));
        aside.push_back(std::move(moved));
    }
    return aside;
}

Result<> createPlaces(const Places& places, const std::string& planHash,
                      const std::optional<SystemUser>& owner)
{
    for (const Path& place : places.all()) {
        SALVOR_TRY(const Occupancy occupancy, occupancyOf(place, places));
        if (occupancy != Occupancy::Absent && occupancy != Occupancy::Empty)
            return fail(ErrorCode::NotReady,
                        "something was put into " + quoted(place) + " meanwhile",
                        "Look what it is, and make a new plan. Nothing in it was changed.");
    }
    for (const Path& place : places.all()) {
        SALVOR_CHECK(createDirectories(place, 0700));
        if (::chmod(place.c_str(), 0700) != 0)
            return failErrno(errno, "cannot set the mode of " + quoted(place));
        SALVOR_CHECK(giveTo(place, owner));
        SALVOR_CHECK(writeMark(place, planHash));
    }
    return {};
}

Result<> removeMarks(const Places& places)
{
    // The data directory's last: while it is there, the others still count as unfinished.
    std::vector<Path> list = places.all();
    std::reverse(list.begin(), list.end());
    for (const Path& place : list) {
        if (::unlink((place / markerName).c_str()) != 0 && errno != ENOENT)
            return failErrno(errno, "cannot remove " + quoted(place / markerName));
        SALVOR_CHECK(syncDirectory(place));
    }
    return {};
}

Result<> giveTo(const Path& path, const std::optional<SystemUser>& owner)
{
    if (owner && ::lchown(path.c_str(), owner->uid, owner->gid) != 0)
        return failErrno(errno, "cannot give " + quoted(path) + " to '" + owner->name + "'");
    return {};
}

} // namespace salvor::restore
