#include "core/postgres/control_file.h"
#include "core/postgres/recovery_settings.h"
#include "core/rescue/in_place.h"
#include "core/rescue/set_aside.h"
#include "core/restore/checks.h"
#include "core/restore/configuration.h"

#include <algorithm>
#include <map>

namespace salvor::rescue {

namespace {

using restore::isThere;

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

/// What the old one's postgresql.auto.conf said. Nothing when that cannot be read, or when it is
/// not known to be the same cluster: another one's command would push into another one's archive.
std::optional<std::map<std::string, std::string>> settingsBefore(const Journal& journal)
{
    const auto bytes = readFile(journal.old() / restore::asideControlName);
    if (!bytes.ok())
        return std::nullopt;
    const auto control = postgres::parseControlFile(*bytes);
    if (!control.ok() || control->identity.systemIdentifier != journal.systemIdentifier)
        return std::nullopt;
    const auto text = readTextFile(journal.old() / "postgresql.auto.conf");
    if (!text.ok())
        return std::nullopt;
    const auto settings = postgres::parseSettings(*text);
    if (!settings.ok())
        return std::nullopt;
    std::map<std::string, std::string> before;
    for (const auto& [name, value] : *settings)
        before[name] = value;
    return before;
}

std::vector<std::string> statementsFor(const Journal& journal, const postgres::Settings& written)
{
    const auto before = settingsBefore(journal);
    std::vector<std::string> statements;
    if (!before)
        return statements;
    for (const char* name : {"archive_command", "archive_library", "synchronous_standby_names"}) {
        const auto known = before->find(name);
        const bool isWritten = std::any_of(written.begin(), written.end(),
                                           [&](const auto& one) { return one.first == name; });
        if (known != before->end() && !known->second.empty())
            statements.push_back("ALTER SYSTEM SET " + known->first + " = "
                                 + literal(known->second));
        else if (isWritten)
            statements.push_back(std::string("ALTER SYSTEM RESET ") + name);
    }
    statements.emplace_back("SELECT pg_reload_conf()");
    return statements;
}

/// How to have it work again, and what keeps it from that now.
void sayWhatWasSwitchedOff(const Journal& journal, Committed& committed)
{
    constexpr int newestMajor = 18;
    const auto control = postgres::readControlFile(journal.directory);
    const auto written =
        restore::waitingSettings(control.ok() ? control->identity.majorVersion : newestMajor);
    for (const auto& [name, value] : written)
        committed.switchedOff.push_back(name + " = " + literal(value));
    committed.statements = statementsFor(journal, written);
}

/// Where pg_wal of what was set aside leads, unless the restored cluster has its own there by now.
std::optional<Path> oldWalFolder(const Journal& journal)
{
    std::error_code error;
    const Path link = journal.old() / "pg_wal";
    if (!std::filesystem::is_symlink(link, error))
        return std::nullopt;
    const Path folder = std::filesystem::canonical(link, error);
    if (error)
        return std::nullopt;
    const Path inUse = std::filesystem::canonical(journal.directory / "pg_wal", error);
    const auto differ = std::mismatch(folder.begin(), folder.end(), inUse.begin(), inUse.end());
    if (error || differ.first == folder.end())
        return std::nullopt;
    return folder;
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
    if (auto folder = oldWalFolder(journal))
        committed.old.push_back(*std::move(folder));
    committed.walOnlyThere = walOnlyIn(journal, open);
    sayWhatWasSwitchedOff(journal, committed);
    SALVOR_CHECK(removeJournal(directory));
    return committed;
}

} // namespace salvor::rescue
