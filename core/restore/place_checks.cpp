// The checks on places of this machine: destination, tablespaces, space, owner, programs, port.
#include "core/base/text.h"
#include "core/postgres/data_directory.h"
#include "core/postgres/programs.h"
#include "core/restore/checks.h"
#include "core/restore/words.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace salvor::restore {

namespace {

using model::Check;
using Level = model::Check::Level;

std::uint64_t entryCount(const Path& directory)
{
    std::error_code error;
    std::uint64_t count = 0;
    for (auto at = std::filesystem::directory_iterator(directory, error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error))
        ++count;
    return count;
}

/// The data directory that `place` lies in.
std::optional<Path> dataDirectoryAbove(const Path& place)
{
    std::error_code error;
    Path above = std::filesystem::weakly_canonical(existingParent(place.parent_path()), error);
    if (error)
        return std::nullopt;
    for (; above.has_relative_path(); above = above.parent_path())
        if (isDataDirectory(above))
            return above;
    return std::nullopt;
}

bool isInside(const Path& inner, const Path& outer)
{
    const auto mismatch = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
    return mismatch.first == outer.end();
}

Check fullCheck(const std::string& name, const Path& place)
{
    const auto running = postgres::isServerRunning(place);
    if (running.ok() && *running)
        return {Level::Blocker, name, quoted(place) + " is the data directory of a running server.",
                "A restore never touches a directory that a server runs on.",
                "Choose another directory. This one stays as it is."};
    return {
        Level::Blocker, name,
        quoted(place) + " is not empty: it holds " + countText(entryCount(place), "thing")
            + (isDataDirectory(place) ? " and is the data directory of a stopped server." : "."),
        "A restore never writes into a directory that holds something.",
        "Choose another directory, or move what is there aside."};
}

/// One place that a restore fills, without a view to the others.
Check checkPlace(const std::string& name, const Path& place, const Places& places)
{
    if (!place.is_absolute() || place.lexically_normal() != place || !place.has_relative_path())
        return {Level::Blocker, name, quoted(place) + " is not the whole path of a directory.", "",
                "Give the path from '/' on, without '.' and '..'."};
    const auto occupancy = occupancyOf(place, places);
    if (!occupancy.ok())
        return {Level::Blocker, name, occupancy.error().message + ".", "",
                "Give the user who restores access to that path, or choose another."};
    if (*occupancy == Occupancy::NotADirectory)
        return {Level::Blocker, name, quoted(place) + " is there and is no directory.", "",
                "Choose another path."};
    if (*occupancy == Occupancy::Full)
        return fullCheck(name, place);
    if (const auto above = dataDirectoryAbove(place))
        return {Level::Blocker, name,
                quoted(place) + " lies inside the data directory " + quoted(*above) + ".",
                "A server may remove what it does not know in its directory.",
                "Choose a path outside of it."};
    // A place that is there and empty is written itself; one that is not, is made in its parent;
    // an unfinished one is renamed there.
    const Path written =
        *occupancy == Occupancy::Empty ? place : existingParent(place.parent_path());
    if (::access(written.c_str(), W_OK | X_OK) != 0)
        return {Level::Blocker, name, quoted(written) + " cannot be written by this user.", "",
                "Give the user who restores the right to write there, or choose another path."};
    if (*occupancy == Occupancy::Unfinished)
        return {Level::Note, name,
                quoted(place)
                    + " holds a restore that did not finish: it is set aside, and what is whole "
                      "in it is kept.",
                "", ""};
    return {Level::Passed, name,
            quoted(place) + (*occupancy == Occupancy::Empty ? " is empty." : " will be made."), "",
            ""};
}

/// A restore in place that waits there: another one would take away what it goes back to.
std::optional<Check> checkNoneWaits(const Path& place)
{
    std::error_code error;
    const Path real = std::filesystem::canonical(place, error);
    const Path waiting = (error ? place : real).native() + journalSuffix;
    if (!isThere(waiting))
        return std::nullopt;
    const std::string directory = shellWord((error ? place : real).native());
    return Check{
        Level::Blocker, "destination",
        "A restore in place waits in " + quoted(place) + ": " + quoted(waiting) + " is there.",
        "What was set aside beside it is put back by a rollback only while nobody else "
        "restores there.",
        "Go on with that restore (--in-place), take it back ('salvorctl in-place rollback "
            + directory + "') or make it final ('salvorctl in-place commit " + directory + "')."};
}

struct Disk {
    ByteCount needed = 0;
    Path place;
};

std::string spaceFix(const Path& place)
{
    return "Free space on the file system of " + quoted(place)
           + ", or choose a place on another one.";
}

bool canListen(int port)
{
    const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.isOpen())
        return true;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

} // namespace

bool runsAsRoot() noexcept
{
    return ::geteuid() == 0;
}

std::vector<Check> checkDestination(const Places& places)
{
    std::vector<Check> checks{checkPlace("destination", places.data, places)};
    // A restore in place has none, and looks into its journal itself.
    if (places.config.empty())
        return checks;
    if (auto waits = checkNoneWaits(places.data))
        checks.push_back(*std::move(waits));
    Check config = checkPlace("destination", places.config, places);
    // One that will be made needs no line of its own.
    if (config.level != Level::Passed)
        checks.push_back(std::move(config));
    return checks;
}

std::vector<Check> checkTablespaces(const model::RestorePlan& plan, const Places& places)
{
    std::vector<Check> checks;
    const auto block = [&](std::string found, std::string fix) {
        checks.push_back({Level::Blocker, "tablespaces", std::move(found),
                          "A tablespace of the copy may never be the original's.", std::move(fix)});
    };
    std::set<std::uint32_t> known;
    for (const model::Tablespace& tablespace : plan.backup.tablespaces) {
        const std::string name = "tablespace " + std::to_string(tablespace.oid);
        known.insert(tablespace.oid);
        if (!places.tablespaces.contains(tablespace.oid))
            block(name + ", which lay in '" + tablespace.path + "', has no new place.",
                  "Give it one: --tablespace " + std::to_string(tablespace.oid) + "=DIRECTORY.");
    }
    for (const auto& [oid, place] : places.tablespaces) {
        const std::string name = "tablespace " + std::to_string(oid);
        if (!known.contains(oid)) {
            block("The backup has no " + name + ".", "Leave that mapping out.");
            continue;
        }
        if (!isStillThere(plan, place))
            checks.push_back(checkPlace("tablespaces", place, places));
        for (const auto& [otherOid, other] : places.tablespaces)
            if (otherOid != oid && isInside(place, other) && (otherOid < oid || place != other))
                block("The new places of " + name + " and tablespace " + std::to_string(otherOid)
                          + " overlap.",
                      "Give each a directory of its own.");
        if (isInside(place, places.data) || isInside(places.data, place)
            || (!places.config.empty()
                && (isInside(place, places.config) || isInside(places.config, place))))
            block("The new place of " + name + " and the data directory overlap.",
                  "Give it a directory beside the data directory.");
    }
    return checks;
}

std::vector<Check> checkSpace(const Contents& contents, const model::RestorePlan& plan)
{
    std::map<dev_t, Disk> disks;
    for (const auto& [place, bytes] : contents.bytesByPlace) {
        const Path parent = existingParent(place);
        struct stat about {};
        if (::stat(parent.c_str(), &about) != 0)
            continue;
        Disk& disk = disks[about.st_dev];
        disk.needed += bytes;
        disk.place = disk.place.empty() ? place : disk.place;
    }
    // Replay keeps what it fetched until the next restartpoint.
    ByteCount walBytes = 0;
    for (const model::WalRange& range : plan.walNeeded)
        walBytes += (range.lastSegment - range.firstSegment + 1)
                    * plan.backup.incarnation.identity.segmentSize;
    const ByteCount reserve = std::min<ByteCount>(walBytes, ByteCount{1} << 30U) + (64U << 20U);
    std::vector<Check> checks;
    for (const auto& [device, disk] : disks) {
        struct statvfs space {};
        if (::statvfs(existingParent(disk.place).c_str(), &space) != 0) {
            checks.push_back({Level::Warning, "space",
                              "Free space at " + quoted(disk.place) + " is unknown.", "", ""});
            continue;
        }
        const ByteCount free = ByteCount{space.f_bavail} * space.f_frsize;
        const std::string found = sizeText(disk.needed) + " are needed at " + quoted(disk.place)
                                  + ", " + sizeText(free) + " are free.";
        if (disk.needed > free)
            checks.push_back(
                {Level::Blocker, "space", found, "The files do not fit.", spaceFix(disk.place)});
        else if (disk.needed + reserve > free)
            checks.push_back({Level::Warning, "space", found,
                              "Replay needs up to " + sizeText(reserve) + " more for a while.",
                              spaceFix(disk.place)});
        else
            checks.push_back({Level::Passed, "space", found, "", ""});
    }
    return checks;
}

Check checkOwner(const model::RestorePlan& plan)
{
    const std::string fix = "Name the account that will run PostgreSQL: --owner USER.";
    if (plan.owner.empty() || plan.owner == "root")
        return {Level::Blocker, "owner",
                plan.owner.empty() ? "It is not known who will own the files."
                                   : "The files would belong to root.",
                "PostgreSQL refuses to run as root.", fix};
    const auto user = findUser(plan.owner);
    if (!user.ok())
        return {Level::Blocker, "owner", "There is no user '" + plan.owner + "' on this machine.",
                "The backed-up directory belonged to '" + plan.backup.owner + "'.", fix};
    if (user->uid == 0)
        return {Level::Blocker, "owner", "'" + plan.owner + "' is root.",
                "PostgreSQL refuses to run as root.", fix};
    if (!runsAsRoot() && user->uid != ::geteuid())
        return {Level::Blocker, "owner", "This user cannot give files to '" + plan.owner + "'.",
                "Only root can make files that belong to somebody else.",
                "Restore as '" + plan.owner + "' or as root."};
    return {Level::Passed, "owner", "The files will belong to '" + plan.owner + "'.", "", ""};
}

Check checkPrograms(const model::RestorePlan& plan, const Path& programs)
{
    const int major = plan.backup.incarnation.identity.majorVersion;
    const auto found = postgres::findPrograms(major, programs);
    if (found.ok())
        return {Level::Passed, "programs",
                "PostgreSQL " + std::to_string(major) + " is in " + quoted(found->folder) + ".", "",
                ""};
    return {plan.startOptions.start ? Level::Blocker : Level::Note, "programs",
            "PostgreSQL " + std::to_string(major)
                + " is not on this machine: " + found.error().message + ".",
            plan.startOptions.start ? "The copy cannot be started without them."
                                    : "The files can be restored, but not started here.",
            found.error().hint};
}

std::vector<Check> checkPort(const model::RestorePlan& plan)
{
    const int port = plan.startOptions.port;
    if (!plan.startOptions.start || port == 0)
        return {};
    const std::string name = "port " + std::to_string(port);
    if (port < 1 || port > 65535)
        return {{Level::Blocker, "port", name + " does not exist.", "",
                 "Give a number from 1024 to 65535, or none."}};
    if (!canListen(port))
        return {{Level::Warning, "port", "Something else uses " + name + " of this machine.",
                 "The copy listens on its own socket only, so both can run; a person may mix them "
                 "up.",
                 "Give another port, or none."}};
    return {{Level::Passed, "port", "The copy will use " + name + ".", "", ""}};
}

} // namespace salvor::restore
