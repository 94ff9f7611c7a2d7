#include "core/console/copy_lag.h"

#include "core/console/commands.h"
#include "core/repository/copy.h"
#include "core/repository/retired.h"
#include "core/repository/sweep.h"
#include "core/restore/words.h"

#include <algorithm>
#include <set>

namespace salvor::console {

namespace {

using model::Check;
using Level = Check::Level;
using repository::NamedRepository;
using repository::Repository;

constexpr const char* checkName = "copy";

/// What one repository lacks that another has.
struct Lag {
    std::uint64_t count = 0;
    ByteCount bytes = 0;
    std::optional<Moment> since; ///< When the oldest of it came.

    void add(ByteCount size, Moment at)
    {
        ++count;
        bytes += size;
        since = since ? std::min(*since, at) : at;
    }
};

std::string copyCommand(const NamedRepository& from, const NamedRepository& to)
{
    return "Run 'salvorctl repo copy " + from.name + " " + to.name + "'.";
}

/// "3 backups (1.2 GiB), the oldest 4 h old".
std::string lagText(const Lag& lag, std::string_view noun)
{
    const auto age = systemClock().now() - *lag.since;
    return restore::countText(lag.count, noun) + " (" + restore::sizeText(lag.bytes)
           + "), the oldest " + durationText(std::chrono::floor<std::chrono::seconds>(age))
           + " old";
}

Level levelOf(const Lag& lag, std::chrono::hours patience)
{
    return systemClock().now() - *lag.since > patience ? Level::Warning : Level::Note;
}

/// Whether both mean the same by the cluster's name and number.
bool isSameCluster(const NamedRepository& first, const NamedRepository& copy,
                   const model::Incarnation& incarnation, Checks& checks)
{
    const auto ours = first.repository.incarnations(incarnation.cluster);
    const auto theirs = copy.repository.incarnations(incarnation.cluster);
    if (!ours.ok() || !theirs.ok()) {
        addFailure(checks, checkName, ours.ok() ? theirs.error() : ours.error(), Level::Warning);
        return false;
    }
    if (theirs->empty()) {
        checks.push_back({Level::Warning, checkName,
                          "'" + copy.name + "' has nothing of '" + incarnation.cluster + "' yet.",
                          "Everything is in one place only.", copyCommand(first, copy)});
        return false;
    }
    const auto against = repository::contradiction(*ours, *theirs, incarnation);
    if (!against)
        return true;
    checks.push_back({Level::Blocker, checkName,
                      "'" + copy.name + "': incarnation " + std::to_string(incarnation.number)
                          + " of '" + incarnation.cluster + "' " + *against + ".",
                      "Nothing of it is copied there, so that the two are not mixed.",
                      "Make a new copy, or archive this cluster under another name."});
    return false;
}

/// Backups of the one that the other neither has nor took out itself.
Result<Lag> missingBackups(const Repository& from, const Repository& to,
                           const model::Incarnation& incarnation)
{
    SALVOR_TRY(const auto ours, from.backups(incarnation.cluster));
    SALVOR_TRY(const auto theirs, to.backups(incarnation.cluster));
    SALVOR_TRY(const auto retired, repository::retiredBackups(to, incarnation.cluster));
    SALVOR_TRY(const auto swept, repository::sweptMark(to, incarnation));
    std::set<std::string> known;
    for (const model::Backup& each : theirs)
        known.insert(each.id);
    for (const model::RetiredBackup& each : retired)
        known.insert(each.backup.id);
    const std::string newest = known.empty() ? "" : *known.rbegin();
    Lag lag;
    for (const model::Backup& each : ours)
        if (each.incarnation.number == incarnation.number && !known.contains(each.id)
            && !(swept && repository::wentWith(*swept, each, newest)))
            lag.add(each.newSize, each.finishedAt);
    return lag;
}

Result<Lag> missingWal(const Repository& from, const Repository& to,
                       const model::Incarnation& incarnation)
{
    SALVOR_TRY(const auto ours, from.segments(incarnation));
    SALVOR_TRY(const auto theirs, to.segments(incarnation));
    SALVOR_TRY(const auto swept, repository::sweptMark(to, incarnation));
    std::set<model::Segment> known;
    for (const auto& each : theirs)
        known.insert(each.segment);
    const ByteCount size = incarnation.identity.segmentSize;
    Lag lag;
    for (const auto& each : ours)
        if (!known.contains(each.segment)
            && !(swept && each.storedAt <= swept->at
                 && model::segmentStart(each.segment, size) < swept->before))
            lag.add(each.storedSize, each.storedAt);
    return lag;
}

/// What is counted, and after how long it is a warning that it is still missing.
struct Kind {
    std::string_view noun;
    std::chrono::hours patience;
};

void addLag(const Result<Lag>& lag, const Kind& kind, const NamedRepository& from,
            const NamedRepository& to, Checks& checks)
{
    if (!lag.ok())
        addFailure(checks, checkName, lag.error(), Level::Warning);
    else if (lag->count > 0)
        checks.push_back({levelOf(*lag, kind.patience), checkName,
                          "'" + to.name + "' lacks " + lagText(*lag, kind.noun) + ", which '"
                              + from.name + "' has.",
                          "It is in one place only.", copyCommand(from, to)});
}

/// Names; empty when there is none.
struct Newest {
    std::string backup;
    std::string wal;
};

Result<Newest> newestIn(const Repository& repository, const model::Incarnation& incarnation)
{
    Newest newest;
    SALVOR_TRY(const auto backups, repository.backups(incarnation.cluster));
    if (!backups.empty())
        newest.backup = backups.back().id;
    SALVOR_TRY(const auto segments, repository.segments(incarnation));
    if (!segments.empty()) {
        SALVOR_TRY(newest.wal,
                   model::segmentName(segments.back().segment, incarnation.identity.segmentSize));
    }
    return newest;
}

/// "; its newest backup is 'b1', that of 'main' 'b3'".
std::string newestText(std::string_view noun, const std::string& own, const std::string& first,
                       const std::string& firstName)
{
    if (own.empty() && first.empty())
        return "";
    std::string text = "; its newest ";
    text.append(noun);
    text += own.empty() ? " is none" : " is '" + own + "'";
    if (own != first)
        text += ", that of '" + firstName + "' " + (first.empty() ? "none" : "'" + first + "'");
    return text;
}

Result<> addNewest(const NamedRepository& first, const NamedRepository& copy,
                   const model::Incarnation& incarnation, Level level, Checks& checks)
{
    SALVOR_TRY(const Newest theirs, newestIn(first.repository, incarnation));
    SALVOR_TRY(const Newest own, newestIn(copy.repository, incarnation));
    checks.push_back({level, checkName,
                      "'" + copy.name + "' is a copy"
                          + newestText("backup", own.backup, theirs.backup, first.name)
                          + newestText("WAL", own.wal, theirs.wal, first.name) + ".",
                      "", ""});
    return {};
}

} // namespace

void checkCopyLag(const NamedRepository& first, const NamedRepository& copy,
                  const std::string& cluster, Checks& checks)
{
    const Kind backup{"backup", std::chrono::hours(48)};
    const Kind segment{"WAL segment", std::chrono::hours(1)};
    if (!repository::checkStandsIn(copy, first).ok())
        return; // checkCopies() says so.
    const auto incarnation = first.repository.incarnation(cluster);
    if (!incarnation.ok())
        return; // The check of the identity says so.
    if (!isSameCluster(first, copy, *incarnation, checks))
        return;
    const Repository& ours = first.repository;
    const Repository& theirs = copy.repository;
    const std::size_t before = checks.size();
    addLag(missingBackups(ours, theirs, *incarnation), backup, first, copy, checks);
    addLag(missingWal(ours, theirs, *incarnation), segment, first, copy, checks);
    addLag(missingWal(theirs, ours, *incarnation), segment, copy, first, checks);
    const Level level = checks.size() == before ? Level::Passed : Level::Note;
    if (const auto added = addNewest(first, copy, *incarnation, level, checks); !added.ok())
        addFailure(checks, checkName, added.error(), Level::Warning);
}

} // namespace salvor::console
