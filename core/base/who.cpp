#include "core/base/who.h"

#include "core/base/subprocess.h"

#include <array>
#include <unistd.h>

namespace salvor {

std::string hostName()
{
    std::array<char, 256> host{};
    return ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "";
}

std::string whoAmI()
{
    const auto user = findUser(::geteuid());
    const std::string host = hostName();
    return (user.ok() ? user->name : std::to_string(::geteuid()))
           + (host.empty() ? "" : "@" + host);
}

} // namespace salvor
