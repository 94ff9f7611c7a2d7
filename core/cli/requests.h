// What the options of a command ask for, as the console takes it. No I/O.
#pragma once

#include "core/base/log.h"
#include "core/cli/arguments.h"
#include "core/console/console.h"

namespace salvor::cli {

/// Errors of all: InvalidInput naming the option.
[[nodiscard]] Result<model::RecoveryTarget> recoveryTarget(const Arguments& arguments);
[[nodiscard]] Result<console::RestoreChoice> restoreChoice(const Arguments& arguments);
[[nodiscard]] Result<console::BackupChoice> backupChoice(const Arguments& arguments);
/// 100 when the option is not there.
[[nodiscard]] Result<int> samplePercent(const Arguments& arguments);
[[nodiscard]] Result<LogLevel> logLevel(const Arguments& arguments);
/// A path as an option gives it, without "." and "..". Errors: one that is not absolute.
[[nodiscard]] Result<Path> absolutePath(std::string_view option, const std::string& text);
/// What --repository names; "" without it.
[[nodiscard]] std::string repositoryAsked(const Arguments& arguments);
/// The value of an option without which the command cannot work.
[[nodiscard]] Result<std::string> required(const Arguments& arguments, std::string_view option);

} // namespace salvor::cli
