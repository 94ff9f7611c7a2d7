// A process that does nothing but work in a directory, as a server does.
#pragma once

#include "core/base/file.h"

#include <array>
#include <csignal>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace salvor::test {

/// Lives as long as the object.
class IdleProcess {
public:
    enum class Program { Another, Own };

    explicit IdleProcess(const Path& folder, Program program = Program::Another)
    {
        std::array<int, 2> ready{};
        if (::pipe2(ready.data(), O_CLOEXEC) != 0)
            throw std::runtime_error("cannot make a pipe");
        m_process = ::fork();
        if (m_process < 0)
            throw std::runtime_error("cannot fork");
        if (m_process == 0) {
            if (::chdir(folder.c_str()) != 0)
                ::_exit(::write(ready[1], "n", 1) == 1 ? 1 : 2);
            if (program == Program::Another)
                ::execl("/bin/sleep", "sleep", "3600", nullptr);
            ::close(ready[1]);
            while (true)
                ::pause();
        }
        ::close(ready[1]); // The other end goes when the process is where it should be.
        char word = ' ';
        const bool failed = ::read(ready[0], &word, 1) != 0;
        ::close(ready[0]);
        if (failed)
            throw std::runtime_error("the process could not go to its folder");
    }
    IdleProcess(const IdleProcess&) = delete;
    IdleProcess& operator=(const IdleProcess&) = delete;
    ~IdleProcess()
    {
        ::kill(m_process, SIGKILL);
        ::waitpid(m_process, nullptr, 0);
    }

    [[nodiscard]] pid_t number() const noexcept { return m_process; }

private:
    pid_t m_process = -1;
};

} // namespace salvor::test
