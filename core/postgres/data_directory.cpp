#include "core/postgres/data_directory.h"

#include "core/base/text.h"
#include "core/postgres/control_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <grp.h>
#include <map>
#include <memory>
#include <pwd.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::postgres {

namespace {

using namespace std::string_view_literals;

/// Folders whose contents are worthless in a copy, by their name at any depth. Source:
/// excludeDirContents in basebackup.c.
constexpr std::array emptiedFolders{"pg_stat_tmp"sv, "pg_replslot"sv, "pg_dynshmem"sv,
                                    "pg_notify"sv,   "pg_serial"sv,   "pg_snapshots"sv,
                                    "pg_subtrans"sv};
/// Files left out by their name at any depth. Source: excludeFiles in basebackup.c.
constexpr std::array excludedFiles{
    "postgresql.auto.conf.tmp"sv, "current_logfiles.tmp"sv, "backup_label"sv,    "tablespace_map"sv,
    "backup_manifest"sv,          "postmaster.pid"sv,       "postmaster.opts"sv, ".DS_Store"sv};
/// And those that start with one of these.
constexpr std::array excludedPrefixes{"pg_internal.init"sv, "pgsql_tmp"sv};
/// A restored copy gets signals of its own; those of a standby would make it one.
constexpr std::array signalFiles{"standby.signal"sv, "recovery.signal"sv};

constexpr int firstMajorWithSummaries = 17;
constexpr std::uint32_t usualBlocksPerFile = 131072; ///< 1 GiB, but for unusual builds.

template <typename List>
bool contains(const List& list, std::string_view name)
{
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool isNumber(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool isExcludedName(std::string_view name)
{
    return contains(excludedFiles, name)
           || std::any_of(excludedPrefixes.begin(), excludedPrefixes.end(),
                          [&](std::string_view prefix) { return name.starts_with(prefix); });
}

/// The name of a file of a relation, taken apart: "16384_fsm.2".
struct RelationFile {
    std::string_view number;
    std::string_view fork; ///< Empty for the main one.
    std::uint64_t part = 0;
};

std::optional<RelationFile> parseRelationFile(std::string_view name)
{
    RelationFile file;
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos) {
        const auto part = parseUnsigned(name.substr(dot + 1));
        if (!part || !isNumber(name.substr(dot + 1)))
            return std::nullopt;
        file.part = *part;
        name = name.substr(0, dot);
    }
    const std::size_t underscore = name.find('_');
    file.number = name.substr(0, underscore);
    if (underscore != std::string_view::npos) {
        file.fork = name.substr(underscore + 1);
        if (file.fork != "fsm" && file.fork != "vm" && file.fork != "init")
            return std::nullopt;
    }
    if (!isNumber(file.number))
        return std::nullopt;
    return file;
}

/// "t3_16384_fsm.1": of a session's temporary table.
bool isTemporaryRelation(std::string_view name)
{
    const std::size_t underscore = name.find('_');
    return name.starts_with('t') && underscore != std::string_view::npos
           && isNumber(name.substr(1, underscore - 1))
           && parseRelationFile(name.substr(underscore + 1)).has_value();
}

std::vector<std::string_view> splitPath(std::string_view path)
{
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (!part.empty() && part != ".")
            parts.push_back(part);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return parts;
}

bool isTablespaceVersion(std::string_view name, int majorVersion)
{
    return name.starts_with("PG_" + std::to_string(majorVersion) + "_");
}

/// True if files of relations lie in this folder: "base/5", "pg_tblspc/16400/PG_15_…/5".
bool isDatabaseFolder(const std::vector<std::string_view>& parts, int majorVersion)
{
    if (parts.size() == 2)
        return parts[0] == "base" && isNumber(parts[1]);
    return parts.size() == 4 && parts[0] == "pg_tblspc"
           && isTablespaceVersion(parts[2], majorVersion) && isNumber(parts[3]);
}

/// What stays of pg_wal: itself and these folders, empty.
bool isKeptOfWal(const std::vector<std::string_view>& parts, int majorVersion)
{
    return parts.size() == 1
           || (parts.size() == 2
               && (parts[1] == "archive_status"
                   || (parts[1] == "summaries" && majorVersion >= firstMajorWithSummaries)));
}

std::string join(std::string_view folder, std::string_view name)
{
    if (folder.empty())
        return std::string(name);
    return std::string(folder) + "/" + std::string(name);
}

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

/// Names of users and groups by number, asked for once each.
class Accounts {
public:
    const std::string& user(uid_t id)
    {
        return find(m_users, id, [](uid_t wanted) -> std::string {
            std::array<char, 4096> buffer{};
            passwd entry{};
            passwd* found = nullptr;
            ::getpwuid_r(wanted, &entry, buffer.data(), buffer.size(), &found);
            return found == nullptr ? std::to_string(wanted) : found->pw_name;
        });
    }
    const std::string& group(gid_t id)
    {
        return find(m_groups, id, [](gid_t wanted) -> std::string {
            std::array<char, 4096> buffer{};
            ::group entry{};
            ::group* found = nullptr;
            ::getgrgid_r(wanted, &entry, buffer.data(), buffer.size(), &found);
            return found == nullptr ? std::to_string(wanted) : found->gr_name;
        });
    }

private:
    template <typename Ask>
    static const std::string& find(std::map<std::uint32_t, std::string>& names, std::uint32_t id,
                                   const Ask& ask)
    {
        auto at = names.find(id);
        if (at == names.end())
            at = names.emplace(id, ask(id)).first;
        return at->second;
    }

    std::map<std::uint32_t, std::string> m_users;
    std::map<std::uint32_t, std::string> m_groups;
};

/// Lists one data directory.
class Scan {
public:
    Scan(const Path& root, int majorVersion, std::uint32_t blocksPerFile, JobContext& job)
        : m_root(root)
        , m_majorVersion(majorVersion)
        , m_blocksPerFile(blocksPerFile)
        , m_job(job)
    {}

    Result<DataDirectoryContents> run()
    {
        if (::stat(m_root.c_str(), &m_rootStatus) != 0)
            return failErrno(errno, "cannot look at " + quoted(m_root));
        SALVOR_CHECK(findTablespaces());
        SALVOR_CHECK(listFolder({}, m_root));
        std::sort(m_contents.entries.begin(), m_contents.entries.end(),
                  [](const DataEntry& a, const DataEntry& b) { return a.path < b.path; });
        std::sort(m_contents.tablespaces.begin(), m_contents.tablespaces.end(),
                  [](const auto& a, const auto& b) { return a.oid < b.oid; });
        return std::move(m_contents);
    }

private:
    static Result<std::vector<std::string>> namesIn(const Path& folder);
    Result<> findTablespaces();
    Result<> listFolder(const std::string& path, const Path& source);
    Result<> listEntry(const std::string& path, const Path& source);
    Result<> listLink(const std::string& path, const Path& source, const struct stat& status);
    Result<> listTablespace(const std::string& path, const Path& source, const struct stat& status);
    Result<> listWal(const std::string& path, const Path& source, const struct stat& status);
    Result<> addFile(const std::string& path, const Path& source, const struct stat& status);
    DataEntry& add(const std::string& path, const Path& source, const struct stat& status);
    void addFolder(const std::string& path, const Path& source, const struct stat& status);

    const Path& m_root;
    const int m_majorVersion;
    const std::uint32_t m_blocksPerFile;
    JobContext& m_job;
    struct stat m_rootStatus {};
    Accounts m_accounts;
    std::map<std::string, std::string> m_links; ///< Of tablespaces: path to target.
    std::set<std::string> m_nested; ///< Folders in the data directory that are a tablespace's.
    DataDirectoryContents m_contents;
};

Result<std::vector<std::string>> Scan::namesIn(const Path& folder)
{
    std::vector<std::string> names;
    const Folder open(::opendir(folder.c_str()));
    if (open == nullptr) {
        if (errno == ENOENT)
            return names;
        return failErrno(errno, "cannot list " + quoted(folder),
                         "Run the backup as the user that owns the data directory.");
    }
    while (true) {
        errno = 0;
        // Of a stream of its own, each thread may read.
        const dirent* entry = ::readdir(open.get()); // NOLINT(concurrency-mt-unsafe)
        if (entry == nullptr) {
            if (errno != 0)
                return failErrno(errno, "cannot list " + quoted(folder));
            return names;
        }
        const std::string_view name(&entry->d_name[0]);
        if (name != "." && name != "..")
            names.emplace_back(name);
    }
}

Result<std::string> readLink(const Path& path)
{
    std::array<char, 4096> target{};
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0)
        return failErrno(errno, "cannot read the link " + quoted(path));
    return std::string(target.data(), static_cast<std::size_t>(size));
}

/// Done before anything is listed, since a tablespace may lie within the data directory.
Result<> Scan::findTablespaces()
{
    SALVOR_TRY(const auto names, namesIn(m_root / "pg_tblspc"));
    std::error_code ignored;
    const std::string root = std::filesystem::canonical(m_root, ignored).native() + "/";
    for (const std::string& name : names) {
        const auto oid = parseUnsigned(name);
        const Path link = m_root / "pg_tblspc" / name;
        if (!oid || *oid > 0xffffffffU || !std::filesystem::is_symlink(link, ignored))
            continue;
        SALVOR_TRY(std::string target, readLink(link));
        const std::string real = std::filesystem::canonical(link, ignored).native();
        if (real.starts_with(root))
            m_nested.insert(real.substr(root.size()));
        m_links.emplace(join("pg_tblspc", name), target);
        m_contents.tablespaces.push_back({static_cast<std::uint32_t>(*oid), std::move(target)});
    }
    return {};
}

Result<> Scan::listFolder(const std::string& path, const Path& source)
{
    SALVOR_CHECK(m_job.proceed());
    SALVOR_TRY(const auto names, namesIn(source));
    const bool isDatabase = isDatabaseFolder(splitPath(path), m_majorVersion);
    std::set<std::string_view> unlogged;
    if (isDatabase)
        for (const std::string& name : names)
            if (const auto file = parseRelationFile(name); file && file->fork == "init")
                unlogged.insert(file->number);
    for (const std::string& name : names) {
        const std::string entry = join(path, name);
        if (isExcluded(entry, m_majorVersion))
            continue;
        // An unlogged relation starts empty again, from its init fork.
        const auto file = isDatabase ? parseRelationFile(name) : std::nullopt;
        if (file && file->fork != "init" && unlogged.contains(file->number))
            continue;
        SALVOR_CHECK(listEntry(entry, source / name));
    }
    return {};
}

Result<> Scan::listEntry(const std::string& path, const Path& source)
{
    struct stat status {};
    if (::lstat(source.c_str(), &status) != 0) {
        if (errno == ENOENT)
            return {};
        return failErrno(errno, "cannot look at " + quoted(source));
    }
    const std::string name = source.filename().native();
    const bool isFolder = S_ISDIR(status.st_mode);
    if (path == "pg_wal" && (isFolder || S_ISLNK(status.st_mode)))
        return listWal(path, source, status);
    if (contains(emptiedFolders, name) && (isFolder || S_ISLNK(status.st_mode))) {
        addFolder(path, source, status);
        return {};
    }
    if (S_ISLNK(status.st_mode))
        return listLink(path, source, status);
    if (isFolder) {
        addFolder(path, source, status);
        return m_nested.contains(path) ? Result<>() : listFolder(path, source);
    }
    if (S_ISREG(status.st_mode))
        return addFile(path, source, status);
    m_job.events.warning("The special file " + quoted(source) + " is not backed up.");
    return {};
}

Result<> Scan::listLink(const std::string& path, const Path& source, const struct stat& status)
{
    if (m_links.contains(path))
        return listTablespace(path, source, status);
    const std::string top = path.substr(0, path.find('/'));
    if (top == "base" || top == "global")
        return fail(ErrorCode::NotReady, quoted(source) + " is a link that is no tablespace",
                    "Put the file or folder itself there: PostgreSQL's own base backup would leave "
                    "it out.");
    m_job.events.warning("The link " + quoted(source) + " is not backed up.");
    return {};
}

Result<> Scan::listTablespace(const std::string& path, const Path& source,
                              const struct stat& status)
{
    add(path, source, status).linkTarget = m_links[path];
    SALVOR_TRY(const auto names, namesIn(source));
    for (const std::string& name : names)
        if (isTablespaceVersion(name, m_majorVersion))
            SALVOR_CHECK(listEntry(join(path, name), source / name));
    return {};
}

/// WAL comes from the archive; the server wants the folders. pg_wal may be a link to another disk.
Result<> Scan::listWal(const std::string& path, const Path& source, const struct stat& status)
{
    addFolder(path, source, status);
    SALVOR_TRY(const auto names, namesIn(source));
    for (const std::string& name : names) {
        const std::string entry = join(path, name);
        struct stat inner {};
        if (!isExcluded(entry, m_majorVersion) && ::lstat((source / name).c_str(), &inner) == 0
            && S_ISDIR(inner.st_mode))
            addFolder(entry, source / name, inner);
    }
    return {};
}

Result<> Scan::addFile(const std::string& path, const Path& source, const struct stat& status)
{
    if (::faccessat(AT_FDCWD, source.c_str(), R_OK, AT_EACCESS) != 0) {
        if (errno == ENOENT)
            return {};
        return failErrno(errno, "cannot read " + quoted(source),
                         "Run the backup as the user that owns the data directory, and give that "
                         "user the right to read all in it.");
    }
    DataEntry& entry = add(path, source, status);
    const auto parts = splitPath(path);
    const bool isGlobal = parts.size() == 2 && parts[0] == "global";
    const std::vector<std::string_view> folder(parts.begin(), parts.end() - 1);
    const auto file = parseRelationFile(parts.back());
    if (file && (isGlobal || isDatabaseFolder(folder, m_majorVersion))) {
        entry.hasPages = true;
        entry.firstBlock = static_cast<std::uint32_t>(file->part * m_blocksPerFile);
    }
    return {};
}

DataEntry& Scan::add(const std::string& path, const Path& source, const struct stat& status)
{
    DataEntry entry;
    entry.path = path;
    entry.source = source;
    entry.kind = S_ISDIR(status.st_mode)   ? EntryKind::Directory
                 : S_ISLNK(status.st_mode) ? EntryKind::Link
                                           : EntryKind::File;
    entry.mode = status.st_mode & 07777U;
    entry.owner = m_accounts.user(status.st_uid);
    entry.group = m_accounts.group(status.st_gid);
    entry.modifiedAt = momentFrom(status.st_mtim);
    entry.changedAt = momentFrom(status.st_ctim);
    if (entry.kind == EntryKind::File)
        entry.size = static_cast<ByteCount>(status.st_size);
    return m_contents.entries.emplace_back(std::move(entry));
}

/// A folder, or a link in the place of one, which becomes a folder with the rights of the root.
void Scan::addFolder(const std::string& path, const Path& source, const struct stat& status)
{
    DataEntry& entry = add(path, source, status);
    if (entry.kind == EntryKind::Link)
        entry.mode = m_rootStatus.st_mode & 07777U;
    entry.kind = EntryKind::Directory;
}

/// Of an unusual build only the control file says where a relation's next file begins.
Result<std::uint32_t> blocksPerFileOf(const Path& dataDirectory)
{
    const auto control = readControlFile(dataDirectory);
    if (control.ok())
        return control->blocksPerFile;
    if (control.error().code == ErrorCode::NotFound)
        return usualBlocksPerFile;
    return control.error();
}

} // namespace

Result<DataDirectoryContents> scanDataDirectory(const Path& dataDirectory, int majorVersion,
                                                JobContext& job)
{
    SALVOR_TRY(const std::uint32_t blocksPerFile, blocksPerFileOf(dataDirectory));
    return Scan(dataDirectory, majorVersion, blocksPerFile, job).run();
}

bool isExcluded(std::string_view relativePath, int majorVersion)
{
    const auto parts = splitPath(relativePath);
    if (parts.empty())
        return false;
    if (parts[0] == "pg_wal" && !isKeptOfWal(parts, majorVersion))
        return true;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool isLast = i + 1 == parts.size();
        if (isExcludedName(parts[i]) || (!isLast && contains(emptiedFolders, parts[i])))
            return true;
    }
    if (parts.size() == 1)
        return contains(signalFiles, parts[0]);
    const std::vector<std::string_view> folder(parts.begin(), parts.end() - 1);
    return isDatabaseFolder(folder, majorVersion) && isTemporaryRelation(parts.back());
}

Result<bool> isServerRunning(const Path& dataDirectory)
{
    const auto text = readTextFile(dataDirectory / "postmaster.pid");
    if (!text.ok()) {
        if (text.error().code == ErrorCode::NotFound)
            return false;
        return text.error();
    }
    std::string_view first = trim(std::string_view(*text).substr(0, text->find('\n')));
    // The server writes a negative number when it runs for a single user.
    if (first.starts_with('-'))
        first.remove_prefix(1);
    const auto process = parseUnsigned(first);
    if (!process || *process == 0 || *process > 0x7fffffffU)
        return fail(ErrorCode::Corrupt,
                    quoted(dataDirectory / "postmaster.pid") + " names no process",
                    "Look whether a server runs there; when none does, remove the file.");
    if (::kill(static_cast<pid_t>(*process), 0) != 0 && errno != EPERM)
        return false;
    // The number may have gone to another program since; a server works in its data directory.
    std::error_code failed;
    const Path folder =
        std::filesystem::read_symlink("/proc/" + std::to_string(*process) + "/cwd", failed);
    // One that ended and was not waited for has a number still, but no folder.
    if (failed)
        return failed != std::errc::no_such_file_or_directory;
    return std::filesystem::equivalent(folder, dataDirectory, failed) || failed;
}

} // namespace salvor::postgres
