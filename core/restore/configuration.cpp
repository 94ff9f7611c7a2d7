#include "core/restore/configuration.h"

#include "core/base/text.h"
#include "core/restore/words.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace fs = std::filesystem;

namespace {

/// A path of a Unix socket has room for 107 bytes, and the socket's own name takes up to 21.
constexpr std::size_t longestSocketFolder = 85;

/// Settings of recovery and replication: what the backup says of them is about the original.
bool isReplaced(const std::string& name, const postgres::Settings& settings)
{
    static const std::set<std::string> ofRecovery{
        "restore_command",
        "archive_cleanup_command",
        "recovery_end_command",
        "primary_conninfo",
        "primary_slot_name",
        "promote_trigger_file",
        "trigger_file",
        "standby_mode",
        "recovery_min_apply_delay",
        "data_directory",
        "config_file",
        "hba_file",
        "ident_file",
        "external_pid_file",
    };
    return name.rfind("recovery_target", 0) == 0 || ofRecovery.contains(name)
           || std::any_of(settings.begin(), settings.end(),
                          [&](const auto& setting) { return setting.first == name; });
}

/// The first file of that name, by its path, or nothing.
Path fileNamed(const Path& folder, const std::string& name)
{
    Path best;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(folder, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        std::error_code none;
        if (at->path().filename() == name && fs::is_regular_file(at->symlink_status(none))
            && (best.empty() || at->path() < best))
            best = at->path();
    }
    return best;
}

bool isBlank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/// The relative folder of an include_dir line, or nothing.
std::optional<std::string> includedFolder(std::string_view line)
{
    constexpr std::string_view word = "include_dir";
    line = trim(line);
    if (line.substr(0, word.size()) != word)
        return std::nullopt;
    line.remove_prefix(word.size());
    while (!line.empty() && (isBlank(line.front()) || line.front() == '='))
        line.remove_prefix(1);
    std::string_view folder = line.substr(0, line.find_first_of(" \t#"));
    if (!line.empty() && line.front() == '\'')
        folder = line.substr(1, line.find('\'', 1) - 1);
    if (folder.empty() || folder.front() == '/' || folder.find("..") != std::string_view::npos)
        return std::nullopt;
    return std::string(folder);
}

Result<> makeIncludedFolders(const Path& configFile)
{
    SALVOR_TRY(const std::string text, readTextFile(configFile));
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        if (const auto folder = includedFolder(rest.substr(0, end)))
            SALVOR_CHECK(createDirectories(configFile.parent_path() / *folder, 0700));
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    return {};
}

std::optional<std::string> settingIn(const Path& file, const std::string& name)
{
    const auto text = readTextFile(file);
    if (!text.ok())
        return std::nullopt;
    const auto settings = postgres::parseSettings(*text);
    if (!settings.ok())
        return std::nullopt;
    for (const auto& [key, value] : *settings)
        if (key == name)
            return value;
    return std::nullopt;
}

Result<> writeOwned(const Path& path, const std::string& text,
                    const std::optional<SystemUser>& owner)
{
    SALVOR_CHECK(writeFileDurably(path, asBytes(text)));
    return giveTo(path, owner);
}

} // namespace

Result<RestoredConfiguration> findConfiguration(const Places& places)
{
    RestoredConfiguration found;
    std::error_code error;
    found.configFile = fileNamed(places.config, "postgresql.conf");
    found.isOutside = !found.configFile.empty();
    found.hbaFile = fileNamed(places.config, "pg_hba.conf");
    found.identFile = fileNamed(places.config, "pg_ident.conf");
    if (!found.isOutside && fs::exists(places.data / "postgresql.conf", error))
        found.configFile = places.data / "postgresql.conf";
    if (!found.configFile.empty())
        SALVOR_CHECK(makeIncludedFolders(found.configFile));
    return found;
}

std::vector<std::string> preloadLibraries(const Places& places, const RestoredConfiguration& found)
{
    const std::string name = "shared_preload_libraries";
    auto value = settingIn(places.data / "postgresql.auto.conf", name);
    if (!value && !found.configFile.empty())
        value = settingIn(found.configFile, name);
    std::vector<std::string> libraries;
    std::string_view rest = value ? std::string_view(*value) : std::string_view();
    while (!rest.empty()) {
        const std::size_t end = rest.find(',');
        std::string_view one = trim(rest.substr(0, end));
        if (one.size() > 1 && one.front() == '"' && one.back() == '"')
            one = one.substr(1, one.size() - 2);
        if (!one.empty())
            libraries.emplace_back(one);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    return libraries;
}

postgres::Settings quietSettings(int majorVersion)
{
    postgres::Settings settings = {
        {"archive_mode", "off"},
        {"archive_cleanup_command", ""},
        {"recovery_end_command", ""},
        {"primary_conninfo", ""},
        {"primary_slot_name", ""},
        {"external_pid_file", ""},
        // Its subscriptions would take the original's slots and confirm what that never received.
        {"max_logical_replication_workers", "0"},
        {"synchronous_standby_names", ""},
        {"logging_collector", "off"},
    };
    // Debian puts it beside the original's, where a start would remove that one's files.
    if (majorVersion < 15)
        settings.emplace_back("stats_temp_directory", "pg_stat_tmp");
    return settings;
}

postgres::Settings waitingSettings(int majorVersion)
{
    postgres::Settings settings = {
        {"archive_command", ""},
        {"archive_cleanup_command", ""},
        {"recovery_end_command", ""},
        {"primary_conninfo", ""},
        {"primary_slot_name", ""},
        // The publishers' slots are further on than this cluster is now.
        {"max_logical_replication_workers", "0"},
        // Its standbys are on another history: no commit would come back.
        {"synchronous_standby_names", ""},
    };
    if (majorVersion >= 15)
        settings.emplace_back("archive_library", "");
    return settings;
}

Result<> writeRecovery(const Places& places, const postgres::Settings& settings,
                       const std::optional<SystemUser>& owner, std::vector<std::string>& warnings)
{
    const Path file = places.data / "postgresql.auto.conf";
    postgres::Settings all;
    std::error_code error;
    if (fs::exists(file, error)) {
        SALVOR_TRY(const std::string text, readTextFile(file));
        auto old = postgres::parseSettings(text);
        if (!old.ok())
            warnings.push_back("What the backup had in 'postgresql.auto.conf' cannot be read and "
                               "was left out: "
                               + old.error().message + ".");
        else
            std::copy_if(old->begin(), old->end(), std::back_inserter(all),
                         [&](const auto& one) { return !isReplaced(one.first, settings); });
    }
    // config_file may stand on a command line only.
    std::copy_if(settings.begin(), settings.end(), std::back_inserter(all),
                 [](const auto& one) { return one.first != "config_file"; });
    SALVOR_CHECK(writeOwned(file,
                            "# Do not edit this file manually!\n"
                            "# It will be overwritten by the ALTER SYSTEM command.\n"
                                + postgres::formatSettings(all),
                            owner));
    return writeOwned(places.data / "recovery.signal", "", owner);
}

Result<> writeOwnConfiguration(const Places& places, const postgres::Settings& settings,
                               const std::optional<SystemUser>& owner)
{
    postgres::Settings inFile;
    std::copy_if(settings.begin(), settings.end(), std::back_inserter(inFile),
                 [](const auto& one) { return one.first != "config_file"; });
    SALVOR_CHECK(writeOwned(
        places.config / "postgresql.conf",
        "# The configuration of a restored copy.\n" + postgres::formatSettings(inFile), owner));
    SALVOR_CHECK(writeOwned(places.config / "pg_hba.conf",
                            "# Who may open the socket is decided by its folder.\n"
                            "local all all trust\n"
                            "local replication all trust\n",
                            owner));
    return writeOwned(places.config / "pg_ident.conf", "# No mappings.\n", owner);
}

Result<Path> createSocketDirectory(const Places& places, const std::optional<SystemUser>& owner)
{
    Path folder = places.config / "socket";
    if (folder.native().size() > longestSocketFolder) {
        std::string name = "/tmp/salvor-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            return failErrno(errno, "cannot make a folder for the socket in '/tmp'");
        folder = name;
    } else {
        SALVOR_CHECK(createDirectories(folder, 0700));
    }
    SALVOR_CHECK(giveTo(folder, owner));
    return folder;
}

std::string startCommandInPlace(const Places& places, const RestoredConfiguration& found,
                                const Path& programs, const std::optional<SystemUser>& owner)
{
    std::string options;
    if (!found.configFile.empty() && found.configFile.parent_path() != places.data)
        options = " -o " + shellWord("-c config_file=" + shellWord(found.configFile.native()));
    const std::string program = programs.empty() ? "pg_ctl" : (programs / "pg_ctl").native();
    return (owner ? "runuser -u " + shellWord(owner->name) + " -- " : std::string())
           + shellWord(program) + " -D " + shellWord(places.data.native()) + options + " start";
}

std::string startCommand(const Places& places, const RestoredConfiguration& found,
                         const Path& programs, const std::optional<SystemUser>& owner)
{
    const auto option = [](const std::string& name, const Path& path) {
        return "-c " + name + "=" + shellWord(path.native());
    };
    std::string options;
    if (found.isOutside)
        options += option("config_file", found.configFile) + " ";
    // A restored postgresql.conf may name the directory of the original.
    options += option("data_directory", places.data);
    if (!found.hbaFile.empty())
        options += " " + option("hba_file", found.hbaFile);
    else if (!found.isOutside)
        options += " " + option("hba_file", places.data / "pg_hba.conf");
    if (!found.identFile.empty())
        options += " " + option("ident_file", found.identFile);
    else if (!found.isOutside)
        options += " " + option("ident_file", places.data / "pg_ident.conf");
    const std::string program = programs.empty() ? "pg_ctl" : (programs / "pg_ctl").native();
    return (owner ? "runuser -u " + shellWord(owner->name) + " -- " : std::string())
           + shellWord(program) + " -D " + shellWord(places.data.native()) + " -o "
           + shellWord(options) + " start";
}

} // namespace salvor::restore
