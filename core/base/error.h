// Why an operation failed. Plain values, safe on any thread.
#pragma once

#include <string>
#include <string_view>

namespace salvor {

/// What kind of failure, named by what the caller can do about it. A new code needs an ADR.
enum class ErrorCode {
    InvalidInput,  ///< Would never work: fix the argument.
    NotFound,      ///< There is no such object.
    AlreadyExists, ///< There is one already.
    Denied,        ///< These credentials may not do this.
    NotReady,      ///< A person must change something first: "archive_mode is off".
    Unavailable,   ///< No answer: the same call may work later.
    Timeout,       ///< No answer in time; it may have worked.
    Locked,        ///< Someone else is at it: start over later.
    NoSpace,       ///< The disk, bucket or quota is full.
    Corrupt,       ///< Stored bytes are not what was written.
    Incompatible,  ///< Written by a newer version, or for another PostgreSQL.
    Cancelled,     ///< Stopped on request. Not a failure to a person.
    Bug,           ///< Cannot happen; report it.
};

/// The code's name as it stands in JSON output: "NotReady".
[[nodiscard]] std::string_view errorCodeName(ErrorCode code) noexcept;

/// Where in the source an error was made. Stands in for std::source_location,
/// which clang-tidy 14 cannot parse.
struct Origin {
    const char* file;
    int line;

    static constexpr Origin here(const char* file = __builtin_FILE(),
                                 int line = __builtin_LINE()) noexcept
    {
        return {file, line};
    }
};

/// Why an operation failed: for the program (code), the operator (message, hint)
/// and the developer (origin).
struct Error {
    ErrorCode code;
    std::string message; ///< Lower case, no full stop, names the object: "cannot open 'x'".
    std::string hint;    ///< One sentence a person can act on, or empty.
    Origin origin = Origin::here();

    /// The same error seen from one level up: "backup 'b1': cannot open 'x'".
    [[nodiscard]] Error in(std::string_view doing) &&;

    /// True if repeating just this call may help. (Locked: start the whole operation over later.)
    [[nodiscard]] bool isRetryable() const noexcept
    {
        return code == ErrorCode::Unavailable || code == ErrorCode::Timeout;
    }
};

/// Makes the error of a failed call: `return fail(ErrorCode::NotFound, "no backup 'b1'");`
[[nodiscard]] inline Error fail(ErrorCode code, std::string message, std::string hint = {},
                                Origin origin = Origin::here())
{
    return {code, std::move(message), std::move(hint), origin};
}

/// The error of a failed system call: picks the code from `errorNumber` and appends its text and
/// name to `doing`: "cannot open 'x': No such file or directory (ENOENT)".
///
/// ENOENT is NotFound, EEXIST AlreadyExists, EACCES/EPERM/EROFS Denied, ENOSPC/EDQUOT NoSpace,
/// EINTR/EAGAIN/EIO/ESTALE Unavailable, ETIMEDOUT Timeout; anything else NotReady.
[[nodiscard]] Error failErrno(int errorNumber, std::string_view doing, std::string hint = {},
                              Origin origin = Origin::here());

} // namespace salvor
