#include "gui/app/console_backend.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace salvor::gui {

ConsoleBackend::ConsoleBackend(std::optional<Path> given, Path fallback,
                               console::Surroundings surroundings,
                               std::shared_ptr<PassphraseDesk> desk)
    : m_given(std::move(given))
    , m_fallback(std::move(fallback))
    , m_surroundings(std::move(surroundings))
    , m_desk(std::move(desk))
{}

Path ConsoleBackend::configFile() const
{
    const auto found = settings::findConfigFile(m_given);
    if (found.ok())
        return *found;
    return m_given ? *m_given : m_fallback;
}

bool ConsoleBackend::hasConfiguration() const
{
    std::error_code error;
    return std::filesystem::exists(configFile(), error);
}

std::vector<std::string> ConsoleBackend::repositoryNames() const
{
    std::vector<std::string> names;
    const auto config = settings::loadConfig(configFile());
    if (config.ok())
        for (const auto& repository : config->repositories)
            names.push_back(repository.name);
    return names;
}

std::shared_ptr<console::Console> ConsoleBackend::makeConsole(settings::Config config) const
{
    return std::make_shared<console::Console>(
        std::move(config), m_surroundings,
        [desk = m_desk](const std::string& repository) { return desk->ask(repository); });
}

Result<std::shared_ptr<console::Console>> ConsoleBackend::console()
{
    SALVOR_TRY(const Path file, settings::findConfigFile(m_given));
    SALVOR_TRY(std::string text, readTextFile(file));
    const std::lock_guard lock(m_mutex);
    // The file may have been edited since. Unchanged, opened repositories are kept, and nobody is
    // asked for a passphrase twice.
    if (!m_console || text != m_text) {
        SALVOR_TRY(settings::Config config, settings::parseConfig(text, file));
        m_console = makeConsole(std::move(config));
        m_text = std::move(text);
    }
    return m_console;
}

Result<std::vector<console::ClusterSummary>> ConsoleBackend::clusters(JobContext& job)
{
    SALVOR_TRY(const auto door, console());
    SALVOR_TRY(auto list, door->clusters(job));
    // A repository that nobody names would be missing without a word when it cannot be read.
    for (const auto& place : door->config().repositories) {
        const bool shown = std::any_of(list.begin(), list.end(), [&place](const auto& one) {
            return one.repository == place.name;
        });
        if (shown)
            continue;
        if (const auto opened = door->keys(place.name); !opened.ok()) {
            console::ClusterSummary unread;
            unread.repository = place.name;
            unread.configured = false;
            unread.warnings = {"Repository '" + place.name
                               + "' could not be read: " + opened.error().message + "."};
            unread.readAt = systemClock().now();
            list.push_back(std::move(unread));
        }
    }
    return list;
}

Result<model::RestorePlan> ConsoleBackend::planRestore(const console::RestoreChoice& choice,
                                                       JobContext& job, finder::Nearest* nearest)
{
    SALVOR_TRY(const auto door, console());
    return door->planRestore(choice, job, nearest);
}

Result<model::RestoreOutcome> ConsoleBackend::applyRestore(const model::RestorePlan& plan,
                                                           JobContext& job)
{
    SALVOR_TRY(const auto door, console());
    return door->applyRestore(plan, job);
}

std::string ConsoleBackend::planHash(const model::RestorePlan& plan) const
{
    return console::Console::planHash(plan);
}

Result<console::Console::ConnectionTest>
ConsoleBackend::testConnection(const settings::RepositoryConfig& place, JobContext& job)
{
    return console::Console::testConnection(place, job);
}

Result<> ConsoleBackend::addRepository(const settings::RepositoryConfig& repository, Place place,
                                       JobContext& job)
{
    const Path file = configFile();
    std::error_code missing;
    const bool isNew = !std::filesystem::exists(file, missing);
    std::string before;
    if (!isNew) {
        SALVOR_TRY(before, readTextFile(file));
    }
    SALVOR_TRY(const std::string after, settings::withRepository(before, repository));
    SALVOR_TRY(settings::Config config, settings::parseConfig(after, file));
    SALVOR_CHECK(job.proceed());
    if (place == Place::New) {
        // First the repository, then the file that names it: a failure leaves the file as it was.
        SALVOR_CHECK(makeConsole(std::move(config))->initRepository(repository.name));
    }
    SALVOR_CHECK(createDirectories(file.parent_path()));
    return writeFileDurably(file, asBytes(after));
}

} // namespace salvor::gui
