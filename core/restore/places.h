// Where a restore puts what, and the marks of one that did not finish.
#pragma once

#include "core/base/file.h"
#include "core/base/subprocess.h"
#include "core/model/restore_plan.h"
#include "core/repository/tree.h"

#include <map>
#include <optional>
#include <vector>

namespace salvor::restore {

/// In every folder that a restore made, until pg_control is put in place.
inline constexpr const char* markerName = ".salvor-restore";
/// What pg_control is called until everything else is durable: no server starts without it.
inline constexpr const char* controlName = "global/pg_control";
/// And what it is called in a data directory that was set aside: nobody starts that by mistake
/// while its tablespaces or files belong to another.
inline constexpr const char* asideControlName = "global/pg_control.set-aside";
inline constexpr const char* unfinishedControlName = "global/.pg_control.salvor";

/// "DIR.in-place": what a restore in place in DIR noted, until commit or rollback.
inline constexpr const char* journalSuffix = ".in-place";

/// The folders of one restore.
struct Places {
    Path data;
    /// "DIR.config": configuration that lay outside the data directory, the fence. Empty in place:
    /// the cluster keeps what it has.
    Path config;
    std::map<std::uint32_t, Path> tablespaces;

    /// All of them, the data directory first.
    [[nodiscard]] std::vector<Path> all() const;
};
[[nodiscard]] Places placesOf(const model::RestorePlan& plan);

/// Where an entry of the tree goes. Nothing for what a restore makes itself or leaves out: links
/// of tablespaces, tablespace_map (it would lead back to the original), signal files.
///
/// Errors: Corrupt for a path that leads out of its place: whoever wrote it is not trusted.
[[nodiscard]] Result<std::optional<Path>> placeOf(const repository::TreeEntry& entry,
                                                  const Places& places);

/// "20261121T073000Z", for names.
[[nodiscard]] std::string compactTime(Moment now);
/// Whether anything is there, be it a link that leads nowhere.
[[nodiscard]] bool isThere(const Path& path);
/// Whether it is a data directory that a server could start.
[[nodiscard]] bool isDataDirectory(const Path& directory);

/// What is at a place now.
enum class Occupancy { Absent, Empty, Unfinished, Full, NotADirectory };
/// `partOf` is the data directory of the same restore: what belongs to an unfinished one is
/// unfinished too. Errors: Denied when it cannot be read.
[[nodiscard]] Result<Occupancy> occupancyOf(const Path& place, const Places& partOf);

/// The nearest folder that is there, upwards from `place`.
[[nodiscard]] Path existingParent(const Path& place);

/// Claims the folder for this restore until the descriptor is closed; nothing when it is not there.
/// Errors: NotReady when another restore that lives has it.
[[nodiscard]] Result<FileDescriptor> claimPlace(const Path& place);

struct SetAside {
    Path from;
    Path to;
};
/// Where a file of a place lies since that place was renamed. Nothing when it was not.
[[nodiscard]] std::optional<Path> placeAside(const Path& path, const std::vector<SetAside>& aside);
/// Renames what an unfinished restore left to "PLACE.unfinished-TIME". Errors: as failErrno.
[[nodiscard]] Result<std::vector<SetAside>> setAsideUnfinished(const Places& places, Moment now);

/// Makes the folders with the mark in each, 0700, `owner`'s when given. Errors: NotReady when one
/// of them holds something by now: nothing was changed then.
[[nodiscard]] Result<> createPlaces(const Places& places, const std::string& planHash,
                                    const std::optional<SystemUser>& owner);
/// Takes the marks away, durably.
[[nodiscard]] Result<> removeMarks(const Places& places);

/// Gives one thing (not through a link) to the owner; nothing without one.
[[nodiscard]] Result<> giveTo(const Path& path, const std::optional<SystemUser>& owner);

} // namespace salvor::restore
