// Where a restore in place goes, and what is there.
#include "core/base/text.h"
#include "core/rescue/in_place.h"
#include "core/rescue/set_aside.h"
#include "core/restore/words.h"

namespace salvor::rescue {

namespace fs = std::filesystem;

namespace {

using model::Check;
using model::InPlace;
using restore::isThere;

Path beside(const Path& place, const std::string& suffix)
{
    Path name = place.native() + suffix;
    for (int number = 2; isThere(name); ++number)
        name = place.native() + suffix + "-" + std::to_string(number);
    return name;
}

/// The directories of tablespaces by the links of the directory that is there.
std::map<std::uint32_t, Path> linkedTablespaces(const Path& dataDirectory)
{
    std::map<std::uint32_t, Path> places;
    std::error_code error;
    for (auto at = fs::directory_iterator(dataDirectory / "pg_tblspc", error);
         !error && at != fs::directory_iterator(); at.increment(error)) {
        const auto oid = parseUnsigned(at->path().filename().native());
        std::error_code none;
        const Path target = fs::read_symlink(at->path(), none);
        if (oid && *oid <= UINT32_MAX && !none)
            places.emplace(static_cast<std::uint32_t>(*oid), resolvePlace(target));
    }
    return places;
}

/// Full is what holds something; a place that cannot be read counts as that.
bool holdsNothing(const Path& place)
{
    std::error_code error;
    const bool isEmpty = fs::is_empty(place, error);
    return error ? !isThere(place) : isEmpty;
}

void block(restore::PlanRequest& request, std::string found, std::string cause, std::string fix)
{
    request.found.push_back(
        {Check::Level::Blocker, "tablespaces", std::move(found), std::move(cause), std::move(fix)});
}

/// Only there are the links of tablespaces believed: those of a copy lead to the original's.
bool isOriginal(const restore::PlanRequest& request)
{
    return request.destination == resolvePlace(request.backup.dataDirectory);
}

/// Each where it is.
void placeTablespaces(restore::PlanRequest& request, const std::map<std::uint32_t, Path>& linked)
{
    for (const model::Tablespace& tablespace : request.backup.tablespaces) {
        if (request.tablespaces.contains(tablespace.oid))
            continue;
        const std::string name = "tablespace " + std::to_string(tablespace.oid);
        const std::string fix =
            "name an empty place: --tablespace " + std::to_string(tablespace.oid) + "=DIRECTORY.";
        if (!isOriginal(request)) {
            block(request,
                  quoted(request.destination) + " is not the directory that was backed up, so the "
                      + "link of " + name + " is not followed.",
                  "The links of a copied data directory lead to the original's tablespaces.",
                  "To restore it elsewhere, " + fix);
            continue;
        }
        const auto here = linked.find(tablespace.oid);
        const Path place =
            here != linked.end() ? here->second : resolvePlace(Path(tablespace.path));
        if (holdsNothing(place))
            block(request, "The directory " + quoted(place) + " of " + name + " is empty or gone.",
                  "Perhaps its disk is not mounted.", "Mount it, or " + fix);
        request.tablespaces[tablespace.oid] = place.native();
    }
}

Result<Renames> whatIsThere(const restore::PlanRequest& request,
                            const std::map<std::uint32_t, Path>& linked, Moment now)
{
    const std::string suffix = ".before-" + restore::compactTime(now);
    Renames renames;
    const auto add = [&](const Path& place) -> Result<> {
        SALVOR_TRY(const auto inode, inodeAt(place));
        if (inode)
            renames.push_back({place.native(), beside(place, suffix).native(), *inode});
        return {};
    };
    SALVOR_CHECK(add(request.destination));
    // Only those that are its own: any other place that is not empty is refused.
    const bool ownsLinks = isOriginal(request);
    for (const auto& [oid, place] : request.tablespaces) {
        const auto here = linked.find(oid);
        const bool isOwn = ownsLinks && here != linked.end() && here->second == place;
        if (isOwn || holdsNothing(place))
            SALVOR_CHECK(add(place));
    }
    return renames;
}

Error waits(const Journal& journal, const std::string& how)
{
    const std::string directory = restore::shellWord(journal.directory.native());
    return fail(ErrorCode::NotReady,
                "a restore in place of " + formatMoment(journal.begunAt) + " in "
                    + quoted(journal.directory) + " " + how,
                "What it set aside is the only way back. 'salvorctl in-place rollback " + directory
                    + "' takes it back, 'salvorctl in-place commit " + directory
                    + "' makes it final. Nothing was changed.");
}

/// Goes on with what was begun: the same backup, the same names.
Result<> carryOn(restore::PlanRequest& request, const Journal& journal)
{
    SALVOR_TRY(const auto waiting, waitingIn(journal.directory));
    if (waiting && waiting->stage == Stage::Restored)
        return waits(journal, "waits for commit or rollback");
    if (!waiting || waiting->stage != Stage::Unfinished)
        return waits(journal, "is being taken back");
    if (request.backup.id != journal.backup)
        return waits(journal, "was interrupted; it restores backup '" + journal.backup + "', not '"
                                  + request.backup.id + "'");
    request.inPlace->goesOn = true;
    request.inPlace->setsAside = journal.setsAside;
    request.tablespaces = journal.tablespaces;
    return {};
}

} // namespace

Path resolvePlace(const Path& place)
{
    constexpr int mostLinks = 40;
    Path at = place.lexically_normal();
    for (int links = 0; links < mostLinks; ++links) {
        if (!at.has_filename())
            at = at.parent_path();
        std::error_code error;
        const Path parent = fs::canonical(at.parent_path(), error);
        if (error)
            return at;
        at = parent / at.filename();
        const Path target = fs::read_symlink(at, error);
        if (error)
            return at;
        at = parent / target;
    }
    return at;
}

Result<> aimInPlace(restore::PlanRequest& request, const InPlaceChoice& choice, Moment now)
{
    request.destination = resolvePlace(request.destination);
    InPlace& inPlace = request.inPlace.emplace();
    inPlace.accepts = choice.accepts;
    for (auto& [oid, place] : request.tablespaces)
        place = resolvePlace(place).native();
    SALVOR_TRY(const auto journal, loadJournal(request.destination));
    if (journal)
        return carryOn(request, *journal);
    if (holdsNothing(request.destination))
        return fail(ErrorCode::NotReady,
                    "there is nothing to restore in place: " + quoted(request.destination)
                        + " is empty or not there",
                    "If its disk is not mounted, mount it. Else restore into it as into a new "
                    "directory: --to, without --in-place.");
    const auto linked = linkedTablespaces(request.destination);
    placeTablespaces(request, linked);
    SALVOR_TRY(inPlace.setsAside, whatIsThere(request, linked, now));
    return {};
}

} // namespace salvor::rescue
