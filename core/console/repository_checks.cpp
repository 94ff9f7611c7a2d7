#include "core/console/repository_checks.h"

#include "core/base/text.h"
#include "core/console/commands.h"
#include "core/policy/prune.h"
#include "core/repository/ledger.h"
#include "core/repository/retired.h"
#include "core/restore/words.h"
#include "core/wal/archive.h"

#include <algorithm>
#include <random>

namespace salvor::console {

namespace {

using model::Backup;
using model::Check;
using Level = model::Check::Level;

struct Probe {
    Moment storeTime; ///< By the store's clock.
};

/// Writes a small object, looks at it and removes it.
Result<Probe> writeProbe(storage::Driver& driver)
{
    std::random_device random;
    const storage::ObjectKey key = "connection-test-" + std::to_string(random());
    SALVOR_CHECK(storage::writeObject(driver, key, asBytes("Is this place writable?\n")));
    const auto info = driver.stat(key);
    const auto removed = driver.remove(key);
    if (!info.ok())
        return info.error();
    SALVOR_CHECK(removed);
    return Probe{info->modifiedAt};
}

void checkKeys(const repository::Repository& repository, Checks& checks)
{
    if (!repository.info().encrypted) {
        checks.push_back({Level::Note, "key", "The repository is plain.",
                          "Whoever can read the place can read the data.", ""});
        return;
    }
    checks.push_back({Level::Passed, "key", "The key opens the repository.", "", ""});
    const auto slots = repository.slots();
    if (!slots.ok()) {
        addFailure(checks, "key", slots.error(), Level::Warning);
        return;
    }
    const auto readers = std::count_if(slots->begin(), slots->end(), [](const auto& slot) {
        return slot.access == repository::SlotAccess::Reader;
    });
    if (readers == 1)
        checks.push_back({Level::Note, "key", "One key only opens the repository.",
                          "Who loses it loses every backup.",
                          "Add another and keep it elsewhere: salvorctl repo key add."});
}

/// Is damage known of a backup; and of which one was everything read, how long ago.
void checkVerified(const std::vector<Backup>& backups, const model::Assurances& assurances,
                   Checks& checks)
{
    constexpr std::chrono::hours old{24 * 35};
    std::optional<model::Verification> newest;
    for (const Backup& backup : backups) {
        const auto one = model::assuranceOf(assurances, backup.id);
        if (one.damaged)
            checks.push_back(
                {&backup == &backups.back() ? Level::Blocker : Level::Warning, "verified",
                 "Backup '" + backup.id + "' was found damaged: " + one.shown->finding + ".",
                 "It cannot be relied on.", "Take a new backup, and retire or verify this one."});
        if (one.isVerified() && (!newest || newest->at < one.shown->at))
            newest = one.shown;
    }
    if (!newest) {
        checks.push_back({Level::Note, "verified", "No backup was read back yet.",
                          "Nobody knows whether it can be restored.",
                          "Run 'salvorctl verify', and 'salvorctl verify BACKUP --restore DIR'."});
        return;
    }
    const auto age = systemClock().now() - newest->at;
    checks.push_back({age > old ? Level::Warning : Level::Passed, "verified",
                      "Backup '" + newest->backupId + "' was verified ("
                          + std::string(model::assuranceName(newest->level)) + ") "
                          + durationText(std::chrono::floor<std::chrono::seconds>(age)) + " ago.",
                      age > old ? "What went bad since then is not known." : "",
                      age > old ? "Run 'salvorctl verify --stale 30d' regularly." : ""});
}

/// What the rules wanted no more two days ago is to be gone by now.
void checkTooOld(policy::RetentionInput input, Checks& checks)
{
    constexpr std::chrono::hours patience{48};
    input.now -= patience;
    std::erase_if(input.backups,
                  [&](const Backup& backup) { return backup.finishedAt > input.now; });
    const auto retention = policy::decideRetention(input);
    const auto unwanted = std::count_if(retention.verdicts.begin(), retention.verdicts.end(),
                                        [](const auto& each) { return !each.isKept(); });
    if (unwanted > 0)
        checks.push_back(
            {Level::Warning, "retention",
             "Since two days ago no rule wants "
                 + restore::countText(static_cast<std::uint64_t>(unwanted), "backup")
                 + " that is still there.",
             "The repository fills up, or holds what must not be kept so long.",
             "Run 'salvorctl prune' every day; 'prune --dry-run' says what would go."});
}

/// What was retired although the rules want it comes back while its grace lasts.
void checkTooYoung(policy::RetentionInput input, const std::vector<model::RetiredBackup>& retired,
                   Checks& checks)
{
    for (const model::RetiredBackup& each : retired)
        input.backups.push_back(each.backup);
    std::stable_sort(input.backups.begin(), input.backups.end(),
                     [](const Backup& a, const Backup& b) { return a.startedAt < b.startedAt; });
    const auto retention = policy::decideRetention(input);
    for (const policy::Verdict& verdict : retention.verdicts) {
        const auto gone = std::find_if(retired.begin(), retired.end(), [&](const auto& each) {
            return each.backup.id == verdict.backup.id;
        });
        if (gone != retired.end() && verdict.isKept())
            checks.push_back(
                {Level::Warning, "retention",
                 "Backup '" + gone->backup.id + "' was retired (" + gone->because + "), although "
                     + verdict.keptBecause.front() + ".",
                 "It goes for good when the grace of a prune is over.",
                 "Bring it back: salvorctl hold " + gone->backup.id + " --reason WHY."});
    }
}

/// Does what is kept reach as far back as the rules promise.
void checkWindow(const policy::RetentionInput& input, bool wasSwept, Checks& checks)
{
    if (input.rules.window.count() == 0 || input.backups.empty())
        return;
    const Moment promised = input.now - input.rules.window;
    const auto retention = policy::decideRetention(input);
    const auto reaches = [&](const policy::Verdict& verdict) {
        return verdict.continuous && verdict.backup.finishedAt <= promised;
    };
    const std::string window = formatDuration(input.rules.window);
    if (std::any_of(retention.verdicts.begin(), retention.verdicts.end(), reaches)) {
        checks.push_back({Level::Passed, "retention",
                          "The backups reach back the " + window + " that the rules promise.", "",
                          ""});
        return;
    }
    checks.push_back({wasSwept ? Level::Warning : Level::Note, "retention",
                      "The oldest backup is of " + formatMoment(input.backups.front().finishedAt)
                          + "; the rules promise any moment of the last " + window + ".",
                      wasSwept ? "Older backups were removed, by other rules or by hand."
                               : "Older ones were never taken.",
                      ""});
}

} // namespace

void addFailure(Checks& checks, const std::string& name, const Error& error, Level level)
{
    checks.push_back(
        {level, name, "This could not be checked: " + error.message + ".", "", error.hint});
}

std::optional<Check> skewCheck(const std::string& whose, Moment theirs, Moment ours)
{
    constexpr std::chrono::seconds much{5};
    const auto skew = theirs > ours ? theirs - ours : ours - theirs;
    if (skew <= much)
        return std::nullopt;
    return Check{Level::Warning, "clock",
                 "The clock of " + whose + " is " + durationText(skew)
                     + (theirs > ours ? " ahead of" : " behind") + " this machine's.",
                 "Moments to restore to are read off these clocks.",
                 "Let both follow the same time server."};
}

void checkRepository(const repository::Repository& repository, Checks& checks)
{
    if (!repository.keys().canReadContents())
        checks.push_back({Level::Note, "key",
                          "The key at hand writes backups and cannot read them.",
                          "A restore needs a reader's key.", ""});
    else
        checkKeys(repository, checks);
    storage::Driver& driver = repository.driver();
    if (driver.capabilities().retention) {
        checks.push_back({Level::Note, "repository",
                          "Objects are locked once written, so nothing was written to try it.", "",
                          ""});
        return;
    }
    const auto probe = writeProbe(driver);
    if (!probe.ok()) {
        addFailure(checks, "repository", probe.error(), Level::Blocker);
        return;
    }
    checks.push_back(
        {Level::Passed, "repository", "'" + driver.location() + "' can be written.", "", ""});
    if (auto skew = skewCheck("the repository", probe->storeTime, systemClock().now()))
        checks.push_back(*std::move(skew));
}

void checkBackups(const repository::Repository& repository, const std::string& cluster,
                  Checks& checks)
{
    const auto backups = repository.backups(cluster);
    if (!backups.ok()) {
        addFailure(checks, "backup", backups.error(), Level::Blocker);
        return;
    }
    if (backups->empty()) {
        checks.push_back({Level::Blocker, "backup", "There is no backup of '" + cluster + "'.",
                          "Nothing can be restored.",
                          "Take one: salvorctl backup " + cluster + "."});
        return;
    }
    constexpr std::chrono::hours old{48};
    const model::Backup& newest = backups->back();
    const auto age = systemClock().now() - newest.finishedAt;
    checks.push_back(
        {age > old ? Level::Warning : Level::Passed, "backup",
         "The newest backup is '" + newest.id + "', " + durationText(age) + " old.",
         age > old ? "A restore replays all WAL since then, which takes its time." : "",
         age > old ? "Take a new one: salvorctl backup " + cluster + "." : ""});
    const auto noted = repository::verifications(repository, cluster);
    if (noted.ok())
        checkVerified(*backups, model::assurancesOf(*noted), checks);
    else
        addFailure(checks, "verified", noted.error(), Level::Warning);
    if (!newest.damaged.empty())
        checks.push_back({Level::Blocker, "pages",
                          std::to_string(newest.damaged.size())
                              + " files of the cluster had pages with a wrong checksum when it was "
                                "taken, such as '"
                              + newest.damaged.front().path + "'.",
                          "The cluster itself is damaged.",
                          "Restore an older backup beside it and compare those relations."});
}

void checkArchivedWal(const repository::Repository& repository, const std::string& cluster,
                      Checks& checks)
{
    const auto incarnation = repository.incarnation(cluster);
    if (!incarnation.ok())
        return; // The check of the identity says so.
    const auto state = wal::archiveState(repository, *incarnation);
    if (!state.ok()) {
        addFailure(checks, "WAL", state.error(), Level::Warning);
        return;
    }
    for (const model::WalConflict& conflict : state->conflicts)
        checks.push_back(
            {Level::Blocker, "WAL",
             "A segment of timeline " + std::to_string(model::value(conflict.segment.timeline))
                 + " is there " + std::to_string(conflict.copies) + " times, with different bytes.",
             "Nothing after it can be restored: two servers archive under one name.",
             "Find the second server, stop its archiving, and take a backup."});
    if (!state->gaps.empty()) {
        std::uint64_t missing = 0;
        for (const model::WalGap& gap : state->gaps)
            missing += gap.lastMissing - gap.firstMissing + 1;
        checks.push_back({Level::Warning, "WAL",
                          "WAL is missing: " + restore::countText(missing, "segment") + " in "
                              + restore::countText(state->gaps.size(), "place") + ".",
                          "No restore gets across such a place, only from a backup after it.",
                          "'salvorctl wal ranges " + cluster + "' says where. Take a backup now."});
    } else if (state->conflicts.empty()) {
        checks.push_back({Level::Passed, "WAL", "No segment is missing in between.", "", ""});
    }
}

void checkRetention(const repository::Repository& repository, const std::string& cluster,
                    const model::RetentionRules& rules, Checks& checks)
{
    const auto incarnation = repository.incarnation(cluster);
    if (!incarnation.ok())
        return; // Nothing is there yet.
    if (!rules.any()) {
        checks.push_back({Level::Note, "retention", "The cluster has no rules for what may go.",
                          "The repository grows for ever.",
                          "Set keep-window or keep-last, and run 'salvorctl prune' every day."});
        return;
    }
    const auto input = policy::retentionInput(repository, cluster, rules);
    const auto retired = repository::retiredBackups(repository, cluster);
    const auto swept = repository::sweptBefore(repository, *incarnation);
    for (const Error* error :
         {input.ok() ? nullptr : &input.error(), retired.ok() ? nullptr : &retired.error(),
          swept.ok() ? nullptr : &swept.error()})
        if (error != nullptr) {
            addFailure(checks, "retention", *error, Level::Warning);
            return;
        }
    checkTooOld(*input, checks);
    checkTooYoung(*input, *retired, checks);
    checkWindow(*input, *swept || !retired->empty(), checks);
}

} // namespace salvor::console
