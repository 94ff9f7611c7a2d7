#include "core/postgres/recovery_settings.h"

#include "core/base/text.h"

#include <algorithm>
#include <array>

namespace salvor::postgres {

namespace {

/// Libraries that replace storage or resource managers: without them recovery itself fails. Others
/// (schedulers, auditors, statistics) would only run jobs or hinder a start.
constexpr std::array<std::string_view, 2> neededToStart{"orioledb", "pg_tde"};

std::string commaList(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::vector<std::string> onlyNeeded(const std::vector<std::string>& preload)
{
    std::vector<std::string> kept;
    for (const std::string& library : preload) {
        std::string_view name = library;
        name = name.substr(name.rfind('/') + 1);
        if (name.size() > 3 && name.substr(name.size() - 3) == ".so")
            name.remove_suffix(3);
        if (std::find(neededToStart.begin(), neededToStart.end(), name) != neededToStart.end())
            kept.push_back(library);
    }
    return kept;
}

/// The parameter is a list: a path with a comma or a space would be two.
std::string listItem(const std::string& path)
{
    std::string text = "\"";
    for (const char c : path)
        text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}

void addPlace(Settings& settings, const FencedPlace& place)
{
    settings.insert(
        settings.end(),
        {
            // A restored postgresql.conf that names the original would start production.
            {"data_directory", place.dataDirectory.native()},
            {"config_file", (place.configDirectory / "postgresql.conf").native()},
            {"hba_file", (place.configDirectory / "pg_hba.conf").native()},
            {"ident_file", (place.configDirectory / "pg_ident.conf").native()},
            {"external_pid_file", ""},
            {"port", std::to_string(place.port)},
            {"listen_addresses", ""},
            {"unix_socket_directories", listItem(place.socketDirectory.native())},
            {"unix_socket_group", ""},
            {"unix_socket_permissions", "0700"},
            {"bonjour", "off"},
            {"ssl", "off"},
            {"cluster_name", ""},
        });
}

void addSilence(Settings& settings, int major, const std::vector<std::string>& preload)
{
    settings.insert(settings.end(),
                    {
                        {"archive_mode", "off"},
                        {"archive_command", ""},
                        {"archive_cleanup_command", ""},
                        {"recovery_end_command", ""},
                        {"primary_conninfo", ""},
                        {"primary_slot_name", ""},
                        {"promote_trigger_file", ""},
                        {"synchronous_standby_names", ""},
                        {"max_logical_replication_workers", "0"},
                        {"shared_preload_libraries", commaList(onlyNeeded(preload))},
                        {"session_preload_libraries", ""},
                        {"local_preload_libraries", ""},
                        {"logging_collector", "off"},
                        {"log_destination", "stderr"},
                        {"hot_standby", "on"},
                        {"wal_level", "replica"},
                        {"recovery_min_apply_delay", "0"},
                    });
    // The words that show an end at the target are looked for in the log.
    settings.emplace_back("lc_messages", "C");
    // A setting that a version does not know is fatal to it.
    if (major < 15)
        settings.emplace_back("stats_temp_directory", "pg_stat_tmp");
    // The restore made every file durable. One fsync a file takes minutes with 100,000 of them.
    if (major >= 14)
        settings.emplace_back("recovery_init_sync_method", "syncfs");
    if (major >= 15) {
        settings.emplace_back("archive_library", "");
        settings.emplace_back("recovery_prefetch", "try");
    }
    if (major >= 16)
        settings.erase(std::find_if(settings.begin(), settings.end(), [](const auto& setting) {
            return setting.first == "promote_trigger_file";
        }));
    if (major >= 17) {
        settings.emplace_back("sync_replication_slots", "off");
        settings.emplace_back("synchronized_standby_slots", "");
        settings.emplace_back("summarize_wal", "off");
    }
}

void addSizes(Settings& settings, const ControlFile& control)
{
    model::ReplaySizes sizes{20, 8, 0, 0, 64};
    sizes.raiseTo(control.sizes);
    const Settings replay = replaySettings(sizes);
    settings.insert(settings.end(), replay.begin(), replay.end());
    settings.insert(settings.end(), {
                                        {"shared_buffers", "128MB"},
                                        {"huge_pages", "off"},
                                        {"superuser_reserved_connections", "3"},
                                    });
    if (control.identity.majorVersion >= 16)
        settings.emplace_back("reserved_connections", "0");
}

/// The value as postgresql.conf wants it between quotes: quotes doubled, escapes escaped.
std::string quotedValue(const std::string& value)
{
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\')
            text += std::string(2, c);
        else if (c == '\n')
            text += "\\n";
        else if (c == '\r')
            text += "\\r";
        else
            text += c;
    }
    return text + "'";
}

bool isOctal(char c)
{
    return c >= '0' && c <= '7';
}

/// One escape sequence that starts after the backslash at `at`; moves `at` past it.
char unescape(std::string_view text, std::size_t& at)
{
    const char c = text[at++];
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        break;
    }
    if (!isOctal(c))
        return c;
    int number = c - '0';
    for (int digits = 1; digits < 3 && at < text.size() && isOctal(text[at]); ++digits)
        number = number * 8 + (text[at++] - '0');
    return static_cast<char>(number);
}

/// Reads a quoted value that starts at `at`; moves `at` past its closing quote.
std::optional<std::string> readQuoted(std::string_view text, std::size_t& at)
{
    std::string value;
    for (++at; at < text.size();) {
        const char c = text[at++];
        if (c == '\\' && at < text.size())
            value += unescape(text, at);
        else if (c != '\'')
            value += c;
        else if (at < text.size() && text[at] == '\'')
            value += text[at++];
        else
            return value;
    }
    return std::nullopt;
}

bool isNameCharacter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '.' || c == '$';
}

void skipBlanks(std::string_view line, std::size_t& at)
{
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r'))
        ++at;
}

/// One line: a setting, or nothing when it is empty or a comment.
Result<std::optional<std::pair<std::string, std::string>>> parseLine(std::string_view line)
{
    using Setting = std::optional<std::pair<std::string, std::string>>;
    const auto bad = [] { return fail(ErrorCode::InvalidInput, "that is no setting"); };
    std::size_t at = 0;
    skipBlanks(line, at);
    if (at == line.size() || line[at] == '#')
        return Setting();
    std::string name;
    for (; at < line.size() && isNameCharacter(line[at]); ++at)
        name += static_cast<char>(line[at] >= 'A' && line[at] <= 'Z' ? line[at] + 32 : line[at]);
    skipBlanks(line, at);
    if (at < line.size() && line[at] == '=')
        skipBlanks(line, ++at);
    if (name.empty() || at == line.size())
        return bad();
    std::optional<std::string> value;
    if (line[at] == '\'') {
        value = readQuoted(line, at);
    } else {
        const std::size_t end = std::min(line.find_first_of(" \t\r#", at), line.size());
        value = std::string(line.substr(at, end - at));
        at = end;
    }
    skipBlanks(line, at);
    if (!value || (at < line.size() && line[at] != '#'))
        return bad();
    return Setting(std::pair(std::move(name), *std::move(value)));
}

} // namespace

Settings recoverySettings(const model::ResolvedTarget& target, model::AtTarget action,
                          const std::string& restoreCommand)
{
    // What the restored files may say of other targets is emptied first: the server refuses to
    // hear of a second target, also an empty one, after it has heard of one.
    Settings settings{
        {"restore_command", restoreCommand}, {"recovery_target_name", ""},
        {"recovery_target_time", ""},        {"recovery_target_xid", ""},
        {"recovery_target_lsn", ""},         {"recovery_target", ""},
    };
    const std::string chosen = target.lsn ? "recovery_target_lsn" : "recovery_target";
    settings.erase(std::find_if(settings.begin(), settings.end(),
                                [&](const auto& setting) { return setting.first == chosen; }));
    settings.emplace_back(chosen, target.lsn ? model::formatLsn(*target.lsn) : "immediate");
    settings.emplace_back("recovery_target_inclusive", target.inclusive ? "on" : "off");
    settings.emplace_back("recovery_target_timeline", std::to_string(value(target.timeline)));
    settings.emplace_back("recovery_target_action", std::string(model::atTargetName(action)));
    settings.emplace_back("recovery_min_apply_delay", "0");
    return settings;
}

Settings replaySettings(const model::ReplaySizes& sizes)
{
    return {
        {"max_connections", std::to_string(sizes.maxConnections)},
        {"max_worker_processes", std::to_string(sizes.maxWorkerProcesses)},
        {"max_wal_senders", std::to_string(sizes.maxWalSenders)},
        {"max_prepared_transactions", std::to_string(sizes.maxPreparedTransactions)},
        {"max_locks_per_transaction", std::to_string(sizes.maxLocksPerTransaction)},
    };
}

Settings fenceSettings(const FencedPlace& place, const ControlFile& control,
                       const std::vector<std::string>& preload)
{
    Settings settings;
    addPlace(settings, place);
    addSilence(settings, control.identity.majorVersion, preload);
    addSizes(settings, control);
    return settings;
}

std::string formatSettings(const Settings& settings)
{
    std::string text;
    for (const auto& [name, value] : settings)
        text += name + " = " + quotedValue(value) + "\n";
    return text;
}

Result<Settings> parseSettings(std::string_view text)
{
    Settings settings;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        SALVOR_TRY(auto setting,
                   parseLine(text.substr(0, end)).in("line " + std::to_string(number)));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (!setting || setting->first.find("include") == 0)
            continue;
        settings.erase(std::remove_if(settings.begin(), settings.end(),
                                      [&](const auto& old) { return old.first == setting->first; }),
                       settings.end());
        settings.push_back(*std::move(setting));
    }
    return settings;
}

} // namespace salvor::postgres
