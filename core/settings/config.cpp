#include "core/settings/config.h"

#include "core/base/text.h"
#include "core/model/cluster.h"
#include "core/settings/config_values.h"

#include <algorithm>
#include <cstdlib>
#include <sys/stat.h>

namespace salvor::settings {

namespace {

constexpr ByteCount maxConfigSize = ByteCount{1} << 20U;

template <typename Item>
Result<Item> findByName(const std::vector<Item>& items, const std::string& name,
                        const std::string& kind, const Path& file)
{
    std::vector<std::string> names;
    for (const Item& item : items) {
        if (item.name == name)
            return item;
        names.push_back(item.name);
    }
    const auto near = nearest(name, names);
    std::string hint = "Add a section [" + kind + " " + name + "] to it.";
    if (near)
        hint = "Did you mean '" + *near + "'?";
    else if (!names.empty())
        hint = "The nearest there is: '" + names.front() + "'.";
    return fail(ErrorCode::InvalidInput, "no " + kind + " '" + name + "' in " + quoted(file),
                std::move(hint));
}

std::string environment(const char* name)
{
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread.
    return value == nullptr ? std::string() : std::string(value);
}

/// Where to look when nobody said where: in this order.
std::vector<Path> usualPlaces()
{
    std::vector<Path> places;
    const Path xdg = environment("XDG_CONFIG_HOME");
    const Path home = environment("HOME");
    // The XDG specification says to ignore a relative path.
    if (xdg.is_absolute())
        places.push_back(xdg / "salvor" / "salvor.conf");
    else if (home.is_absolute())
        places.push_back(home / ".config" / "salvor" / "salvor.conf");
    places.emplace_back("/etc/salvor/salvor.conf");
    return places;
}

bool isThere(const Path& path)
{
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

Result<Path> namedFile(const Path& path, const std::string& by)
{
    std::error_code failed;
    Path absolute = std::filesystem::absolute(path, failed);
    if (failed || !isThere(absolute))
        return fail(ErrorCode::NotReady,
                    "the configuration file " + quoted(path) + ", named by " + by
                        + ", is not there",
                    "Make it, or name another one; salvor.conf(5) describes it.");
    return absolute.lexically_normal();
}

Result<> checkName(const IniSection& section, std::string_view file)
{
    if (model::isValidName(section.name))
        return {};
    return fail(ErrorCode::InvalidInput,
                atLine(file, section.line) + ": '" + section.name + "' is not a usable name",
                "Use at most 63 letters, digits, '_', '-' and '.', not beginning with '.'.");
}

Result<> checkReferences(const Config& config, const std::vector<IniSection>& sections)
{
    for (const ClusterConfig& cluster : config.clusters) {
        const auto section =
            std::find_if(sections.begin(), sections.end(), [&](const IniSection& each) {
                return each.kind == "cluster" && each.name == cluster.name;
            });
        const auto entry =
            std::find_if(section->entries.begin(), section->entries.end(),
                         [](const IniEntry& each) { return each.key == "repository"; });
        for (const std::string& name : cluster.repositories())
            if (const auto repository = config.repository(name); !repository.ok())
                return fail(ErrorCode::InvalidInput,
                            atLine(config.file.native(), entry->line) + ": there is no [repository "
                                + name + "]",
                            repository.error().hint);
    }
    return {};
}

} // namespace

std::vector<std::string> ClusterConfig::repositories() const
{
    std::vector<std::string> all{repository};
    all.insert(all.end(), copies.begin(), copies.end());
    return all;
}

std::size_t ClusterConfig::walNeededIn() const
{
    const std::size_t all = copies.size() + 1;
    return walRequired == 0 ? all : std::min<std::size_t>(walRequired, all);
}

Result<RepositoryConfig> Config::repository(const std::string& name) const
{
    return findByName(repositories, name, "repository", file);
}

Result<ClusterConfig> Config::cluster(const std::string& name) const
{
    return findByName(clusters, name, "cluster", file);
}

Result<model::RetentionRules> Config::rulesFor(const std::string& cluster,
                                               const std::string& repository) const
{
    SALVOR_TRY(const ClusterConfig configured, this->cluster(cluster));
    SALVOR_TRY(const RepositoryConfig place, this->repository(repository));
    return place.retention.any() ? place.retention : configured.retention;
}

Result<Path> findConfigFile(const std::optional<Path>& given)
{
    if (given)
        return namedFile(*given, "--config");
    // Going on to another place would work on other clusters than the person meant.
    if (const Path named = environment("SALVOR_CONFIG"); !named.empty())
        return namedFile(named, "$SALVOR_CONFIG");
    std::string looked;
    for (const Path& place : usualPlaces()) {
        if (isThere(place))
            return place;
        looked += (looked.empty() ? "" : " and ") + quoted(place);
    }
    return fail(ErrorCode::NotReady, "there is no configuration file; looked for " + looked,
                "Write one as salvor.conf(5) says, or name yours with --config.");
}

Result<Config> loadConfig(const Path& file)
{
    std::error_code failed;
    const Path absolute = std::filesystem::absolute(file, failed).lexically_normal();
    struct stat status {};
    if (::stat(absolute.c_str(), &status) != 0)
        return failErrno(errno, "cannot read the configuration " + quoted(absolute));
    // It names programs that will be run, so whoever writes it is the runner.
    if ((status.st_mode & S_IWOTH) != 0)
        return fail(ErrorCode::Denied,
                    "the configuration " + quoted(absolute) + " can be written by everybody",
                    "Take the right away: chmod o-w " + absolute.native() + ".");
    SALVOR_TRY(const std::string text, readTextFile(absolute, maxConfigSize));
    return parseConfig(text, absolute);
}

Result<Config> parseConfig(std::string_view text, const Path& file)
{
    SALVOR_TRY(const std::vector<IniSection> sections, parseIni(text, file.native()));
    Config config;
    config.file = file;
    for (const IniSection& section : sections) {
        SALVOR_CHECK(checkName(section, file.native()));
        if (section.kind == "repository") {
            SALVOR_TRY(auto repository, readRepository(section, file.native()));
            config.repositories.push_back(std::move(repository));
        } else if (section.kind == "cluster") {
            SALVOR_TRY(auto cluster, readCluster(section, file.native()));
            config.clusters.push_back(std::move(cluster));
        } else {
            const auto near = nearest(section.kind, {"repository", "cluster"});
            return fail(ErrorCode::InvalidInput,
                        atLine(file.native(), section.line) + ": unknown section [" + section.kind
                            + " " + section.name + "]",
                        near ? "Did you mean [" + *near + " " + section.name + "]?"
                             : "There are [repository NAME] and [cluster NAME].");
        }
    }
    SALVOR_CHECK(checkReferences(config, sections));
    return config;
}

} // namespace salvor::settings
