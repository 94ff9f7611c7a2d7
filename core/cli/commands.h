// The commands: each takes its arguments and the console, and says what came of it.
#pragma once

#include "core/cli/arguments.h"
#include "core/cli/output.h"
#include "core/console/console.h"

namespace salvor::cli {

/// What every command is handed.
struct Run {
    const Arguments& arguments;
    console::Console& console;
    JobContext& job;
};

/// Carries out any command but help and version. Blocks.
[[nodiscard]] Result<Answer> runCommandOf(const Run& run);

[[nodiscard]] Result<Answer> repoInit(const Run& run);
[[nodiscard]] Result<Answer> repoCopy(const Run& run);
[[nodiscard]] Result<Answer> repoInfo(const Run& run);
[[nodiscard]] Result<Answer> repoLifecycle(const Run& run);
[[nodiscard]] Result<Answer> repoKeyAdd(const Run& run);
[[nodiscard]] Result<Answer> repoKeyRemove(const Run& run);
[[nodiscard]] Result<Answer> repoKeyList(const Run& run);
[[nodiscard]] Result<Answer> repoKeySheet(const Run& run);
[[nodiscard]] Result<Answer> repoKeyType(const Arguments& arguments);
[[nodiscard]] Result<Answer> clusterCheck(const Run& run);
[[nodiscard]] Result<Answer> clusterAdopt(const Run& run);

[[nodiscard]] Result<Answer> backup(const Run& run);
[[nodiscard]] Result<Answer> backups(const Run& run);
[[nodiscard]] Result<Answer> show(const Run& run);
[[nodiscard]] Result<Answer> walRanges(const Run& run);
[[nodiscard]] Result<Answer> verifyStored(const Run& run);
[[nodiscard]] Result<Answer> archivePush(const Run& run);
[[nodiscard]] Result<Answer> archiveGet(const Run& run);
[[nodiscard]] Result<Answer> archiveWorker(const Run& run);
[[nodiscard]] Result<Answer> receiveWal(const Run& run);

[[nodiscard]] Result<Answer> prune(const Run& run);
[[nodiscard]] Result<Answer> retireBackup(const Run& run);
[[nodiscard]] Result<Answer> holdBackup(const Run& run);
[[nodiscard]] Result<Answer> unholdBackup(const Run& run);
/// `backups --retired`; of every cluster when `cluster` is empty.
[[nodiscard]] Result<Answer> retiredBackups(const Run& run, const std::string& cluster);

[[nodiscard]] Result<Answer> planRestore(const Run& run);
[[nodiscard]] Result<Answer> restore(const Run& run);
[[nodiscard]] Result<Answer> extract(const Run& run);
[[nodiscard]] Result<Answer> merge(const Run& run);
[[nodiscard]] Result<Answer> inPlaceList(const Run& run);
[[nodiscard]] Result<Answer> inPlaceCommit(const Run& run);
[[nodiscard]] Result<Answer> inPlaceRollback(const Run& run);
[[nodiscard]] Result<Answer> instanceList(const Run& run);
[[nodiscard]] Result<Answer> instancePromote(const Run& run);
[[nodiscard]] Result<Answer> instanceResume(const Run& run);
[[nodiscard]] Result<Answer> instanceStop(const Run& run);
[[nodiscard]] Result<Answer> instanceRemove(const Run& run);

/// What a person named on the command line and is not there is invalid input, not a state that
/// waits for somebody.
template <typename T>
[[nodiscard]] Result<T> namedByCaller(Result<T> result)
{
    if (result.ok() || result.error().code != ErrorCode::NotFound)
        return result;
    Error error = std::move(result).error();
    error.code = ErrorCode::InvalidInput;
    return error;
}

} // namespace salvor::cli
