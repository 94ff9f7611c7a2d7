#include "core/postgres/instance_files.h"

#include "core/base/text.h"
#include "core/postgres/data_directory.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace salvor::postgres {

namespace {

constexpr std::string_view mark = "# Written by Salvor for a started copy; written again at its "
                                  "next start.\n";

/// Who can enter the socket folder is the copy's owner; nothing else leads to the server.
constexpr std::string_view hbaRules = "local all all trust\n";

Result<> giveTo(const SystemUser& owner, const Path& path)
{
    if (::geteuid() == 0 && ::lchown(path.c_str(), owner.uid, owner.gid) != 0)
        return failErrno(errno, "cannot give " + quoted(path) + " to '" + owner.name + "'");
    return {};
}

Result<> prepareFolder(const Path& folder, const SystemUser& owner)
{
    SALVOR_CHECK(createDirectories(folder));
    SALVOR_CHECK(giveTo(owner, folder));
    if (::chmod(folder.c_str(), 0700) != 0)
        return failErrno(errno, "cannot close " + quoted(folder));
    return {};
}

Result<> writeOwn(const Path& path, const std::string& text, const SystemUser& owner)
{
    SALVOR_CHECK(writeFileDurably(path, asBytes(text)));
    return giveTo(owner, path);
}

/// Writes a file of the configuration folder, unless one is there that somebody else wrote.
Result<> writeMarked(const Path& path, std::string_view text, const SystemUser& owner)
{
    const auto old = readTextFile(path);
    if (!old.ok() && old.error().code != ErrorCode::NotFound)
        return old.error();
    if (old.ok() && old->find(mark) != 0)
        return fail(ErrorCode::AlreadyExists, quoted(path) + " was written by somebody else",
                    "Name another folder for the configuration of the copy.");
    return writeOwn(path, std::string(mark) + std::string(text), owner);
}

/// postgresql.auto.conf keeps what it says of the recovery; the fence takes the last word.
Result<> fenceAutoConf(const Path& path, const Settings& fence, const SystemUser& owner)
{
    auto text = readTextFile(path);
    if (!text.ok() && text.error().code != ErrorCode::NotFound)
        return std::move(text).error();
    SALVOR_TRY(Settings settings, parseSettings(text.ok() ? *text : "").in(quoted(path)));
    for (const auto& setting : fence) {
        settings.erase(std::remove_if(settings.begin(), settings.end(),
                                      [&](const auto& old) { return old.first == setting.first; }),
                       settings.end());
        // The server takes this one from the command line only.
        if (setting.first != "config_file")
            settings.push_back(setting);
    }
    return writeOwn(path, formatSettings(settings), owner);
}

Result<> checkSocketPath(const Instance& instance)
{
    const std::string socket =
        (instance.socketDirectory / (".s.PGSQL." + std::to_string(instance.port))).native();
    // For libpq a comma separates hosts, also in the path of a socket.
    if (socket.find(',') != std::string::npos)
        return fail(ErrorCode::NotReady, "the path of the socket '" + socket + "' has a comma",
                    "Name a folder without a comma for the socket.");
    if (socket.size() < sizeof(sockaddr_un::sun_path))
        return {};
    return fail(ErrorCode::NotReady, "the path of the socket '" + socket + "' is too long",
                "Name a folder with a shorter path for the socket.");
}

/// An answer to whoever asked too early, or was still connected at the end: nothing of the server.
bool isForAClient(std::string_view line)
{
    return line.find("FATAL:  the database system is ") != std::string_view::npos
           || line.find("FATAL:  terminating connection due to administrator command")
                  != std::string_view::npos;
}

bool tellsWhy(std::string_view line)
{
    return line.find("FATAL:") != std::string_view::npos
           || line.find("PANIC:") != std::string_view::npos;
}

bool belongsToIt(std::string_view line)
{
    return line.find("DETAIL:") != std::string_view::npos
           || line.find("HINT:") != std::string_view::npos
           || line.find("CONTEXT:") != std::string_view::npos;
}

} // namespace

Result<SystemUser> ownerOf(const Instance& instance)
{
    SALVOR_TRY(SystemUser owner, findUser(instance.owner));
    if (owner.uid == 0)
        return fail(ErrorCode::Denied, "PostgreSQL does not run as root",
                    "Name another owner for the restored directory.");
    if (::geteuid() != 0 && ::geteuid() != owner.uid)
        return fail(ErrorCode::Denied,
                    "only root or '" + owner.name + "' can run the copy '" + instance.name + "'");
    return owner;
}

Result<ControlFile> checkIdentity(const Instance& instance)
{
    SALVOR_TRY(ControlFile control, readControlFile(instance.dataDirectory));
    if (control.identity.systemIdentifier != instance.systemIdentifier)
        return fail(ErrorCode::Incompatible,
                    quoted(instance.dataDirectory) + " is another cluster's: its identifier is "
                        + std::to_string(control.identity.systemIdentifier) + ", not "
                        + std::to_string(instance.systemIdentifier));
    return control;
}

Result<bool> isRunning(const Instance& instance)
{
    auto running = isServerRunning(instance.dataDirectory);
    if (!running.ok() && running.error().code == ErrorCode::Corrupt)
        return true;
    return running;
}

Result<> writeConfiguration(const Instance& instance, const Settings& fence,
                            const SystemUser& owner)
{
    SALVOR_CHECK(checkSocketPath(instance));
    SALVOR_CHECK(prepareFolder(instance.configDirectory, owner));
    SALVOR_CHECK(prepareFolder(instance.socketDirectory, owner));
    const Path& folder = instance.configDirectory;
    Settings settings = fence;
    settings.erase(std::remove_if(settings.begin(), settings.end(),
                                  [](const auto& one) { return one.first == "config_file"; }),
                   settings.end());
    SALVOR_CHECK(writeMarked(folder / "postgresql.conf", formatSettings(settings), owner));
    SALVOR_CHECK(writeMarked(folder / "pg_hba.conf", hbaRules, owner));
    SALVOR_CHECK(writeMarked(folder / "pg_ident.conf", "", owner));
    return fenceAutoConf(instance.dataDirectory / "postgresql.auto.conf", fence, owner);
}

Result<CommandResult> runPgCtl(const Instance& instance, std::vector<std::string> arguments)
{
    SALVOR_TRY(const SystemUser owner, ownerOf(instance));
    Command command;
    command.argv = {(instance.programs / "pg_ctl").native()};
    command.argv.insert(command.argv.end(), std::make_move_iterator(arguments.begin()),
                        std::make_move_iterator(arguments.end()));
    // pg_ctl puts -D into a shell command between double quotes; the environment passes any path.
    command.environment = {{"PGDATA", instance.dataDirectory.native()}, {"LC_ALL", "C"}};
    command.directory = instance.configDirectory;
    command.user = owner;
    return runCommand(command);
}

Path logFile(const Instance& instance)
{
    return instance.configDirectory / "server.log";
}

std::string lastWords(const Instance& instance, ByteCount offset)
{
    const auto text = readTextFile(logFile(instance), ByteCount{1} << 30U);
    if (!text.ok())
        return text.error().message;
    std::string_view rest(*text);
    rest.remove_prefix(std::min<std::size_t>(offset, rest.size()));
    std::vector<std::string> reasons;
    std::vector<std::string> last;
    bool inReason = false;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string line(trim(rest.substr(0, end)));
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        if (isForAClient(line))
            continue;
        inReason = tellsWhy(line) || (inReason && belongsToIt(line));
        if (inReason)
            reasons.push_back(line);
        last.push_back(line);
    }
    const std::vector<std::string>& chosen = reasons.empty() ? last : reasons;
    std::string words;
    for (std::size_t i = chosen.size() > 8 ? chosen.size() - 8 : 0; i < chosen.size(); ++i)
        words += (words.empty() ? "" : "; ") + chosen[i];
    return words.empty() ? "the server wrote nothing" : words;
}

} // namespace salvor::postgres
