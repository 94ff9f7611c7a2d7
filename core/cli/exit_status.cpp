#include "core/cli/exit_status.h"

namespace salvor::cli {

int exitStatus(ErrorCode code) noexcept
{
    switch (code) {
    case ErrorCode::InvalidInput:
        return exit_status::invalidInput;
    case ErrorCode::NotFound:
    case ErrorCode::AlreadyExists:
    case ErrorCode::Denied:
    case ErrorCode::NotReady:
    case ErrorCode::NoSpace:
    case ErrorCode::Incompatible:
        return exit_status::notReady;
    case ErrorCode::Cancelled:
        return exit_status::cancelled;
    case ErrorCode::Corrupt:
        return exit_status::findings;
    case ErrorCode::Unavailable:
    case ErrorCode::Timeout:
    case ErrorCode::Locked:
    case ErrorCode::Bug:
        break;
    }
    return exit_status::failed;
}

int exitStatus(ErrorCode code, std::optional<CommandId> command) noexcept
{
    if (command != CommandId::ArchiveGet)
        return exitStatus(code);
    return code == ErrorCode::NotFound ? exit_status::walNotThere : exit_status::walUnknown;
}

} // namespace salvor::cli
