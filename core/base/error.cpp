#include "core/base/error.h"

#include <cerrno>
#include <cstring>

namespace salvor {

std::string_view errorCodeName(ErrorCode code) noexcept
{
    switch (code) {
    case ErrorCode::InvalidInput:
        return "InvalidInput";
    case ErrorCode::NotFound:
        return "NotFound";
    case ErrorCode::AlreadyExists:
        return "AlreadyExists";
    case ErrorCode::Denied:
        return "Denied";
    case ErrorCode::NotReady:
        return "NotReady";
    case ErrorCode::Unavailable:
        return "Unavailable";
    case ErrorCode::Timeout:
        return "Timeout";
    case ErrorCode::Locked:
        return "Locked";
    case ErrorCode::NoSpace:
        return "NoSpace";
    case ErrorCode::Corrupt:
        return "Corrupt";
    case ErrorCode::Incompatible:
        return "Incompatible";
    case ErrorCode::Cancelled:
        return "Cancelled";
    case ErrorCode::Bug:
        break;
    }
    return "Bug";
}

Error Error::in(std::string_view doing) &&
{
    message = std::string(doing) + ": " + message;
    return std::move(*this);
}

namespace {

ErrorCode codeOfErrno(int errorNumber)
{
    switch (errorNumber) {
    case ENOENT:
    case ENOTDIR:
        return ErrorCode::NotFound;
    case EEXIST:
        return ErrorCode::AlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
        return ErrorCode::Denied;
    case ENOSPC:
    case EDQUOT:
        return ErrorCode::NoSpace;
    case EINTR:
    case EAGAIN:
    case EIO:
    case ESTALE:
        return ErrorCode::Unavailable;
    case ETIMEDOUT:
        return ErrorCode::Timeout;
    default:
        return ErrorCode::NotReady;
    }
}

} // namespace

Error failErrno(int errorNumber, std::string_view doing, std::string hint, Origin origin)
{
    std::string message(doing);
    message += ": ";
    message += std::strerror(errorNumber); // NOLINT(concurrency-mt-unsafe): glibc's is per thread.
    if (const char* name = strerrorname_np(errorNumber))
        message += std::string(" (") + name + ")";
    if (hint.empty() && codeOfErrno(errorNumber) == ErrorCode::NoSpace)
        hint = "Free space there, or choose a place with more room.";
    return {codeOfErrno(errorNumber), std::move(message), std::move(hint), origin};
}

} // namespace salvor
