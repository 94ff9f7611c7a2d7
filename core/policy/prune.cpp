#include "core/policy/prune.h"

#include "core/finder/ground.h"
#include "core/repository/lease.h"
#include "core/repository/ledger.h"
#include "core/repository/retired.h"
#include "core/repository/wal_pieces.h"

#include <algorithm>

namespace salvor::policy {

namespace {

using model::Backup;
using repository::Repository;

/// When each timeline was last written to: its last segment, piece of one, or backup.
Result<std::map<model::TimelineId, Moment>> activity(const Repository& repository,
                                                     const model::Incarnation& incarnation,
                                                     const std::vector<Backup>& backups)
{
    std::map<model::TimelineId, Moment> last;
    SALVOR_TRY(const auto segments, repository.segments(incarnation));
    for (const auto& each : segments) {
        Moment& at = last[each.segment.timeline];
        at = std::max(at, each.storedAt);
    }
    SALVOR_TRY(const auto pieces, repository::pieces(repository, incarnation));
    for (const auto& each : pieces) {
        Moment& at = last[each.segment.timeline];
        at = std::max(at, each.storedAt);
    }
    for (const Backup& backup : backups) {
        if (backup.incarnation.number != incarnation.number)
            continue;
        Moment& at = last[backup.timeline];
        at = std::max(at, backup.finishedAt);
    }
    return last;
}

Result<IncarnationHistory> historyOf(const Repository& repository,
                                     const model::Incarnation& incarnation,
                                     const std::vector<Backup>& backups)
{
    IncarnationHistory history{incarnation, {}};
    SALVOR_TRY(const auto timelines, activity(repository, incarnation, backups));
    for (const auto& [timeline, lastActive] : timelines) {
        auto path = wal::timelinePath(repository, incarnation, timeline);
        // Without its history a timeline leads nowhere: only its own backups are of use to it.
        if (!path.ok() && path.error().code == ErrorCode::NotReady)
            history.branches.push_back({{{{timeline, model::Lsn{0}, std::nullopt}}}, lastActive});
        else if (!path.ok())
            return std::move(path).error();
        else
            history.branches.push_back({*std::move(path), lastActive});
    }
    return history;
}

std::string joined(const std::vector<std::string>& reasons)
{
    std::string text;
    for (const std::string& reason : reasons)
        text += (text.empty() ? "" : "; ") + reason;
    return text;
}

/// The ranges that stay, and of each as much as stays.
std::vector<model::RecoverableRange> rangesAfter(const PrunePlan& plan)
{
    std::vector<model::RecoverableRange> after;
    for (model::RecoverableRange range : plan.before) {
        const auto& verdicts = plan.retention.verdicts;
        const auto verdict = std::find_if(verdicts.begin(), verdicts.end(), [&](const auto& each) {
            return each.backup.id == range.backupId;
        });
        if (verdict == verdicts.end() || !verdict->isKept())
            continue;
        const auto cut = plan.retention.keepFrom.find(verdict->backup.incarnation.number);
        if (cut != plan.retention.keepFrom.end() && verdict->backup.startLsn < cut->second) {
            range.to = range.from;
            range.toTime = range.fromTime;
            range.endsBecause = "only its end is kept: " + joined(verdict->keptBecause);
        }
        after.push_back(std::move(range));
    }
    return after;
}

Result<> retireUnwanted(const Repository& repository, const PrunePlan& plan, JobContext& job,
                        PruneOutcome& outcome)
{
    for (const Verdict* verdict : plan.retiring()) {
        SALVOR_CHECK(job.proceed());
        SALVOR_TRY(const auto holds, repository::holds(repository, plan.cluster));
        const bool held = std::any_of(holds.begin(), holds.end(), [&](const model::Hold& each) {
            return each.backupId == verdict->backup.id && each.holdsAt(plan.madeAt);
        });
        if (held)
            continue;
        const auto retired =
            repository::retire(repository, verdict->backup, "no rule wants it any more", job);
        if (!retired.ok() && retired.error().code == ErrorCode::NotFound)
            continue; // Another prune was faster.
        SALVOR_CHECK(retired);
        outcome.retired.push_back(verdict->backup.id);
    }
    return {};
}

/// The rules are about time, and a wrong clock makes everything old.
Result<> checkClock(const Repository& repository, const model::Incarnation& incarnation,
                    JobContext& job)
{
    constexpr std::chrono::minutes most{10};
    SALVOR_TRY(const auto lease,
               repository::Lease::take(repository, incarnation, repository::Lease::Kind::Use, job));
    SALVOR_TRY(const Moment store, lease->storeTime());
    const Moment now = systemClock().now();
    if ((store > now ? store - now : now - store) > most)
        return fail(ErrorCode::NotReady,
                    "the clocks of this machine (" + formatMoment(now) + ") and of the repository ("
                        + formatMoment(store) + ") differ too much to tell what is old",
                    "Let both follow a time server; nothing was retired.");
    return {};
}

void add(repository::SweepReport& sum, repository::SweepReport&& more)
{
    sum.forgotten.insert(sum.forgotten.end(), more.forgotten.begin(), more.forgotten.end());
    sum.packs += more.packs;
    sum.packBytes += more.packBytes;
    sum.segments += more.segments;
    sum.walBytes += more.walBytes;
}

std::optional<model::Lsn> cutOf(const Retention& retention, const model::Incarnation& incarnation)
{
    const auto found = retention.keepFrom.find(incarnation.number);
    return found == retention.keepFrom.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

std::vector<const Verdict*> PrunePlan::retiring() const
{
    std::vector<const Verdict*> all;
    for (const Verdict& verdict : retention.verdicts)
        if (!verdict.isKept())
            all.push_back(&verdict);
    return all;
}

Result<RetentionInput> retentionInput(const Repository& repository, const std::string& cluster,
                                      const model::RetentionRules& rules)
{
    RetentionInput input;
    input.rules = rules;
    input.now = systemClock().now();
    SALVOR_TRY(input.backups, repository.backups(cluster));
    SALVOR_TRY(input.holds, repository::holds(repository, cluster));
    SALVOR_TRY(const auto verifications, repository::verifications(repository, cluster));
    input.assurances = model::assurancesOf(verifications);
    SALVOR_TRY(const auto retired, repository::retiredBackups(repository, cluster));
    SALVOR_TRY(const auto incarnations, repository.incarnations(cluster));
    for (const model::Incarnation& incarnation : incarnations) {
        SALVOR_TRY(auto history, historyOf(repository, incarnation, input.backups));
        SALVOR_TRY(const bool hasMarks, repository::hasMarks(repository, incarnation));
        const auto isOf = [&](const model::Backup& backup) {
            return backup.incarnation.number == incarnation.number;
        };
        history.hadBackups = hasMarks
                             || std::any_of(input.backups.begin(), input.backups.end(), isOf)
                             || std::any_of(retired.begin(), retired.end(),
                                            [&](const auto& each) { return isOf(each.backup); });
        input.histories.push_back(std::move(history));
    }
    return input;
}

Result<PrunePlan> planPrune(const Repository& repository, const std::string& cluster,
                            const model::RetentionRules& rules, JobContext& job)
{
    PrunePlan plan;
    plan.cluster = cluster;
    plan.rules = rules;
    SALVOR_TRY(const model::Incarnation newest, repository.incarnation(cluster));
    SALVOR_TRY(const auto input, retentionInput(repository, cluster, rules));
    plan.madeAt = input.now;
    plan.retention = decideRetention(input);
    SALVOR_TRY(plan.retired, repository::retiredBackups(repository, cluster));
    SALVOR_TRY(plan.before, finder::recoverableRanges(repository, newest, job));
    plan.after = rangesAfter(plan);
    std::vector<std::string> ids;
    for (const Verdict* verdict : plan.retiring())
        ids.push_back(verdict->backup.id);
    for (const IncarnationHistory& history : input.histories) {
        SALVOR_TRY(auto frees,
                   repository::measureSweep(repository, history.incarnation, ids,
                                            cutOf(plan.retention, history.incarnation)));
        add(plan.frees, std::move(frees));
    }
    return plan;
}

Result<PruneOutcome> applyPrune(const Repository& repository, const PrunePlan& plan,
                                std::chrono::seconds grace, JobContext& job)
{
    PruneOutcome outcome;
    SALVOR_TRY(const auto incarnations, repository.incarnations(plan.cluster));
    if (!incarnations.empty())
        SALVOR_CHECK(checkClock(repository, incarnations.back(), job));
    SALVOR_CHECK(retireUnwanted(repository, plan, job, outcome));
    for (const model::Incarnation& incarnation : incarnations) {
        auto swept = repository::sweep(repository, incarnation,
                                       {grace, cutOf(plan.retention, incarnation)}, job);
        if (swept.ok()) {
            add(outcome.removed, *std::move(swept));
        } else if (swept.error().code == ErrorCode::NotReady) {
            outcome.postponedBecause = swept.error().message + ". " + swept.error().hint;
        } else {
            return std::move(swept).error();
        }
    }
    return outcome;
}

} // namespace salvor::policy
