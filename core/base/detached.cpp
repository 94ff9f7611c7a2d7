#include "core/base/subprocess.h"

#include <csignal>
#include <spawn.h>
#include <unistd.h>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace salvor {

namespace {

/// What the child does before it becomes the program.
class SpawnPlan {
public:
    SpawnPlan()
    {
        ::posix_spawn_file_actions_init(&m_files);
        ::posix_spawnattr_init(&m_attributes);
    }
    ~SpawnPlan()
    {
        ::posix_spawn_file_actions_destroy(&m_files);
        ::posix_spawnattr_destroy(&m_attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    /// The first number of errno that came, or 0.
    int prepare(int input, const Path& log)
    {
        sigset_t all;
        sigset_t none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        for (const int failed : {
                 ::posix_spawn_file_actions_adddup2(&m_files, input, STDIN_FILENO),
                 ::posix_spawn_file_actions_addopen(&m_files, STDOUT_FILENO, "/dev/null", O_WRONLY,
                                                    0),
                 ::posix_spawn_file_actions_addopen(&m_files, STDERR_FILENO, log.c_str(),
                                                    O_WRONLY | O_CREAT | O_APPEND, 0600),
                 ::posix_spawn_file_actions_addclosefrom_np(&m_files, STDERR_FILENO + 1),
                 ::posix_spawnattr_setsigdefault(&m_attributes, &all),
                 ::posix_spawnattr_setsigmask(&m_attributes, &none),
                 ::posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSID
                                                               | POSIX_SPAWN_SETSIGDEF
                                                               | POSIX_SPAWN_SETSIGMASK),
             })
            if (failed != 0)
                return failed;
        return 0;
    }
    int spawn(const std::vector<std::string>& argv)
    {
        std::vector<char*> words;
        for (const std::string& word : argv)
            words.push_back(const_cast<char*>(word.c_str())); // NOLINT: posix_spawn's signature.
        words.push_back(nullptr);
        pid_t pid = -1;
        return ::posix_spawn(&pid, words.front(), &m_files, &m_attributes, words.data(), environ);
    }

private:
    posix_spawn_file_actions_t m_files{};
    posix_spawnattr_t m_attributes{};
};

} // namespace

Result<> startDetached(const std::vector<std::string>& argv, const FileDescriptor& input,
                       const Path& log)
{
    if (argv.empty())
        return fail(ErrorCode::Bug, "a command without arguments");
    SpawnPlan plan;
    int failed = plan.prepare(input.get(), log);
    if (failed == 0)
        failed = plan.spawn(argv);
    if (failed != 0)
        return failErrno(failed, "cannot start '" + argv.front() + "'");
    return {};
}

} // namespace salvor
