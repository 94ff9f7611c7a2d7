// Whether anything still works on a data directory, also where its postmaster.pid does not say so.
#pragma once

#include "core/base/file.h"

#include <optional>
#include <string>

namespace salvor::postgres {

/// What works on the directory now, in words ("process 4711 ('postgres') works in it"); nothing
/// when nothing does. Three signs, each enough: the process that postmaster.pid names lives there;
/// a process of another program than this has its working directory there or below, as the backends
/// of a killed postmaster have (the directory is known by its inode, so that renaming it hides
/// nobody); the shared memory that postmaster.pid names is attached. A container that shares the
/// directory and neither processes nor shared memory with this machine is not seen.
///
/// Errors: Denied when the directory belongs to somebody else and this is not root, whose processes
///         cannot be looked at; Corrupt when postmaster.pid cannot be read. A directory that is not
///         there: nothing works on it.
[[nodiscard]] Result<std::optional<std::string>> findServer(const Path& dataDirectory);

} // namespace salvor::postgres
