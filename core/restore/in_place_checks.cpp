// The checks on what a restore in place finds: whose it is, whether it runs, whether it can be
// renamed, and what of its WAL is nowhere else.
#include "core/base/text.h"
#include "core/postgres/control_file.h"
#include "core/postgres/live_server.h"
#include "core/postgres/wal_reader.h"
#include "core/restore/checks.h"
#include "core/restore/mounts.h"
#include "core/restore/words.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace {

using model::Check;
using model::InPlace;
using Level = model::Check::Level;

Check blocker(const std::string& name, std::string found, std::string cause, std::string fix)
{
    return {Level::Blocker, name, std::move(found), std::move(cause), std::move(fix)};
}

std::string_view stateWords(postgres::ClusterState state)
{
    using enum postgres::ClusterState;
    switch (state) {
    case ShutDown:
        return "was shut down";
    case ShutDownInRecovery:
        return "was shut down in recovery";
    case StartingUp:
    case ShuttingDown:
    case InCrashRecovery:
        return "ended while it was starting or ending";
    case InArchiveRecovery:
        return "ended in recovery without being shut down";
    case InProduction:
        return "ended without being shut down";
    }
    return "is in an unknown state";
}

/// Whether the directory still is the one that the plan was made for.
std::optional<Check> checkRename(const InPlace::Rename& rename)
{
    const Path from = rename.from;
    if (isThere(rename.to))
        return blocker("in place", quoted(Path(rename.to)) + " is there already.",
                       "What is replaced would be renamed to that name.", "Make a new plan.");
    struct stat about {};
    if (::lstat(from.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)
        || about.st_ino != rename.inode)
        return blocker("in place", quoted(from) + " is another directory than it was.",
                       "Perhaps a disk was mounted or unmounted.", "Make a new plan.");
    return std::nullopt;
}

/// A tablespace's directory may be shared by clusters of several majors, each in a folder of its
/// own.
std::optional<Check> checkAlone(const Path& place, int major)
{
    const std::string own = "PG_" + std::to_string(major) + "_";
    std::error_code error;
    for (auto at = std::filesystem::directory_iterator(place, error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error))
        if (!at->path().filename().native().starts_with(own))
            return blocker("tablespaces",
                           quoted(place) + " holds '" + at->path().filename().native()
                               + "', which is not this cluster's.",
                           "It would be renamed aside with the tablespace.",
                           "Move it elsewhere, or give the tablespace another place.");
    if (error)
        return blocker("tablespaces", quoted(place) + " cannot be read.", error.message() + ".",
                       "Give the user who restores access to it.");
    return std::nullopt;
}

Check checkIdentity(const model::RestorePlan& plan, const Path& place)
{
    const std::uint64_t expected = plan.backup.incarnation.identity.systemIdentifier;
    const std::string& accepts = plan.inPlace->accepts;
    if (isThere(place / asideControlName))
        return blocker("in place",
                       quoted(place) + " was set aside by an earlier restore in place: it holds '"
                           + asideControlName + "'.",
                       "It was put back by hand, or is still in use.",
                       isThere(place / controlName)
                           ? "It holds 'pg_control' too: if that is the right one, remove "
                             "'pg_control.set-aside'."
                           : "If it is the right directory, rename that file to 'pg_control'.");
    const auto control = postgres::readControlFile(place);
    if (!control.ok()) {
        if (accepts == "unknown" && isThere(place / "PG_VERSION"))
            return {Level::Warning, "in place",
                    quoted(place) + " holds a cluster whose control file cannot be read: "
                        + control.error().message + ".",
                    "Nobody can tell whose it is.", "It is set aside because you said so."};
        return blocker("in place",
                       quoted(place) + " is not known to be the cluster: " + control.error().message
                           + ".",
                       "Only a cluster that can be recognised is set aside.",
                       isThere(place / "PG_VERSION")
                           ? "If you are sure that it is the right directory: --replaces unknown."
                           : "Look whether it is the right directory. It holds no PG_VERSION.");
    }
    const std::uint64_t found = control->identity.systemIdentifier;
    const std::string state = quoted(place) + " holds cluster " + std::to_string(found) + ", which "
                              + std::string(stateWords(control->state)) + " ";
    const std::string since = "(checkpoint of " + formatMoment(control->checkpointAt) + ").";
    if (found == expected)
        return {Level::Passed, "in place", state + since, "", ""};
    if (accepts == std::to_string(found))
        return {Level::Warning, "in place", state + since,
                "The backup is of another one, " + std::to_string(expected) + ".",
                "It is set aside because you said so."};
    return blocker("in place", state + since,
                   "The backup is of another one, " + std::to_string(expected)
                       + ": this may be somebody else's data.",
                   "Choose the right directory. If this one is to be replaced all the same: "
                   "--replaces "
                       + std::to_string(found) + ".");
}

/// A segment that really holds WAL of its name: the server renames old ones for later use.
bool holdsItsWal(const Path& file, const model::Segment& segment, ByteCount segmentSize)
{
    constexpr std::size_t pageSize = 8192;
    const auto opened = openFile(file, O_RDONLY | O_NOFOLLOW);
    Bytes page(pageSize);
    if (!opened.ok())
        return true;
    const auto got = readFullAt(*opened, page, 0);
    if (!got.ok() || *got != page.size())
        return true;
    const auto header = postgres::readSegmentHeader(page);
    return header.ok() && header->start == model::segmentStart(segment, segmentSize);
}

Check checkOwnWal(const model::RestorePlan& plan, const Path& old,
                  const repository::Repository& repository)
{
    const std::string name = "WAL not archived";
    const auto found = walNotArchived(old / "pg_wal", plan.backup.incarnation, repository);
    if (!found.ok())
        return {Level::Warning, name,
                "It could not be compared what WAL of " + quoted(old)
                    + " is in the archive: " + found.error().message + ".",
                "It stays where it is.", ""};
    const auto& names = *found;
    if (names.empty())
        return {Level::Passed, name, "All WAL in " + quoted(old / "pg_wal") + " is in the archive.",
                "", ""};
    std::string text = countText(names.size(), "segment") + " in " + quoted(old / "pg_wal")
                       + (names.size() == 1 ? " is" : " are") + " not in the archive: '"
                       + names.front() + "'";
    if (names.size() > 1)
        text += " to '" + names.back() + "'";
    const Path marks = old / "pg_wal" / "archive_status";
    const bool canPush = std::any_of(names.begin(), names.end(), [&](const std::string& segment) {
        return isThere(marks / (segment + ".ready"));
    });
    return {Level::Warning, name, text + ".",
            "What was done there cannot be reached by this restore. It is kept with the "
            "directory that is set aside.",
            canPush ? "To reach it, push those that have a mark '.ready' first: 'salvorctl "
                      "archive-push "
                          + shellWord(plan.cluster) + " " + shellWord((old / "pg_wal").native())
                          + "/SEGMENT', then make a new plan."
                    : "The newest segment is not whole before the server begins the next."};
}

std::optional<Check> checkRunning(const Path& place)
{
    const auto server = postgres::findServer(place);
    if (server.ok() && !*server)
        return std::nullopt;
    return blocker("in place",
                   server.ok() ? "A server runs on " + quoted(place) + ": " + **server + "."
                               : "It is not known whether a server runs on " + quoted(place) + ": "
                                     + server.error().message + ".",
                   "Its files would be renamed under it.",
                   server.ok() ? "Stop it first, and keep it from being started again until the "
                                 "restore is done. A shell "
                                 "that stands in the directory has to leave it, too."
                               : server.error().hint);
}

std::optional<Check> checkWalFolder(const Path& place)
{
    std::error_code error;
    if (!std::filesystem::is_symlink(place / "pg_wal", error))
        return std::nullopt;
    const Path target = std::filesystem::read_symlink(place / "pg_wal", error);
    return Check{Level::Warning, "pg_wal",
                 quoted(place / "pg_wal") + " is a link to " + quoted(target)
                     + ": the restored directory has pg_wal inside.",
                 "That folder belongs to what is set aside: it holds its WAL, and a rollback needs "
                 "it. It must neither be used by the restored cluster nor be cleared.",
                 "To have WAL on that disk again, make a new folder there, move the restored "
                 "pg_wal into it while the server is stopped, and link it."};
}

/// One into a new directory that was killed: what it left is somebody's work, and no cluster.
std::optional<Check> checkNothingUnfinished(const model::RestorePlan& plan, const Path& place,
                                            const Places& places)
{
    const auto occupancy = occupancyOf(place, places);
    if (plan.inPlace->goesOn || !occupancy.ok() || *occupancy != Occupancy::Unfinished)
        return std::nullopt;
    return blocker("in place", quoted(place) + " holds what an unfinished restore left.",
                   "There is no cluster that could be set aside.",
                   "Go on with that restore (without --in-place), or move what it left away.");
}

void addIfAny(std::vector<Check>& checks, std::optional<Check> check)
{
    if (check)
        checks.push_back(*std::move(check));
}

} // namespace

Result<std::vector<std::string>> walNotArchived(const Path& walFolder,
                                                const model::Incarnation& incarnation,
                                                const repository::Repository& repository)
{
    SALVOR_TRY(const auto stored, repository.segments(incarnation));
    std::set<model::Segment> archived;
    for (const auto& one : stored)
        archived.insert(one.segment);
    const ByteCount segmentSize = incarnation.identity.segmentSize;
    std::vector<std::string> names;
    std::error_code error;
    for (auto at = std::filesystem::directory_iterator(walFolder, error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        const std::string name = at->path().filename().native();
        if (model::walFileKind(name) != model::WalFileKind::Segment)
            continue;
        const auto segment = model::parseSegmentName(name, segmentSize);
        if (segment.ok() && !archived.contains(*segment)
            && holdsItsWal(at->path(), *segment, segmentSize))
            names.push_back(name);
    }
    if (error)
        return failErrno(error.value(), "cannot list " + quoted(walFolder));
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<Check> checkInPlace(const model::RestorePlan& plan, const Places& places,
                                const repository::Repository& repository, const Path& mountinfo)
{
    std::vector<Check> checks;
    if (plan.startOptions.start)
        checks.push_back(blocker("in place", "A restore in place starts no copy.",
                                 "What it makes is the cluster itself.",
                                 "Leave out --start; use --action pause to look before it is "
                                 "opened."));
    for (const Path& place : places.all()) {
        addIfAny(checks, checkRenamable(place, mountinfo));
        addIfAny(checks, checkNothingUnfinished(plan, place, places));
    }
    for (const InPlace::Rename& rename : plan.inPlace->setsAside) {
        const Path from = rename.from;
        const bool isData = from == places.data;
        // Of one that was interrupted.
        const bool isAside = plan.inPlace->goesOn && isThere(rename.to);
        if (isData)
            checks.push_back(checkOwnWal(plan, isAside ? Path(rename.to) : from, repository));
        if (isAside)
            continue;
        addIfAny(checks, checkRename(rename));
        if (!isData) {
            addIfAny(checks, checkAlone(from, plan.backup.incarnation.identity.majorVersion));
            continue;
        }
        addIfAny(checks, checkRunning(from));
        checks.push_back(checkIdentity(plan, from));
        addIfAny(checks, checkWalFolder(from));
    }
    if (!isStillThere(plan, places.data)) {
        const auto more = checkDestination(places);
        checks.insert(checks.end(), more.begin(), more.end());
    }
    return checks;
}

bool isStillThere(const model::RestorePlan& plan, const Path& place)
{
    if (!plan.inPlace)
        return false;
    return std::any_of(
        plan.inPlace->setsAside.begin(), plan.inPlace->setsAside.end(),
        [&](const InPlace::Rename& rename) { return rename.from == place && !isThere(rename.to); });
}

} // namespace salvor::restore
