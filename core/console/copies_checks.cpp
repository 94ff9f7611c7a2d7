#include "core/console/copies_checks.h"

#include "core/console/opened.h"
#include "core/repository/stand_in.h"

#include <algorithm>

namespace salvor::console {

namespace {

using model::Check;
using Level = Check::Level;

/// Each against those before it. True when nothing was found.
bool checkPairs(const std::vector<const NamedPlace*>& places, Checks& checks)
{
    bool fit = true;
    for (std::size_t i = 0; i < places.size(); ++i)
        for (std::size_t before = 0; before < i; ++before) {
            const auto fits =
                repository::checkStandsIn({places[i]->name, **places[i]->opened},
                                          {places[before]->name, **places[before]->opened});
            if (fits.ok())
                continue;
            fit = false;
            checks.push_back({Level::Blocker, "copies",
                              "Of what the cluster names, " + fits.error().message + ".",
                              "As long as both are named, no WAL is archived.", fits.error().hint});
        }
    return fit;
}

Check outOfReach(const NamedPlace& place, bool stopsArchiving)
{
    return {stopsArchiving ? Level::Blocker : Level::Warning, "copies",
            "Repository '" + place.name + "' cannot be asked: "
                + withoutName(place.opened.error(), place.name).message + ".",
            stopsArchiving ? "WAL stays on the server until it is back: wal-required asks for it."
                           : "It gets no WAL, and while it is named no restored copy can be "
                             "promoted.",
            place.opened.error().hint};
}

std::string listOf(const std::vector<const NamedPlace*>& places)
{
    std::string names;
    for (const NamedPlace* place : places)
        names += (names.empty() ? "'" : ", '") + place->name + "'";
    return names;
}

} // namespace

void checkCopies(const settings::ClusterConfig& cluster, const std::vector<NamedPlace>& places,
                 Checks& checks)
{
    if (places.size() == 1) {
        if (cluster.walRequired > 1)
            checks.push_back({Level::Warning, "copies",
                              "wal-required asks for " + std::to_string(cluster.walRequired)
                                  + " repositories, and the cluster names one.",
                              "WAL counts as archived when that one has it.",
                              "Name the others again, or take wal-required out."});
        return;
    }
    std::vector<const NamedPlace*> opened;
    for (const NamedPlace& place : places)
        if (place.opened.ok())
            opened.push_back(&place);
    const bool stopsArchiving = opened.size() < cluster.walNeededIn();
    for (std::size_t i = 1; i < places.size(); ++i)
        if (!places[i].opened.ok())
            checks.push_back(outOfReach(places[i], stopsArchiving));
    if (checkPairs(opened, checks) && opened.size() > 1)
        checks.push_back({Level::Passed, "copies",
                          "Repositories " + listOf(opened) + " are copies of one another.", "",
                          ""});
}

} // namespace salvor::console
