// Asks a person for a passphrase at the terminal.
#pragma once

#include "core/base/result.h"
#include "core/base/secret.h"

#include <string>

namespace salvor::cli {

enum class Ask { Once, Twice };

/// Asks on the controlling terminal without showing what is typed; "Twice" until both are the same,
/// for a new one. Errors: NotReady without a terminal; InvalidInput when it is empty or the two
/// differ.
[[nodiscard]] Result<Secret> askPassphrase(const std::string& what, Ask how);

/// A new passphrase: at the terminal twice, or the first line of standard input when that is none.
/// Errors: as above; InvalidInput when it is empty or longer than 1024 bytes.
[[nodiscard]] Result<Secret> newPassphrase(const std::string& what);

} // namespace salvor::cli
