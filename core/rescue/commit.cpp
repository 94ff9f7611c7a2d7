#include "core/postgres/control_file.h"
#include "core/postgres/recovery_settings.h"
#include "core/rescue/in_place.h"
#include "core/rescue/set_aside.h"

#include <map>

namespace salvor::rescue {

namespace fs = std::filesystem;

namespace {

using restore::isThere;

/// archive_library came with 15.
bool hasLibraries(const Journal& journal)
{
    constexpr int firstMajor = 15;
    const auto control = postgres::readControlFile(journal.directory);
    return !control.ok() || control->identity.majorVersion >= firstMajor;
}

/// Only what still is the cluster that was set aside, by its own control file.
Result<> refuseUnknown(const Journal& journal)
{
    const auto old = journal.old();
    if (!old || !isThere(*old))
        return {};
    const auto unknown = [&](const std::string& why) {
        return fail(ErrorCode::NotReady,
                    "it is not known whose data " + quoted(*old) + " holds: " + why,
                    "Commit without --remove-old, look into it, and remove it by hand.");
    };
    const auto bytes = readFile(*old / restore::asideControlName);
    if (!bytes.ok())
        return unknown(bytes.error().message);
    const auto control = postgres::parseControlFile(*bytes);
    if (!control.ok())
        return unknown(control.error().message);
    if (control->identity.systemIdentifier != journal.systemIdentifier)
        return unknown("it is cluster " + std::to_string(control->identity.systemIdentifier)
                       + ", and " + std::to_string(journal.systemIdentifier) + " was restored");
    return {};
}

std::string literal(const std::string& text)
{
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
}

std::vector<std::string> statementsFor(const Journal& journal)
{
    std::map<std::string, std::string> before;
    const auto old = journal.old();
    const auto text = readTextFile(old ? *old / "postgresql.auto.conf" : Path());
    const auto settings = postgres::parseSettings(text.ok() ? *text : std::string());
    if (settings.ok())
        before.insert(settings->begin(), settings->end());
    std::vector<std::string> statements;
    for (const char* name : {"archive_command", "archive_library", "synchronous_standby_names"}) {
        const auto known = before.find(name);
        if (known != before.end() && !known->second.empty())
            statements.push_back("ALTER SYSTEM SET " + known->first + " = "
                                 + literal(known->second));
        else if (name != std::string_view("archive_library") || hasLibraries(journal))
            statements.push_back(std::string("ALTER SYSTEM RESET ") + name);
    }
    statements.emplace_back("SELECT pg_reload_conf()");
    return statements;
}

Result<> removeOldPlaces(Journal& journal)
{
    if (!journal.removing)
        SALVOR_CHECK(refuseUnknown(journal));
    journal.removing = true;
    SALVOR_CHECK(saveJournal(journal));
    for (const auto& rename : journal.setsAside) {
        std::error_code error;
        fs::remove_all(rename.to, error);
        if (error)
            return failErrno(error.value(), "cannot remove " + quoted(Path(rename.to)),
                             "The restored cluster is not touched by that; the same command goes "
                             "on.");
    }
    return {};
}

} // namespace

Result<Committed> commit(const Path& directory, bool removeOld, JobContext& job)
{
    SALVOR_CHECK(job.proceed());
    SALVOR_TRY(auto journal, loadJournal(directory));
    if (!journal)
        return fail(ErrorCode::NotFound, "no restore in place waits in " + quoted(directory),
                    "'salvorctl in-place list' names those of the configuration.");
    SALVOR_TRY(const FileDescriptor held, claim(*journal));
    SALVOR_TRY(const auto waiting, waitingIn(directory));
    if (waiting->stage == Stage::Unfinished || waiting->stage == Stage::RollingBack)
        return fail(ErrorCode::NotReady,
                    "the restore in place in " + quoted(directory) + " is "
                        + std::string(stageName(waiting->stage)),
                    waiting->stage == Stage::Unfinished
                        ? "Run the restore again to go on with it, or roll it back."
                        : "Roll it back again, to the end.");
    Committed committed;
    committed.old = waiting->old;
    committed.statements = statementsFor(*journal);
    committed.removed = removeOld || journal->removing;
    if (committed.removed)
        SALVOR_CHECK(removeOldPlaces(*journal));
    SALVOR_CHECK(removeJournal(directory));
    return committed;
}

} // namespace salvor::rescue
