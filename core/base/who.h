// Who runs this, and where: for notes that others will read.
#pragma once

#include <string>

namespace salvor {

/// The name of this machine; empty when it has none.
[[nodiscard]] std::string hostName();
/// "user@host", of the effective user.
[[nodiscard]] std::string whoAmI();

} // namespace salvor
