// PostgreSQL's own programs, run against a started copy and nothing else.
#pragma once

#include "core/postgres/instance.h"

#include <string_view>

namespace salvor::postgres {

/// At most so many lines of a program's output are looked at.
constexpr std::size_t mostToolLines = 1000;

struct Tool {
    std::string name; ///< Of the copy's own programs: "pg_amcheck".
    std::vector<std::string> arguments;
    std::string input;
    const FileDescriptor* output = nullptr; ///< As Command::output.
};

/// Runs it as the copy's owner, connected to the copy whatever the caller's environment says.
/// Errors: those of runCommand(); a status other than 0 is a result.
[[nodiscard]] Result<CommandResult> runTool(const Instance& instance, Tool tool,
                                            const JobContext& job);

/// Lines without white space around them, and without empty ones.
[[nodiscard]] std::vector<std::string> toolLines(std::string_view text);
/// What it wrote on standard error, in one line.
[[nodiscard]] std::string toolErrors(const CommandResult& ended);
/// NotReady, with what the program wrote on standard error.
[[nodiscard]] Error failTool(const std::string& name, const CommandResult& ended);

} // namespace salvor::postgres
