#include "core/rescue/in_place_journal.h"

#include "core/base/text.h"
#include "core/crypto/random.h"
#include "core/model/json_fields.h"

#include <algorithm>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::rescue {

namespace {

constexpr std::int64_t journalSchema = 1;
constexpr mode_t journalMode = 0644;
constexpr mode_t writableByOthers = 0022;

Json journalJson(const Journal& journal)
{
    Json::Object tablespaces;
    for (const auto& [oid, path] : journal.tablespaces)
        tablespaces.emplace(std::to_string(oid), model::bytesJson(path));
    return Json::Object{
        {"schema", journalSchema},
        {"what", "A restore in place. 'salvorctl in-place rollback' takes it back, 'salvorctl "
                 "in-place commit' makes it final. Do not remove this file by hand."},
        {"directory", model::bytesJson(journal.directory.native())},
        {"repository", journal.repository},
        {"repositoryId", journal.repositoryId},
        {"cluster", journal.cluster},
        {"backup", journal.backup},
        {"systemIdentifier", model::wideJson(journal.systemIdentifier)},
        {"setsAside", model::listJson(journal.setsAside, model::renameJson)},
        {"tablespaces", std::move(tablespaces)},
        {"begunAt", model::toJson(journal.begunAt)},
        {"takesBack", model::listJson(journal.takesBack, model::renameJson)},
    };
}

Result<Journal> journalFromJson(const Json& json)
{
    SALVOR_TRY(const std::int64_t schema, json.integerAt("schema"));
    if (schema != journalSchema)
        return fail(ErrorCode::Incompatible, "it has schema " + std::to_string(schema),
                    "Use the program that began this restore, or a newer one.");
    Journal journal;
    SALVOR_TRY(journal.directory, model::bytesAt(json, "directory"));
    SALVOR_TRY(journal.repository, json.stringAt("repository"));
    SALVOR_TRY(journal.repositoryId, json.stringAt("repositoryId"));
    SALVOR_TRY(journal.cluster, json.stringAt("cluster"));
    SALVOR_TRY(journal.backup, json.stringAt("backup"));
    SALVOR_TRY(journal.systemIdentifier, model::wideAt(json, "systemIdentifier"));
    SALVOR_TRY(journal.setsAside, model::listAt(json, "setsAside", model::renameFromJson));
    SALVOR_TRY(const Json::Object tablespaces, json.objectAt("tablespaces"));
    for (const auto& [name, path] : tablespaces) {
        const auto oid = parseUnsigned(name);
        if (!oid || *oid > 0xffffffffU)
            return fail(ErrorCode::Corrupt, "'" + name + "' is no OID of a tablespace");
        SALVOR_TRY(journal.tablespaces[static_cast<std::uint32_t>(*oid)],
                   model::bytesAt(tablespaces, name));
    }
    SALVOR_TRY(journal.begunAt, model::momentAt(json, "begunAt"));
    SALVOR_TRY(journal.takesBack, model::listAt(json, "takesBack", model::renameFromJson));
    return journal;
}

/// A place of the restore, and a name beside it that a restore in place would have given.
bool isOwn(const Rename& rename, const std::vector<Path>& places, const std::string& mark)
{
    const std::string start = rename.from + mark;
    return std::find(places.begin(), places.end(), Path(rename.from)) != places.end()
           && rename.to.size() > start.size() && rename.to.starts_with(start)
           && rename.to.find('/', start.size()) == std::string::npos;
}

} // namespace

Result<> refuseStrange(const Journal& journal)
{
    const auto places = journal.places().all();
    for (const Path& place : places)
        if (!place.is_absolute() || place.lexically_normal() != place || !place.has_filename())
            return fail(ErrorCode::Corrupt, quoted(place) + " is no place of a restore");
    if (journal.setsAside.empty() || journal.setsAside.front().from != journal.directory)
        return fail(ErrorCode::Corrupt, "it does not set the data directory aside");
    for (const Rename& rename : journal.setsAside)
        if (!isOwn(rename, places, ".before-"))
            return fail(ErrorCode::Corrupt, "it would rename " + quoted(Path(rename.from)) + " to "
                                                + quoted(Path(rename.to)));
    for (const Rename& rename : journal.takesBack)
        if (!isOwn(rename, places, ".rolled-back-"))
            return fail(ErrorCode::Corrupt, "it would rename " + quoted(Path(rename.from)) + " to "
                                                + quoted(Path(rename.to)));
    return {};
}

restore::Places Journal::places() const
{
    restore::Places places;
    places.data = directory;
    for (const auto& [oid, path] : tablespaces)
        places.tablespaces.emplace(oid, path);
    return places;
}

Path journalFile(const Path& directory)
{
    return directory.native() + restore::journalSuffix;
}

namespace {

/// What was read, and whose the file is that was read: found out by one descriptor, so that nobody
/// can put another file there between.
struct Read {
    std::string text;
    struct stat about {};
};

Result<std::optional<Read>> readJournal(const Path& file)
{
    constexpr off_t mostBytes = 16 << 20;
    const auto opened = openFile(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!opened.ok() && opened.error().code == ErrorCode::NotFound)
        return std::optional<Read>();
    if (!opened.ok())
        return opened.error();
    Read read;
    if (::fstat(opened->get(), &read.about) != 0)
        return failErrno(errno, "cannot look at " + quoted(file));
    if (!S_ISREG(read.about.st_mode) || read.about.st_size > mostBytes)
        return fail(ErrorCode::Corrupt, quoted(file) + " is no journal of a restore in place",
                    "Look what it is. Nothing was changed.");
    Bytes bytes(static_cast<std::size_t>(read.about.st_size));
    SALVOR_TRY(const std::size_t got, readFull(*opened, bytes));
    read.text = asText(ByteView(bytes).first(got));
    return std::optional<Read>(std::move(read));
}

Result<Journal> parseJournal(const std::string& text, const Path& directory)
{
    const Path file = journalFile(directory);
    const std::string where = "the journal " + quoted(file) + " of a restore in place";
    auto json = Json::parse(text);
    if (!json.ok())
        return fail(ErrorCode::Corrupt, where + ": " + json.error().message,
                    "Look for what was set aside beside the directory, by its name.");
    SALVOR_TRY(Journal journal, journalFromJson(*json).in(where));
    if (journal.directory != directory)
        return fail(ErrorCode::Corrupt,
                    where + " is about " + quoted(journal.directory) + ", not " + quoted(directory),
                    "It was moved or copied here; nothing is done by it.");
    SALVOR_CHECK(refuseStrange(journal).in(where));
    return journal;
}

} // namespace

Result<std::optional<Journal>> loadJournal(const Path& directory)
{
    SALVOR_TRY(const auto read, readJournal(journalFile(directory)));
    if (!read)
        return std::optional<Journal>();
    SALVOR_TRY(Journal journal, parseJournal(read->text, directory));
    return std::optional<Journal>(std::move(journal));
}

Result<> saveJournal(const Journal& journal, IfExists ifExists)
{
    return writeFileDurably(journalFile(journal.directory),
                            asBytes(journalJson(journal).prettyText()), ifExists, journalMode);
}

namespace {

Path ballastFile(const Path& directory)
{
    return journalFile(directory).native() + ".ballast";
}

} // namespace

Result<> saveBallast(const Path& directory)
{
    // Random, or a file system that compresses would hold none of it back.
    constexpr std::size_t size = 64U << 10U;
    SALVOR_TRY(const Bytes bytes, crypto::randomBytes(size));
    return writeFileDurably(ballastFile(directory), bytes);
}

bool removeBallast(const Path& directory)
{
    return ::unlink(ballastFile(directory).c_str()) == 0;
}

Result<> removeJournal(const Path& directory)
{
    removeBallast(directory);
    const Path file = journalFile(directory);
    if (::unlink(file.c_str()) != 0 && errno != ENOENT)
        return failErrno(errno, "cannot remove " + quoted(file));
    return syncDirectory(directory.parent_path());
}

Result<JournalLock> JournalLock::take(const Path& directory)
{
    const Path file = journalFile(directory).native() + ".lock";
    while (true) {
        SALVOR_TRY(FileDescriptor held, openFile(file, O_RDWR | O_CREAT | O_NOFOLLOW));
        if (::flock(held.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK)
                return failErrno(errno, "cannot lock " + quoted(file));
            return fail(ErrorCode::NotReady,
                        "another restore in place, rollback or commit is at work in "
                            + quoted(directory),
                        "Wait until it ends, or stop it. Nothing was changed.");
        }
        // Whoever had it before takes the name away.
        struct stat own {};
        struct stat named {};
        if (::fstat(held.get(), &own) == 0 && ::lstat(file.c_str(), &named) == 0
            && own.st_dev == named.st_dev && own.st_ino == named.st_ino)
            return JournalLock(file, std::move(held));
    }
}

JournalLock::~JournalLock()
{
    if (m_held.isOpen())
        ::unlink(m_file.c_str());
}

Result<Journal> trustedJournal(const Path& directory)
{
    const Path file = journalFile(directory);
    SALVOR_TRY(const auto read, readJournal(file));
    if (!read)
        return fail(ErrorCode::NotFound, "no restore in place waits in " + quoted(directory),
                    "'salvorctl in-place list' names those of the configuration.");
    SALVOR_TRY(Journal journal, parseJournal(read->text, directory));
    if (read->about.st_uid != ::geteuid() || (read->about.st_mode & writableByOthers) != 0)
        return fail(ErrorCode::Denied, "the journal " + quoted(file) + " is not this user's alone",
                    "Run this as the user who began the restore. Nothing was changed.");
    return journal;
}

} // namespace salvor::rescue
