// The backend of the real program: console::Console over the configuration file.
#pragma once

#include "gui/models/backend.h"
#include "gui/models/passphrase_desk.h"

#include <mutex>

namespace salvor::gui {

/// Opens the console with the first call that needs it, and anew after the configuration changed or
/// could not be read. Thread-safe.
class ConsoleBackend : public Backend {
public:
    /// `given` as --config has it; `fallback` is where a first configuration is written.
    ConsoleBackend(std::optional<Path> given, Path fallback, console::Surroundings surroundings,
                   std::shared_ptr<PassphraseDesk> desk);

    /// False on a machine where nothing was configured yet.
    [[nodiscard]] bool hasConfiguration() const;

    [[nodiscard]] Result<std::vector<console::ClusterSummary>> clusters(JobContext& job) override;
    [[nodiscard]] Result<model::RestorePlan> planRestore(const console::RestoreChoice& choice,
                                                         JobContext& job,
                                                         finder::Nearest* nearest) override;
    [[nodiscard]] Result<model::RestoreOutcome> applyRestore(const model::RestorePlan& plan,
                                                             JobContext& job) override;
    [[nodiscard]] std::string planHash(const model::RestorePlan& plan) const override;
    [[nodiscard]] Result<console::Console::ConnectionTest>
    testConnection(const settings::RepositoryConfig& place, JobContext& job) override;
    [[nodiscard]] Result<> addRepository(const settings::RepositoryConfig& repository, Place place,
                                         JobContext& job) override;
    [[nodiscard]] Path configFile() const override;
    [[nodiscard]] std::vector<std::string> repositoryNames() const override;

private:
    [[nodiscard]] Result<std::shared_ptr<console::Console>> console();
    [[nodiscard]] std::shared_ptr<console::Console> makeConsole(settings::Config config) const;

    std::optional<Path> m_given;
    Path m_fallback;
    console::Surroundings m_surroundings;
    std::shared_ptr<PassphraseDesk> m_desk;
    std::mutex m_mutex;
    std::shared_ptr<console::Console> m_console; // Guarded by m_mutex, as the text it was made of.
    std::string m_text;
};

} // namespace salvor::gui
