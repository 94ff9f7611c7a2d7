#include "tests/rescue/killed_at.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace salvor::test {

namespace {

bool isChange(const user_regs_struct& registers)
{
    static constexpr std::array changes = {
        SYS_rename,   SYS_renameat,  SYS_renameat2, SYS_link,     SYS_linkat,  SYS_unlink,
        SYS_unlinkat, SYS_mkdir,     SYS_mkdirat,   SYS_rmdir,    SYS_symlink, SYS_symlinkat,
        SYS_fsync,    SYS_fdatasync, SYS_syncfs,    SYS_ftruncate};
    const auto number = static_cast<long>(registers.orig_rax);
    if (number == SYS_openat)
        return (registers.rdx & O_CREAT) != 0;
    return std::find(changes.begin(), changes.end(), number) != changes.end();
}

} // namespace

bool endsBeforeChange(std::uint64_t nth, const std::function<void()>& work, std::vector<long>* made)
{
    const pid_t child = ::fork();
    if (child < 0)
        throw std::runtime_error("cannot fork");
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        work();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    std::uint64_t changes = 0;
    bool enters = true;
    int signal = 0;
    while (true) {
        ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
        if (::waitpid(child, &status, 0) != child)
            throw std::runtime_error("lost the traced process");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return true;
        if (WIFEXITED(status) || WIFSIGNALED(status))
            throw std::runtime_error("the traced process failed by itself");
        const int stopped = WSTOPSIG(status);
        signal = stopped == (SIGTRAP | 0x80) ? 0 : stopped;
        if (signal != 0)
            continue;
        user_regs_struct registers{};
        ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
        if (enters && isChange(registers) && ++changes == nth)
            break;
        if (enters && made != nullptr && isChange(registers))
            made->push_back(static_cast<long>(registers.orig_rax));
        enters = !enters;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return false;
}

} // namespace salvor::test
