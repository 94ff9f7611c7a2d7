// Small pieces of text that plans and errors are made of, and quoting for shells.
#pragma once

#include "core/base/bytes.h"

#include <string>
#include <string_view>

namespace salvor::restore {

/// "3.0 GiB", "512 bytes".
[[nodiscard]] std::string sizeText(ByteCount bytes);
/// "1 file", "3 files": `noun` gets an s unless the count is 1.
[[nodiscard]] std::string countText(std::uint64_t count, std::string_view noun);

/// One word for a POSIX shell: as it is when nothing in it is special, else quoted.
[[nodiscard]] std::string shellWord(std::string_view text);

} // namespace salvor::restore
