// The files and command lines in which AWS tools keep credentials. Pure parsing but for one check.
#pragma once

#include "core/base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace salvor::net {

/// Sections of an INI file by name, each with its keys (lower case) and values. What stands before
/// the first section is in "". A later section or key of the same name adds or wins.
using IniFile = std::map<std::string, std::map<std::string, std::string>>;

/// Reads the dialect of ~/.aws: '#' and ';' begin a comment line, indented lines belong to a nested
/// value and are left out. Errors: InvalidInput names the line, never its content.
[[nodiscard]] Result<IniFile> parseIni(std::string_view text);

/// Splits a command line into its arguments as a shell does with quotes and backslashes, and with
/// nothing else. Errors: InvalidInput for an open quote or an empty line.
[[nodiscard]] Result<std::vector<std::string>> splitCommandLine(std::string_view line);

} // namespace salvor::net
