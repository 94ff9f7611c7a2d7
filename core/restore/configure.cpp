// What a restored directory is told, by the kind of restore.
#include "core/postgres/programs.h"
#include "core/restore/configuration.h"
#include "core/restore/run.h"
#include "core/restore/start_copy.h"

#include <algorithm>

namespace salvor::restore {

namespace {

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

/// The cluster itself: it keeps the configuration it has, and its WAL.
Result<> configureInPlace(Run& run, const postgres::Settings& recovery)
{
    const int major = run.plan.backup.incarnation.identity.majorVersion;
    SALVOR_TRY(auto found, findConfiguration(run.places));
    auto settings = merged(recovery, waitingSettings(major));
    for (const auto& [name, value] : raisedSinceBackup(run)) {
        settings.emplace_back(name, value);
        run.outcome.warnings.push_back(raisedText(name, value));
    }
    SALVOR_CHECK(writeRecovery(run.places, settings, run.owner, run.outcome.warnings));
    const auto& outside = run.seen.contents.outside;
    for (const Path& file : outside)
        if (found.configFile.empty() && file.filename() == "postgresql.conf" && isThere(file))
            found.configFile = file;
    const auto programs = postgres::findPrograms(major, run.options.programs);
    run.outcome.startCommand = startCommandInPlace(
        run.places, found, programs.ok() ? programs->folder : Path(), run.owner);
    run.outcome.warnings.emplace_back(
        "The restored cluster keeps its WAL and archives nothing, follows no primary and runs no "
        "subscriptions, so that it can still be taken back. Once it is to stay: 'salvorctl "
        "in-place commit' says how that ends.");
    return {};
}

/// From 15 on PostgreSQL reads ahead, past its target.
postgres::Settings withoutReadingAhead(int major)
{
    constexpr int firstToReadAhead = 15;
    if (major < firstToReadAhead)
        return {};
    return {{"recovery_prefetch", "off"}};
}

Result<> configureFenced(Run& run, const postgres::Settings& recovery)
{
    SALVOR_TRY(const auto found, findConfiguration(run.places));
    const auto preload = preloadLibraries(run.places, found);
    SALVOR_CHECK(describeInstance(run));
    run.fence = postgres::fenceSettings({run.places.data, run.instance.configDirectory,
                                         run.instance.socketDirectory, run.instance.port},
                                        run.control, preload);
    if (run.options.endIsUnknown)
        run.fence = merged(run.fence,
                           withoutReadingAhead(run.plan.backup.incarnation.identity.majorVersion));
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

} // namespace

Result<> configure(Run& run)
{
    SALVOR_CHECK(readControl(run));
    const auto recovery =
        postgres::recoverySettings(run.plan.target, run.plan.action, run.options.restoreCommand);
    if (run.plan.startOptions.start)
        SALVOR_CHECK(configureFenced(run, recovery));
    else if (run.plan.inPlace)
        SALVOR_CHECK(configureInPlace(run, recovery));
    else
        SALVOR_CHECK(configureUnfenced(run, recovery));
    return giveConfiguration(run);
}

} // namespace salvor::restore
