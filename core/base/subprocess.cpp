#include "core/base/subprocess.h"

#include "core/base/text.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace salvor {

namespace {

using namespace std::chrono;

constexpr std::size_t keptOutput = std::size_t{64} << 20U;

struct Pipe {
    FileDescriptor read;
    FileDescriptor write;
};

Result<Pipe> makePipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return failErrno(errno, "cannot make a pipe");
    return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// What the child needs, made before fork(): after it only async-signal-safe calls are allowed.
struct Prepared {
    std::vector<std::string> environment;
    std::vector<char*> argv;
    std::vector<char*> envp;
    std::vector<gid_t> groups;
};

Prepared prepare(const Command& command)
{
    Prepared ready;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& [key, value] : command.environment)
            replaced = replaced || key == name;
        if (!replaced)
            ready.environment.emplace_back(text);
    }
    for (const auto& [key, value] : command.environment) {
        std::string entry = key;
        entry += '=';
        entry += value;
        ready.environment.push_back(std::move(entry));
    }
    for (std::string& entry : ready.environment)
        ready.envp.push_back(entry.data());
    ready.envp.push_back(nullptr);
    for (const std::string& argument : command.argv)
        ready.argv.push_back(const_cast<char*>(argument.c_str())); // NOLINT: execvpe's signature.
    ready.argv.push_back(nullptr);
    if (command.user) {
        int count = 64;
        ready.groups.resize(static_cast<std::size_t>(count));
        if (::getgrouplist(command.user->name.c_str(), command.user->gid, ready.groups.data(),
                           &count)
            < 0)
            count = 0;
        ready.groups.resize(static_cast<std::size_t>(count));
    }
    return ready;
}

/// The child's ends of the pipes.
struct ChildEnds {
    int in;
    int out;
    int err;
    int report; ///< Tells why the program could not be started.
};

/// Runs in the child only.
[[noreturn]] void becomeProgram(const Command& command, const Prepared& ready,
                                const ChildEnds& ends)
{
    ::dup2(ends.in, STDIN_FILENO);
    ::dup2(ends.out, STDOUT_FILENO);
    ::dup2(ends.err, STDERR_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    bool good = command.directory.empty() || ::chdir(command.directory.c_str()) == 0;
    if (good && command.user && command.user->uid != ::geteuid()) {
        good = ::setgroups(ready.groups.size(), ready.groups.data()) == 0
               && ::setgid(command.user->gid) == 0 && ::setuid(command.user->uid) == 0;
    }
    if (good)
        ::execvpe(ready.argv[0], ready.argv.data(), ready.envp.data());
    const int reason = errno;
    [[maybe_unused]] const ssize_t told = ::write(ends.report, &reason, sizeof reason);
    ::_exit(127);
}

/// A child and our ends of its pipes.
struct Child {
    pid_t pid = -1;
    FileDescriptor in;
    FileDescriptor out;
    FileDescriptor err;
};

Result<Child> start(const Command& command)
{
    SALVOR_TRY(Pipe in, makePipe());
    SALVOR_TRY(Pipe out, makePipe());
    SALVOR_TRY(Pipe err, makePipe());
    SALVOR_TRY(Pipe report, makePipe());
    const Prepared ready = prepare(command);
    const pid_t pid = ::fork();
    if (pid < 0)
        return failErrno(errno, "cannot start '" + command.argv.front() + "'");
    if (pid == 0)
        becomeProgram(command, ready,
                      {in.read.get(),
                       command.output != nullptr ? command.output->get() : out.write.get(),
                       err.write.get(), report.write.get()});
    report.write.reset();
    int reason = 0;
    const ssize_t told = ::read(report.read.get(), &reason, sizeof reason);
    if (told == static_cast<ssize_t>(sizeof reason)) {
        ::waitpid(pid, nullptr, 0);
        return failErrno(reason, "cannot start '" + command.argv.front() + "'");
    }
    return Child{pid, std::move(in.write), std::move(out.read), std::move(err.read)};
}

void readInto(FileDescriptor& from, std::string& text)
{
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got > 0 && text.size() < keptOutput)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    else if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
        from.reset();
}

void writeFrom(FileDescriptor& into, std::string_view& rest)
{
    const ssize_t done = ::write(into.get(), rest.data(), rest.size());
    if (done > 0)
        rest.remove_prefix(static_cast<std::size_t>(done));
    if (rest.empty() || (done < 0 && errno != EINTR && errno != EAGAIN))
        into.reset();
}

/// Feeds and drains the child's pipes for at most 50 ms.
void exchange(Child& child, std::string_view& input, CommandResult& result)
{
    std::array<pollfd, 3> ends{{{child.in.isOpen() ? child.in.get() : -1, POLLOUT, 0},
                                {child.out.isOpen() ? child.out.get() : -1, POLLIN, 0},
                                {child.err.isOpen() ? child.err.get() : -1, POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), 50) <= 0)
        return;
    if (ends[0].revents != 0)
        writeFrom(child.in, input);
    if (ends[1].revents != 0)
        readInto(child.out, result.output);
    if (ends[2].revents != 0)
        readInto(child.err, result.errors);
}

void endChild(pid_t pid)
{
    ::kill(pid, SIGTERM);
    const auto deadline = steady_clock::now() + seconds(2);
    while (steady_clock::now() < deadline) {
        if (::waitpid(pid, nullptr, WNOHANG) == pid)
            return;
        std::this_thread::sleep_for(milliseconds(10));
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

} // namespace

Result<SystemUser> findUser(const std::string& name)
{
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0
        || found == nullptr)
        return fail(ErrorCode::NotFound, "there is no user '" + name + "' on this machine");
    return SystemUser{entry.pw_uid, entry.pw_gid, entry.pw_name};
}

Result<SystemUser> findUser(uid_t uid)
{
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return fail(ErrorCode::NotFound,
                    "there is no user with the id " + std::to_string(uid) + " on this machine");
    return SystemUser{entry.pw_uid, entry.pw_gid, entry.pw_name};
}

Result<CommandResult> runCommand(const Command& command, const std::stop_token& stop)
{
    if (command.argv.empty())
        return fail(ErrorCode::Bug, "a command without arguments");
    SALVOR_TRY(Child child, start(command));
    // The other end may be gone before all input is written: that is its right.
    ::signal(SIGPIPE, SIG_IGN);
    std::string_view input = command.input;
    if (input.empty())
        child.in.reset();
    else
        ::fcntl(child.in.get(), F_SETFL, O_NONBLOCK);
    CommandResult result;
    const auto deadline = steady_clock::now() + command.timeout;
    int status = 0;
    bool ended = false;
    while (!ended || child.out.isOpen() || child.err.isOpen()) {
        if (stop.stop_requested() || steady_clock::now() > deadline) {
            if (!ended)
                endChild(child.pid);
            if (stop.stop_requested())
                return fail(ErrorCode::Cancelled, "stopped on request");
            return fail(ErrorCode::Timeout, "'" + command.argv.front() + "' took too long");
        }
        // A grandchild may hold the pipes open for ever (pg_ctl start): its output is not ours.
        if (!ended && ::waitpid(child.pid, &status, WNOHANG) == child.pid)
            ended = true;
        else if (ended) {
            exchange(child, input, result);
            break;
        }
        exchange(child, input, result);
    }
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

Result<std::string> runChecked(const Command& command, const std::stop_token& stop)
{
    SALVOR_TRY(CommandResult result, runCommand(command, stop));
    if (result.status == 0)
        return std::move(result.output);
    const std::string_view said = trim(result.errors.empty() ? result.output : result.errors);
    const std::string_view tail = said.substr(said.size() > 600 ? said.size() - 600 : 0);
    return fail(ErrorCode::NotReady, "'" + command.argv.front() + "' ended with status "
                                         + std::to_string(result.status) + ": "
                                         + std::string(tail));
}

} // namespace salvor
