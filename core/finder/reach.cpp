#include "core/finder/reach.h"

#include "core/base/text.h"
#include "core/finder/resolver.h"

#include <algorithm>
#include <set>

namespace salvor::finder {

using model::Backup;
using model::Lsn;
using model::WalEvent;

namespace {

constexpr std::string_view newestOnTheWay = "it is the newest one";
constexpr std::string_view newestBeforeTarget = "it is the newest one that ends before the target";
constexpr std::uint64_t xidsAnEpoch = std::uint64_t{1} << 32U;

std::uint32_t withoutEpoch(std::uint64_t xid)
{
    return static_cast<std::uint32_t>(xid);
}

bool isCommit(const WalEvent& event)
{
    return event.kind == WalEvent::Kind::Commit;
}

/// Full XID of a subtransaction: its parent's is never further than 2^31 away.
std::uint64_t withEpochOf(std::uint64_t parent, std::uint32_t xid)
{
    const auto distance = static_cast<std::int32_t>(xid - withoutEpoch(parent));
    return parent + static_cast<std::uint64_t>(std::int64_t{distance});
}

bool isAskedXid(std::uint64_t asked, std::uint64_t xid)
{
    return asked < xidsAnEpoch ? withoutEpoch(xid) == withoutEpoch(asked) : xid == asked;
}

} // namespace

std::string describe(const WalEvent& event)
{
    const std::string where = formatMoment(event.at) + " at " + formatLsn(event.start);
    switch (event.kind) {
    case WalEvent::Kind::RestorePoint:
        return "restore point '" + event.name + "' of " + where;
    case WalEvent::Kind::Abort:
        return "the rollback of " + where + " (transaction " + std::to_string(event.xid) + ")";
    case WalEvent::Kind::Commit:
        break;
    }
    return "the commit of " + where + " (transaction " + std::to_string(event.xid) + ")";
}

Resolution Resolver::begin(const Backup& backup, std::string_view because) const
{
    Resolution resolution;
    resolution.backup = backup;
    resolution.backupChosenBecause = m_ground.backupAsked ? "it was asked for" : because;
    resolution.target.timeline = m_ground.timeline;
    return resolution;
}

void Resolver::addWal(Resolution& resolution, Lsn end) const
{
    const Lsn needed = std::max(end, resolution.backup.stopLsn);
    resolution.walNeeded =
        m_ground.segments.ranges(m_ground.segmentNumber(resolution.backup.startLsn),
                                 (value(needed) - 1) / m_ground.segments.segmentSize());
}

void Resolver::addLosses(Resolution& resolution, const Survey& survey,
                         const std::optional<WalEvent>& firstLost, std::uint64_t kept)
{
    resolution.firstLost = firstLost;
    resolution.lastArchived = survey.lastCommit;
    resolution.commitsLost = survey.commits - kept;
}

Resolution Resolver::atCommit(const Backup& backup, std::string_view because,
                              const WalEvent& commit) const
{
    Resolution resolution = begin(backup, because);
    resolution.target.lsn = commit.start;
    resolution.target.replayEnd = commit.end;
    resolution.target.lastCommitAt = commit.at;
    resolution.target.lastCommitLsn = commit.start;
    resolution.target.words = "up to and including " + describe(commit);
    addWal(resolution, commit.end);
    return resolution;
}

Resolution Resolver::atConsistency(const Backup& backup, std::string_view because) const
{
    Resolution resolution = begin(backup, because);
    resolution.target.words =
        "the end of the backup at " + formatLsn(backup.stopLsn) + ", where it is consistent";
    addWal(resolution, backup.stopLsn);
    return resolution;
}

Resolution Resolver::atMatch(const Backup& backup, std::string_view because, const Survey& survey,
                             const Match& match) const
{
    const bool exclusive = m_request.target.exclusive;
    const WalEvent& event = match.event;
    Resolution resolution = begin(backup, because);
    resolution.target.lsn = event.start;
    resolution.target.inclusive = !exclusive;
    resolution.target.replayEnd = exclusive ? event.start : event.end;
    const bool keepsIt = isCommit(event) && !exclusive;
    const auto last = keepsIt ? std::optional(event) : match.lastCommit;
    if (last) {
        resolution.target.lastCommitAt = last->at;
        resolution.target.lastCommitLsn = last->start;
    }
    resolution.target.words =
        (exclusive ? "up to, but without, " : "up to and including ") + describe(event);
    addWal(resolution, event.end);
    const bool losesIt = isCommit(event) && exclusive;
    addLosses(resolution, survey, losesIt ? std::optional(event) : match.nextCommit,
              match.commitsBefore + (keepsIt ? 1 : 0));
    return resolution;
}

Error Resolver::tooLate(const std::string& what, const Survey& survey)
{
    m_nearest.before = survey.lastCommit;
    if (!survey.lastCommit)
        return fail(
            ErrorCode::NotReady,
            what + " is out of reach: the archive has no commit after the backup, "
                + survey.regions.back().because,
            "If the server still runs, let it archive what it has (SELECT pg_switch_wal()), "
            "wait for it, and try again. --immediate is the end of the backup.");
    return fail(ErrorCode::NotReady,
                what + " is after the last commit in the archive ("
                    + formatMoment(survey.lastCommit->at) + " at "
                    + formatLsn(survey.lastCommit->start) + "): " + survey.regions.back().because,
                "Choose --latest, or a moment before " + formatMoment(survey.lastCommit->at)
                    + ". If the server still runs, SELECT pg_switch_wal() lets it archive what it "
                      "has.");
}

Error Resolver::tooEarly(const std::string& what, const Survey& survey)
{
    const Backup& first = m_ground.backups.front();
    for (const Match& match : survey.matches)
        for (const auto& event : {std::optional(match.event), match.nextCommit})
            if (!m_nearest.after && event && isCommit(*event) && event->start >= first.stopLsn)
                m_nearest.after = event;
    return fail(
        ErrorCode::NotReady,
        what + " is before the end of "
            + (m_ground.backupAsked ? "backup '" : "the oldest backup on the way, '") + first.id
            + "' (" + formatMoment(first.finishedAt) + ", " + formatLsn(first.stopLsn)
            + "); PostgreSQL would go on to there and serve newer data",
        m_ground.backupAsked ? "Choose a later target, or let the backup be chosen."
                             : "Choose a later target, or --immediate for the end of the backup.");
}

Result<Resolution> Resolver::resolve(const model::LatestTarget& /*target*/)
{
    const Backup& backup = m_ground.backups.back();
    const Lsn end = m_ground.continuousFrom(backup);
    SALVOR_TRY(const auto last, lastCommitIn({backup.stopLsn, end}, m_ground.repository,
                                             m_ground.incarnation, m_ground.segments, m_job));
    const std::string why = m_ground.segments.whyItEnds(m_ground.segmentNumber(backup.startLsn));
    Resolution resolution =
        last ? atCommit(backup, newestOnTheWay, *last) : atConsistency(backup, newestOnTheWay);
    resolution.lastArchived = last;
    if (last)
        resolution.target.words += ", the last one; " + why;
    else
        resolution.target.words += ": no commit after it is in the archive; " + why;
    return resolution;
}

Result<Resolution> Resolver::resolve(const model::ImmediateTarget& /*target*/)
{
    const Backup& backup = m_ground.backups.back();
    std::optional<WalEvent> firstLost;
    std::uint64_t lost = 0;
    std::optional<WalEvent> last;
    const wal::EventVisitor count = [&](const WalEvent& event) -> Result<bool> {
        if (!isCommit(event))
            return true;
        last = event;
        if (event.start < backup.stopLsn)
            return true;
        ++lost;
        if (!firstLost)
            firstLost = event;
        return true;
    };
    SALVOR_CHECK(wal::scanEvents({m_ground.repository, m_ground.incarnation, m_ground.segments,
                                  backup.startLsn, std::nullopt},
                                 count, m_job));
    Resolution resolution = atConsistency(backup, newestOnTheWay);
    resolution.firstLost = firstLost;
    resolution.lastArchived = last;
    resolution.commitsLost = lost;
    return resolution;
}

/// The state before an event that is too late: the last commit or rollback before it.
Result<Resolution> Resolver::stopBefore(const Survey& survey, const Match& match,
                                        const Backup& backup, const std::string& time) const
{
    const bool hasLast = match.lastEnd && match.lastEnd->start >= backup.stopLsn;
    Resolution resolution = hasLast ? atCommit(backup, newestBeforeTarget, *match.lastEnd)
                                    : atConsistency(backup, newestBeforeTarget);
    // Of a rollback there is nothing to see: what counts is the commit before it.
    resolution.target.lastCommitAt.reset();
    resolution.target.lastCommitLsn.reset();
    if (match.lastCommit) {
        resolution.target.lastCommitAt = match.lastCommit->at;
        resolution.target.lastCommitLsn = match.lastCommit->start;
    }
    resolution.target.words += hasLast ? ", the last one before " + time
                                       : ": no transaction ended between there and " + time;
    const auto firstLost = isCommit(match.event) ? std::optional(match.event) : match.nextCommit;
    addLosses(resolution, survey, firstLost, match.commitsBefore);
    return resolution;
}

Error Resolver::inGap(const std::string& what, const Survey& survey, const Match& match)
{
    const Region& before = survey.regions[match.region - 1];
    m_nearest.before = before.lastCommit;
    m_nearest.after = isCommit(match.event) ? std::optional(match.event) : match.nextCommit;
    return fail(ErrorCode::NotReady, what + " lies where the archive has no WAL: " + before.because,
                "Choose a moment before or after the gap.");
}

Result<Resolution> Resolver::resolve(const model::TimeTarget& target)
{
    const auto& backups = m_ground.backups;
    const std::string time = formatMoment(target.at);
    // Where to begin reading is a guess by the clock of the machine that made the backups; an
    // older one is taken when the WAL shows that it was wrong.
    std::size_t guess = 0;
    for (std::size_t i = 0; i < backups.size(); ++i)
        if (backups[i].finishedAt <= target.at)
            guess = i;
    while (true) {
        std::set<std::size_t> regionsDone;
        const IsMatch isLater = [&](const WalEvent& event, std::size_t region) {
            const bool later =
                event.kind != WalEvent::Kind::RestorePoint
                && (event.at > target.at || (m_request.target.exclusive && event.at == target.at));
            return later && regionsDone.insert(region).second;
        };
        SALVOR_TRY(const Survey survey, makeSurvey(m_ground, guess, isLater, m_job));
        if (survey.matches.empty())
            return tooLate("the time " + time, survey);
        const Match& match = survey.matches.front();
        const Backup* backup = survey.backupFor(m_ground, match, match.event.start);
        // A transaction that ended in time shows that the backup does not hold later ones. Without
        // one there is only the clock of the machine that made the oldest backup to go by.
        const bool isProven =
            match.lastEnd.has_value()
            || (guess == 0 && match.region == 0 && backups.front().finishedAt <= target.at);
        if (backup != nullptr && isProven)
            return stopBefore(survey, match, *backup, time);
        if (match.region > 0)
            return inGap("the time " + time, survey, match);
        if (guess == 0)
            return tooEarly("the time " + time, survey);
        --guess;
    }
}

/// What was found of an XID, for the answer why it is refused.
struct Resolver::XidFindings {
    std::optional<WalEvent> aborted;
    std::optional<WalEvent> parent;
    std::set<std::uint64_t> commits;
    std::uint64_t highest = 0;
};

Error Resolver::xidRefused(const model::XidTarget& target, const XidFindings& findings,
                           const Survey& survey)
{
    const std::string name = "transaction " + std::to_string(target.xid);
    if (findings.parent) {
        m_nearest.before = isCommit(*findings.parent) ? findings.parent : std::nullopt;
        return fail(ErrorCode::NotReady,
                    name + " is a subtransaction of transaction "
                        + std::to_string(findings.parent->xid)
                        + ", which ended as a whole: " + describe(*findings.parent),
                    "Choose --xid " + std::to_string(findings.parent->xid) + ".");
    }
    if (findings.aborted)
        return fail(ErrorCode::NotReady,
                    name + " was rolled back (" + formatMoment(findings.aborted->at) + " at "
                        + formatLsn(findings.aborted->start)
                        + "), so there is nothing to keep of it",
                    "Choose a time or an LSN instead.");
    m_nearest.before = survey.lastCommit;
    return fail(ErrorCode::NotReady,
                name + " does not end in the archive: no commit of it is there; "
                    + survey.regions.back().because,
                "Choose another transaction, a time or --latest.");
}

Result<Resolution> Resolver::resolve(const model::XidTarget& target)
{
    XidFindings findings;
    const IsMatch isIt = [&](const WalEvent& event, std::size_t /*region*/) {
        if (event.kind == WalEvent::Kind::RestorePoint)
            return false;
        for (const std::uint32_t sub : event.subtransactions)
            if (isAskedXid(target.xid, withEpochOf(event.xid, sub)))
                findings.parent = event;
        if (!isAskedXid(target.xid, event.xid))
            return false;
        if (!isCommit(event))
            findings.aborted = event;
        else
            findings.commits.insert(event.xid);
        return isCommit(event);
    };
    SALVOR_TRY(const Survey survey, makeSurvey(m_ground, 0, isIt, m_job));
    const std::string name = "transaction " + std::to_string(target.xid);
    if (findings.commits.size() > 1)
        return fail(ErrorCode::NotReady,
                    name + " stands for two transactions in the archive: "
                        + std::to_string(*findings.commits.begin()) + " and "
                        + std::to_string(*findings.commits.rbegin()),
                    "Give the 64-bit number of the one you mean.");
    if (survey.matches.empty())
        return xidRefused(target, findings, survey);
    const Match& match = survey.matches.front();
    const Backup* backup = survey.backupFor(m_ground, match, match.event.start);
    if (backup == nullptr)
        return tooEarly(name, survey);
    // The lock that a DROP TABLE takes stands in the WAL before its commit: a copy paused right at
    // that commit would hold it, and no query could look at the table that is to be saved.
    if (m_request.target.exclusive && match.lastEnd && match.lastEnd->start >= backup->stopLsn)
        return stopBefore(survey, match, *backup, describe(match.event));
    return atMatch(*backup, newestBeforeTarget, survey, match);
}

Result<Resolution> Resolver::resolve(const model::RestorePointTarget& target)
{
    std::set<std::string> names;
    const IsMatch isIt = [&](const WalEvent& event, std::size_t /*region*/) {
        if (event.kind == WalEvent::Kind::RestorePoint)
            names.insert(event.name);
        return event.kind == WalEvent::Kind::RestorePoint && event.name == target.name;
    };
    SALVOR_TRY(const Survey survey, makeSurvey(m_ground, 0, isIt, m_job));
    const std::string name = "restore point '" + target.name + "'";
    if (survey.matches.empty()) {
        const auto near =
            salvor::nearest(target.name, std::vector<std::string>(names.begin(), names.end()));
        m_nearest.before = survey.lastCommit;
        return fail(ErrorCode::NotReady,
                    name + " is not in the archive; " + survey.regions.back().because,
                    near ? "Did you mean '" + *near + "'?" : "Choose a time or --latest.");
    }
    // Of the newest backup that sees one; PostgreSQL stops at the first of the name.
    const Backup* chosen = nullptr;
    const Match* match = nullptr;
    for (const Match& one : survey.matches) {
        const Backup* backup = survey.backupFor(m_ground, one, one.event.start);
        if (backup != nullptr && backup != chosen) {
            chosen = backup;
            match = &one;
        }
    }
    if (chosen == nullptr)
        return tooEarly(name, survey);
    Resolution resolution = atMatch(*chosen, newestBeforeTarget, survey, *match);
    if (const Match& last = survey.matches.back(); last.event.start > match->event.start)
        resolution.target.words += "; another one of this name stands later, at "
                                   + formatMoment(last.event.at) + ", and is not meant";
    return resolution;
}

Result<Resolution> resolve(const repository::Repository& repository, const ResolveRequest& request,
                           JobContext& job, Nearest* nearest)
{
    Nearest unasked;
    SALVOR_TRY(const Ground ground, findGround(repository, request, job));
    Resolver resolver(ground, request, job, nearest != nullptr ? *nearest : unasked);
    return std::visit([&](const auto& point) { return resolver.resolve(point); },
                      request.target.point);
}

} // namespace salvor::finder
