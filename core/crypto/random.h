// Random bytes for keys, salts and names.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace salvor::crypto {

/// Fills `out` from the operating system's generator. Thread-safe.
///
/// Errors: Unavailable when the generator has nothing to give.
[[nodiscard]] Result<> fillRandom(MutableByteView out);
/// `size` random bytes. Errors: as fillRandom().
[[nodiscard]] Result<Bytes> randomBytes(std::size_t size);

} // namespace salvor::crypto
