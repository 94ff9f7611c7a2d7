#include "core/model/recovery_target.h"

namespace salvor::model {

std::string_view atTargetName(AtTarget action) noexcept
{
    switch (action) {
    case AtTarget::Pause:
        return "pause";
    case AtTarget::Promote:
        return "promote";
    case AtTarget::Shutdown:
        return "shutdown";
    }
    return "promote";
}

} // namespace salvor::model
