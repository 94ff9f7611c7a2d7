#include "core/base/text.h"
#include "core/postgres/programs.h"
#include "core/repository/lease.h"
#include "core/restore/checks.h"
#include "core/restore/configuration.h"
#include "core/restore/file_writer.h"
#include "core/restore/left_files.h"
#include "core/restore/restore.h"
#include "core/restore/start_copy.h"
#include "core/restore/words.h"

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace {

using model::Check;

/// One restore on its way: what its steps share.
struct Run {
    const model::RestorePlan& plan;
    const repository::Repository& repository;
    const ApplyOptions& options;
    JobContext& job;
    Places places;
    std::optional<SystemUser> owner; ///< Set when root gives the files away.
    Look seen;
    std::vector<SetAside> aside; ///< What an unfinished restore left.
    FileDescriptor claim;        ///< On the data directory, to the end.
    postgres::ControlFile control;
    model::ReplaySizes sizesAtBackup; ///< `control` has what replay needs up to the target.
    postgres::Settings fence;         ///< Of a started copy.
    postgres::Instance instance;      ///< Of a started copy.
    model::RestoreOutcome outcome;
};

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

Result<> readControl(Run& run)
{
    SALVOR_TRY(const Bytes bytes, readFile(run.places.data / unfinishedControlName));
    SALVOR_TRY(run.control, postgres::parseControlFile(bytes));
    const auto& expected = run.plan.backup.incarnation.identity;
    if (run.control.identity.systemIdentifier != expected.systemIdentifier)
        return fail(ErrorCode::Corrupt, "the control file of the backup is of the cluster "
                                            + std::to_string(run.control.identity.systemIdentifier)
                                            + ", not of "
                                            + std::to_string(expected.systemIdentifier));
    run.sizesAtBackup = run.control.sizes;
    run.control.sizes.raiseTo(run.plan.replaySizes);
    return {};
}

std::string instanceName(const Run& run)
{
    std::string name = run.plan.cluster + "-";
    const Moment now = systemClock().now();
    for (const char c : formatMoment(now).substr(0, 19))
        if (c != '-' && c != ':')
            name += c;
    name += "Z";
    const postgres::InstanceRegistry registry(run.options.instancesFolder);
    std::string unique = name;
    for (int number = 2; registry.find(unique).ok(); ++number)
        unique = name + "-" + std::to_string(number);
    return unique;
}

Result<> describeInstance(Run& run)
{
    postgres::Instance& instance = run.instance;
    const int major = run.plan.backup.incarnation.identity.majorVersion;
    SALVOR_TRY(const auto programs, postgres::findPrograms(major, run.options.programs));
    instance.name = instanceName(run);
    instance.cluster = run.plan.cluster;
    instance.repository = run.plan.repository;
    instance.dataDirectory = run.places.data;
    instance.configDirectory = run.places.config / "fence";
    SALVOR_TRY(instance.socketDirectory, createSocketDirectory(run.places, run.owner));
    instance.port = run.plan.startOptions.port;
    if (instance.port == 0) {
        SALVOR_TRY(instance.port, freePort());
    }
    instance.majorVersion = major;
    instance.systemIdentifier = run.control.identity.systemIdentifier;
    instance.owner = run.plan.owner;
    instance.programs = programs.folder;
    for (const auto& [oid, place] : run.places.tablespaces)
        instance.tablespaces.push_back(place);
    instance.startedAt = systemClock().now();
    instance.targetEnd = run.plan.target.replayEnd;
    instance.targetCommitAt = run.plan.target.lastCommitAt;
    return {};
}

/// `more` replaces settings of the same name.
postgres::Settings merged(postgres::Settings settings, const postgres::Settings& more)
{
    for (const auto& one : more) {
        settings.erase(std::remove_if(settings.begin(), settings.end(),
                                      [&](const auto& old) { return old.first == one.first; }),
                       settings.end());
        settings.push_back(one);
    }
    return settings;
}

/// What the original raised after the backup. A copy with less would stop replaying there.
postgres::Settings raisedSinceBackup(const Run& run)
{
    const auto before = postgres::replaySettings(run.sizesAtBackup);
    auto settings = postgres::replaySettings(run.control.sizes);
    std::erase_if(settings, [&](const auto& one) {
        return std::find(before.begin(), before.end(), one) != before.end();
    });
    return settings;
}

std::string raisedText(const std::string& name, const std::string& value)
{
    return "The original raised '" + name + "' after the backup: the copy is given " + value
           + " too, or it could not replay.";
}

/// A copy that a person starts: quiet, with the configuration it came with or a small one of its
/// own.
Result<> configureUnfenced(Run& run, const postgres::Settings& recovery)
{
    SALVOR_TRY(auto found, findConfiguration(run.places));
    if (found.configFile.empty()) {
        SALVOR_TRY(const Path socket, createSocketDirectory(run.places, run.owner));
        SALVOR_TRY(const int port, freePort());
        SALVOR_CHECK(writeOwnConfiguration(
            run.places,
            postgres::fenceSettings({run.places.data, run.places.config, socket, port}, run.control,
                                    {}),
            run.owner));
        run.outcome.warnings.push_back("The backup holds no configuration: a small one was "
                                       "written into "
                                       + quoted(run.places.config)
                                       + "; it answers on a socket of its own only.");
        SALVOR_TRY(found, findConfiguration(run.places));
    }
    auto settings =
        merged(recovery, quietSettings(run.plan.backup.incarnation.identity.majorVersion));
    for (const auto& [name, value] : raisedSinceBackup(run)) {
        settings.emplace_back(name, value);
        run.outcome.warnings.push_back(raisedText(name, value));
    }
    SALVOR_CHECK(writeRecovery(run.places, settings, run.owner, run.outcome.warnings));
    const auto programs = postgres::findPrograms(run.plan.backup.incarnation.identity.majorVersion,
                                                 run.options.programs);
    run.outcome.startCommand =
        startCommand(run.places, found, programs.ok() ? programs->folder : Path(), run.owner);
    run.outcome.warnings.emplace_back(
        "The copy does not archive its WAL, so that it cannot disturb the original's archive, and "
        "runs no subscriptions. When it takes over: ALTER SYSTEM RESET archive_mode, "
        "max_logical_replication_workers, synchronous_standby_names and logging_collector, each in "
        "a statement of its own, then restart it and take a backup.");
    return {};
}

Result<> configureFenced(Run& run, const postgres::Settings& recovery)
{
    SALVOR_TRY(const auto found, findConfiguration(run.places));
    const auto preload = preloadLibraries(run.places, found);
    SALVOR_CHECK(describeInstance(run));
    run.fence = postgres::fenceSettings({run.places.data, run.instance.configDirectory,
                                         run.instance.socketDirectory, run.instance.port},
                                        run.control, preload);
    return writeRecovery(run.places, merged(recovery, run.fence), run.owner, run.outcome.warnings);
}

Result<> giveConfiguration(const Run& run)
{
    std::error_code error;
    for (auto at = std::filesystem::recursive_directory_iterator(run.places.config, error);
         !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error))
        SALVOR_CHECK(giveTo(at->path(), run.owner));
    return {};
}

Result<> configure(Run& run)
{
    SALVOR_CHECK(readControl(run));
    const auto recovery =
        postgres::recoverySettings(run.plan.target, run.plan.action, run.options.restoreCommand);
    if (run.plan.startOptions.start)
        SALVOR_CHECK(configureFenced(run, recovery));
    else
        SALVOR_CHECK(configureUnfenced(run, recovery));
    return giveConfiguration(run);
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
    ::rmdir(places.config.c_str());
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
    std::vector<repository::ChunkPlaces::Place> from = run.options.copies;
    from.insert(from.begin(), {run.plan.repository, [&] { return borrowed(run.repository); }});
    repository::ChunkPlaces places(std::move(from), run.seen.index, run.job.events);
    SALVOR_CHECK(writeFiles(files, places, how, run.job));
    run.outcome.repositories = places.used();
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
    // Held while it is renamed: whoever claimed it is still writing.
    SALVOR_TRY(const FileDescriptor claim, claimPlace(run.places.data));
    SALVOR_TRY(run.aside, setAsideUnfinished(run.places, systemClock().now()));
    return {};
}

Error afterWriting(Error error, const Places& places)
{
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
