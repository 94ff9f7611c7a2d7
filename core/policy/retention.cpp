#include "core/policy/retention.h"

#include "core/base/text.h"
#include "core/finder/ground.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>

namespace salvor::policy {

namespace {

using model::Backup;

/// The number of the hour, day, week, month or year (UTC) that a moment lies in.
using Period = std::function<std::int64_t(Moment)>;

std::int64_t monthOf(Moment at)
{
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(at));
    return static_cast<int>(date.year()) * 12
           + static_cast<int>(static_cast<unsigned>(date.month()));
}

std::int64_t dayOf(Moment at)
{
    return std::chrono::floor<std::chrono::days>(at).time_since_epoch().count();
}

struct PeriodRule {
    unsigned count;
    const char* name;
    Period number;
};

std::vector<PeriodRule> periodRules(const model::RetentionRules& rules)
{
    return {
        {rules.hourly, "hour",
         [](Moment at) {
             return std::chrono::floor<std::chrono::hours>(at).time_since_epoch().count();
         }},
        {rules.daily, "day", dayOf},
        // 1 January 1970 was a Thursday; weeks begin on Monday.
        {rules.weekly, "week", [](Moment at) { return (dayOf(at) + 3) / 7; }},
        {rules.monthly, "month", monthOf},
        {rules.yearly, "year", [](Moment at) { return (monthOf(at) - 1) / 12; }},
    };
}

bool isSound(const Backup& backup, const model::Assurances& assurances)
{
    return backup.damaged.empty() && !model::assuranceOf(assurances, backup.id).damaged;
}

/// One decision, rule by rule in the order of decide().
class Decision {
public:
    explicit Decision(const RetentionInput& input)
        : m_input(input)
    {
        for (const Backup& backup : input.backups)
            m_verdicts.push_back({backup, {}, false, false});
    }

    [[nodiscard]] Retention decide()
    {
        if (!m_input.rules.any()) {
            for (Verdict& verdict : m_verdicts)
                keep(verdict, "the cluster has no rules for what may go", true);
            return {std::move(m_verdicts), {}};
        }
        keepNewest();
        keepLast();
        keepWindow();
        keepPeriods();
        keepHeld();
        auto keepFrom = cuts();
        return {std::move(m_verdicts), std::move(keepFrom)};
    }

private:
    static void keep(Verdict& verdict, std::string because, bool continuous)
    {
        verdict.keptBecause.push_back(std::move(because));
        verdict.continuous = verdict.continuous || continuous;
    }
    [[nodiscard]] bool isSound(const Verdict& verdict) const
    {
        return policy::isSound(verdict.backup, m_input.assurances);
    }

    void keepNewest()
    {
        for (Essential& each : essentialBackups(m_input.backups, m_input.assurances))
            keep(m_verdicts[each.number], std::move(each.because), each.continuous);
        if (!m_verdicts.empty())
            keepNewestOfTheLivingTimeline();
    }

    /// After a failover, or going back, the newest backup may lie on a timeline that nobody is on.
    void keepNewestOfTheLivingTimeline()
    {
        for (const IncarnationHistory& history : m_input.histories) {
            const auto living = std::max_element(
                history.branches.begin(), history.branches.end(),
                [](const auto& a, const auto& b) { return a.lastActive < b.lastActive; });
            if (&history != &m_input.histories.back() || living == history.branches.end())
                continue;
            Verdict* newest = newestOn(living->path, history, Moment::max());
            if (newest != nullptr && newest->keptBecause.empty())
                keep(*newest, "it is the newest on the timeline that is written to", true);
        }
    }

    void keepLast()
    {
        const std::size_t count = std::min<std::size_t>(m_input.rules.last, m_verdicts.size());
        for (auto verdict = m_verdicts.end() - static_cast<std::ptrdiff_t>(count);
             verdict != m_verdicts.end(); ++verdict)
            keep(*verdict, "it is among the newest " + std::to_string(m_input.rules.last), true);
    }

    void keepWindow()
    {
        if (m_input.rules.window.count() == 0)
            return;
        const Moment from = m_input.now - m_input.rules.window;
        const std::string words = " any moment of the last " + formatDuration(m_input.rules.window);
        for (const IncarnationHistory& history : m_input.histories) {
            for (Verdict& verdict : m_verdicts)
                if (isOf(verdict, history) && verdict.backup.finishedAt > from)
                    keep(verdict, "it is needed for" + words, true);
            if (isSuperseded(history, from))
                continue;
            for (const auto& branch : history.branches)
                if (branch.lastActive >= from || &branch == &history.branches.back())
                    if (Verdict* anchor = newestOn(branch.path, history, from))
                        keep(*anchor, "it is where replay begins for" + words, true);
        }
    }

    [[nodiscard]] static bool isOf(const Verdict& verdict, const IncarnationHistory& history)
    {
        return verdict.backup.incarnation.number == history.incarnation.number;
    }

    /// Did a later incarnation have a backup by then? What this one has lies before the window.
    [[nodiscard]] bool isSuperseded(const IncarnationHistory& history, Moment by) const
    {
        return std::any_of(m_verdicts.begin(), m_verdicts.end(), [&](const Verdict& verdict) {
            return verdict.backup.incarnation.number > history.incarnation.number
                   && verdict.backup.finishedAt <= by;
        });
    }

    /// The newest sound backup of a branch that was finished by then, or the newest of all when
    /// none is sound.
    [[nodiscard]] Verdict* newestOn(const wal::TimelinePath& path,
                                    const IncarnationHistory& history, Moment by)
    {
        Verdict* found = nullptr;
        for (Verdict& verdict : m_verdicts) {
            if (!isOf(verdict, history) || verdict.backup.finishedAt > by
                || !finder::isOnPath(path, verdict.backup))
                continue;
            if (found == nullptr || isSound(verdict) || !isSound(*found))
                found = &verdict;
        }
        return found;
    }

    void keepPeriods()
    {
        for (const PeriodRule& rule : periodRules(m_input.rules)) {
            std::map<std::int64_t, Verdict*, std::greater<>> best;
            for (Verdict& verdict : m_verdicts) {
                Verdict*& one = best[rule.number(verdict.backup.finishedAt)];
                if (one == nullptr || isSound(verdict) || !isSound(*one))
                    one = &verdict;
            }
            unsigned count = 0;
            for (const auto& [number, verdict] : best)
                if (count++ < rule.count)
                    keep(*verdict,
                         std::string("it is the last of its ").append(rule.name) + " ("
                             + std::to_string(rule.count) + " of them are kept)",
                         false);
        }
    }

    void keepHeld()
    {
        for (const model::Hold& hold : m_input.holds)
            for (Verdict& verdict : m_verdicts)
                if (verdict.backup.id == hold.backupId && hold.holdsAt(m_input.now)) {
                    keep(verdict, "it is held: " + hold.reason, false);
                    verdict.held = true;
                }
    }

    [[nodiscard]] std::map<std::uint32_t, model::Lsn> cuts() const
    {
        std::map<std::uint32_t, model::Lsn> keepFrom;
        for (const IncarnationHistory& history : m_input.histories) {
            // Before the first backup of the newest one nobody knows what it will need.
            const bool isNewest = &history == &m_input.histories.back();
            model::Lsn from{std::numeric_limits<std::uint64_t>::max()};
            bool any = false;
            for (const Verdict& verdict : m_verdicts)
                if (isOf(verdict, history) && verdict.continuous) {
                    from = std::min(from, verdict.backup.startLsn);
                    any = true;
                }
            if (any || (!isNewest && history.hadBackups))
                keepFrom[history.incarnation.number] = from;
        }
        return keepFrom;
    }

    const RetentionInput& m_input;
    std::vector<Verdict> m_verdicts;
};

} // namespace

std::vector<Essential> essentialBackups(const std::vector<Backup>& backups,
                                        const model::Assurances& assurances)
{
    std::vector<Essential> all;
    const auto addNewest = [&](const char* because, bool continuous, const auto& isOne) {
        const auto found = std::find_if(backups.rbegin(), backups.rend(), isOne);
        if (found == backups.rend())
            return;
        const auto number = static_cast<std::size_t>(backups.rend() - found) - 1;
        if (std::none_of(all.begin(), all.end(),
                         [&](const Essential& each) { return each.number == number; }))
            all.push_back({number, because, continuous});
    };
    addNewest("it is the newest", true, [](const Backup&) { return true; });
    addNewest("it is the newest without known damage", true,
              [&](const Backup& each) { return isSound(each, assurances); });
    // One that was verified long ago must not have all WAL kept since then.
    addNewest("it is the newest that was verified", false, [&](const Backup& each) {
        return model::assuranceOf(assurances, each.id).isVerified();
    });
    return all;
}

Retention decideRetention(const RetentionInput& input)
{
    return Decision(input).decide();
}

} // namespace salvor::policy
