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
    // In a container the server may be everybody's parent: it takes any other end of an unknown
    // child for the crash of a server process.
    if (command == CommandId::ArchiveWorker)
        return exit_status::failed;
    if (command != CommandId::ArchiveGet)
        return exitStatus(code);
    return code == ErrorCode::NotFound ? exit_status::walNotThere : exit_status::walUnknown;
}

} // namespace salvor::cli
