// archive-push through a background worker that pushes several files at once.
#pragma once

#include "core/repository/repository.h"
#include "core/wal/spool.h"

#include <chrono>
#include <functional>

namespace salvor::wal {

/// True when PostgreSQL waits for this file of pg_wal to be archived: a worker finds it then.
[[nodiscard]] bool isReadyToArchive(const Path& path);

/// What tells the bytes of a file of pg_wal from those of any other, as long as nobody changes it:
/// the cluster's system identifier, inode, size and times. `path` is as for archivePush().
[[nodiscard]] Result<std::string> walFileSubject(const Path& path);

struct AsyncPush {
    std::chrono::milliseconds timeout{};
    StartWorker startWorker;
};
/// Waits until a worker has acknowledged the file, and starts one where none runs. Nothing when no
/// worker comes to an answer: the caller pushes the file itself then.
///
/// An acknowledgement is believed only of a worker that is alive, and for this very file.
/// Errors: what the worker met with this file or before all files; Timeout.
[[nodiscard]] Result<std::optional<repository::Repository::Pushed>>
pushThroughWorker(const Spool& spool, const Path& path, const AsyncPush& how);

/// What the worker does. The lock of the spool is held by its process.
struct PushWork {
    /// Stores a file as archivePush() does. Called by several threads.
    std::function<Result<repository::Repository::Pushed>(const Path&)> push;
    /// Asked before each file; false ends the worker.
    std::function<Result<bool>()> isSamePlace;
    Path walFolder; ///< pg_wal, as PostgreSQL's %p names it.
    int threads = 2;
    std::chrono::milliseconds idle{}; ///< Ends when nothing changed for so long.
};
/// False when another one is at its place than the one that was opened: what is written with its
/// keys could be read by nobody. Errors: those of Repository::probe().
[[nodiscard]] Result<bool> isSameRepository(const repository::Repository& repository);

/// Pushes what archive_status marks as ready, history files first, then by name, and acknowledges
/// each after it is durable. One file's error is told to whoever asks for that file, and does not
/// stop the others.
///
/// Errors: when it cannot go on: the folder is gone, the spool cannot be written, another
///         repository is at the place.
[[nodiscard]] Result<> pushReadyFiles(const Spool& spool, const PushWork& work);

/// Tells every foreground of the spool why there is no worker.
void reportWorkerError(const Spool& spool, const Error& error);

} // namespace salvor::wal
