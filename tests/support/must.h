// For what a test arranges.
#pragma once

#include "core/base/result.h"

#include <stdexcept>
#include <type_traits>

namespace salvor::test {

/// Throws where arranging fails, which GoogleTest reports.
template <typename T>
T must(Result<T> result)
{
    if (!result.ok())
        throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

} // namespace salvor::test
