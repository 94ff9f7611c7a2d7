// Everything that takes a stranger's bytes apart, under one name each.
#pragma once

#include "core/base/bytes.h"

#include <span>
#include <string_view>

namespace salvor::test {

/// A decoder under the name of its folder in corpus/.
struct Decoder {
    std::string_view name;
    /// True when it took the bytes. Stops the program when what it gave contradicts itself, such as
    /// an object that is not encoded as it was.
    bool (*take)(ByteView bytes);
};

[[nodiscard]] std::span<const Decoder> decoders() noexcept;

} // namespace salvor::test
