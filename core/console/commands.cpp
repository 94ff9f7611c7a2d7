#include "core/console/commands.h"

#include "core/restore/words.h"

namespace salvor::console {

namespace {

using restore::shellWord;

struct PointText {
    std::string operator()(const model::LatestTarget& /*point*/) const { return " --latest"; }
    std::string operator()(const model::ImmediateTarget& /*point*/) const { return " --immediate"; }
    std::string operator()(const model::TimeTarget& point) const
    {
        return " --time " + formatMoment(point.at);
    }
    std::string operator()(const model::LsnTarget& point) const
    {
        return " --lsn " + model::formatLsn(point.lsn);
    }
    std::string operator()(const model::XidTarget& point) const
    {
        return " --xid " + std::to_string(point.xid);
    }
    std::string operator()(const model::RestorePointTarget& point) const
    {
        return " --restore-point " + shellWord(point.name);
    }
};

std::string inPlaceText(const RestoreChoice& choice)
{
    if (!choice.inPlace)
        return {};
    std::string text = " --in-place";
    if (!choice.inPlace->accepts.empty())
        text += " --replaces " + shellWord(choice.inPlace->accepts);
    return text;
}

std::string startText(const RestoreChoice& choice)
{
    std::string text;
    if (choice.startOptions.start)
        text += " --start";
    if (choice.startOptions.start && choice.startOptions.port != 0)
        text += " --port " + std::to_string(choice.startOptions.port);
    if (choice.action)
        text += " --action " + std::string(model::atTargetName(*choice.action));
    return text;
}

std::string withoutPercent(const std::string& text)
{
    std::string doubled;
    for (const char c : text)
        doubled += c == '%' ? std::string("%%") : std::string(1, c);
    return doubled;
}

} // namespace

std::string restoreCommandLine(const RestoreChoice& choice, const Path& configFile)
{
    std::string text = "salvorctl --config " + shellWord(configFile.native()) + " restore "
                       + shellWord(choice.cluster) + " --to "
                       + shellWord(choice.destination.native()) + inPlaceText(choice)
                       + std::visit(PointText{}, choice.target.point);
    if (choice.target.exclusive)
        text += " --exclusive";
    if (choice.target.currentTimeline)
        text += " --timeline current";
    else if (choice.target.timeline)
        text += " --timeline " + std::to_string(model::value(*choice.target.timeline));
    if (!choice.backupId.empty())
        text += " --backup " + shellWord(choice.backupId);
    for (const auto& [oid, place] : choice.tablespaces)
        text += " --tablespace " + shellWord(std::to_string(oid) + "=" + place);
    if (!choice.owner.empty())
        text += " --owner " + shellWord(choice.owner);
    return text + startText(choice);
}

std::string fetchCommand(const Path& program, const Path& configFile, const std::string& cluster)
{
    return withoutPercent(shellWord(program.native()) + " --config "
                          + shellWord(configFile.native()) + " archive-get --begun "
                          + shellWord(cluster))
           + " %f %p";
}

std::string durationText(std::chrono::microseconds duration)
{
    using namespace std::chrono;
    const auto text = [](auto large, const char* first, auto small, const char* second) {
        return std::to_string(large.count()) + first
               + (small.count() == 0 ? "" : " " + std::to_string(small.count()) + second);
    };
    if (duration < seconds(1))
        return std::to_string(duration_cast<milliseconds>(duration).count()) + " ms";
    const auto days = floor<std::chrono::days>(duration);
    if (days.count() != 0)
        return text(days, " d", floor<hours>(duration - days), " h");
    const auto whole = floor<hours>(duration);
    if (whole.count() != 0)
        return text(whole, " h", floor<minutes>(duration - whole), " min");
    const auto some = floor<minutes>(duration);
    if (some.count() != 0)
        return text(some, " min", floor<seconds>(duration - some), " s");
    return std::to_string(floor<seconds>(duration).count()) + " s";
}

std::vector<std::string> lossesOf(const finder::Resolution& resolution)
{
    if (!resolution.firstLost)
        return {};
    std::string sentence =
        restore::countText(resolution.commitsLost, "commit") + " after this moment will be missing";
    if (!resolution.lastArchived)
        return {sentence + "."};
    sentence += ": from " + formatMoment(resolution.firstLost->at) + " to "
                + formatMoment(resolution.lastArchived->at);
    const auto& kept = resolution.target.lastCommitAt;
    // Times of commits are not monotonic along the WAL.
    if (kept && resolution.lastArchived->at > *kept)
        sentence += ", " + durationText(resolution.lastArchived->at - *kept) + " of work";
    return {sentence + "."};
}

} // namespace salvor::console
