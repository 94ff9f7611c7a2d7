#include "tests/rescue/traced.h"

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

bool isChange(Call call)
{
    static constexpr std::array changes = {
        SYS_rename,   SYS_renameat,  SYS_renameat2, SYS_link,     SYS_linkat,  SYS_unlink,
        SYS_unlinkat, SYS_mkdir,     SYS_mkdirat,   SYS_rmdir,    SYS_symlink, SYS_symlinkat,
        SYS_fsync,    SYS_fdatasync, SYS_syncfs,    SYS_ftruncate};
    if (call.number == SYS_openat)
        return (call.third & O_CREAT) != 0;
    return std::find(changes.begin(), changes.end(), call.number) != changes.end();
}

/// A child that stops before and after each system call of its first thread.
class Traced {
public:
    explicit Traced(const std::function<bool()>& work)
        : m_child(::fork())
    {
        if (m_child < 0)
            throw std::runtime_error("cannot fork");
        if (m_child == 0) {
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            ::_exit(work() ? 0 : 1);
        }
        ::waitpid(m_child, &m_status, 0);
        ::ptrace(PTRACE_SETOPTIONS, m_child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    }
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;
    ~Traced()
    {
        if (m_ended)
            return;
        ::kill(m_child, SIGKILL);
        ::waitpid(m_child, &m_status, 0);
    }

    /// False once it has ended; else it stands before (`enters`) or after a call.
    bool next()
    {
        int signal = 0;
        while (true) {
            ::ptrace(PTRACE_SYSCALL, m_child, nullptr, signal);
            if (::waitpid(m_child, &m_status, 0) != m_child)
                throw std::runtime_error("lost the traced process");
            m_ended = WIFEXITED(m_status) || WIFSIGNALED(m_status);
            if (WIFSIGNALED(m_status))
                throw std::runtime_error("the traced process failed by itself");
            if (m_ended)
                return false;
            const int stopped = WSTOPSIG(m_status);
            signal = stopped == (SIGTRAP | 0x80) ? 0 : stopped;
            if (signal != 0)
                continue;
            enters = !enters;
            return true;
        }
    }
    [[nodiscard]] Call call() const
    {
        const user_regs_struct registers = look();
        return {static_cast<long>(registers.orig_rax), registers.rdx};
    }
    /// The call it enters is not made; the one it leaves has failed.
    void fail(int errorNumber) const
    {
        user_regs_struct registers = look();
        registers.orig_rax = static_cast<unsigned long long>(-1);
        registers.rax = static_cast<unsigned long long>(-errorNumber);
        ::ptrace(PTRACE_SETREGS, m_child, nullptr, &registers);
    }
    /// What its work said, once it has ended.
    [[nodiscard]] bool said() const { return WEXITSTATUS(m_status) == 0; }

    bool enters = false;

private:
    [[nodiscard]] user_regs_struct look() const
    {
        user_regs_struct registers{};
        ::ptrace(PTRACE_GETREGS, m_child, nullptr, &registers);
        return registers;
    }

    const pid_t m_child;
    int m_status = 0;
    bool m_ended = false;
};

} // namespace

bool endsBeforeChange(std::uint64_t nth, const std::function<void()>& work, std::vector<long>* made)
{
    Traced traced([&] {
        work();
        return true;
    });
    std::uint64_t changes = 0;
    while (traced.next()) {
        const Call call = traced.call();
        if (!traced.enters || !isChange(call))
            continue;
        if (++changes == nth)
            return false;
        if (made != nullptr)
            made->push_back(call.number);
    }
    if (!traced.said())
        throw std::runtime_error("the traced process failed by itself");
    return true;
}

bool saysWithFailingCalls(int errorNumber, const std::function<bool(Call)>& fails,
                          const std::function<bool()>& work)
{
    Traced traced(work);
    bool isFailing = false;
    while (traced.next()) {
        if (traced.enters)
            isFailing = fails(traced.call());
        if (isFailing)
            traced.fail(errorNumber);
    }
    return traced.said();
}

} // namespace salvor::test
