#include "core/model/cluster.h"

#include <algorithm>

namespace salvor::model {

bool isValidName(std::string_view name) noexcept
{
    constexpr std::size_t longest = 63;
    const auto isAllowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '_' || c == '-' || c == '.';
    };
    return !name.empty() && name.size() <= longest && name.front() != '.'
           && std::all_of(name.begin(), name.end(), isAllowed);
}

} // namespace salvor::model
