#include "core/rescue/in_place_journal.h"

#include "core/base/text.h"
#include "core/model/json_fields.h"

#include <algorithm>
#include <set>
#include <unistd.h>

namespace salvor::rescue {

namespace {

constexpr std::int64_t journalSchema = 1;
constexpr mode_t journalMode = 0644;
constexpr ByteCount longestList = ByteCount{1} << 30U;

Path movesFile(const Path& directory)
{
    return journalFile(directory).native() + "-moves";
}

Json renameJson(const model::InPlace::Rename& rename)
{
    return Json::Object{{"from", model::bytesJson(rename.from)},
                        {"to", model::bytesJson(rename.to)}};
}

Result<model::InPlace::Rename> renameFromJson(const Json& json)
{
    model::InPlace::Rename rename;
    SALVOR_TRY(rename.from, model::bytesAt(json, "from"));
    SALVOR_TRY(rename.to, model::bytesAt(json, "to"));
    return rename;
}

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
        {"delta", model::deltaName(journal.delta)},
        {"setsAside", model::listJson(journal.setsAside, renameJson)},
        {"tablespaces", std::move(tablespaces)},
        {"begunAt", model::toJson(journal.begunAt)},
        {"takesBack", model::listJson(journal.takesBack, renameJson)},
        {"removing", journal.removing},
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
    SALVOR_TRY(const std::string delta, json.stringAt("delta"));
    journal.delta = delta == model::deltaName(model::InPlace::Delta::Move)
                        ? model::InPlace::Delta::Move
                        : model::InPlace::Delta::Copy;
    SALVOR_TRY(journal.setsAside, model::listAt(json, "setsAside", renameFromJson));
    SALVOR_TRY(const Json::Object tablespaces, json.objectAt("tablespaces"));
    for (const auto& [name, path] : tablespaces) {
        const auto oid = parseUnsigned(name);
        if (!oid || *oid > 0xffffffffU)
            return fail(ErrorCode::Corrupt, "'" + name + "' is no OID of a tablespace");
        SALVOR_TRY(journal.tablespaces[static_cast<std::uint32_t>(*oid)],
                   model::bytesAt(tablespaces, name));
    }
    SALVOR_TRY(journal.begunAt, model::momentAt(json, "begunAt"));
    SALVOR_TRY(journal.takesBack, model::listAt(json, "takesBack", renameFromJson));
    SALVOR_TRY(journal.removing, json.boolAt("removing"));
    return journal;
}

Result<> removeFile(const Path& file)
{
    if (::unlink(file.c_str()) != 0 && errno != ENOENT)
        return failErrno(errno, "cannot remove " + quoted(file));
    return {};
}

} // namespace

std::optional<Path> Journal::old() const
{
    for (const auto& rename : setsAside)
        if (rename.from == directory)
            return Path(rename.to);
    return std::nullopt;
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
    return directory.native() + ".in-place";
}

Result<std::optional<Journal>> loadJournal(const Path& directory)
{
    const Path file = journalFile(directory);
    const auto text = readTextFile(file);
    if (!text.ok() && text.error().code == ErrorCode::NotFound)
        return std::optional<Journal>();
    if (!text.ok())
        return text.error();
    const std::string where = "the journal " + quoted(file) + " of a restore in place";
    auto json = Json::parse(*text);
    if (!json.ok())
        return fail(ErrorCode::Corrupt, where + ": " + json.error().message,
                    "Look for what was set aside beside the directory, by its name.");
    SALVOR_TRY(Journal journal, journalFromJson(*json).in(where));
    if (journal.directory != directory)
        return fail(ErrorCode::Corrupt,
                    where + " is about " + quoted(journal.directory) + ", not " + quoted(directory),
                    "It was moved or copied here; nothing is done by it.");
    return std::optional<Journal>(std::move(journal));
}

Result<> saveJournal(const Journal& journal, IfExists ifExists)
{
    return writeFileDurably(journalFile(journal.directory),
                            asBytes(journalJson(journal).prettyText()), ifExists, journalMode);
}

Result<> removeJournal(const Path& directory)
{
    SALVOR_CHECK(removeFile(journalFile(directory)));
    SALVOR_CHECK(syncDirectory(directory.parent_path()));
    // Without the journal nobody asks for it.
    return removeFile(movesFile(directory));
}

Result<> noteMoves(const Path& directory, const std::vector<std::string>& names)
{
    SALVOR_TRY(const auto before, notedMoves(directory));
    std::set<std::string> all(before.begin(), before.end());
    all.insert(names.begin(), names.end());
    Json::Array list;
    for (const std::string& name : all)
        list.push_back(model::bytesJson(name));
    return writeFileDurably(movesFile(directory), asBytes(Json(std::move(list)).text()),
                            IfExists::Replace, journalMode);
}

Result<std::vector<std::string>> notedMoves(const Path& directory)
{
    const auto text = readTextFile(movesFile(directory), longestList);
    if (!text.ok() && text.error().code == ErrorCode::NotFound)
        return std::vector<std::string>();
    if (!text.ok())
        return text.error();
    SALVOR_TRY(const Json json, Json::parse(*text));
    const Json::Object wrapped{{"moves", json}};
    return model::listAt(wrapped, "moves", [](const Json& name) {
        return model::bytesAt(Json::Object{{"name", name}}, "name");
    });
}

} // namespace salvor::rescue
