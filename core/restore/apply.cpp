#include "core/base/text.h"
#include "core/repository/lease.h"
#include "core/restore/file_writer.h"
#include "core/restore/left_files.h"
#include "core/restore/old_files.h"
#include "core/restore/run.h"
#include "core/restore/start_copy.h"
#include "core/restore/words.h"

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace {

using model::Check;

Error refusal(const Check& check, const std::string& why)
{
    const ErrorCode code = check.name == "packs"   ? ErrorCode::Corrupt
                           : check.name == "space" ? ErrorCode::NoSpace
                                                   : ErrorCode::NotReady;
    std::string found = check.found;
    if (!found.empty() && found.back() == '.')
        found.pop_back();
    return fail(code, why + ": " + found,
                check.fix.empty() ? "Nothing was written." : check.fix + " Nothing was written.");
}

Result<> refuseBlocked(const model::RestorePlan& plan)
{
    for (const Check& check : plan.checks)
        if (check.level == Check::Level::Blocker)
            return refusal(check, "this restore cannot be done");
    return {};
}

/// The plan was made some time ago: everything it rests on is looked at again.
Result<> refuseStale(Run& run)
{
    const std::string stale = "the plan no longer holds";
    const std::string hint = "Make a new plan. Nothing was written.";
    if (run.repository.info().id != run.plan.repositoryId)
        return fail(ErrorCode::NotReady, stale + ": it was made for another repository", hint);
    const auto backup = run.repository.backup(run.plan.backup.id);
    if (!backup.ok() && backup.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotReady, stale + ": backup '" + run.plan.backup.id + "' is gone",
                    hint);
    if (!backup.ok())
        return backup.error();
    if (!(*backup == run.plan.backup))
        return fail(ErrorCode::NotReady,
                    stale + ": backup '" + run.plan.backup.id + "' is another one", hint);
    SALVOR_TRY(run.seen,
               look(run.plan, run.options.programs, run.repository, Keep::Everything, run.job));
    for (const Check& check : run.seen.checks)
        if (check.level == Check::Level::Blocker)
            return refusal(check, stale);
    return {};
}

Result<> makeDirectory(const Path& path, mode_t mode, const Run& run)
{
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return failErrno(errno, "cannot make " + quoted(path));
    if (::chmod(path.c_str(), mode) != 0)
        return failErrno(errno, "cannot set the mode of " + quoted(path));
    return giveTo(path, run.owner);
}

/// The folder and those above it, as far as they lie in a place of this restore.
Result<> makeParents(const Path& folder, std::set<Path>& made, const Run& run)
{
    std::vector<Path> missing; // Outermost first.
    struct stat about {};
    for (Path at = folder; !made.contains(at) && ::stat(at.c_str(), &about) != 0;
         at = at.parent_path())
        missing.insert(missing.begin(), at);
    for (const Path& path : missing)
        SALVOR_CHECK(makeDirectory(path, 0700, run));
    made.insert(folder);
    return {};
}

Result<> makeDirectories(const Run& run)
{
    std::set<Path> made;
    for (const DirectoryToMake& directory : run.seen.contents.directories) {
        SALVOR_CHECK(run.job.proceed());
        SALVOR_CHECK(makeParents(directory.path.parent_path(), made, run));
        SALVOR_CHECK(makeDirectory(directory.path, directory.mode, run));
        made.insert(directory.path);
    }
    // A server wants these two whatever the backup held.
    for (const char* name : {"pg_wal", "pg_tblspc"})
        SALVOR_CHECK(makeParents(run.places.data / name, made, run));
    for (const FileToWrite& file : run.seen.contents.files)
        if (const Path folder = file.path.parent_path(); !made.contains(folder))
            SALVOR_CHECK(makeParents(folder, made, run));
    for (const auto& [oid, place] : run.places.tablespaces) {
        const Path link = run.places.data / "pg_tblspc" / std::to_string(oid);
        if (::symlink(place.c_str(), link.c_str()) != 0)
            return failErrno(errno, "cannot make the link " + quoted(link));
        SALVOR_CHECK(giveTo(link, run.owner));
    }
    return {};
}

Result<> makeDurable(const Places& places)
{
    std::set<dev_t> done;
    for (const Path& place : places.all()) {
        struct stat about {};
        if (::stat(place.c_str(), &about) != 0)
            return failErrno(errno, "cannot look at " + quoted(place));
        if (done.insert(about.st_dev).second)
            SALVOR_CHECK(syncFileSystem(place));
    }
    return {};
}

/// The last step: from here on it is a data directory.
Result<> putInPlace(const Places& places)
{
    SALVOR_CHECK(makeDurable(places));
    // Without the marks the unfinished control file alone still says that this is not finished.
    SALVOR_CHECK(removeMarks(places));
    if (::rename((places.data / unfinishedControlName).c_str(), (places.data / controlName).c_str())
        != 0)
        return failErrno(errno, "cannot put pg_control in place in " + quoted(places.data));
    SALVOR_CHECK(syncDirectory(places.data / "global"));
    // Where nothing lay outside the data directory there is nothing to keep.
    if (!places.config.empty())
        ::rmdir(places.config.c_str());
    return {};
}

/// A directory that the group may read, as 'initdb --allow-group-access' makes it, stays so.
Result<> keepGroupAccess(const model::InPlace::Rename& rename)
{
    constexpr mode_t groupReads = 0750;
    struct stat old {};
    if (::stat(rename.to.c_str(), &old) != 0 || (old.st_mode & 0777U) != groupReads)
        return {};
    if (::chmod(rename.from.c_str(), groupReads) != 0)
        return failErrno(errno, "cannot set the mode of " + quoted(Path(rename.from)));
    return {};
}

/// What the cluster that was there has unchanged.
Result<> takeOver(Run& run, const WriteOptions& how)
{
    const model::InPlace& inPlace = *run.plan.inPlace;
    OldFiles old{{}, run.plan.backup.startedAt};
    for (const model::InPlace::Rename& rename : inPlace.setsAside) {
        old.places.push_back({rename.from, rename.to});
        SALVOR_CHECK(keepGroupAccess(rename));
    }
    SALVOR_TRY(const Taken taken, takeOldFiles(run.seen.contents.files, old, how, run.job));
    if (!old.places.empty())
        run.job.events.note("Taken over from what was there: " + countText(taken.files, "file")
                            + ", " + sizeText(taken.bytes)
                            + ", equal to the backup by their checksums.");
    return {};
}

/// It outlives the run.
Result<std::shared_ptr<const repository::Repository>>
borrowed(const repository::Repository& repository)
{
    return std::shared_ptr<const repository::Repository>(std::shared_ptr<void>(), &repository);
}

Result<> writeEverything(Run& run)
{
    SALVOR_CHECK(createPlaces(run.places, planHash(run.plan), run.owner));
    SALVOR_TRY(run.claim, claimPlace(run.places.data));
    SALVOR_CHECK(makeDirectories(run));
    const WriteOptions how{run.options.workers, run.owner};
    auto& files = run.seen.contents.files;
    SALVOR_TRY(const std::size_t taken, takeLeftFiles(files, run.aside, how, run.job));
    if (taken > 0)
        run.job.events.note("Kept what an unfinished restore had written: "
                            + countText(taken, "file") + " that are as they were backed up.");
    if (run.plan.inPlace)
        SALVOR_CHECK(takeOver(run, how));
    std::vector<repository::ChunkPlaces::Place> from = run.options.copies;
    from.insert(from.begin(), {run.plan.repository, [&] { return borrowed(run.repository); }});
    repository::ChunkPlaces places(std::move(from), run.seen.index, run.job.events);
    Result<> written = writeFiles(files, places, how, run.job);
    run.outcome.repositories = places.used();
    if (run.options.tellSources)
        run.options.tellSources(run.outcome.repositories);
    if (!written.ok())
        return written;
    run.job.phase("make durable", 0);
    SALVOR_CHECK(configure(run));
    SALVOR_CHECK(run.job.proceed());
    return putInPlace(run.places);
}

/// The command is run as the server will run it: in a folder with the backup's control file, which
/// says whose WAL is wanted.
Result<> tryFetching(Run& run)
{
    const auto& files = run.seen.contents.files;
    const auto control = std::find_if(files.begin(), files.end(), [](const FileToWrite& file) {
        return file.name == controlName;
    });
    if (control == files.end() || control->chunks.size() != 1)
        return fail(ErrorCode::Corrupt, "the backup's control file is not one");
    SALVOR_TRY(const auto reader, repository::ChunkReader::create(run.repository, run.seen.index));
    SALVOR_TRY(const ByteView bytes,
               reader->read(control->chunks.front(), static_cast<std::size_t>(control->size)));
    return tryRestoreCommand(run.plan, run.options.restoreCommand, bytes, run.owner, run.job);
}

Result<> prepare(Run& run)
{
    SALVOR_CHECK(refuseBlocked(run.plan));
    if (run.options.restoreCommand.empty())
        return fail(ErrorCode::InvalidInput, "there is no command to fetch WAL with");
    SALVOR_CHECK(refuseStale(run));
    if (runsAsRoot()) {
        SALVOR_TRY(run.owner, findUser(run.plan.owner));
    }
    if (run.plan.startOptions.start)
        SALVOR_CHECK(tryFetching(run));
    if (run.options.vacate)
        SALVOR_CHECK(run.options.vacate());
    // Held while it is renamed: whoever claimed it is still writing.
    SALVOR_TRY(const FileDescriptor claim, claimPlace(run.places.data));
    SALVOR_TRY(run.aside, setAsideUnfinished(run.places, systemClock().now()));
    return {};
}

Error afterWriting(Error error, const Places& places)
{
    if (!isThere(places.data / markerName) && !isThere(places.data / unfinishedControlName))
        return error;
    error.hint += std::string(error.hint.empty() ? "" : " ") + "What was written stays in "
                  + quoted(places.data)
                  + ", which no server can start; the next restore there goes on from it.";
    return error;
}

} // namespace

Result<model::RestoreOutcome> apply(const model::RestorePlan& plan,
                                    const repository::Repository& repository,
                                    const ApplyOptions& options, JobContext& job)
{
    Run run{plan, repository, options, job, placesOf(plan), {}, {}, {}, {}, {}, {}, {}, {}, {}};
    run.outcome.destination = plan.destination;
    SALVOR_TRY(const auto lease,
               repository::Lease::takeForReading(repository, plan.backup.incarnation, job));
    SALVOR_CHECK(prepare(run));
    if (auto written = writeEverything(run); !written.ok())
        return afterWriting(std::move(written).error(), run.places);
    if (plan.startOptions.start) {
        SALVOR_CHECK(postgres::InstanceRegistry(options.instancesFolder).add(run.instance));
        SALVOR_CHECK(startCopy(plan, run.instance, run.fence, run.outcome, job));
    }
    return std::move(run.outcome);
}

} // namespace salvor::restore
