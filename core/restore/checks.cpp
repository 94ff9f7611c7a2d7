// The checks on the repository, and all of them in order.
#include "core/restore/checks.h"

#include "core/base/text.h"
#include "core/repository/check.h"
#include "core/repository/wal_pieces.h"
#include "core/restore/words.h"

#include <algorithm>
#include <set>

namespace salvor::restore {

namespace {

using model::Check;
using Level = model::Check::Level;

constexpr const char* damagedCause =
    "A copy made from it would not be what was backed up. Nothing is written.";

Check couldNot(const std::string& name, const Error& error)
{
    return {Level::Blocker, name, "This could not be checked: " + error.message + ".", "",
            error.hint};
}

struct Packs {
    ChunkIds damaged;
    std::vector<std::string> sentences;
};

Result<Packs> damagedPacks(const model::RestorePlan& plan, const repository::Repository& repository,
                           JobContext& job)
{
    Packs packs;
    SALVOR_TRY(const auto damages,
               repository::listDamage(repository, plan.backup.incarnation, job));
    for (const repository::PackDamage& one : damages) {
        packs.sentences.push_back("'" + one.damage.object + "' " + one.damage.what);
        packs.damaged.insert(one.chunks.begin(), one.chunks.end());
    }
    return packs;
}

std::string someOf(const std::vector<std::string>& names, std::uint64_t count)
{
    constexpr std::size_t shown = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, names.size()); ++i)
        text += (i == 0 ? "'" : ", '") + names[i] + "'";
    return count > shown ? text + " and " + std::to_string(count - shown) + " more" : text;
}

Check checkPacks(const model::RestorePlan& plan, const Packs& packs, const Contents& contents)
{
    if (contents.unreadableCount == 0)
        return {Level::Passed, "packs",
                "Every pack that the backup needs is there with its size: "
                    + countText(contents.fileCount, "file") + ", "
                    + sizeText(plan.backup.storedSize) + " to fetch.",
                "", ""};
    std::string found = countText(contents.unreadableCount, "file")
                        + " of the backup cannot be read: "
                        + someOf(contents.unreadable, contents.unreadableCount) + ".";
    if (!packs.sentences.empty())
        found += " Pack " + packs.sentences.front() + ".";
    return {Level::Blocker, "packs", std::move(found), damagedCause,
            "Restore from another backup, and bring the pack back from a copy of the repository."};
}

Check checkBackup(const model::RestorePlan& plan, const Contents& contents)
{
    if (!contents.hasControlFile || !contents.hasBackupLabel)
        return {Level::Blocker, "backup",
                std::string("The backup has no '")
                    + (contents.hasControlFile ? "backup_label" : controlName) + "'.",
                "No server could recover it to a consistent state.",
                "Restore from another backup."};
    if (plan.backup.damaged.empty())
        return {Level::Passed, "backup",
                "Backup '" + plan.backup.id + "' is whole: its page checksums were "
                    + (plan.backup.pageChecksums ? "right when it was taken."
                                                 : "not checked, because the cluster has none."),
                "", ""};
    std::vector<std::string> names;
    for (const model::DamagedPages& pages : plan.backup.damaged)
        names.push_back(pages.path);
    return {Level::Warning, "backup",
            countText(names.size(), "file")
                + " had pages with a wrong checksum when the backup was taken: "
                + someOf(names, names.size()) + ".",
            "The original was damaged already; the copy will be damaged in the same places.",
            "Look for an older backup without that damage."};
}

Check checkKey(const repository::Repository& repository, const repository::ChunkReader* reader,
               const Contents& contents)
{
    if (!repository.keys().canReadContents())
        return {Level::Blocker, "key", "The key at hand can write backups, but not read them.",
                "It is a writer's key: the contents are sealed for readers.",
                "Use a reader's key: a passphrase, key file or private key."};
    if (reader == nullptr || !contents.sample)
        return {Level::Passed, "key", "The key opens the repository.", "", ""};
    return {Level::Passed, "key", "The key opens the repository and a chunk of the backup.", "",
            ""};
}

/// Reads one chunk: the only proof that the key opens contents.
std::optional<Check> checkSample(repository::ChunkReader& reader, const Contents& contents)
{
    if (!contents.sample)
        return std::nullopt;
    const auto read = reader.read(contents.sample->id, contents.sample->size);
    if (read.ok())
        return std::nullopt;
    return Check{Level::Blocker, "key",
                 "A chunk of the backup cannot be read: " + read.error().message + ".",
                 damagedCause, "Run a verification of the repository, or choose another key."};
}

std::string segmentText(const model::RestorePlan& plan, const model::Segment& segment)
{
    const auto name = model::segmentName(segment, plan.backup.incarnation.identity.segmentSize);
    return name.ok() ? "'" + *name + "'" : "with the number " + std::to_string(segment.number);
}

/// Whether pieces give a segment that is not whole as far as the target needs it.
Result<bool> isInPieces(const model::RestorePlan& plan, const repository::Repository& repository,
                        const model::Segment& segment)
{
    const model::Incarnation& incarnation = plan.backup.incarnation;
    const model::Lsn start = model::segmentStart(segment, incarnation.identity.segmentSize);
    const model::Lsn end = plan.target.replayEnd.value_or(plan.backup.stopLsn);
    SALVOR_TRY(const auto pieces, repository::piecesOf(repository, incarnation, segment));
    const ByteCount covered = repository::coveredBytes(pieces);
    return covered > 0 && value(start) + covered >= value(end);
}

Check checkWal(const model::RestorePlan& plan, const repository::Repository& repository)
{
    const auto stored = repository.segments(plan.backup.incarnation);
    if (!stored.ok())
        return couldNot("WAL", stored.error());
    std::set<model::Segment> present;
    std::set<model::Segment> twice;
    for (const auto& one : *stored)
        if (!present.insert(one.segment).second)
            twice.insert(one.segment);
    std::uint64_t count = 0;
    for (const model::WalRange& range : plan.walNeeded) {
        for (std::uint64_t number = range.firstSegment; number <= range.lastSegment; ++number) {
            const model::Segment segment{range.timeline, number};
            ++count;
            if (twice.contains(segment))
                return {Level::Blocker, "WAL",
                        "Segment " + segmentText(plan, segment)
                            + " is in the archive twice, with different bytes.",
                        "It is not known which one belongs to this history.",
                        "Choose a moment before that segment."};
            if (present.contains(segment))
                continue;
            const auto begun = isInPieces(plan, repository, segment);
            if (!begun.ok())
                return couldNot("WAL", begun.error());
            if (!*begun)
                return {Level::Blocker, "WAL",
                        "Segment " + segmentText(plan, segment) + " is not in the archive.",
                        "Replay cannot go past it.",
                        "Choose a moment before that segment, or bring it into the archive."};
        }
    }
    return {Level::Passed, "WAL",
            "All WAL up to the target is in the archive: " + countText(count, "segment") + ".", "",
            ""};
}

std::optional<Check> checkHistory(const model::RestorePlan& plan,
                                  const repository::Repository& repository)
{
    if (model::value(plan.target.timeline) <= 1)
        return std::nullopt;
    const std::string name = model::historyFileName(plan.target.timeline);
    const auto files = repository.walFiles(plan.backup.incarnation);
    if (!files.ok())
        return couldNot("WAL", files.error());
    if (std::find(files->begin(), files->end(), name) != files->end())
        return std::nullopt;
    return Check{Level::Blocker, "WAL", "The history file '" + name + "' is not in the archive.",
                 "Without it a server cannot follow timeline "
                     + std::to_string(model::value(plan.target.timeline)) + ".",
                 "Choose a moment on another timeline, or bring that file into the archive."};
}

void sortWorstFirst(std::vector<Check>& checks)
{
    std::stable_sort(checks.begin(), checks.end(),
                     [](const Check& a, const Check& b) { return a.level < b.level; });
}

/// Where the old files are now, before or after they were set aside.
std::vector<SetAside> oldPlacesOf(const model::RestorePlan& plan)
{
    std::vector<SetAside> old;
    if (!plan.inPlace)
        return old;
    for (const model::InPlace::Rename& rename : plan.inPlace->setsAside)
        old.push_back({rename.from, isThere(rename.to) ? rename.to : rename.from});
    return old;
}

void lookAtPlaces(Look& seen, const model::RestorePlan& plan,
                  const repository::Repository& repository, const Path& programs)
{
    const Places places = placesOf(plan);
    const auto add = [&](std::vector<Check> more) {
        seen.checks.insert(seen.checks.end(), more.begin(), more.end());
    };
    add(plan.inPlace ? checkInPlace(plan, places, repository) : checkDestination(places));
    add(checkTablespaces(plan, places));
    add(checkSpace(seen.contents, plan));
    add({checkOwner(plan), checkPrograms(plan, programs)});
    add(checkPort(plan));
    if (!seen.contents.skippedLinks.empty())
        add({{Level::Warning, "links",
              countText(seen.contents.skippedLinks.size(), "link")
                  + " of the backup will not be made: "
                  + someOf(seen.contents.skippedLinks, seen.contents.skippedLinks.size()) + ".",
              "They lead out of the data directory: the copy would write where the original does.",
              ""}});
}

} // namespace

Result<Look> look(const model::RestorePlan& plan, const Path& programs,
                  const repository::Repository& repository, Keep keep, JobContext& job)
{
    job.phase("check", 0);
    Look seen;
    const Places places = placesOf(plan);
    for (const Path& place : places.all()) {
        const auto occupancy = occupancyOf(place, places);
        if (occupancy.ok() && *occupancy == Occupancy::Unfinished)
            seen.unfinished.push_back(place);
    }
    SALVOR_TRY(seen.index, repository.loadIndex(plan.backup.incarnation));
    SALVOR_TRY(const Packs packs, damagedPacks(plan, repository, job));
    std::unique_ptr<repository::ChunkReader> reader;
    if (repository.keys().canReadContents()) {
        SALVOR_TRY(reader, repository::ChunkReader::create(repository, seen.index));
        SALVOR_TRY(seen.contents, readContents(repository, plan.backup,
                                               {places, *reader, packs.damaged, keep,
                                                !seen.unfinished.empty(), oldPlacesOf(plan)},
                                               job));
    }
    Check key = checkKey(repository, reader.get(), seen.contents);
    if (reader) {
        seen.checks.push_back(checkPacks(plan, packs, seen.contents));
        seen.checks.push_back(checkBackup(plan, seen.contents));
        if (seen.contents.unreadableCount == 0)
            key = checkSample(*reader, seen.contents).value_or(key);
    }
    seen.checks.push_back(std::move(key));
    seen.checks.push_back(checkWal(plan, repository));
    if (auto history = checkHistory(plan, repository))
        seen.checks.push_back(*std::move(history));
    lookAtPlaces(seen, plan, repository, programs);
    sortWorstFirst(seen.checks);
    return seen;
}

} // namespace salvor::restore
