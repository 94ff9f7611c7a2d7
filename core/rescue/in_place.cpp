#include "core/rescue/in_place.h"

#include "core/rescue/set_aside.h"

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
    journal.delta = plan.inPlace->delta;
    journal.setsAside = plan.inPlace->setsAside;
    journal.tablespaces = plan.tablespaces;
    journal.begunAt = now;
    return journal;
}

Result<> refuseOther(const Journal& journal, const model::RestorePlan& plan)
{
    if (plan.inPlace->goesOn && journal.setsAside == plan.inPlace->setsAside
        && journal.backup == plan.backup.id && journal.delta == plan.inPlace->delta
        && journal.takesBack.empty() && !journal.removing)
        return {};
    return fail(ErrorCode::NotReady,
                "the plan no longer holds: another restore in place waits in "
                    + quoted(journal.directory),
                "Make a new plan. Nothing was written.");
}

Result<> setDataAside(const model::InPlace::Rename& rename)
{
    if (!isThere(rename.to)) {
        SALVOR_CHECK(renameDurably(rename.from, rename.to));
        if (auto refused = putBackIfRunning(rename); !refused.ok()) {
            SALVOR_CHECK(removeJournal(rename.from));
            return refused;
        }
    }
    return hideControlFile(rename.to);
}

/// The data directory first, so that no server starts without its tablespaces.
Result<> setAside(const Journal& journal)
{
    for (const auto& rename : journal.setsAside) {
        if (rename.from == journal.directory)
            SALVOR_CHECK(setDataAside(rename));
        else if (!isThere(rename.to))
            SALVOR_CHECK(renameDurably(rename.from, rename.to));
    }
    return {};
}

Error afterSettingAside(Error error, const Journal& journal)
{
    if (const auto old = journal.old(); old && !isThere(*old))
        return error;
    const std::string directory = journal.directory.native();
    error.hint += std::string(error.hint.empty() ? "" : " ")
                  + "The same command goes on from there; 'salvorctl in-place rollback " + directory
                  + "' puts back what was set aside.";
    return error;
}

bool isFinished(const Journal& journal)
{
    return std::all_of(journal.setsAside.begin(), journal.setsAside.end(),
                       [](const auto& rename) { return isThere(rename.to); })
           && restore::isDataDirectory(journal.directory)
           && !isThere(journal.directory / restore::markerName);
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
    case Stage::Removing:
        return "removing";
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
    waiting.stage = journal->removing             ? Stage::Removing
                    : !journal->takesBack.empty() ? Stage::RollingBack
                    : isFinished(*journal)        ? Stage::Restored
                                                  : Stage::Unfinished;
    waiting.cluster = journal->cluster;
    waiting.repository = journal->repository;
    waiting.backup = journal->backup;
    waiting.delta = journal->delta;
    waiting.begunAt = journal->begunAt;
    for (const auto& rename : journal->setsAside)
        waiting.old.emplace_back(rename.to);
    return std::optional<Waiting>(std::move(waiting));
}

Result<model::RestoreOutcome> restoreInPlace(const model::RestorePlan& plan,
                                             const repository::Repository& repository,
                                             restore::ApplyOptions options, JobContext& job)
{
    const Path directory = plan.destination;
    Journal journal = journalOf(plan, systemClock().now());
    SALVOR_TRY(const auto before, loadJournal(directory));
    if (before) {
        SALVOR_CHECK(refuseOther(*before, plan));
        journal = *before;
    }
    FileDescriptor held;
    options.vacate = [&]() -> Result<> {
        SALVOR_TRY(held, claim(journal));
        SALVOR_CHECK(refuseRunning(directory));
        if (!before)
            SALVOR_CHECK(saveJournal(journal, IfExists::Fail));
        return setAside(journal);
    };
    options.willMove = [&](const auto& names) { return noteMoves(directory, names); };
    auto outcome = restore::apply(plan, repository, options, job);
    if (!outcome.ok())
        return afterSettingAside(std::move(outcome).error(), journal);
    std::string kept = "Until then 'salvorctl in-place rollback " + directory.native() + "' ";
    if (const auto old = journal.old())
        kept += "puts " + quoted(*old) + " back.";
    else
        kept += "sets it aside again.";
    outcome->warnings.push_back(std::move(kept));
    return outcome;
}

} // namespace salvor::rescue
