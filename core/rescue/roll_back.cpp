#include "core/rescue/in_place.h"
#include "core/rescue/set_aside.h"

#include <algorithm>

namespace salvor::rescue {

namespace {

using restore::isThere;

Path freeName(const Path& place, Moment now)
{
    const std::string name = place.native() + ".rolled-back-" + restore::compactTime(now);
    Path free = name;
    for (int number = 2; isThere(free); ++number)
        free = name + "-" + std::to_string(number);
    return free;
}

/// What stands in the places and is not old, with the names that it gets.
Result<Renames> whatWasRestored(const Journal& journal, Moment now)
{
    Renames renames;
    for (const Path& place : journal.places().all()) {
        SALVOR_TRY(const auto inode, inodeAt(place));
        const auto old = std::find_if(journal.setsAside.begin(), journal.setsAside.end(),
                                      [&](const Rename& rename) { return rename.from == place; });
        if (inode && (old == journal.setsAside.end() || old->inode != *inode))
            renames.push_back({place.native(), freeName(place, now).native(), *inode});
    }
    return renames;
}

/// Once a rollback was begun, only what it takes back may stand in the way of the old ones.
Result<> refuseStrangers(const Journal& journal)
{
    if (journal.takesBack.empty())
        return {};
    for (const Rename& old : journal.setsAside) {
        SALVOR_TRY(const auto inode, inodeAt(old.from));
        const bool isTakenBack =
            std::any_of(journal.takesBack.begin(), journal.takesBack.end(), [&](const Rename& one) {
                return one.from == old.from && one.inode == inode;
            });
        if (inode && *inode != old.inode && !isTakenBack)
            return fail(ErrorCode::NotReady,
                        "in " + quoted(Path(old.from))
                            + " is something that was made after the rollback began",
                        "Move it away, then roll back again. Nothing was changed.");
    }
    return {};
}

/// All that is going to be renamed is where the journal says, can be renamed, and no server uses
/// it.
Result<> refuseUncertain(const Journal& journal, const Path& mountinfo)
{
    SALVOR_CHECK(refuseRunning(journal.directory));
    SALVOR_CHECK(refuseRunning(journal.old()));
    for (const Rename& rename : journal.takesBack)
        if (rename.from == journal.directory)
            SALVOR_CHECK(refuseRunning(rename.to));
    for (const Renames* renames : {&journal.setsAside, &journal.takesBack})
        for (const Rename& rename : *renames)
            SALVOR_CHECK(whereIs(rename));
    SALVOR_CHECK(refuseStrangers(journal));
    if (isThere(journal.old() / restore::controlName)
        && isThere(journal.old() / restore::asideControlName))
        return fail(ErrorCode::NotReady,
                    quoted(journal.old()) + " holds 'pg_control' and 'pg_control.set-aside'",
                    "Somebody changed what was set aside. Move the one in 'global' that is not "
                    "the cluster's away. Nothing was changed.");
    for (const Path& place : journal.places().all())
        if (const auto check = restore::checkRenamable(place, mountinfo))
            return fail(ErrorCode::NotReady, check->found + " " + check->cause,
                        check->fix + " Nothing was changed.");
    return {};
}

/// A server that was started meanwhile gets its directory back, and then none was begun.
Result<> setRestoredDataAside(Journal& journal, const Rename& rename)
{
    SALVOR_CHECK(renameDurably(rename.from, rename.to));
    auto refused = putBackIfRunning(rename);
    if (refused.ok())
        return refused;
    journal.takesBack.clear();
    SALVOR_CHECK(saveJournal(journal));
    return refused;
}

/// The data directory first: without it no server starts.
Result<> setRestoredAside(Journal& journal)
{
    const Renames renames = journal.takesBack;
    for (const Rename& rename : renames) {
        const bool isData = rename.from == journal.directory;
        SALVOR_TRY(const Where where, whereIs(rename));
        if (where == Where::Place)
            SALVOR_CHECK(isData ? setRestoredDataAside(journal, rename)
                                : renameDurably(rename.from, rename.to));
        if (isData)
            SALVOR_CHECK(hideControlFile(rename.to));
    }
    return {};
}

/// The data directory last, and its control file after it.
Result<> putOldBack(const Journal& journal)
{
    for (auto rename = journal.setsAside.rbegin(); rename != journal.setsAside.rend(); ++rename) {
        SALVOR_TRY(const Where where, whereIs(*rename));
        if (where == Where::Aside)
            SALVOR_CHECK(renameDurably(rename->to, rename->from));
    }
    return showControlFile(journal.directory);
}

/// Only what is seen is claimed.
Result<> refuseUnlessBack(const Journal& journal)
{
    for (const Rename& rename : journal.setsAside) {
        SALVOR_TRY(const Where where, whereIs(rename));
        if (where != Where::Place)
            return fail(ErrorCode::NotReady,
                        quoted(Path(rename.to)) + " was not renamed to "
                            + quoted(Path(rename.from)),
                        "Roll back again. Start no server before.");
    }
    return {};
}

Result<RolledBack> rollBackOnce(const Path& directory, JobContext& job, const Path& mountinfo)
{
    SALVOR_CHECK(job.proceed());
    SALVOR_TRY(const JournalLock lock, JournalLock::take(directory));
    SALVOR_TRY(Journal journal, trustedJournal(directory));
    SALVOR_CHECK(refuseUncertain(journal, mountinfo));
    if (journal.takesBack.empty()) {
        SALVOR_TRY(journal.takesBack, whatWasRestored(journal, systemClock().now()));
        SALVOR_CHECK(saveJournal(journal));
    }
    SALVOR_CHECK(setRestoredAside(journal));
    SALVOR_CHECK(putOldBack(journal));
    SALVOR_CHECK(refuseUnlessBack(journal));
    RolledBack done;
    for (const Rename& rename : journal.takesBack)
        done.restored.emplace_back(rename.to);
    SALVOR_CHECK(removeJournal(directory));
    return done;
}

Error withoutSpace(Error error, const Path& directory)
{
    const std::string& name = directory.native();
    error.hint = "A few kilobytes are enough; then roll back again. To make room, remove what is "
                 "called '"
                 + name + ".rolled-back-...' or '" + name
                 + ".unfinished-...', if there is any that nobody needs. Never remove '" + name
                 + ".before-...', which is the old cluster, and never files of a pg_wal by hand.";
    return error;
}

} // namespace

Result<RolledBack> rollBack(const Path& directory, JobContext& job, const Path& mountinfo)
{
    auto done = rollBackOnce(directory, job, mountinfo);
    // It goes on where it was.
    if (!done.ok() && done.error().code == ErrorCode::NoSpace && removeBallast(directory))
        done = rollBackOnce(directory, job, mountinfo);
    if (!done.ok() && done.error().code == ErrorCode::NoSpace)
        return withoutSpace(std::move(done).error(), directory);
    return done;
}

} // namespace salvor::rescue
