#include "core/cli/requests.h"

#include "core/base/text.h"

#include <algorithm>
#include <array>

namespace salvor::cli {

namespace {

constexpr std::array<std::string_view, 6> targetOptions = {
    "--latest", "--immediate", "--time", "--lsn", "--xid", "--restore-point"};
constexpr std::uint64_t maxPort = 65535;

Error invalid(std::string message, std::string hint)
{
    return fail(ErrorCode::InvalidInput, std::move(message), std::move(hint));
}

Result<std::uint64_t> parseXid(const std::string& text)
{
    const auto xid = parseUnsigned(text);
    // 0 to 2 are no transactions: invalid, bootstrap and frozen.
    if (!xid || *xid < 3)
        return invalid("--xid: '" + text + "' is not a transaction",
                       "Write it as txid_current() or pg_current_xact_id() say it, 3 or more.");
    return *xid;
}

Result<> setPoint(model::RecoveryTarget& target, std::string_view option, const std::string& value)
{
    if (option == "--immediate") {
        target.point = model::ImmediateTarget{};
    } else if (option == "--time") {
        SALVOR_TRY(const Moment at, parseMoment(value).in("--time"));
        target.point = model::TimeTarget{at};
    } else if (option == "--lsn") {
        SALVOR_TRY(const model::Lsn lsn, model::parseLsn(value).in("--lsn"));
        target.point = model::LsnTarget{lsn};
    } else if (option == "--xid") {
        SALVOR_TRY(const std::uint64_t xid, parseXid(value));
        target.point = model::XidTarget{xid};
    } else if (option == "--restore-point") {
        target.point = model::RestorePointTarget{value};
    }
    return {};
}

Result<> setTimeline(model::RecoveryTarget& target, const std::string& text)
{
    if (text == "latest")
        return {};
    if (text == "current") {
        target.currentTimeline = true;
        return {};
    }
    const auto number = parseUnsigned(text);
    if (!number || *number == 0 || *number > 0xffffffffU)
        return invalid("--timeline: '" + text + "' is not a timeline",
                       "Write a number from 1, latest or current.");
    target.timeline = static_cast<model::TimelineId>(*number);
    return {};
}

Result<std::optional<model::AtTarget>> actionAtTarget(const Arguments& arguments)
{
    const auto word = arguments.value("--action");
    if (!word)
        return std::optional<model::AtTarget>();
    for (const auto action :
         {model::AtTarget::Pause, model::AtTarget::Promote, model::AtTarget::Shutdown})
        if (*word == model::atTargetName(action))
            return std::optional(action);
    return invalid("--action: '" + *word + "' is not an action",
                   "Write pause, promote or shutdown.");
}

/// "OID=DIR" and "KEY=VALUE" in their two parts.
Result<std::pair<std::string, std::string>> pairOf(std::string_view option, const std::string& text)
{
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        return invalid(std::string(option) + ": '" + text + "' has no '=' between its two parts",
                       "Write both, as in " + std::string(option)
                           + (option == "--tablespace" ? "=16385=/srv/ts." : "=reason=upgrade."));
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<> readTablespaces(console::RestoreChoice& choice, const Arguments& arguments)
{
    for (const std::string& text : arguments.values("--tablespace")) {
        SALVOR_TRY(const auto parts, pairOf("--tablespace", text));
        const auto oid = parseUnsigned(parts.first);
        if (!oid || *oid == 0 || *oid > 0xffffffffU)
            return invalid("--tablespace: '" + parts.first + "' is not the OID of a tablespace",
                           "'salvorctl show BACKUP' lists them.");
        SALVOR_TRY(const Path path, absolutePath("--tablespace", parts.second));
        if (!choice.tablespaces.emplace(static_cast<std::uint32_t>(*oid), path.native()).second)
            return invalid("--tablespace: " + parts.first + " stands twice", "Give it once.");
    }
    return {};
}

Result<> readInPlace(console::RestoreChoice& choice, const Arguments& arguments)
{
    const auto replaces = arguments.value("--replaces");
    if (!arguments.has("--in-place")) {
        if (replaces)
            return invalid("--replaces says nothing without --in-place",
                           "Add --in-place, or leave it out.");
        return {};
    }
    if (replaces && *replaces != "unknown" && !parseUnsigned(*replaces))
        return invalid("--replaces: '" + *replaces + "' is not a system identifier",
                       "Write the number that the refusal named, or unknown.");
    choice.inPlace = rescue::InPlaceChoice{replaces.value_or("")};
    return {};
}

Result<> readStart(console::RestoreChoice& choice, const Arguments& arguments)
{
    choice.startOptions.start = arguments.has("--start");
    const auto text = arguments.value("--port");
    if (!text)
        return {};
    if (!choice.startOptions.start)
        return invalid("--port says nothing without --start", "Add --start, or leave it out.");
    const auto port = parseUnsigned(*text);
    if (!port || *port == 0 || *port > maxPort)
        return invalid("--port: '" + *text + "' is not a port", "Write a number from 1 to 65535.");
    choice.startOptions.port = static_cast<int>(*port);
    return {};
}

} // namespace

Result<Path> absolutePath(std::string_view option, const std::string& text)
{
    if (!Path(text).is_absolute())
        return invalid(std::string(option) + ": '" + text + "' is not an absolute path",
                       "Write the whole path, beginning with '/'.");
    Path path = Path(text).lexically_normal();
    if (!path.has_filename() && path.has_parent_path() && path != path.root_path())
        path = path.parent_path();
    return path;
}

Result<model::RecoveryTarget> recoveryTarget(const Arguments& arguments)
{
    model::RecoveryTarget target;
    std::string_view chosen;
    for (const std::string_view option : targetOptions) {
        const auto value = arguments.value(option);
        if (!value)
            continue;
        if (!chosen.empty())
            return invalid(std::string(chosen) + " and " + std::string(option)
                               + " contradict one another",
                           "A restore has one target.");
        chosen = option;
        SALVOR_CHECK(setPoint(target, option, *value));
    }
    target.exclusive = arguments.has("--exclusive");
    const bool canExclude = chosen == "--time" || chosen == "--lsn" || chosen == "--xid";
    if (target.exclusive && !canExclude)
        return invalid("--exclusive goes with --time, --lsn and --xid only",
                       "PostgreSQL has no such choice for the other targets; leave it out.");
    if (const auto timeline = arguments.value("--timeline"))
        SALVOR_CHECK(setTimeline(target, *timeline));
    return target;
}

Result<console::RestoreChoice> restoreChoice(const Arguments& arguments)
{
    console::RestoreChoice choice;
    choice.cluster = arguments.positional(0);
    if (choice.cluster.empty())
        return invalid("'" + std::string(arguments.command().words) + "' needs CLUSTER",
                       "See 'salvorctl help " + std::string(arguments.command().words) + "'.");
    SALVOR_TRY(choice.target, recoveryTarget(arguments));
    SALVOR_CHECK(readInPlace(choice, arguments));
    if (!choice.inPlace || arguments.has("--to")) {
        SALVOR_TRY(const std::string to, required(arguments, "--to"));
        SALVOR_TRY(choice.destination, absolutePath("--to", to));
    }
    choice.backupId = arguments.value("--backup").value_or("");
    choice.owner = arguments.value("--owner").value_or("");
    SALVOR_TRY(choice.action, actionAtTarget(arguments));
    SALVOR_CHECK(readTablespaces(choice, arguments));
    SALVOR_CHECK(readStart(choice, arguments));
    if (choice.inPlace && choice.startOptions.start)
        return invalid("--start and --in-place contradict one another",
                       "What is restored in place is the cluster itself: start it as always. "
                       "--action pause lets you look before it is opened.");
    return choice;
}

Result<console::BackupChoice> backupChoice(const Arguments& arguments)
{
    console::BackupChoice choice;
    choice.repository = repositoryAsked(arguments);
    if (const auto mode = arguments.value("--mode")) {
        for (const auto each : {model::BackupMode::Host, model::BackupMode::Stream})
            if (*mode == model::backupModeName(each))
                choice.mode = each;
        if (!choice.mode)
            return invalid("--mode: '" + *mode + "' is not a mode", "Write host or stream.");
    }
    const std::string checkpoint = arguments.value("--checkpoint").value_or("fast");
    if (checkpoint != "fast" && checkpoint != "spread")
        return invalid("--checkpoint: '" + checkpoint + "' is not a kind of checkpoint",
                       "Write fast or spread.");
    if (checkpoint == "spread")
        choice.checkpoint = postgres::Checkpoint::Spread;
    const std::string read = arguments.value("--read").value_or("changed");
    if (read != "changed" && read != "all")
        return invalid("--read: '" + read + "' is not what to read", "Write changed or all.");
    choice.readsEverything = read == "all";
    for (const std::string& text : arguments.values("--annotate")) {
        SALVOR_TRY(auto parts, pairOf("--annotate", text));
        if (!choice.annotations.insert(parts).second)
            return invalid("--annotate: '" + parts.first + "' stands twice", "Give it once.");
    }
    return choice;
}

Result<int> samplePercent(const Arguments& arguments)
{
    const auto text = arguments.value("--sample");
    if (!text)
        return 100;
    const auto percent = parseUnsigned(*text);
    if (!percent || *percent == 0 || *percent > 100)
        return invalid("--sample: '" + *text + "' is not a share",
                       "Write a whole number of percent from 1 to 100.");
    return static_cast<int>(*percent);
}

Result<LogLevel> logLevel(const Arguments& arguments)
{
    constexpr std::array<std::pair<std::string_view, LogLevel>, 5> levels = {{
        {"debug", LogLevel::Debug},
        {"info", LogLevel::Info},
        {"warning", LogLevel::Warning},
        {"error", LogLevel::Error},
        {"off", LogLevel::Off},
    }};
    const std::string word = arguments.value("--log-level").value_or("warning");
    for (const auto& [name, level] : levels)
        if (word == name)
            return level;
    return invalid("--log-level: '" + word + "' is not a level",
                   "Write debug, info, warning, error or off.");
}

std::string repositoryAsked(const Arguments& arguments)
{
    return arguments.value("--repository").value_or("");
}

Result<std::string> required(const Arguments& arguments, std::string_view option)
{
    if (auto value = arguments.value(option))
        return *std::move(value);
    return invalid("'" + std::string(arguments.command().words) + "' needs " + std::string(option),
                   "See 'salvorctl help " + std::string(arguments.command().words) + "'.");
}

} // namespace salvor::cli
