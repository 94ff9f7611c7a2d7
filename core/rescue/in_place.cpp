#include "core/rescue/in_place.h"

#include "core/rescue/set_aside.h"
#include "core/restore/words.h"

#include <algorithm>

namespace salvor::rescue {

namespace {

using restore::isThere;

Journal journalOf(const model::RestorePlan& plan, Moment now)
{
    Journal journal;
    journal.directory = plan.destination;
    journal.repository = plan.repository;
    journal.repositoryId = plan.repositoryId;
    journal.cluster = plan.cluster;
    journal.backup = plan.backup.id;
    journal.systemIdentifier = plan.backup.incarnation.identity.systemIdentifier;
    journal.setsAside = plan.inPlace->setsAside;
    journal.tablespaces = plan.tablespaces;
    journal.begunAt = now;
    return journal;
}

Error planIsStale(const std::string& why)
{
    return fail(ErrorCode::NotReady, "the plan no longer holds: " + why,
                "Make a new plan. Nothing was written.");
}

bool isPlanned(const Journal& journal, const model::RestorePlan& plan)
{
    return journal.setsAside == plan.inPlace->setsAside && journal.tablespaces == plan.tablespaces
           && journal.backup == plan.backup.id && journal.repositoryId == plan.repositoryId
           && journal.takesBack.empty();
}

/// Under the lock: what stands in the file now counts, not what was seen when the plan was made.
Result<Journal> journalFor(const model::RestorePlan& plan)
{
    const Path directory = plan.destination;
    SALVOR_TRY(const auto found, loadJournal(directory));
    if (!found && plan.inPlace->goesOn)
        return planIsStale("the restore in place in " + quoted(directory) + " is over");
    if (!found) {
        Journal journal = journalOf(plan, systemClock().now());
        SALVOR_CHECK(refuseStrange(journal).in("the plan"));
        return journal;
    }
    SALVOR_TRY(Journal journal, trustedJournal(directory));
    if (!plan.inPlace->goesOn || !isPlanned(journal, plan))
        return planIsStale("another restore in place waits in " + quoted(directory));
    return journal;
}

/// Every place is as the plan or the journal has it, before anything is renamed.
Result<> refuseMoved(const Journal& journal, bool goesOn)
{
    for (const Rename& rename : journal.setsAside) {
        SALVOR_TRY(const Where where, whereIs(rename));
        if (where == Where::Aside && !goesOn)
            return planIsStale(quoted(Path(rename.from)) + " was renamed");
    }
    for (const Path& place : journal.places().all()) {
        const bool isPlanned =
            std::any_of(journal.setsAside.begin(), journal.setsAside.end(),
                        [&](const Rename& rename) { return rename.from == place; });
        SALVOR_TRY(const auto inode, inodeAt(place));
        if (!goesOn && !isPlanned && inode)
            return planIsStale(quoted(place) + " was not there when it was made");
    }
    return {};
}

Result<> setDataAside(const Rename& rename)
{
    SALVOR_TRY(const Where where, whereIs(rename));
    if (where == Where::Place) {
        SALVOR_CHECK(renameDurably(rename.from, rename.to));
        if (auto refused = putBackIfRunning(rename); !refused.ok()) {
            SALVOR_CHECK(removeJournal(rename.from));
            return refused;
        }
    }
    return hideControlFile(rename.to);
}

/// The data directory first, so that no server starts without its tablespaces. What a killed server
/// had not made durable is, before anything relies on it.
Result<> setAside(const Journal& journal)
{
    SALVOR_CHECK(setDataAside(journal.setsAside.front()));
    for (std::size_t i = 1; i < journal.setsAside.size(); ++i) {
        const Rename& rename = journal.setsAside[i];
        SALVOR_TRY(const Where where, whereIs(rename));
        if (where == Where::Place)
            SALVOR_CHECK(renameDurably(rename.from, rename.to));
    }
    for (const Rename& rename : journal.setsAside)
        SALVOR_CHECK(syncFileSystem(rename.to));
    return {};
}

Result<> begin(const Journal& journal)
{
    SALVOR_CHECK(saveBallast(journal.directory));
    auto saved = saveJournal(journal, IfExists::Fail);
    if (!saved.ok())
        removeBallast(journal.directory);
    return saved;
}

bool isFinished(const Journal& journal)
{
    return std::all_of(journal.setsAside.begin(), journal.setsAside.end(),
                       [](const Rename& rename) {
                           const auto where = whereIs(rename);
                           return where.ok() && *where == Where::Aside;
                       })
           && restore::isDataDirectory(journal.directory)
           && !isThere(journal.directory / restore::markerName);
}

} // namespace

Result<> vacate(const model::RestorePlan& plan)
{
    SALVOR_TRY(const Journal journal, journalFor(plan));
    if (plan.inPlace->goesOn && isFinished(journal))
        return planIsStale("the restore in place in " + quoted(journal.directory)
                           + " was finished meanwhile");
    SALVOR_CHECK(refuseMoved(journal, plan.inPlace->goesOn));
    SALVOR_CHECK(refuseRunning(journal.directory));
    if (plan.inPlace->goesOn)
        SALVOR_CHECK(refuseRunning(journal.old()));
    else
        SALVOR_CHECK(begin(journal));
    return setAside(journal);
}

namespace {

Error afterSettingAside(Error error, const model::RestorePlan& plan)
{
    const auto& renames = plan.inPlace->setsAside;
    if (renames.empty() || !isThere(renames.front().to))
        return error;
    if (const auto waiting = waitingIn(plan.destination);
        waiting.ok() && *waiting && (*waiting)->stage == Stage::Restored)
        return error;
    error.hint += std::string(error.hint.empty() ? "" : " ")
                  + "The same command goes on from there; 'salvorctl in-place rollback "
                  + restore::shellWord(plan.destination) + "' puts back what was set aside.";
    return error;
}

} // namespace

std::string_view stageName(Stage stage) noexcept
{
    switch (stage) {
    case Stage::Unfinished:
        return "unfinished";
    case Stage::Restored:
        return "restored";
    case Stage::RollingBack:
        return "rolling back";
    }
    return "unfinished";
}

Result<std::optional<Waiting>> waitingIn(const Path& directory)
{
    SALVOR_TRY(const auto journal, loadJournal(directory));
    if (!journal)
        return std::optional<Waiting>();
    Waiting waiting;
    waiting.directory = journal->directory;
    waiting.stage = !journal->takesBack.empty() ? Stage::RollingBack
                    : isFinished(*journal)      ? Stage::Restored
                                                : Stage::Unfinished;
    waiting.cluster = journal->cluster;
    waiting.repository = journal->repository;
    waiting.backup = journal->backup;
    waiting.begunAt = journal->begunAt;
    for (const Rename& rename : journal->setsAside)
        waiting.old.emplace_back(rename.to);
    return std::optional<Waiting>(std::move(waiting));
}

Result<model::RestoreOutcome> restoreInPlace(const model::RestorePlan& plan,
                                             const repository::Repository& repository,
                                             restore::ApplyOptions options, JobContext& job)
{
    std::optional<JournalLock> lock; // To the end.
    options.vacate = [&]() -> Result<> {
        SALVOR_TRY(auto taken, JournalLock::take(plan.destination));
        lock.emplace(std::move(taken));
        return vacate(plan);
    };
    auto outcome = restore::apply(plan, repository, options, job);
    if (!outcome.ok())
        return afterSettingAside(std::move(outcome).error(), plan);
    outcome->warnings.push_back("Until then 'salvorctl in-place rollback "
                                + restore::shellWord(plan.destination) + "' puts "
                                + quoted(Path(plan.inPlace->setsAside.front().to)) + " back.");
    return outcome;
}

} // namespace salvor::rescue
