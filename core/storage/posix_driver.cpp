#include "core/storage/posix_driver.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace salvor::storage {

namespace {

constexpr auto temporaryFolder = "~tmp";
/// Far longer than any upload takes, so that another process' unfinished file is left alone.
constexpr std::chrono::hours temporaryAge{24 * 7};
constexpr std::size_t mostDurableFolders = 8192;

Result<> checkKey(const ObjectKey& key)
{
    if (!isValidKey(key))
        return fail(ErrorCode::InvalidInput, "'" + key + "' is no object key");
    return {};
}

Path withoutTrailingSlash(const Path& path)
{
    std::error_code ignored;
    Path whole = std::filesystem::absolute(path, ignored).lexically_normal();
    return whole.has_filename() ? whole : whole.parent_path();
}

/// As failErrno, with the meanings that only a write of an object gives to some numbers.
Error failWrite(int errorNumber, const std::string& doing)
{
    Error error = failErrno(errorNumber, doing);
    if (errorNumber == EFBIG) {
        error.code = ErrorCode::NoSpace;
        error.hint = "Raise the limit on the size of files, or choose another place.";
    } else if (errorNumber == ENOTDIR || errorNumber == EISDIR || errorNumber == ENOTEMPTY
               || errorNumber == ENAMETOOLONG) {
        error.code = ErrorCode::InvalidInput;
    }
    return error;
}

/// What root makes in somebody's repository is made as that somebody: he would be locked out of it
/// otherwise, and no link that he left there leads root anywhere. Of this thread, while it lives.
class AsOwner {
public:
    explicit AsOwner(const Path& root)
    {
        struct stat status {};
        if (::geteuid() != 0 || ::stat(root.c_str(), &status) != 0 || status.st_uid == 0)
            return;
        m_isOther = true;
        // Both answer with what it was before, never with an error.
        ::setfsgid(status.st_gid);
        ::setfsuid(status.st_uid);
    }
    ~AsOwner()
    {
        if (!m_isOther)
            return;
        ::setfsuid(0);
        ::setfsgid(::getegid());
    }
    AsOwner(const AsOwner&) = delete;
    AsOwner& operator=(const AsOwner&) = delete;

private:
    bool m_isOther = false;
};

class PosixReadStream final : public ReadStream {
public:
    PosixReadStream(FileDescriptor file, std::string name, ByteCount offset, ByteCount length)
        : m_file(std::move(file))
        , m_name(std::move(name))
        , m_offset(offset)
        , m_rest(length)
    {}

    Result<std::size_t> read(MutableByteView buffer) override
    {
        const auto want = static_cast<std::size_t>(std::min<ByteCount>(buffer.size(), m_rest));
        SALVOR_TRY(const std::size_t got,
                   readFullAt(m_file, buffer.first(want), m_offset).in(m_name));
        if (got < want)
            return fail(ErrorCode::Corrupt, m_name + " became shorter while it was read");
        m_offset += got;
        m_rest -= got;
        return got;
    }

private:
    FileDescriptor m_file;
    const std::string m_name;
    ByteCount m_offset;
    ByteCount m_rest;
};

} // namespace

class PosixWriteStream final : public WriteStream {
public:
    PosixWriteStream(PosixDriver& driver, ObjectKey key, const WriteOptions& how)
        : m_driver(driver)
        , m_key(std::move(key))
        , m_how(how)
    {}
    PosixWriteStream(const PosixWriteStream&) = delete;
    PosixWriteStream& operator=(const PosixWriteStream&) = delete;
    ~PosixWriteStream() override
    {
        if (!m_temporary.empty())
            ::unlink(m_temporary.c_str());
    }

    Result<> write(ByteView bytes) override;
    Result<> commit() override;

private:
    Result<> openTemporary();
    [[nodiscard]] Result<> checkSize() const;
    Result<> flush();
    Result<> moveIntoPlace(const Path& target);

    PosixDriver& m_driver;
    const ObjectKey m_key;
    const WriteOptions m_how;
    FileDescriptor m_file;
    std::string m_temporary; // Empty before the first write and after the move.
    ByteCount m_size = 0;
    std::optional<Error> m_broken; // A failed flush: the kernel may have dropped what was written.
};

Result<> PosixWriteStream::openTemporary()
{
    const Path folder = m_driver.m_root / temporaryFolder;
    // Not made durable: what comes to lie in it is moved away before it counts.
    SALVOR_CHECK(m_driver.makeFolder(folder));
    m_driver.sweepOldTemporaries();
    std::string name = (folder / "XXXXXX").native();
    const AsOwner owner(m_driver.m_root);
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0)
        return m_driver.whyAbsent(failWrite(errno, "cannot create a file in " + quoted(folder)));
    m_file = FileDescriptor(descriptor);
    m_temporary = name;
    return {};
}

Result<> PosixWriteStream::write(ByteView bytes)
{
    if (!m_file.isOpen())
        SALVOR_CHECK(openTemporary());
    // At its place, not at the end: a repeated write() overwrites what a failed one left.
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t more = ::pwrite(m_file.get(), bytes.data() + done, bytes.size() - done,
                                      static_cast<off_t>(m_size + done));
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return failWrite(errno,
                             "cannot write '" + m_key + "' below " + quoted(m_driver.m_root));
        done += static_cast<std::size_t>(more);
    }
    m_size += bytes.size();
    return {};
}

Result<> PosixWriteStream::flush()
{
    if (m_broken)
        return *m_broken;
    // A failed attempt may have left bytes behind the end.
    if (::ftruncate(m_file.get(), static_cast<off_t>(m_size)) != 0)
        return failWrite(errno, "cannot set the size of '" + m_key + "'");
    if (::fsync(m_file.get()) == 0)
        return {};
    Error error = failWrite(errno, "cannot flush '" + m_key + "'");
    if (error.isRetryable()) {
        // The kernel reports a lost page once: asking again would call it written.
        error.code = ErrorCode::NotReady;
        error.hint = "The disk failed to keep what was written; look into the system's log.";
    }
    m_broken = error;
    return error;
}

Result<> PosixWriteStream::moveIntoPlace(const Path& target)
{
    const AsOwner owner(m_driver.m_root);
    int errorNumber = 0;
    if (m_how.onlyIfAbsent)
        errorNumber = moveIfAbsent(m_temporary, target);
    else if (::rename(m_temporary.c_str(), target.c_str()) != 0)
        errorNumber = errno;
    if (errorNumber != 0)
        return m_driver.whyAbsent(failWrite(errorNumber, "cannot create " + quoted(target)));
    m_temporary.clear();
    return {};
}

Result<> PosixWriteStream::checkSize() const
{
    if (m_how.size && *m_how.size != m_size)
        return fail(ErrorCode::InvalidInput, "'" + m_key + "' was announced with "
                                                 + std::to_string(*m_how.size) + " bytes and has "
                                                 + std::to_string(m_size));
    return {};
}

Result<> PosixWriteStream::commit()
{
    SALVOR_CHECK(checkSize());
    if (!m_file.isOpen())
        SALVOR_CHECK(openTemporary());
    const Path target = m_driver.pathOf(m_key);
    // A repeated commit() finds the file in its place and has only the folder left to flush.
    if (!m_temporary.empty()) {
        SALVOR_CHECK(flush());
        SALVOR_CHECK(m_driver.makeDurableFolder(target.parent_path()));
        SALVOR_CHECK(moveIntoPlace(target));
    }
    return syncDirectory(target.parent_path());
}

PosixDriver::PosixDriver(const Path& root)
    : m_root(withoutTrailingSlash(root))
{
    // What cannot be looked at now says so at the first call.
    static_cast<void>(checkRoot());
}

bool PosixDriver::FolderMark::isSame(const FolderMark& other) const noexcept
{
    return number == other.number && (madeAt == 0 || other.madeAt == 0 || madeAt == other.madeAt);
}

/// A folder that was made in its place, or that a disk was mounted on, has another number or was
/// made at another time. The device says nothing: it may change with each mount.
Result<std::optional<PosixDriver::FolderMark>> PosixDriver::lookAtRoot() const
{
    using Mark = std::optional<FolderMark>;
    struct statx status {};
    if (::statx(AT_FDCWD, m_root.c_str(), 0, STATX_INO | STATX_BTIME, &status) == 0) {
        const bool hasTime = (status.stx_mask & STATX_BTIME) != 0;
        const std::int64_t madeAt =
            status.stx_btime.tv_sec * 1'000'000'000 + status.stx_btime.tv_nsec;
        return Mark(FolderMark{status.stx_ino, hasTime ? madeAt : 0});
    }
    // What confines a container may not know statx, and answers EPERM.
    struct stat plain {};
    if (errno == EPERM && ::stat(m_root.c_str(), &plain) == 0)
        return Mark(FolderMark{plain.st_ino, 0});
    if (errno == ENOENT)
        return Mark();
    return failErrno(errno, "cannot look at " + quoted(m_root));
}

bool PosixDriver::hasLandmark(const ObjectKey& landmark) const
{
    struct stat status {};
    return !landmark.empty() && ::stat(pathOf(landmark).c_str(), &status) == 0
           && S_ISREG(status.st_mode);
}

void PosixDriver::noteLandmark(const ObjectKey& key)
{
    const std::lock_guard lock(m_mutex);
    if (m_landmark.empty())
        m_landmark = key;
}

Result<> PosixDriver::checkRoot()
{
    SALVOR_TRY(const std::optional<FolderMark> now, lookAtRoot());
    const std::lock_guard lock(m_mutex);
    if (!m_rootMark || (now && !m_rootMark->isSame(*now) && hasLandmark(m_landmark)))
        m_rootMark = now;
    if (!m_rootMark || (now && m_rootMark->isSame(*now)))
        return {};
    return fail(ErrorCode::NotReady,
                quoted(m_root)
                    + (now ? " is another folder than before" : " is not there any more"),
                "Mount it again, or put it back under its name; nothing was written elsewhere.");
}

/// What is not found in a place that is gone is not absent.
Error PosixDriver::whyAbsent(Error error)
{
    if (error.code == ErrorCode::NotFound)
        if (auto root = checkRoot(); !root.ok())
            return std::move(root).error();
    return error;
}

Result<ObjectInfo> PosixDriver::stat(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    const Path path = pathOf(key);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return whyAbsent(failErrno(errno, "cannot find " + quoted(path)));
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::NotFound, quoted(path) + " is no object");
    return ObjectInfo{key, static_cast<ByteCount>(status.st_size), momentFrom(status.st_mtim)};
}

struct PosixDriver::Walk {
    const ObjectKey& prefix;
    const ObjectVisitor& visit;
};

namespace {

struct FolderEntry {
    ObjectKey key; // Of a folder it ends with '/', which is also how keys below it are ordered.
    ByteCount size = 0;
    Moment modifiedAt;
};

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// True if keys below or at `key` can begin with `prefix`.
bool mayMatch(const ObjectKey& key, const ObjectKey& prefix)
{
    const std::size_t common = std::min(key.size(), prefix.size());
    return key.compare(0, common, prefix, 0, common) == 0
           && (key.size() >= prefix.size() || key.ends_with('/'));
}

/// Only what is gone is passed over: an entry that cannot be looked at must not read as absent.
Result<std::optional<FolderEntry>> entryOf(int folder, const char* name, ObjectKey key)
{
    using Found = std::optional<FolderEntry>;
    if (!isValidKey(key))
        return Found();
    struct stat status {};
    if (::fstatat(folder, name, &status, 0) != 0) {
        if (errno == ENOENT)
            return Found(); // Removed meanwhile.
        return failErrno(errno, "cannot look at '" + key + "'");
    }
    if (S_ISDIR(status.st_mode))
        return Found(FolderEntry{std::move(key) + "/", 0, {}});
    if (S_ISREG(status.st_mode))
        return Found(FolderEntry{std::move(key), static_cast<ByteCount>(status.st_size),
                                 momentFrom(status.st_mtim)});
    return Found();
}

Result<std::vector<FolderEntry>> readFolder(const Path& path, const ObjectKey& above,
                                            const ObjectKey& prefix)
{
    const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
    std::vector<FolderEntry> entries;
    if (!folder) {
        if (errno == ENOENT || errno == ENOTDIR)
            return entries;
        return failErrno(errno, "cannot list " + quoted(path));
    }
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get()); // NOLINT(concurrency-mt-unsafe): own stream.
        if (entry == nullptr && errno != 0)
            return failErrno(errno, "cannot list " + quoted(path));
        if (entry == nullptr)
            break;
        const char* name = static_cast<const char*>(entry->d_name);
        ObjectKey key = above + name;
        // Most of a large folder is ruled out by name, without a look at the file.
        if (!mayMatch(key, prefix) && !mayMatch(key + "/", prefix))
            continue;
        SALVOR_TRY(auto found, entryOf(::dirfd(folder.get()), name, std::move(key)));
        if (found && mayMatch(found->key, prefix))
            entries.push_back(*std::move(found));
    }
    std::sort(entries.begin(), entries.end(),
              [](const FolderEntry& a, const FolderEntry& b) { return a.key < b.key; });
    return entries;
}

} // namespace

Result<> PosixDriver::listFolder(const Walk& walk, const ObjectKey& folder)
{
    SALVOR_TRY(const auto entries, readFolder(m_root / folder, folder, walk.prefix));
    for (const FolderEntry& entry : entries) {
        if (entry.key.ends_with('/'))
            SALVOR_CHECK(listFolder(walk, entry.key));
        else
            SALVOR_CHECK(walk.visit({entry.key, entry.size, entry.modifiedAt}));
    }
    return {};
}

Result<> PosixDriver::list(const ObjectKey& prefix, const ObjectVisitor& visit)
{
    if (!isValidPrefix(prefix))
        return fail(ErrorCode::InvalidInput, "'" + prefix + "' is no prefix of object keys");
    const std::size_t slash = prefix.rfind('/');
    const ObjectKey folder = slash == ObjectKey::npos ? ObjectKey() : prefix.substr(0, slash + 1);
    SALVOR_CHECK(listFolder({prefix, visit}, folder));
    return checkRoot();
}

Result<std::unique_ptr<ReadStream>> PosixDriver::openRead(const ObjectKey& key, ByteRange range)
{
    SALVOR_CHECK(checkKey(key));
    const Path path = pathOf(key);
    Result<FileDescriptor> opened = openFile(path, O_RDONLY);
    if (!opened.ok())
        return whyAbsent(std::move(opened).error());
    const FileDescriptor& file = *opened;
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return failErrno(errno, "cannot look at " + quoted(path));
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::NotFound, quoted(path) + " is no object");
    noteLandmark(key);
    SALVOR_TRY(const ByteCount length,
               rangeLength(range, static_cast<ByteCount>(status.st_size)).in(quoted(path)));
    return std::unique_ptr<ReadStream>(
        std::make_unique<PosixReadStream>(*std::move(opened), quoted(path), range.offset, length));
}

Result<std::unique_ptr<WriteStream>> PosixDriver::openWrite(const ObjectKey& key,
                                                            const WriteOptions& how)
{
    SALVOR_CHECK(checkKey(key));
    return std::unique_ptr<WriteStream>(std::make_unique<PosixWriteStream>(*this, key, how));
}

Result<> PosixDriver::makeDurable(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    for (Path at = pathOf(key).parent_path(); at.native().size() >= m_root.native().size();
         at = at.parent_path())
        SALVOR_CHECK(syncDirectory(at));
    return {};
}

Result<> PosixDriver::remove(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    SALVOR_CHECK(checkRoot());
    const Path path = pathOf(key);
    const AsOwner owner(m_root);
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR)
            return {};
        return failErrno(errno, "cannot remove " + quoted(path));
    }
    // A removed key slot that comes back after a power loss would open the repository again.
    return syncDirectory(path.parent_path());
}

Result<> PosixDriver::makeRoot()
{
    SALVOR_CHECK(checkRoot());
    {
        const std::lock_guard lock(m_mutex);
        if (m_rootMark)
            return {};
    }
    SALVOR_CHECK(createDirectories(m_root));
    return checkRoot();
}

/// Below the root only, each in the one above: a root that is renamed meanwhile stays away.
Result<> PosixDriver::makeFolder(const Path& folder)
{
    SALVOR_CHECK(makeRoot());
    const AsOwner owner(m_root);
    Path at = m_root;
    for (const Path& part : folder.lexically_relative(m_root)) {
        const Path above = at;
        at /= part;
        if (::mkdir(at.c_str(), 0700) == 0)
            SALVOR_CHECK(syncDirectory(above));
        else if (errno != EEXIST)
            return whyAbsent(failWrite(errno, "cannot create the folder " + quoted(at)));
    }
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0)
        return whyAbsent(failWrite(errno, "cannot look at " + quoted(folder)));
    // AlreadyExists would be taken for an object that is there.
    if (!S_ISDIR(status.st_mode))
        return fail(ErrorCode::InvalidInput, quoted(folder) + " is needed as a folder and is none");
    return {};
}

Result<> PosixDriver::makeDurableFolder(const Path& folder)
{
    {
        const std::lock_guard lock(m_mutex);
        // Somebody tidying up may have removed an empty one meanwhile.
        if (m_durableFolders.contains(folder) && ::access(folder.c_str(), F_OK) == 0)
            return {};
    }
    SALVOR_CHECK(makeFolder(folder));
    // Another process may have made it and not flushed its parent yet.
    for (Path at = folder; at.native().size() > m_root.native().size(); at = at.parent_path())
        SALVOR_CHECK(syncDirectory(at.parent_path()));
    const std::lock_guard lock(m_mutex);
    if (m_durableFolders.size() >= mostDurableFolders)
        m_durableFolders.clear();
    m_durableFolders.insert(folder);
    return {};
}

void PosixDriver::sweepOldTemporaries()
{
    {
        const std::lock_guard lock(m_mutex);
        if (std::exchange(m_swept, true))
            return;
    }
    const Moment oldest = systemClock().now() - temporaryAge;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(m_root / temporaryFolder, ignored)) {
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)
            && momentFrom(status.st_mtim) < oldest)
            ::unlink(entry.path().c_str());
    }
}

} // namespace salvor::storage
