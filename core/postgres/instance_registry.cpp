#include "core/base/text.h"
#include "core/model/json_fields.h"
#include "core/postgres/instance.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace salvor::postgres {

namespace {

constexpr std::string_view suffix = ".json";

Json toJson(const Instance& instance)
{
    Json::Array tablespaces;
    for (const Path& path : instance.tablespaces)
        tablespaces.emplace_back(path.native());
    return Json::Object{
        {"name", instance.name},
        {"cluster", instance.cluster},
        {"repository", instance.repository},
        {"dataDirectory", instance.dataDirectory.native()},
        {"configDirectory", instance.configDirectory.native()},
        {"socketDirectory", instance.socketDirectory.native()},
        {"port", instance.port},
        {"majorVersion", instance.majorVersion},
        {"systemIdentifier", std::to_string(instance.systemIdentifier)},
        {"owner", instance.owner},
        {"role", instance.role},
        {"programs", instance.programs.native()},
        {"tablespaces", std::move(tablespaces)},
        {"startedAt", formatMoment(instance.startedAt)},
        {"targetEnd", model::toJson(instance.targetEnd)},
        {"targetCommitAt", model::toJson(instance.targetCommitAt)},
    };
}

Result<Path> pathAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(std::string text, json.stringAt(key));
    if (text.empty() || text[0] != '/')
        return fail(ErrorCode::Corrupt, "'" + std::string(key) + "' is no absolute path");
    return Path(std::move(text));
}

Result<int> smallNumberAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::uint64_t number, json.unsignedAt(key));
    if (number > 65535)
        return fail(ErrorCode::Corrupt, "'" + std::string(key) + "' is too large");
    return static_cast<int>(number);
}

Result<Instance> fromJson(const Json& json)
{
    Instance instance;
    SALVOR_TRY(instance.name, json.stringAt("name"));
    SALVOR_TRY(instance.cluster, json.stringAt("cluster"));
    SALVOR_TRY(instance.repository, json.stringAt("repository"));
    SALVOR_TRY(instance.dataDirectory, pathAt(json, "dataDirectory"));
    SALVOR_TRY(instance.configDirectory, pathAt(json, "configDirectory"));
    SALVOR_TRY(instance.socketDirectory, pathAt(json, "socketDirectory"));
    SALVOR_TRY(instance.port, smallNumberAt(json, "port"));
    SALVOR_TRY(instance.majorVersion, smallNumberAt(json, "majorVersion"));
    SALVOR_TRY(const std::string system, json.stringAt("systemIdentifier"));
    const auto identifier = parseUnsigned(system);
    if (!identifier)
        return fail(ErrorCode::Corrupt, "'systemIdentifier' is no number");
    instance.systemIdentifier = *identifier;
    SALVOR_TRY(instance.owner, json.stringAt("owner"));
    SALVOR_TRY(instance.role, json.stringAt("role"));
    SALVOR_TRY(instance.programs, pathAt(json, "programs"));
    SALVOR_TRY(const Json::Array tablespaces, json.arrayAt("tablespaces"));
    for (const Json& path : tablespaces) {
        if (path.asString() == nullptr || path.asString()->find('/') != 0)
            return fail(ErrorCode::Corrupt, "'tablespaces' names no absolute path");
        instance.tablespaces.emplace_back(*path.asString());
    }
    SALVOR_TRY(const std::string startedAt, json.stringAt("startedAt"));
    SALVOR_TRY(instance.startedAt, parseMoment(startedAt));
    SALVOR_TRY(instance.targetEnd, model::optionalAt(json, "targetEnd", model::lsnAt));
    SALVOR_TRY(instance.targetCommitAt, model::optionalAt(json, "targetCommitAt", model::momentAt));
    return instance;
}

Result<Instance> readInstance(const Path& path)
{
    SALVOR_TRY(const std::string text, readTextFile(path, ByteCount{1} << 20U));
    auto json = Json::parse(text);
    if (!json.ok())
        return fail(ErrorCode::Corrupt, quoted(path) + ": " + json.error().message);
    return fromJson(*json).in(quoted(path));
}

/// A name becomes a file name: it must not lead elsewhere.
Result<Path> fileOf(const Path& folder, const std::string& name)
{
    if (!model::isValidName(name))
        return fail(ErrorCode::InvalidInput, "'" + name + "' is no name of a copy");
    return folder / (name + std::string(suffix));
}

} // namespace

std::string_view instanceStateName(InstanceState state) noexcept
{
    switch (state) {
    case InstanceState::Stopped:
        return "stopped";
    case InstanceState::Recovering:
        return "recovering";
    case InstanceState::Paused:
        return "paused";
    case InstanceState::Running:
        return "running";
    case InstanceState::Gone:
        return "gone";
    }
    return "unknown";
}

Result<std::vector<Instance>> InstanceRegistry::list() const
{
    std::vector<Instance> all;
    std::error_code failed;
    std::filesystem::directory_iterator entries(m_folder, failed);
    if (failed == std::errc::no_such_file_or_directory)
        return all;
    if (failed)
        return failErrno(failed.value(), "cannot list " + quoted(m_folder));
    for (const auto& entry : entries) {
        if (entry.path().extension() != suffix)
            continue;
        SALVOR_TRY(Instance instance, readInstance(entry.path()));
        all.push_back(std::move(instance));
    }
    std::sort(all.begin(), all.end(), [](const Instance& left, const Instance& right) {
        return std::tie(left.startedAt, left.name) < std::tie(right.startedAt, right.name);
    });
    return all;
}

Result<Instance> InstanceRegistry::find(const std::string& name) const
{
    SALVOR_TRY(const Path file, fileOf(m_folder, name));
    auto instance = readInstance(file);
    if (!instance.ok() && instance.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotFound, "there is no copy '" + name + "'",
                    "`salvorctl instance list` names those there are.");
    return instance;
}

Result<> InstanceRegistry::add(const Instance& instance) const
{
    SALVOR_TRY(const Path file, fileOf(m_folder, instance.name));
    SALVOR_CHECK(createDirectories(m_folder));
    return writeFileDurably(file, asBytes(toJson(instance).prettyText()));
}

Result<> InstanceRegistry::forget(const std::string& name) const
{
    SALVOR_TRY(const Path file, fileOf(m_folder, name));
    if (::unlink(file.c_str()) != 0) {
        if (errno == ENOENT)
            return {};
        return failErrno(errno, "cannot remove " + quoted(file));
    }
    return syncDirectory(m_folder);
}

} // namespace salvor::postgres
