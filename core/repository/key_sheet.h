// A key on paper, for the safe: printed as lines that each carry a check, and typed in again.
#pragma once

#include "core/base/clock.h"
#include "core/base/secret.h"
#include "core/repository/keys.h"

#include <string>
#include <string_view>

namespace salvor::repository {

struct KeySheet {
    std::string repository; ///< Its name in the configuration.
    std::string place;
    std::string id;
    bool readsContents = true; ///< A writer's key does not.
    Moment at;
};

/// The first 8 hexadecimal digits of a hash over the key: two sheets, or a sheet and a file, can be
/// compared by it without showing the key.
[[nodiscard]] std::string keyCheckValue(const Secret& key);

/// The text to print, its lines at most 78 characters long. `key` has 32 bytes.
[[nodiscard]] Secret keySheetText(const KeySheet& sheet, const Secret& key);

/// The key again, from the numbered lines of a sheet; any other line is passed over, and so are
/// spaces, dashes and case.
///
/// Errors: InvalidInput naming the lines that are missing, stand twice or were mistyped.
[[nodiscard]] Result<Secret> readKeySheet(std::string_view typed);

} // namespace salvor::repository
