// What to do when the crypto library refuses something it cannot refuse.
#pragma once

#include <cstdlib>

namespace salvor::crypto {

/// Stops the program unless `done`: only an exhausted memory or a broken library get here, and to
/// go on would mean to store bytes that nobody can read.
inline void must(bool done) noexcept
{
    if (!done)
        std::abort();
}

} // namespace salvor::crypto
