// The program's own log, for developers and support; what a run tells people goes to EventSink.
#pragma once

#include <string_view>

namespace salvor {

enum class LogLevel { Debug, Info, Warning, Error, Off };

/// Sets what is written, to standard error. Once, at the start of a program.
void setUpLog(LogLevel level);

/// Thread-safe. The message is text already: a Secret cannot get in without being revealed.
void log(LogLevel level, std::string_view message);

} // namespace salvor
