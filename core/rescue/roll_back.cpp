#include "core/repository/lease.h"
#include "core/repository/parallel.h"
#include "core/rescue/in_place.h"
#include "core/rescue/set_aside.h"
#include "core/restore/left_files.h"
#include "core/restore/old_files.h"

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::rescue {

namespace {

using restore::FileToWrite;
using restore::isThere;
using restore::SetAside;

constexpr const char* fetchedSuffix = ".salvor-fetched";

std::vector<SetAside> asidesOf(const Renames& renames)
{
    std::vector<SetAside> list;
    for (const auto& rename : renames)
        list.push_back({rename.from, rename.to});
    return list;
}

/// Where the old content of a place is now; nothing when none was set aside, or it is back.
std::optional<Path> oldOf(const Journal& journal, const Path& place)
{
    for (const auto& rename : journal.setsAside)
        if (rename.from == place && isThere(rename.to))
            return Path(rename.to);
    return std::nullopt;
}

bool hadOld(const Journal& journal, const Path& place)
{
    return std::any_of(journal.setsAside.begin(), journal.setsAside.end(),
                       [&](const auto& rename) { return rename.from == place; });
}

/// The files that were moved away and are to come back, with the place where they were.
struct Missing {
    std::vector<FileToWrite> files; ///< `path` is where it was, `old` where it was moved to.
    std::shared_ptr<repository::Repository> repository;
    model::Backup backup;
};

/// Reads the backup's tree before anything is renamed: without it nobody knows what they were.
Result<Missing> missingFiles(const Journal& journal, const OpenRepository& open, JobContext& job)
{
    Missing missing;
    SALVOR_TRY(const auto names, notedMoves(journal.directory));
    const std::set<std::string> noted(names.begin(), names.end());
    if (noted.empty() || !journal.old() || !isThere(*journal.old()))
        return missing;
    SALVOR_TRY(missing.repository, open(journal.repository));
    if (missing.repository->info().id != journal.repositoryId)
        return fail(ErrorCode::NotReady,
                    "repository '" + journal.repository + "' is another one than it was",
                    "Name the one that was restored from in the configuration. Nothing was "
                    "changed.");
    SALVOR_TRY(missing.backup, missing.repository->backup(journal.backup));
    const auto places = journal.places();
    // A place that is back already is whole.
    auto aside = asidesOf(journal.setsAside);
    std::erase_if(aside, [](const SetAside& one) { return !isThere(one.to); });
    const auto back = asidesOf(journal.takesBack);
    const auto visit = [&](const repository::TreeEntry& entry) -> Result<> {
        SALVOR_CHECK(job.proceed());
        if (!noted.contains(entry.path))
            return {};
        SALVOR_TRY(const auto place, restore::placeOf(entry, places));
        const auto was = place ? restore::placeAside(*place, aside) : std::nullopt;
        const auto is = place ? restore::placeAside(*place, back) : std::nullopt;
        if (was && is && !isThere(*was))
            missing.files.push_back({entry.path, *was, entry.mode & 0777U, entry.modifiedAt,
                                     entry.size, entry.crc32c, entry.chunks, false, *is});
        return {};
    };
    SALVOR_CHECK(missing.repository->readTree(missing.backup, visit));
    return missing;
}

/// One that the server has not changed since. Errors: those of moving; Cancelled.
Result<bool> moveBack(const FileToWrite& file, JobContext& job)
{
    const auto opened = openFile(file.old, O_RDONLY | O_NOFOLLOW);
    struct stat status {};
    if (!opened.ok() || ::fstat(opened->get(), &status) != 0 || !S_ISREG(status.st_mode)
        || static_cast<ByteCount>(status.st_size) != file.size
        || (status.st_mode & 07777U) != file.mode)
        return false;
    const auto crc = restore::crcOf(*opened, file.size, job);
    if (!crc.ok() && crc.error().code == ErrorCode::Cancelled)
        return crc.error();
    if (!crc.ok() || *crc != file.crc32c)
        return false;
    if (::rename(file.old.c_str(), file.path.c_str()) == 0)
        return true;
    if (errno == EXDEV)
        return false;
    return failErrno(errno, "cannot move " + quoted(file.old) + " back to " + quoted(file.path));
}

Result<std::optional<SystemUser>> ownerOf(const Path& directory)
{
    struct stat about {};
    if (::geteuid() != 0 || ::stat(directory.c_str(), &about) != 0)
        return std::optional<SystemUser>();
    SALVOR_TRY(SystemUser user, findUser(about.st_uid));
    user.gid = about.st_gid;
    return std::optional(std::move(user));
}

/// Written under another name and renamed when whole: a file that is there counts as never moved.
Result<> fetchBack(const Missing& missing, std::vector<FileToWrite> files, const Path& old,
                   JobContext& job)
{
    std::vector<Path> finals;
    for (FileToWrite& file : files) {
        finals.push_back(file.path);
        file.path += fetchedSuffix;
        if (::unlink(file.path.c_str()) != 0 && errno != ENOENT)
            return failErrno(errno, "cannot remove " + quoted(file.path));
        if (!isThere(file.old))
            file.old.clear();
    }
    SALVOR_TRY(const auto index, missing.repository->loadIndex(missing.backup.incarnation));
    restore::WriteOptions options;
    SALVOR_TRY(options.owner, ownerOf(old));
    SALVOR_CHECK(restore::writeFiles(files, *missing.repository, index, options, job));
    std::set<Path> folders;
    for (const Path& path : finals)
        folders.insert(path.parent_path());
    SALVOR_CHECK(syncFileSystem(old));
    for (const Path& folder : folders)
        SALVOR_CHECK(syncFileSystem(folder));
    for (std::size_t i = 0; i < files.size(); ++i)
        if (::rename(files[i].path.c_str(), finals[i].c_str()) != 0)
            return failErrno(errno, "cannot put " + quoted(finals[i]) + " in place");
    for (const Path& folder : folders)
        SALVOR_CHECK(syncDirectory(folder));
    return {};
}

Result<> bringFilesBack(Missing& missing, const Path& old, RolledBack& done, JobContext& job)
{
    if (missing.files.empty())
        return {};
    ByteCount total = 0;
    for (const FileToWrite& file : missing.files)
        total += file.size;
    job.phase("bring files back", total);
    std::vector<std::atomic<bool>> moved(missing.files.size());
    SALVOR_CHECK(repository::inParallel(restore::workerCount({}), missing.files.size(),
                                        [&](std::size_t i) -> Result<> {
                                            SALVOR_TRY(moved[i], moveBack(missing.files[i], job));
                                            return {};
                                        }));
    std::vector<FileToWrite> changed;
    for (std::size_t i = 0; i < missing.files.size(); ++i)
        if (!moved[i])
            changed.push_back(missing.files[i]);
    done.filesMovedBack = missing.files.size() - changed.size();
    done.filesFetched = changed.size();
    if (!changed.empty()) {
        SALVOR_TRY(const auto lease, repository::Lease::takeForReading(
                                         *missing.repository, missing.backup.incarnation, job));
        return fetchBack(missing, std::move(changed), old, job);
    }
    return syncFileSystem(old);
}

Renames whereRestoredGoes(const Journal& journal, Moment now)
{
    Renames renames;
    for (const Path& place : journal.places().all()) {
        const std::string suffix = ".rolled-back-" + restore::compactTime(now);
        Path to = place.native() + suffix;
        for (int number = 2; isThere(to); ++number)
            to = place.native() + suffix + "-" + std::to_string(number);
        renames.push_back({place.native(), to.native()});
    }
    return renames;
}

/// The data directory first: without it no server starts.
Result<> setRestoredAside(const Journal& journal)
{
    for (const auto& rename : journal.takesBack) {
        const bool isData = rename.from == journal.directory;
        const bool isRestored = !hadOld(journal, rename.from) || oldOf(journal, rename.from);
        if (isRestored && isThere(rename.from) && !isThere(rename.to)) {
            SALVOR_CHECK(renameDurably(rename.from, rename.to));
            if (isData)
                SALVOR_CHECK(putBackIfRunning(rename));
        }
        if (isData && isThere(rename.to))
            SALVOR_CHECK(hideControlFile(rename.to));
    }
    return {};
}

/// The data directory last, and its control file after it.
Result<> putOldBack(const Journal& journal)
{
    for (auto rename = journal.setsAside.rbegin(); rename != journal.setsAside.rend(); ++rename)
        if (isThere(rename->to))
            SALVOR_CHECK(renameDurably(rename->to, rename->from));
    return journal.old() ? showControlFile(journal.directory) : Result<>();
}

} // namespace

Result<RolledBack> rollBack(const Path& directory, const OpenRepository& open, JobContext& job)
{
    SALVOR_TRY(auto journal, loadJournal(directory));
    if (!journal)
        return fail(ErrorCode::NotFound, "no restore in place waits in " + quoted(directory),
                    "'salvorctl in-place list' names those of the configuration.");
    if (journal->removing)
        return fail(ErrorCode::NotReady,
                    "the removal of what was set aside from " + quoted(directory) + " was begun",
                    "There is no way back any more; 'salvorctl in-place commit' ends it.");
    SALVOR_TRY(const FileDescriptor held, claim(*journal));
    SALVOR_CHECK(refuseRunning(directory));
    if (journal->takesBack.empty())
        journal->takesBack = whereRestoredGoes(*journal, systemClock().now());
    SALVOR_TRY(Missing missing, missingFiles(*journal, open, job));
    SALVOR_CHECK(saveJournal(*journal));
    SALVOR_CHECK(setRestoredAside(*journal));
    RolledBack done;
    for (const auto& rename : journal->takesBack)
        if (isThere(rename.to))
            done.restored.emplace_back(rename.to);
    if (const auto old = journal->old(); old && isThere(*old))
        SALVOR_CHECK(bringFilesBack(missing, *old, done, job));
    SALVOR_CHECK(putOldBack(*journal));
    SALVOR_CHECK(removeJournal(directory));
    return done;
}

} // namespace salvor::rescue
