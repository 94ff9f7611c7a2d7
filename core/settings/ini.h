// The strict INI of salvor.conf: sections with a kind and a name, one value a key. No I/O.
#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace salvor::settings {

/// What one line of the file is.
enum class LineKind { Blank, Comment, Section, Entry };

struct IniEntry {
    std::string key;
    std::string value; ///< Trimmed; never empty.
    int line = 0;      ///< From 1.
};

/// `[repository main]` and what stands below it.
struct IniSection {
    std::string kind; ///< "repository".
    std::string name; ///< "main".
    int line = 0;     ///< Of its heading, from 1.
    int endLine = 0;  ///< First line after it.
    std::vector<IniEntry> entries;
};

/// Errors: InvalidInput naming file and line: no section yet, no '=', an empty key or value, a
///         heading that is not `[kind name]`, a control character, a section or a key that stands
///         twice.
[[nodiscard]] Result<std::vector<IniSection>> parseIni(std::string_view text,
                                                       std::string_view file);

/// The lines of a text without their line ends ("\n" or "\r\n").
[[nodiscard]] std::vector<std::string_view> splitLines(std::string_view text);
/// Comments begin with '#' or ';' in the first column that is not white space.
[[nodiscard]] LineKind lineKind(std::string_view line) noexcept;

/// "'/etc/salvor/salvor.conf', line 12".
[[nodiscard]] std::string atLine(std::string_view file, int line);

} // namespace salvor::settings
