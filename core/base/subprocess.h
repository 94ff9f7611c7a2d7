// Other programs, run as they are: an argument vector, never a shell.
#pragma once

#include "core/base/file.h"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace salvor {

/// A user of this machine, as a program can be started as.
struct SystemUser {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name;
};

/// Errors: NotFound when there is no such user.
[[nodiscard]] Result<SystemUser> findUser(const std::string& name);
[[nodiscard]] Result<SystemUser> findUser(uid_t uid);

struct Command {
    std::vector<std::string> argv;                                ///< argv[0] is looked up in PATH.
    std::vector<std::pair<std::string, std::string>> environment; ///< Added to ours.
    std::string input;                                            ///< Given on its standard input.
    Path directory;                                               ///< Where it runs; empty: here.
    std::optional<SystemUser> user; ///< Who it runs as; only root can choose another.
    std::chrono::milliseconds timeout = std::chrono::minutes(10);
    /// Where its standard output goes instead of into the result; must be open until it ended.
    const FileDescriptor* output = nullptr;
};

struct CommandResult {
    int status = 0;     ///< Exit status, or 128 + signal number.
    std::string output; ///< What it wrote on standard output; at most 64 MiB are kept.
    std::string errors; ///< And on standard error.
};

/// Runs a program to its end. A status other than 0 is a result, not an error.
///
/// Errors: NotFound when the program cannot be started; Timeout and Cancelled after it was ended,
///         first with SIGTERM and two seconds later with SIGKILL.
/// Thread: blocks.
[[nodiscard]] Result<CommandResult> runCommand(const Command& command,
                                               const std::stop_token& stop = {});

/// The same; a status other than 0 is an error (NotReady) that carries the last lines it wrote.
[[nodiscard]] Result<std::string> runChecked(const Command& command,
                                             const std::stop_token& stop = {});

/// Starts a program that goes on when this one ends: a session of its own, `input` as its standard
/// input, nothing on its standard output, its errors at the end of the file `log`, no other
/// descriptor of ours. It runs in our working directory, with our environment.
///
/// Errors: as failErrno when it cannot be started.
[[nodiscard]] Result<> startDetached(const std::vector<std::string>& argv,
                                     const FileDescriptor& input, const Path& log);

} // namespace salvor
