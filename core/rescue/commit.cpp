#include "core/postgres/control_file.h"
#include "core/postgres/recovery_settings.h"
#include "core/rescue/in_place.h"
#include "core/rescue/set_aside.h"
#include "core/restore/checks.h"

#include <map>

namespace salvor::rescue {

namespace {

using restore::isThere;

/// archive_library came with 15.
bool hasLibraries(const Journal& journal)
{
    constexpr int firstMajor = 15;
    const auto control = postgres::readControlFile(journal.directory);
    return !control.ok() || control->identity.majorVersion >= firstMajor;
}

/// The server itself takes these files away: the label when it starts to recover, the signal when
/// it has recovered.
Result<> refuseUnlessRecovered(const Journal& journal)
{
    const auto notYet = [&](const std::string& why, const std::string& todo) {
        return fail(ErrorCode::NotReady,
                    "the cluster restored in " + quoted(journal.directory) + " " + why,
                    todo + " Nothing was changed; the way back stays.");
    };
    for (const char* name : {"backup_label", "recovery.signal", "standby.signal"})
        if (isThere(journal.directory / name))
            return notYet(std::string("did not end its recovery: it holds '") + name + "'",
                          "Start it, wait until it is promoted, and look at it.");
    const auto control = postgres::readControlFile(journal.directory);
    if (!control.ok())
        return notYet("cannot be recognised: " + control.error().message,
                      "Look whether it is the right directory.");
    if (control->identity.systemIdentifier != journal.systemIdentifier)
        return notYet("is cluster " + std::to_string(control->identity.systemIdentifier) + ", and "
                          + std::to_string(journal.systemIdentifier) + " was restored",
                      "Look whether it is the right directory.");
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
    const auto text = readTextFile(journal.old() / "postgresql.auto.conf");
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

std::optional<std::vector<std::string>> walOnlyIn(const Journal& journal,
                                                  const OpenRepository& open)
{
    const auto repository = open(journal.repository);
    if (!repository.ok() || (*repository)->info().id != journal.repositoryId)
        return std::nullopt;
    const auto backup = (*repository)->backup(journal.backup);
    if (!backup.ok())
        return std::nullopt;
    auto names =
        restore::walNotArchived(journal.old() / "pg_wal", backup->incarnation, **repository);
    if (!names.ok())
        return std::nullopt;
    return *std::move(names);
}

} // namespace

Result<Committed> commit(const Path& directory, const OpenRepository& open, JobContext& job)
{
    SALVOR_CHECK(job.proceed());
    SALVOR_TRY(const JournalLock lock, JournalLock::take(directory));
    SALVOR_TRY(const Journal journal, trustedJournal(directory));
    if (!journal.takesBack.empty())
        return fail(ErrorCode::NotReady,
                    "the restore in place in " + quoted(directory) + " is being taken back",
                    "Roll it back again, to the end.");
    for (const Rename& rename : journal.setsAside) {
        SALVOR_TRY(const Where where, whereIs(rename));
        if (where != Where::Aside || isThere(directory / restore::markerName))
            return fail(ErrorCode::NotReady,
                        "the restore in place in " + quoted(directory) + " is unfinished",
                        "Run the restore again to go on with it, or roll it back.");
    }
    SALVOR_CHECK(refuseUnlessRecovered(journal));
    Committed committed;
    for (const Rename& rename : journal.setsAside)
        committed.old.emplace_back(rename.to);
    committed.walOnlyThere = walOnlyIn(journal, open);
    committed.statements = statementsFor(journal);
    SALVOR_CHECK(removeJournal(directory));
    return committed;
}

} // namespace salvor::rescue
