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
    explicit IdleProcess(const Path& folder)
    {
        std::array<int, 2> ready{};
        if (::pipe(ready.data()) != 0)
            throw std::runtime_error("cannot make a pipe");
        m_process = ::fork();
        if (m_process < 0)
            throw std::runtime_error("cannot fork");
        if (m_process == 0) {
            const char ok = ::chdir(folder.c_str()) == 0 ? 'y' : 'n';
            if (::write(ready[1], &ok, 1) != 1)
                ::_exit(1);
            while (true)
                ::pause();
        }
        char ok = 'n';
        const bool isThere = ::read(ready[0], &ok, 1) == 1 && ok == 'y';
        ::close(ready[0]);
        ::close(ready[1]);
        if (!isThere)
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
