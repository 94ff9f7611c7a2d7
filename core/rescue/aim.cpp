// Where a restore in place goes, and what is there.
#include "core/base/text.h"
#include "core/rescue/in_place.h"
#include "core/rescue/in_place_journal.h"

namespace salvor::rescue {

namespace fs = std::filesystem;

namespace {

using model::InPlace;
using restore::isThere;

Path beside(const Path& place, const std::string& suffix)
{
    Path name = place.native() + suffix;
    for (int number = 2; isThere(name); ++number)
        name = place.native() + suffix + "-" + std::to_string(number);
    return name;
}

/// The directory itself, where a link leads to it.
Path followed(const Path& place)
{
    std::error_code error;
    const Path real = fs::canonical(place, error);
    return error ? place : real;
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
            places.emplace(static_cast<std::uint32_t>(*oid), followed(target));
    }
    return places;
}

/// Each where it is, or where the original had it.
void placeTablespaces(restore::PlanRequest& request)
{
    const auto linked = linkedTablespaces(request.destination);
    const bool isOriginal = request.destination == followed(request.backup.dataDirectory);
    for (const model::Tablespace& tablespace : request.backup.tablespaces) {
        if (request.tablespaces.contains(tablespace.oid))
            continue;
        const auto here = linked.find(tablespace.oid);
        if (here != linked.end())
            request.tablespaces[tablespace.oid] = here->second.native();
        else if (isOriginal)
            request.tablespaces[tablespace.oid] = tablespace.path;
    }
}

Renames whatIsThere(const restore::PlanRequest& request, Moment now)
{
    Renames renames;
    const std::string suffix = ".before-" + restore::compactTime(now);
    const auto add = [&](const Path& place) {
        renames.push_back({place.native(), beside(place, suffix).native()});
    };
    restore::Places places;
    places.data = request.destination;
    const auto occupancy = restore::occupancyOf(request.destination, places);
    if (!occupancy.ok() || *occupancy != restore::Occupancy::Full)
        return renames;
    add(request.destination);
    // Only those that belong to it: any other place that is not empty is refused.
    const auto linked = linkedTablespaces(request.destination);
    for (const auto& [oid, place] : request.tablespaces) {
        const auto here = linked.find(oid);
        std::error_code error;
        if (here != linked.end() && here->second == place && !fs::is_empty(place, error) && !error)
            add(place);
    }
    return renames;
}

Error waits(const Journal& journal, const std::string& how)
{
    const std::string directory = journal.directory.native();
    return fail(ErrorCode::NotReady,
                "a restore in place of " + formatMoment(journal.begunAt) + " in "
                    + quoted(journal.directory) + " " + how,
                "What it set aside is the only way back. 'salvorctl in-place rollback " + directory
                    + "' takes it back, 'salvorctl in-place commit " + directory
                    + "' makes it final. Nothing was changed.");
}

/// Goes on with what was begun: the same backup, the same names.
Result<> carryOn(restore::PlanRequest& request, const Journal& journal, const InPlaceChoice& choice)
{
    SALVOR_TRY(const auto waiting, waitingIn(journal.directory));
    if (waiting->stage == Stage::Restored)
        return waits(journal, "waits for commit or rollback");
    if (waiting->stage != Stage::Unfinished)
        return waits(journal, "is being taken back or made final");
    if (choice.delta && *choice.delta != journal.delta)
        return waits(journal, "was interrupted; it goes on only with --delta "
                                  + std::string(deltaName(journal.delta)));
    if (request.backup.id != journal.backup)
        return waits(journal, "was interrupted; it restores backup '" + journal.backup + "', not '"
                                  + request.backup.id + "'");
    request.inPlace->goesOn = true;
    request.inPlace->setsAside = journal.setsAside;
    request.inPlace->delta = journal.delta;
    request.tablespaces = journal.tablespaces;
    return {};
}

} // namespace

Result<> aimInPlace(restore::PlanRequest& request, const InPlaceChoice& choice, Moment now)
{
    request.destination = followed(request.destination);
    InPlace& inPlace = request.inPlace.emplace();
    inPlace.accepts = choice.accepts;
    inPlace.delta = choice.delta.value_or(InPlace::Delta::Copy);
    SALVOR_TRY(const auto journal, loadJournal(request.destination));
    if (!journal) {
        placeTablespaces(request);
        inPlace.setsAside = whatIsThere(request, now);
        return {};
    }
    return carryOn(request, *journal, choice);
}

} // namespace salvor::rescue
