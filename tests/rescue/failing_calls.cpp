#include "tests/rescue/failing_calls.h"

#include <csignal>
#include <stdexcept>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace salvor::test {

bool saysWithFailingCalls(int errorNumber, const std::function<bool(Call)>& fails,
                          const std::function<bool()>& work)
{
    const pid_t child = ::fork();
    if (child < 0)
        throw std::runtime_error("cannot fork");
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        ::_exit(work() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    bool enters = true;
    bool isFailing = false;
    int signal = 0;
    while (true) {
        ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
        if (::waitpid(child, &status, 0) != child)
            throw std::runtime_error("lost the traced process");
        if (WIFEXITED(status))
            return WEXITSTATUS(status) == 0;
        if (WIFSIGNALED(status))
            throw std::runtime_error("the traced process failed by itself");
        const int stopped = WSTOPSIG(status);
        signal = stopped == (SIGTRAP | 0x80) ? 0 : stopped;
        if (signal != 0)
            continue;
        user_regs_struct registers{};
        ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
        if (enters)
            isFailing = fails({static_cast<long>(registers.orig_rax), registers.rdx});
        if (isFailing) {
            // A call that does not exist is made instead.
            registers.orig_rax = static_cast<unsigned long long>(-1);
            registers.rax = static_cast<unsigned long long>(-errorNumber);
            ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
        }
        enters = !enters;
    }
}

} // namespace salvor::test
