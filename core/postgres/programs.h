// PostgreSQL's own programs of a major version on this machine.
#pragma once

#include "core/base/file.h"
#include "core/base/subprocess.h"

#include <string>

namespace salvor::postgres {

/// The folder that holds postgres, pg_ctl and the like of one major.
struct Programs {
    Path folder;
    int majorVersion = 0;
    [[nodiscard]] std::string program(std::string_view name) const
    {
        return (folder / name).native();
    }
};

/// Looks into `configured` when that is given, else Debian's place
/// (/usr/lib/postgresql/MAJOR/bin), else PATH; the version is asked of `postgres --version`.
///
/// Errors: NotReady when there are none of that major; the message says where it looked and what
///         was found there, the hint names the package.
[[nodiscard]] Result<Programs> findPrograms(int majorVersion, const Path& configured = {});

} // namespace salvor::postgres
