#include "core/cli/program.h"

#include "core/cli/commands.h"
#include "core/cli/exit_status.h"
#include "core/cli/passphrase.h"
#include "core/cli/requests.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <ostream>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace salvor::cli {

namespace {

void forbidCoreDumps()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        ::setrlimit(RLIMIT_CORE, &limit);
    }
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

Path fromEnvironment(const char* name)
{
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread.
    const Path path = value == nullptr ? "" : value;
    return path.is_absolute() ? path : Path();
}

/// As the system knows it.
Path homeOfUser()
{
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0
        && found != nullptr)
        return found->pw_dir;
    return "/var/lib/salvor";
}

/// A server's archive_command may have no HOME.
Path homeFolder()
{
    Path home = fromEnvironment("HOME");
    return home.empty() ? homeOfUser() : home;
}

bool canWriteBelow(Path folder)
{
    std::error_code failed;
    while (!std::filesystem::exists(folder, failed) && folder.has_relative_path())
        folder = folder.parent_path();
    return ::access(folder.c_str(), W_OK | X_OK) == 0;
}

Result<console::Surroundings> findSurroundings()
{
    std::error_code failed;
    const Path program = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed)
        return fail(ErrorCode::NotReady, "cannot find out where this program is: /proc is not "
                                         "mounted");
    const Path below = Path(".local") / "state";
    Path state = fromEnvironment("XDG_STATE_HOME");
    if (state.empty())
        state = homeFolder() / below;
    // A copy that root started has root's environment and another user's rights.
    const Path spool = canWriteBelow(state) ? state : homeOfUser() / below;
    return console::Surroundings{program, state / "salvor", spool / "salvor"};
}

console::AskPassphrase askAs(const Arguments& arguments)
{
    // What is new is asked for twice.
    const std::string made =
        arguments.command().id == CommandId::RepoInit ? arguments.value("--repo").value_or("") : "";
    return [made](const std::string& repository) {
        return askPassphrase("repository '" + repository + "'",
                             repository == made ? Ask::Twice : Ask::Once);
    };
}

/// Only what the archive itself said is "not there" to PostgreSQL, never a missing configuration.
Error beforeTheArchive(Error error)
{
    if (error.code == ErrorCode::NotFound)
        error.code = ErrorCode::NotReady;
    return error;
}

struct Prepared {
    settings::Config config;
    console::Surroundings surroundings;
};

Result<Prepared> prepare(const Arguments& arguments)
{
    std::optional<Path> given;
    if (const auto path = arguments.value("--config"))
        given = *path;
    SALVOR_TRY(const Path file, settings::findConfigFile(given));
    SALVOR_TRY(settings::Config config, settings::loadConfig(file));
    SALVOR_TRY(console::Surroundings surroundings, findSurroundings());
    return Prepared{std::move(config), std::move(surroundings)};
}

Result<Answer> runWithConsole(const Arguments& arguments, std::ostream& err)
{
    auto prepared = prepare(arguments);
    if (!prepared.ok())
        return beforeTheArchive(std::move(prepared).error());
    const CommandId id = arguments.command().id;
    const bool forServer = id == CommandId::ArchiveGet || id == CommandId::ArchivePush
                           || id == CommandId::ArchiveWorker;
    // A server ends them by SIGTERM and must see that they died of it.
    if (!forServer)
        catchStopSignals();
    const bool quiet = forServer || arguments.has("--quiet");
    ProgressPrinter printer(
        err, quiet ? ProgressPrinter::Show::WarningsOnly : ProgressPrinter::Show::Everything,
        ::isatty(STDERR_FILENO) != 0);
    JobContext job = printer.job();
    console::Console console(std::move(prepared->config), std::move(prepared->surroundings),
                             askAs(arguments));
    auto answer = runCommandOf({arguments, console, job});
    printer.close();
    if (answer.ok() && arguments.has("--quiet"))
        answer->message.clear();
    return answer;
}

Result<Answer> runArguments(const Arguments& arguments, std::ostream& err)
{
    const CommandId id = arguments.command().id;
    Answer answer;
    if (id == CommandId::Version) {
        answer.result = Json::Object{{"version", SALVOR_VERSION}};
        answer.text = std::string("salvorctl ") + SALVOR_VERSION + "\n";
        return answer;
    }
    // On a machine where nothing is set up yet, too.
    if (id == CommandId::RepoKeyType)
        return repoKeyType(arguments);
    if (id == CommandId::Help) {
        SALVOR_TRY(answer.text, helpText(arguments.positionals()));
        answer.result = Json::Object{{"help", answer.text}};
        return answer;
    }
    auto level = logLevel(arguments);
    if (!level.ok())
        return std::move(level).error();
    setUpLog(*level);
    return runWithConsole(arguments, err);
}

Result<Answer> runGuarded(const Arguments& arguments, std::ostream& err)
{
    try {
        return runArguments(arguments, err);
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::Unavailable, "there is not enough memory",
                    "Nothing half-made is visible; run it again when there is more.");
    } catch (const std::exception& exception) {
        return fail(ErrorCode::Bug, std::string("this should not happen: ") + exception.what(),
                    "Report it, with the command and this line.");
    }
}

} // namespace

Result<Answer> runCommandOf(const Run& run)
{
    using Function = Result<Answer> (*)(const Run&);
    static constexpr auto functions = std::to_array<std::pair<CommandId, Function>>({
        {CommandId::RepoInit, repoInit},
        {CommandId::RepoCopy, repoCopy},
        {CommandId::RepoInfo, repoInfo},
        {CommandId::RepoLifecycle, repoLifecycle},
        {CommandId::RepoKeyAdd, repoKeyAdd},
        {CommandId::RepoKeyRemove, repoKeyRemove},
        {CommandId::RepoKeyList, repoKeyList},
        {CommandId::RepoKeySheet, repoKeySheet},
        {CommandId::ClusterCheck, clusterCheck},
        {CommandId::ClusterAdopt, clusterAdopt},
        {CommandId::Backup, backup},
        {CommandId::Backups, backups},
        {CommandId::Show, show},
        {CommandId::WalRanges, walRanges},
        {CommandId::PlanRestore, planRestore},
        {CommandId::Restore, restore},
        {CommandId::Extract, extract},
        {CommandId::Merge, merge},
        {CommandId::InPlaceList, inPlaceList},
        {CommandId::InPlaceCommit, inPlaceCommit},
        {CommandId::InPlaceRollback, inPlaceRollback},
        {CommandId::InstanceList, instanceList},
        {CommandId::InstancePromote, instancePromote},
        {CommandId::InstanceResume, instanceResume},
        {CommandId::InstanceStop, instanceStop},
        {CommandId::InstanceRemove, instanceRemove},
        {CommandId::ArchivePush, archivePush},
        {CommandId::ArchiveGet, archiveGet},
        {CommandId::ArchiveWorker, archiveWorker},
        {CommandId::ReceiveWal, receiveWal},
        {CommandId::Verify, verifyStored},
        {CommandId::Prune, prune},
        {CommandId::Retire, retireBackup},
        {CommandId::Hold, holdBackup},
        {CommandId::Unhold, unholdBackup},
    });
    const auto* found = std::find_if(functions.begin(), functions.end(), [&](const auto& each) {
        return each.first == run.arguments.command().id;
    });
    return found->second(run);
}

int runProgram(const std::vector<std::string>& words, std::ostream& out, std::ostream& err)
{
    forbidCoreDumps();
    const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
    const Format format = json ? Format::Json : Format::Text;
    const auto arguments = parseArguments(words);
    if (!arguments.ok()) {
        Answer answer;
        answer.problem = arguments.error();
        return finish(answer, commandNamed(words), format, out, err);
    }
    const auto ran = runGuarded(*arguments, err);
    Answer failed;
    if (!ran.ok())
        failed.problem = ran.error();
    return finish(ran.ok() ? *ran : failed, arguments->command().id, format, out, err);
}

} // namespace salvor::cli
