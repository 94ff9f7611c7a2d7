// What a user without rights sees.
#pragma once

#include <functional>
#include <sys/wait.h>
#include <unistd.h>

namespace salvor::test {

/// Runs `check` in a child as a user without rights, since root may read everything. What it
/// changes in memory is lost; gives what it gave.
inline bool asNobody(const std::function<bool()>& check)
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit((::geteuid() != 0 || ::setuid(65534) == 0) && check() ? 0 : 1);
    int status = 1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace salvor::test
