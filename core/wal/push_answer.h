// What the worker of asynchronous pushes leaves in the spool for the foreground.
#pragma once

#include "core/repository/repository.h"
#include "core/wal/spool.h"

namespace salvor::wal {

/// Names in the spool, of a file of pg_wal.
[[nodiscard]] std::string acknowledgementName(const std::string& file);
[[nodiscard]] std::string errorName(const std::string& file);

/// The file with that subject (walFileSubject() before it was read) is durable in the repository.
[[nodiscard]] Result<> acknowledge(const Spool& spool, const std::string& file,
                                   const std::string& subject,
                                   repository::Repository::Pushed pushed);
/// It is not, and why.
[[nodiscard]] Result<> refuse(const Spool& spool, const std::string& file,
                              const std::string& subject, const Error& error);

} // namespace salvor::wal
